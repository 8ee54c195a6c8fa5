import json
import subprocess
import sys

import pytest

from medcnn.cli import run


def test_a_model_is_shown_and_written(tmp_path, capsys):
    output = tmp_path / "model.json"
    overrides = ["model=tiny_resnet", "model.widths=[4,8]", "data.image_size=28"]
    assert run("show", [*overrides, "measure=false", f"output={output}"]) == 0
    printed = capsys.readouterr().out
    assert "tiny_resnet, one image of 28×28" in printed
    assert "layer2.0.conv1" in printed and "(28 + 2·1 - 3)/2 + 1 = 14" in printed
    found = json.loads(output.read_text())
    assert found["model"]["widths"] == [4, 8]
    assert found["parameters"] == sum(layer["parameters"] for layer in found["layers"])
    assert found["milliseconds"] is None
    assert found["conclusions"][0] in printed


def test_pretrained_weights_are_not_asked_for(monkeypatch, capsys):
    import torch

    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_, **__: 1 / 0)
    overrides = ["model=mobilenet_v3_small", "model.weights=imagenet", "data.image_size=32"]
    assert run("show", [*overrides, "measure=false"]) == 0
    assert "features.0.0" in capsys.readouterr().out


def test_a_size_that_does_not_fit_is_said_without_torch():
    code = (
        "import sys\n"
        "from medcnn.cli import run\n"
        "code = run('show', ['model=vit_b_16', 'data.image_size=100'])\n"
        "sys.exit(99 if 'torch' in sys.modules else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "vit_b_16 does not take images of 100 pixels" in done.stderr


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.image_size=abc", "data.image_size cannot be 'abc'"),
        ("data.image_size=null", "data.image_size cannot be None"),
        ("data.image_size=32.5", "data.image_size cannot be 32.5"),
        ("batch_size=0", "batch_size cannot be 0"),
        ("measure=perhaps", "measure cannot be 'perhaps'"),
        ("model.dropout=2", "model.dropout cannot be 2"),
    ],
)
def test_a_wrong_value_is_said(override, said, capsys):
    assert run("show", ["model=xray_cnn", override]) == 2
    assert said in capsys.readouterr().err
