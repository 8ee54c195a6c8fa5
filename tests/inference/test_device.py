import pytest
import torch

from medcnn.calibration.passes import Passes
from medcnn.cli import run as command
from medcnn.errors import ConfigError
from medcnn.inference.device import check_device, choose_device, full_precision
from medcnn.inference.loading import load_model
from medcnn.inference.predictor import Predictor

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="the machine has a GPU")


@pytest.mark.each("name", ["gpu", "cuda:", "cuda:x", "CPU", "", "cuda:-1", "cpu:0", None, 0])
def test_what_is_no_device_is_refused(name):
    with pytest.raises(ConfigError, match=r"auto, cpu, cuda, cuda:N"):
        choose_device(name)


@NO_GPU
@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps"])
def test_a_device_that_the_machine_has_not_is_named(name):
    with pytest.raises(ConfigError, match=rf"no device {name}(.|\n)*no GPU(.|\n)*device=cpu"):
        check_device(name)


@NO_GPU
def test_auto_is_the_processor_where_there_is_no_gpu():
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")


@NO_GPU
@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "experiment=xray_resnet"),
        ("evaluate", "run=known"),
        ("predict", "run=known", "input=nowhere"),
        ("explain", "run=known"),
        ("features", "run=known", "output=f.csv"),
        ("population", "run=known"),
    ],
)
def test_every_command_refuses_it_before_anything_else(arguments, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "known").mkdir()
    (tmp_path / "known" / "config.yaml").write_text("{}")
    name, *rest = arguments
    assert command(name, [*rest, "device=cuda:1"]) == 2
    said = capfd.readouterr().err
    assert "no device cuda:1" in said
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["known"]


def test_full_precision_is_only_within():
    before = torch.backends.cudnn.allow_tf32
    with full_precision():
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32 == before


@pytest.mark.gpu
@pytest.mark.parametrize(
    "passes",
    [Passes(), Passes(tta="light"), Passes(mc_samples=4, inject="head")],
)
def test_a_gpu_answers_as_the_processor_does(made_run, drawn, passes):
    images = drawn(20) / 255
    ours = Predictor([load_model(made_run())], passes).logits(images)
    theirs = Predictor([load_model(made_run())], passes, choose_device("cuda")).logits(images)
    torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-4)
