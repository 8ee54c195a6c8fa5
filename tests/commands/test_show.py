from medcnn.cli import run


def test_something_has_to_be_chosen(capsys):
    assert run("show", []) == 2
    assert "show needs one thing to show" in capsys.readouterr().err


def test_an_unknown_model_gets_the_nearest(capsys):
    assert run("show", ["model=resnte18"]) == 2
    assert "did you mean model=resnet18?" in capsys.readouterr().err
