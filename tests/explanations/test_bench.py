from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from medcnn.errors import ConfigError
from medcnn.explanations import bench as module
from medcnn.explanations.bench import choose_methods, prepare
from medcnn.explanations.explain import explain
from medcnn.explanations.names import METHODS
from medcnn.explanations.settings import Explain
from medcnn.models import build_classifier

from .conftest import as_model, gap_network


def test_abnormal_images_with_a_mask_are_explained(bench, films):
    table = bench.subjects.table
    assert len(bench.subjects) == 10 and table["label"].eq(1).all()
    assert bench.mask.shape == (10, 32, 32) and bench.mask.any((1, 2)).all()
    assert bench.subjects.image_N1SS[:, 0].numpy()[bench.mask].mean() > 0.8
    numbers = [int(name.partition("/")[2]) for name in table["image_id"]]
    marked = [number % 3 == 0 for number in numbers]
    assert bench.marker.any((1, 2)).tolist() == marked
    assert bench.notes == ()


def test_without_masks_it_is_said_what_cannot_be_measured(trained, films):
    bare = films.with_table(films.table.drop(columns="mask_path"))
    found = prepare(trained, bare, Explain(images=4))
    assert found.mask is None and len(found.subjects) == 4
    assert "cannot be measured" in found.notes[0]


def test_a_split_without_abnormal_images_is_refused(trained, films):
    with pytest.raises(ConfigError, match="'val' has no abnormal image"):
        prepare(trained, films, Explain(split="val"))


def test_probabilities_are_calibrated_and_do_not_depend_on_the_batch(bench):
    image = bench.subjects.image_N1SS
    whole = bench.probability(image)
    with torch.no_grad():
        expected = torch.sigmoid(bench.model.network(image).double())
    np.testing.assert_allclose(whole, expected.numpy(), atol=1e-7)
    small = replace(bench, options=replace(bench.options, batch_size=1))
    np.testing.assert_allclose(small.probability(image), whole, atol=1e-7)


def test_heat_is_that_of_explain_for_as_many_images_as_asked(bench):
    expected = explain(bench.model, bench.subjects.image_N1SS, "grad_cam", "layer1")
    torch.testing.assert_close(bench.heat("grad_cam"), expected)
    torch.testing.assert_close(bench.heat("grad_cam", count=3), expected[:3])
    assert bench.stage("grad_cam") == "layer1" and bench.stage("occlusion") is None


def of(bench, network, **options):
    """Return the bench with another network, and no stage chosen yet."""
    settings = replace(bench.options, **options)
    return replace(bench, model=as_model(network), options=settings, _stages={})


def test_all_methods_are_those_that_the_backbone_has(bench, monkeypatch):
    maps = of(
        bench, build_classifier("tiny_resnet", weights="none", image_size=32), method=("all",)
    )
    methods, notes = choose_methods(maps)
    assert methods == [name for name in METHODS if name != "attention_rollout"] and not notes
    tokens = build_classifier("timm:test_vit", weights="none", image_size=32)
    assert choose_methods(of(bench, tokens, method=("all",)))[0] == list(METHODS)
    assert choose_methods(of(bench, tokens, method=("occlusion",))) == (["occlusion"], [])
    monkeypatch.setattr(module, "missing_library", {"occlusion": "captum"}.get)
    methods, notes = choose_methods(maps)
    assert "occlusion" not in methods and "captum is not installed" in notes[0]


def test_a_backbone_in_one_step_has_no_maps_to_weigh(bench):
    body = nn.Sequential(nn.Flatten(), nn.Linear(1024, 4))
    network = gap_network(body, 4)
    network.backbone._chain = (network.backbone._chain[0], (nn.Flatten(),))
    methods, notes = choose_methods(of(bench, network, method=("all",)))
    assert methods == ["integrated_gradients", "occlusion"]
    assert len(notes) == 3 and "no stage of the backbone has maps" in notes[0]
    with pytest.raises(ConfigError, match="has no stage with maps to weigh"):
        of(bench, network).stage("grad_cam")


def test_the_quick_model_answers_as_the_trained_one_and_exact_is_the_trained_one(trained, films):
    quick = prepare(trained, films, Explain(images=6))
    exact = prepare(trained, films, Explain(images=6, exact=True))
    assert exact.quick is trained and quick.quick is not trained
    image = quick.subjects.image_N1SS
    np.testing.assert_allclose(quick.quick_probability(image), quick.probability(image), atol=0.01)
    alike = [
        np.corrcoef(first.flatten(), second.flatten())[0, 1]
        for first, second in zip(quick.heat("occlusion"), exact.heat("occlusion"), strict=True)
    ]
    assert min(alike) > 0.97


def test_progress_is_shown_for_every_part(bench):
    seen = []

    def watch(parts, name, total):
        parts = list(parts)
        seen.append((name, total == len(parts)))
        return parts

    bench.heat("grad_cam", watch=watch)
    assert seen == [("grad_cam", True)]
