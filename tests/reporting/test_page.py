from dataclasses import replace

import pytest

from medcnn.evaluation.parts import Unit
from medcnn.metrics.estimate import Estimate
from medcnn.notices import Notice
from medcnn.reporting.contents import read_run
from medcnn.reporting.page import APPENDIX, SECTIONS, page_facts
from medcnn.reporting.wording import Wording


def test_sections_that_a_run_lacks_are_left_out(built_run):
    facts = page_facts(read_run(built_run), Wording("en"))
    assert set(SECTIONS) - set(facts["sections"]) >= {"readers", "safeguards"}
    order = (*SECTIONS, *APPENDIX)
    assert [key for key in order if key in facts["sections"]] == facts["sections"]


def test_what_was_found_comes_before_how_it_was_found(built_run):
    read = page_facts(read_run(built_run), Wording("en"))["sections"]
    wanted = ["headline", "decisions", "data", "warnings", "discrimination", "calibration"]
    wanted += ["subgroups", "clinical", "cases", "checklist", "estimates", "environment"]
    assert [key for key in read if key in wanted] == wanted


@pytest.mark.parametrize(
    ("auroc", "said"),
    [
        ([0.298, 0.674], "not better than chance"),
        ([0.02, 0.21], "worse than chance"),
        ([0.501, 0.8], None),
    ],
)
def test_what_chance_explains_is_marked(built_run, auroc, said):
    contents = read_run(built_run)
    estimate = replace(contents.results.auroc, value=sum(auroc) / 2, ci=tuple(auroc))
    contents = replace(contents, results=replace(contents.results, auroc=estimate))
    found = page_facts(contents, Wording("en"))["chance"]
    assert found.get("auroc") == said
    assert "sensitivity" not in found
    by_chance = Estimate(0.55, (0.48, 0.62), "mover")
    contents = replace(contents, results=replace(contents.results, balanced_accuracy=by_chance))
    found = page_facts(contents, Wording("en"))["chance"]
    assert found["sensitivity"] == found["specificity"] == "together not better than chance"


def test_the_lead_counts_what_was_counted(built_run):
    contents = read_run(built_run)
    assert "189 images of" in page_facts(contents, Wording("en"))["lead"]
    by_patient = replace(contents.results, unit=Unit("patient", "max", 402))
    contents = replace(contents, results=by_patient)
    lead = page_facts(contents, Wording("de"))["lead"]
    assert lead.startswith("189 Patienten (402 Bilder), Teilmenge Test")


def test_headline_notes_give_counts_and_the_interval_by_image(built_run):
    facts = page_facts(read_run(built_run), Wording("en"))
    notes = facts["tile_notes"]
    assert "abnormal images called abnormal" in notes["sensitivity"][0]
    assert notes["auroc"][-1].startswith("counting images, not patients: 0.")


def test_warnings_known_in_english_alone_are_marked(built_run):
    contents = read_run(built_run)
    text = Notice("few_cases", n=7, name="normal", split="val")
    contents = replace(contents, results=replace(contents.results, warnings=(text,)))
    found = dict(page_facts(contents, Wording("de"))["warnings"])
    assert found[text] is not None
    assert found[contents.environment["warnings"][0]] is None
