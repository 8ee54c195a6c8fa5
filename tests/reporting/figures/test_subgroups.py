from medcnn.metrics.estimate import Estimate
from medcnn.reporting.figures.subgroups import ForestRow, forest
from medcnn.reporting.wording import Wording


def test_a_row_a_group_and_words_where_nothing_is_estimable():
    rows = [
        ForestRow("sex: F", 1200, (Estimate(0.9, (0.8, 0.95), ""), Estimate(0.7, None, ""))),
        ForestRow("site: a$1$", None, (Estimate(None, None, ""), Estimate(0.6, (0.5, 0.7), ""))),
    ]
    overall = [Estimate(0.85, None, ""), Estimate(None, None, "")]
    figure = forest(rows, overall, ["Sensitivity", "AUROC"], Wording("en"))
    left, right = figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] == [
        "sex: F  (n = 1,200)",
        "site: a$1$",
    ]
    assert left.texts[0].get_text() == "not estimable"
    assert [tuple(line.get_xdata()) for line in right.get_lines()][-2:] == [(0.5, 0.7), (0.6,)]
