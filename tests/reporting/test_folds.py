from dataclasses import replace

from medcnn.evaluation.cross_validation import CrossValidation, FoldResults, Spread
from medcnn.metrics.estimate import Estimate
from medcnn.reporting.contents import read_run
from medcnn.reporting.folds import folds_table
from medcnn.reporting.page import page_facts
from medcnn.reporting.wording import Wording

EN = Wording("en")


HALF = Estimate(0.5, (0.25, 0.75), "wilson-clustered")


def test_folds_count_from_1_and_end_in_the_numbers_at_the_top(built_run):
    contents = read_run(built_run)
    assert folds_table(contents.results, EN) is None
    measured = dict.fromkeys(("sensitivity", "specificity", "auroc"), HALF)
    fold = FoldResults(fold=0, n=50, n_patients=42, threshold=0.4994, **measured)
    spread = Spread(0.51, 0.28, 0.26, 0.81)
    mean = dict.fromkeys(("sensitivity", "specificity"), spread) | {
        "auroc": Spread(0.6, None, 0.6, 0.6)
    }
    found = CrossValidation(
        folds=2,
        held_out_as="test",
        pooled={},
        mean=mean,
        spread_of_thresholds=0.1,
        by_fold=(fold, replace(fold, fold=1)),
    )
    contents = replace(contents, results=replace(contents.results, cross_validation=found))
    rows = folds_table(contents.results, EN).rows
    assert [row[0] for row in rows[:2]] == ["1", "2"]
    assert rows[2][4] == "51.0% ± 28.0% (26.0% – 81.0%)"
    assert rows[2][6] == "0.600 (0.600 – 0.600)"
    facts = page_facts(contents, EN)
    assert facts["folds"] == 2 and "cross_validation" in facts["sections"]
    tiles = [f"{row.value} ({row.interval})" for row in facts["tiles"]]
    assert list(rows[3][4:]) == tiles
