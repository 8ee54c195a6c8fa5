"""The graph as a module against the predictor, for what one trained run does not show."""

import io
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from medcnn.augment.local_contrast import against_surroundings
from medcnn.augment.normalize import KINDS
from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.combination import Combination
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.passes import Passes
from medcnn.exporting.graph import SEVERAL, SINGLE, Graph
from medcnn.exporting.onnx_file import Session, write_onnx
from medcnn.inference.loading import TrainedModel
from medcnn.inference.predictor import Predictor
from medcnn.inference.runs import Panel
from medcnn.inference.settings import RunSettings
from medcnn.metrics.thresholds import Threshold
from medcnn.models.classifier import build_classifier
from medcnn.models.names import FAMILIES

OWN = Judgement.of_one(Calibrator("temperature", (1.5,)), Threshold(0.5, "youden"))


def trained(backbone="tiny_resnet", size=32, normalize="dataset", seed=0):
    """Return a model whose answer depends on the image."""
    torch.manual_seed(seed)
    options = {"widths": (4, 8)} if backbone == "tiny_resnet" else {}
    network = build_classifier(backbone, weights="none", image_size=size, dropout=0, **options)
    with torch.no_grad():
        network.train()
        for _ in range(2):
            network(torch.randn(8, 1, size, size) * torch.rand(8, 1, 1, 1))
        network.eval()
        logit = network(torch.randn(16, 1, size, size) * torch.rand(16, 1, 1, 1))
        # A deep network of random weights hardly differs between images; it is not blown up to noise.
        gain = 2 / logit.std().clip(min=0.05)
        network.linear.weight *= gain
        network.linear.bias.fill_(-(logit * gain).median())
    settings = RunSettings()
    settings = replace(settings, data=replace(settings.data, image_size=size, normalize=normalize))
    return TrainedModel(
        network,
        pixel_mean=0.5,
        pixel_std=0.25,
        pixel_shares=torch.linspace(0, 1, 257)[1:].square().double(),
        judgement=OWN,
        settings=settings,
        sha256="",
    )


def compare(panel, run):
    """Hold what ``run`` makes of images against what the panel does."""
    size = panel.predictor.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (5, 1, size, size), dtype=np.uint8)
    # From dark to bright, so that even a network of random weights sees a difference.
    pixels = (pixels * np.linspace(0.2, 1, 5)[:, None, None, None]).astype(np.uint8)
    image = torch.from_numpy(pixels.astype(np.float32) * np.float32(1 / 255))
    table = panel.columns(panel.predictor.logits(image))
    for count in (5, 1):
        found = run(pixels[:count])
        np.testing.assert_allclose(found["logit"], table["logit"][:count], rtol=0, atol=1e-4)
        np.testing.assert_allclose(found["p_abnormal"], table["p_abnormal"][:count], atol=3e-5)
    return table


def as_module(panel):
    graph = Graph(panel).eval()

    @torch.inference_mode()
    def run(pixels):
        return dict(
            zip(graph.outputs, map(np.asarray, graph(torch.from_numpy(pixels))), strict=True)
        )

    return run


@pytest.mark.parametrize("normalize", KINDS)
def test_every_normalisation_is_inside(normalize):
    panel = Panel(Predictor([trained(normalize=normalize)], Passes()), OWN)
    assert np.ptp(compare(panel, as_module(panel))["logit"]) > 0.1
    assert Graph(panel).outputs == SINGLE


def test_members_of_other_sizes_and_votes_are_one_graph(tmp_path):
    members = [trained(), trained(size=20, seed=1), trained(normalize="image", seed=2)]
    vote = Combination("stacked", weights=(0.6, 0.5, 0.3), intercept=-0.1)
    whole = Judgement(
        Passes("stacked"),
        vote,
        (Combination(),) * 3,
        Calibrator("isotonic", (-2.0, -0.5, 0.5, 3.0, 0.02, 0.1, 0.4, 0.97)),
        Threshold(0.5, "youden"),
    )
    panel = Panel(Predictor(members, Passes("stacked")), whole)
    write_onnx(Graph(panel), 32, tmp_path / "model.onnx")
    session = Session(tmp_path / "model.onnx")
    table = compare(panel, session)
    found = session(np.zeros((2, 1, 32, 32), np.uint8))
    assert tuple(found) == SEVERAL
    assert found["member_p"].shape == (2, 3)
    assert np.ptp(table["logit"]) > 0.1


IMAGE = torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1


class BySurroundings(torch.nn.Module):
    def forward(self, image):
        return against_surroundings(image)


def test_surroundings_are_exported_for_any_number_of_images():
    file = io.BytesIO()
    shapes = ({0: torch.export.Dim("N")},)
    program = torch.onnx.export(
        BySurroundings().eval(),
        (IMAGE[:2],),
        dynamo=True,
        dynamic_shapes=shapes,
        verbose=False,
    )
    program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue())
    (ours,) = session.run(None, {session.get_inputs()[0].name: IMAGE.numpy()})
    assert (torch.from_numpy(ours) - against_surroundings(IMAGE)).abs().max() < 1e-4


SIDES = {"vit": 64, "swin": 64, "swin_v2": 64, "maxvit": 64, "alexnet": 64, "inception": 80}


def families():
    for family, members in FAMILIES.items():
        for name in members if family == "own" else members[:1]:
            yield name, SIDES.get(family, 64)
    yield "xrv:densenet121-res224-all", 64
    for name in ("resnet18", "efficientnet_lite0", "vit_tiny_patch16_224", "mixer_s32_224"):
        yield f"timm:{name}", 224


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("backbone", "size"), list(families()))
def test_every_family_of_backbones_is_exported(backbone, size, tmp_path):
    panel = Panel(Predictor([trained(backbone, size)], Passes()), OWN)
    write_onnx(Graph(panel), size, tmp_path / "model.onnx")
    compare(panel, Session(tmp_path / "model.onnx"))
