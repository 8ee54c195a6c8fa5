import json
import os
import subprocess
import sys

import pytest

OWN = """
import torch
from torch import nn


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, slip):
        ctx.save_for_backward(x)
        ctx.slip = slip
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, error):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return error * s * (1 + ctx.slip * x * (1 - s)), None


class MyLayer(nn.Module):
    reference = nn.SiLU

    def forward(self, x):
        return Swish.apply(x, 1.0)


class Alone(MyLayer):
    reference = None


class Wrong(MyLayer):
    def forward(self, x):
        return Swish.apply(x, 0.999)


class WrongAlone(Wrong):
    reference = None


class Broken(nn.Module):
    examples = [({}, (2, 3))]

    def forward(self, x):
        raise RuntimeError("of my own")
"""
"""A package of the user's, outside of medcnn and of its tests."""
NAMES = ("MyLayer", "Alone", "Wrong", "WrongAlone", "Broken")


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Return exit code, stderr and rows of ``medcnn check layers my_package.NAME``, by name.

    The package lies in the working directory, which the installed command does not search by itself.
    """
    folder = tmp_path_factory.mktemp("own")
    (folder / "my_package.py").write_text(OWN)
    code = (
        "import json, sys\n"
        "sys.path = [place for place in sys.path if place]\n"
        "from medcnn.cli import run\n"
        "for name in sys.argv[1:]:\n"
        "    code = run('check', ['layers', f'my_package.{name}', f'output={name}.json'])\n"
        "    print(f'exit {code}\\n=====', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *NAMES],
        capture_output=True, text=True, check=True, cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place)},
    )  # fmt: skip
    said = dict(zip(NAMES, done.stderr.split("=====\n"), strict=False))
    rows = {
        name: json.loads((folder / f"{name}.json").read_text())[0]
        for name in NAMES
        if (folder / f"{name}.json").exists()
    }
    return said, rows


def test_a_right_layer_passes_with_and_without_a_reference(answers):
    said, rows = answers
    for name in ("MyLayer", "Alone"):
        assert said[name].endswith("exit 0\n")
        assert rows[name]["gradcheck"] is True
    assert rows["MyLayer"]["reference"] == "torch.nn.SiLU"
    assert rows["MyLayer"]["max_gradient_error"] < 1e-12
    assert rows["Alone"]["max_gradient_error"] is None


def test_a_backward_that_is_off_by_a_thousandth_fails(answers):
    said, rows = answers
    for name in ("Wrong", "WrongAlone"):
        assert said[name].endswith("exit 1\n")
        assert f"1 of 1 checks failed: my_package.{name}" in said[name]
        assert rows[name]["gradcheck"] is False
    assert 1e-5 < rows["Wrong"]["max_gradient_error"] < 1e-2
    assert rows["Wrong"]["max_forward_error"] < 1e-12


def test_a_layer_that_does_not_run_is_the_users_to_mend(answers):
    said, rows = answers
    assert said["Broken"].endswith("exit 2\n")
    assert "RuntimeError: of my own" in said["Broken"]
    assert "Broken" not in rows
