import json

import pytest

from medcnn.cli import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory, easy_data):
    output = tmp_path_factory.mktemp("lr")
    assert run("lr-find", [*easy_data, "steps=60", f"output={output}"]) == 0
    return output


def test_it_leaves_the_curve_the_figure_and_a_rate_between_its_ends(folder):
    found = json.loads((folder / "lr_find.json").read_text())
    assert (folder / "lr_find.png").read_bytes().startswith(b"\x89PNG")
    assert found["rates"][0] == pytest.approx(1e-7)
    steps = [
        later / first for first, later in zip(found["rates"], found["rates"][1:], strict=False)
    ]
    assert steps == pytest.approx([(10 / 1e-7) ** (1 / 59)] * len(steps))
    assert 1e-5 < found["lr"] < 1
    assert found["starts"] < found["lowest"]


def test_it_uses_the_settings_of_the_training(tmp_path, easy_data):
    options = ["optimizer=sgd", "trainer.accumulate_grad_batches=2", "scheduler=plateau"]
    assert run("lr-find", [*easy_data, *options, "steps=20", f"output={tmp_path}"]) == 0
    found = json.loads((tmp_path / "lr_find.json").read_text())
    assert len(found["rates"]) <= 20
    # Accumulation divides the loss that is backpropagated; what is plotted is the loss itself.
    assert 0.4 < found["losses"][0] < 1.2


FAULTS = (
    (["lowest=1", "highest=0.1"], "rising rate"),
    (["steps=5"], "steps cannot be 5"),
    (["model.dropuot=0.1"], "did you mean"),
)


def test_faults_are_said_without_torch(in_new_process):
    answers = in_new_process(*(["lr-find", *arguments] for arguments, _ in FAULTS))
    for answer, (_, text) in zip(answers, FAULTS, strict=True):
        assert answer.code == 2 and text in answer.said
        assert "Traceback" not in answer.said
    assert "torch" not in answers[-1].modules
