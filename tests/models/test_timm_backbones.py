import pytest
import torch

from medcnn.errors import ConfigError, WeightsError
from medcnn.models import build_classifier
from medcnn.models.backbones import build_backbone
from medcnn.models.stages import stage_parameters

timm = pytest.importorskip("timm")
constants = pytest.importorskip("huggingface_hub").constants


@pytest.mark.each(
    ("name", "size", "layout", "stages"),
    [
        ("test_resnet", 32, "NCHW", 5),
        ("test_efficientnet", 64, "NCHW", 5),
        ("test_convnext", 32, "NCHW", 4),
        ("test_vit", 32, "NTC", 7),
        ("mobilenetv3_small_050", 32, "NCHW", 5),
        ("swin_tiny_patch4_window7_224", 64, "NHWC", 4),
        ("levit_128s", 64, "NTC", 1),
        ("coat_tiny", 64, "NCHW", 1),
    ],
)
def test_the_stages_are_timms_forward_pass(name, size, layout, stages):
    torch.manual_seed(0)
    backbone = build_backbone(f"timm:{name}", image_size=size).eval()
    image = torch.rand(2, 1, size, size)
    with torch.no_grad():
        torch.testing.assert_close(backbone(image), backbone.body(image), rtol=1e-4, atol=1e-5)
    assert (backbone.layout, len(backbone.stages)) == (layout, stages)
    owned = [id(p) for parameters in stage_parameters(backbone).values() for p in parameters]
    assert sorted(owned) == sorted(id(p) for p in backbone.parameters())
    backbone.train()(image).sum().backward()
    assert any(p.grad is not None and p.grad.any() for p in backbone.parameters())


def test_tokens_lie_on_their_grid():
    backbone = build_backbone("timm:test_vit", image_size=64).eval()
    assert backbone.prefix_tokens == 1
    with torch.no_grad():
        hidden = backbone.up_to("layer2", torch.rand(1, 1, 64, 64))
    assert backbone.as_map(hidden).shape == (1, 64, 4, 4)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'test_resnet'"):
        build_backbone("timm:test_resnt")


def test_a_size_that_does_not_fit_names_one_that_does():
    with pytest.raises(ConfigError, match=r"images of 32 pixels(.|\n)*data.image_size=299"):
        build_backbone("timm:inception_v3", image_size=32)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The cache of the Hugging Face hub, empty, on a machine without a network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    return tmp_path


def test_offline_the_message_names_the_cache(hub):
    with pytest.raises(WeightsError, match=r"timm:test_resnet cannot be had(.|\n)*HF_HOME"):
        build_classifier("timm:test_resnet", weights="pretrained", image_size=32)
    assert not constants.HF_HUB_OFFLINE


def test_weights_in_the_hubs_cache_are_loaded(hub):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    theirs = timm.create_model("test_resnet")
    folder = hub / "models--timm--test_resnet.r160_in1k"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0123")
    (folder / "snapshots" / "0123").mkdir(parents=True)
    save_file(theirs.state_dict(), folder / "snapshots" / "0123" / "model.safetensors")
    model = build_classifier("timm:test_resnet", weights="pretrained", image_size=32)
    origin = model.weights_origin
    assert (origin.loaded, origin.source) == ("imagenet", "timm/test_resnet.r160_in1k")
    assert not origin.missing and not origin.unexpected
    torch.testing.assert_close(
        model.backbone.body.conv1[0].weight, theirs.conv1[0].weight.sum(1, keepdim=True)
    )
