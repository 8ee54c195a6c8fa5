import pytest

from medcnn.errors import ConfigError
from medcnn.explanations import names
from medcnn.explanations.names import CAMS, METHODS, check_method


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_known(method):
    check_method(method)


def test_a_misspelt_method_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'grad_cam'"):
        check_method("gradcam")


def test_only_class_activation_maps_have_a_stage():
    for method in METHODS:
        if method in CAMS:
            check_method(method, "layer1")
        else:
            with pytest.raises(ConfigError, match="looks at no single stage"):
                check_method(method, "layer1")


def test_without_captum_its_methods_say_what_to_install(monkeypatch):
    monkeypatch.setattr(names, "find_spec", lambda _package: None)
    with pytest.raises(ConfigError, match=r"\[explain\]"):
        check_method("occlusion")
    check_method("grad_cam")
