import json
from dataclasses import replace

from medcnn.evaluation.parts import Target, Unit
from medcnn.evaluation.subgroups import Gap
from medcnn.evaluation.uncertainty import Uncertainty
from medcnn.metrics.estimate import Estimate
from medcnn.reporting import sections
from medcnn.reporting.contents import read_run
from medcnn.reporting.wording import Wording

EN = Wording("en")


def test_tables_hold_what_the_results_hold(built_run):
    contents = read_run(built_run)
    results = json.loads(built_run.results.read_text())
    operating = sections.operating_table(contents, EN)
    assert operating is not None
    assert sum("chosen" in row[0] for row in operating.rows) == 1
    assert len(operating.rows) == len(results["operating_points"])
    prevalence = sections.prevalence_table(contents, EN)
    assert prevalence is not None
    assert [row[0] for row in prevalence.rows][:2] == ["1%", "2%"]
    ratios = [row.key for row in sections.ratio_rows(contents, EN)]
    assert ratios[-1] == "number_needed_to_read"
    units = sections.units_table(contents, EN)
    assert units is not None
    assert units.rows[0][0] == "images, those of a patient kept together"
    worth, rejection = sections.doubt_table(contents, EN), sections.rejection_table(contents, EN)
    assert worth is not None
    assert rejection is not None
    assert len(rejection.rows) == 3 * len(worth.rows)


def test_costs_are_counted_in_the_unit_of_the_evaluation(built_run):
    contents = read_run(built_run)
    results = contents.results
    target = Target("sensitivity", 0.95, Estimate(0.9, (0.8, 0.95), "wilson"), False)
    results = replace(
        results,
        unit=Unit("patient", "mean", 200),
        chosen_point=replace(results.chosen_point, target=target),
    )
    contents = replace(contents, results=results)
    lines = sections.cost_sentences(contents, EN)
    assert "abnormal patients" in lines[0]
    assert lines[1].endswith("not kept.")
    assert "Youden index was lost" in lines[2]


def test_gaps_show_difference_interval_and_corrected_p(built_run):
    contents = read_run(built_run)
    assert sections.gap_table(contents, EN) is None
    gap = Gap(Estimate(-0.05, (-0.1, 0.0), "mover"), 0.01, 0.04)
    group = replace(contents.results.subgroups[0], gaps={"sensitivity": gap, "auroc": gap})
    results = replace(contents.results, subgroups=(group,))
    table = sections.gap_table(replace(contents, results=results), EN)
    assert table is not None
    assert table.rows[0][:2] == ("sex: F", "\u22125.0 (\u221210.0 to 0.0; adjusted p 0.040)")
    assert table.rows[0][2] == "not estimable"


def test_nothing_gives_no_table(built_run):
    contents = read_run(built_run)
    results = replace(
        contents.results, by_case=None, patients={}, operating_points=(), uncertainty=Uncertainty()
    )
    contents = replace(contents, results=results)
    assert sections.units_table(contents, EN) is None
    assert sections.operating_table(contents, EN) is None
    assert sections.reader_table((), EN) is None
    assert sections.doubt_table(contents, EN) is sections.rejection_table(contents, EN) is None
    assert sections.ablation_table(contents, EN) is None
    assert sections.diagnosis_table(contents, EN) is None
