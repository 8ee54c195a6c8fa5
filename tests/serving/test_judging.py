"""The rows of a service: those of predict, of an image without a name."""

from pathlib import Path

import numpy as np
import pytest

from medcnn.errors import ImageError
from medcnn.inference.files import Reading
from medcnn.inference.quick import QuickPanel, TooFarError
from medcnn.io import Facts
from medcnn.serving.judging import Judging


@pytest.fixture
def readings():
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32), np.uint8)
    secret = Path("/spool/passing/0123")
    broken = Reading(secret, None, None, ImageError(secret, "is broken", kind="corrupt"))
    return [Reading(secret, pixels, Facts("png", 32, 32, 8, "MONOCHROME2"), None), broken]


def test_rows_name_the_checkpoint_and_no_place(apparatus, readings):
    good, bad = Judging(apparatus)(readings)
    sha256 = apparatus.panel.predictor.members[0].sha256
    assert good["checkpoints"] == bad["checkpoints"] == [sha256]
    assert good["decision"] in ("normal", "abnormal")
    assert bad["error"].startswith("image: is broken")
    assert bad["p_abnormal"] is None
    assert "/spool" not in str([good, bad])


def test_an_answer_that_was_too_far_off_is_computed_again(apparatus, readings, monkeypatch):
    answers, tries = QuickPanel.answers, []

    def once(self, *given):
        tries.append(given)
        if len(tries) == 1:
            raise TooFarError
        return answers(self, *given)

    monkeypatch.setattr(QuickPanel, "answers", once)
    assert Judging(apparatus)(readings)[0]["p_abnormal"] is not None
    assert len(tries) == 2
