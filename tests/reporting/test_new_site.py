from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medcnn.evaluation.new_site import new_site_results
from medcnn.reporting.contents import read_run
from medcnn.reporting.figures.style import svg_file
from medcnn.reporting.figures.subgroups import forest
from medcnn.reporting.new_site import (
    forest_rows,
    new_site_lines,
    new_site_notes,
    new_site_table,
    sources_table,
)
from medcnn.reporting.page import page_facts
from medcnn.reporting.report import write_report
from medcnn.reporting.wording import Wording

EN, DE = Wording("en"), Wording("de")


@pytest.fixture
def contents(built_run):
    """Return a run whose folds were made of four sites, the last of which goes badly."""
    rng = np.random.default_rng(0)
    label = np.tile([0, 1], 120)
    source = np.repeat(list("abcd"), 60)
    p = np.clip(label + rng.normal(0, np.where(source == "d", 1.2, 0.4)), 0, 1)
    table = pd.DataFrame({"label": label, "source": source, "p_fold": p, "fold_threshold": 0.5})
    table = table.assign(fold=pd.factorize(source)[0], patient_id=np.arange(240).astype(str))
    expected, sources = new_site_results(table, "site", "val")
    found = read_run(built_run)
    return replace(found, results=replace(found.results, new_site=expected, sources=sources))


def test_the_headline_names_both_intervals_and_the_worst_source(contents):
    table = new_site_table(contents.results, EN)
    assert table.header[1:3] == (
        "At home: the middle source (95% confidence interval)",
        "At a new site (95% prediction interval)",
    )
    (sensitivity, specificity, auroc) = table.rows
    low, high = contents.results.new_site.auroc.prediction_interval
    assert auroc[2] == f"{low:.3f} – {high:.3f}"
    assert sensitivity[3].startswith("d: ") and specificity[3].startswith("d: ")
    notes = new_site_notes(contents.results, EN)
    assert notes["auroc"].startswith(f"At a new site: {low:.3f} – ")
    assert len(new_site_lines(contents.results, DE)) == 2


def test_the_page_has_a_section_of_the_sources_in_both_languages(contents):
    for words in (EN, DE):
        facts = page_facts(contents, words)
        assert "sources" in facts["sections"]
        assert [row[0].split(" · ")[0] for row in facts["found"]["sources"].rows] == list("abcd")
        assert facts["new_site"].rows and facts["new_site_lines"]
    assert "lowest Sensitivity" in sources_table(contents.results, EN).rows[3][0]


def test_the_forest_ends_in_the_middle_source_and_a_new_site(contents):
    rows, overall = forest_rows(contents.results, EN)
    assert [row.label for row in rows[-2:]] == ["Middle source", "New site"]
    assert rows[-1].estimates[0].width > rows[-2].estimates[0].width
    svg = svg_file(forest(rows, overall, ["x", "y", "z"], EN), "sources")
    assert "New site" in svg and "a  (n = 60)" in svg


def test_a_run_without_sources_has_none_of_it(built_run):
    results = read_run(built_run).results
    assert new_site_table(results, EN) is None and sources_table(results, EN) is None
    assert new_site_notes(results, EN) == {} and new_site_lines(results, EN) == []
    write_report(built_run)
    assert "What another site will show was not measured" in built_run.report.read_text()
