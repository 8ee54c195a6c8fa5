import pytest

from medcnn.models.checks import check_model
from medcnn.models.names import FAMILIES, family_of
from medcnn.models.settings import Model
from medcnn.settings.composition import compose, config_folder, plain
from medcnn.settings.reading import read

NAMES = sorted(
    path.stem for path in (config_folder() / "model").glob("*.yaml") if path.stem != "custom"
)
"""Of one's own there is nothing to check without a package; see ``test_custom.py``."""


@pytest.mark.parametrize("name", NAMES)
def test_every_model_that_is_offered_passes_its_checks(name):
    given = plain(compose("show", [f"model={name}", "data.image_size=224"]).model)
    check_model(read(Model, given).changed(weights="none"))


def test_every_family_is_offered():
    offered = set()
    for name in NAMES:
        model = compose("show", [f"model={name}"]).model
        if "backbone" in model:
            offered.add(family_of(model.backbone))
    assert offered >= set(FAMILIES) | {"timm", "xrv"}
