"""Quick answers against exact ones, on every decision."""

import json

import numpy as np
import pytest
import torch

import medcnn
from medcnn.inference.acceleration import fast_dtype, fast_model
from medcnn.inference.loading import load_model
from medcnn.inference.quick import QuickPanel, TooFarError
from medcnn.inference.runs import assemble, passes_of
from medcnn.inference.settings import AskedDropout, AskedViews, Inference
from medcnn.io import Facts

FACTS = Facts("png", 32, 32, 8, "MONOCHROME2")


@pytest.fixture(scope="module")
def run(made_run):
    return made_run()


@pytest.fixture(scope="module")
def images(drawn):
    return drawn(300, seed=5) / 255


def _panel(run, **views):
    return assemble([run], Inference(AskedViews(**views)))


def _exact(panel, images):
    return panel.columns(panel.predictor.logits(images))["p_abnormal"].to_numpy()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_decision_is_the_exact_one_and_no_probability_is_far(run, images, dtype):
    panel = _panel(run)
    exact = _exact(panel, images)
    quick = QuickPanel(panel, None, exact=False, tolerance=0.05, dtype=dtype)
    parts = [
        quick.answers(part, [FACTS] * len(part), [threshold])
        for threshold in (0.5,)
        for part in images.split(50)
    ]
    found = np.concatenate([table["p_abnormal"] for table, _ in parts])
    done = np.concatenate([flags for _, flags in parts])
    np.testing.assert_allclose(found, exact, atol=0.05)
    assert ((found >= 0.5) == (exact >= 0.5)).all()
    assert quick.fast is not None
    assert 0 < done.sum() < len(images)
    assert quick.largest > 0
    near = np.abs(exact - 0.5) < 0.01
    np.testing.assert_allclose(found[near], exact[near], atol=1e-5)


def test_decisions_agree_at_a_threshold_that_cuts_through_the_images(run, images):
    panel = _panel(run)
    exact = _exact(panel, images)
    ordered = np.sort(exact)
    for rank in (30, 150, 270):
        # Midway between two images, as a threshold is chosen, where they are not all but equal.
        rank += int(np.argmax(np.diff(ordered[rank : rank + 9])))
        threshold = float(ordered[rank : rank + 2].mean())
        quick = QuickPanel(panel, None, exact=False, tolerance=0.05, dtype=torch.bfloat16)
        table, _ = quick.answers(images, [FACTS] * len(images), [threshold])
        np.testing.assert_array_equal(table["p_abnormal"] >= threshold, exact >= threshold)


def test_a_network_that_is_too_far_off_is_given_up_in_words(run, images):
    quick = QuickPanel(_panel(run), None, exact=False, tolerance=1e-6, dtype=torch.bfloat16)
    with pytest.raises(TooFarError):
        quick.answers(images[:20], [FACTS] * 20, [0.5])
    assert quick.fast is None
    assert "computed exactly" in quick.warnings[0]
    _, done = quick.answers(images[:20], [FACTS] * 20, [0.5])
    assert done.all()


def test_a_folder_goes_on_exactly_after_that(run, make_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("medcnn.inference.quick.fast_dtype", lambda _: torch.bfloat16)
    images = make_folder(30)
    arguments = [f"run={run.path}", f"input={images}", "batch_size=8"]
    exact = medcnn.predict([*arguments, f"output={tmp_path / 'exact.csv'}", "exact=true"])
    found = medcnn.predict([*arguments, f"output={tmp_path / 'o.csv'}", "tolerance=1e-6"])
    np.testing.assert_allclose(found["p_abnormal"], exact["p_abnormal"], atol=1e-6)
    record = json.loads((tmp_path / "o.csv.json").read_text())
    assert record["precision"]["first_answer"] == "float32"
    assert record["precision"]["computed_exactly"] == 30
    assert any("more than tolerance" in text for text in record["warnings"])


def test_exact_rows_replace_quick_ones_and_not_the_reverse(run, make_folder, tmp_path):
    images, output = make_folder(40), tmp_path / "o.csv"
    arguments = [f"run={run.path}", f"input={images}", f"output={output}", "tolerance=0.1"]
    medcnn.predict(arguments)
    exact = medcnn.predict([*arguments, "exact=true"])
    again = medcnn.predict(arguments)
    assert json.loads((tmp_path / "o.csv.json").read_text())["precision"]["computed_exactly"] == 40
    assert again["p_abnormal"].tolist() == exact["p_abnormal"].tolist()


@pytest.mark.parametrize(
    "passes", [{"tta": "flips"}, {"mc_samples": 4, "mc": AskedDropout("head", 0.2)}]
)
def test_views_and_passes_are_quick_too(run, images, passes):
    from dataclasses import replace

    from medcnn.inference.predictor import Predictor

    member = load_model(run)
    slow = Predictor([member], passes_of(AskedViews(**passes)))
    fast = Predictor([fast_model(member, torch.bfloat16)], replace(slow.passes))
    rough, exact = (
        member.calibrator.probability(each.logits(images[:40])) for each in (fast, slow)
    )
    np.testing.assert_allclose(rough, exact, atol=0.05)


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet_v3_small"])
def test_the_backbones_stand_folding_and_16_bit(made_run, backbone):
    member = load_model(made_run(backbone, backbone=backbone, size=32))
    image = torch.rand(4, 1, 32, 32)
    with torch.inference_mode():
        exact = _features(member, image)
        folded = _features(fast_model(member, torch.float32), image)
        rough = _features(fast_model(member, torch.bfloat16), image)
    size = float(exact.abs().max())
    assert rough.dtype == folded.dtype == torch.float32
    assert float((folded - exact).abs().max()) < 1e-4 * size
    assert 1e-6 * size < float((rough - exact).abs().max()) < 0.05 * size
    assert next(member.network.parameters()).dtype == torch.float32


def _features(model, image):
    return model.network.features(model.normalize(image))


def test_the_quick_type_is_one_the_processor_multiplies():
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    assert (fast_dtype(torch.device("cpu")) == torch.bfloat16) == native
