import pytest

from medcnn.settings.composition import compose
from medcnn.training.calibrating import calibrator_for
from medcnn.training.settings import check


def chosen(*overrides):
    return calibrator_for(check(compose("train", ["experiment=xray_resnet", *overrides])))


def test_a_plain_run_takes_a_temperature_without_a_word():
    assert (chosen().name, chosen().notices) == ("temperature", ())
    assert chosen("loss=mse").name == "temperature"


@pytest.mark.each(
    ("overrides", "said"),
    [
        (["data.balance=weights"], "data.balance=weights"),
        (["data.balance=sampler"], "data.balance=sampler"),
        (["loss.positive_weight=3"], "loss.positive_weight=3"),
        (["loss=weighted_cross_entropy", "loss.class_weights=[1,4]"], "loss.class_weights=[1,4]"),
        (["loss=focal"], "loss=focal"),
        (["loss=asymmetric"], "loss=asymmetric"),
        (["loss=mixture", "loss.terms={bce:1.0,auc_margin:0.5}"], "loss=auc_margin"),
    ],
)
def test_what_shifts_probabilities_is_calibrated_with_an_intercept_and_told(overrides, said):
    found = chosen(*overrides)
    assert found.name == "platt"
    assert said in found.notices[0]
    left = chosen(*overrides, "calibration=temperature")
    assert left.name == "temperature"
    assert "cannot take a shift off" in left.notices[0]
    assert chosen(*overrides, "calibration=beta").notices == ()
