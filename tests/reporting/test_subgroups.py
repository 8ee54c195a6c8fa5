from medcnn.reporting.subgroups import read_subgroups


def test_a_group_is_read_with_its_smallest_corrected_p():
    (found,) = read_subgroups(
        {
            "subgroups": [
                {
                    "column": "sex",
                    "group": "F",
                    "n": 12,
                    "prevalence": 0.5,
                    "small": True,
                    "sensitivity": {"value": 0.9, "ci": [0.7, 1.0]},
                    "gaps": {"auroc": {"p_holm": 0.2}, "sensitivity": {"p_holm": None}},
                    "calibration": {"mean_p": 0.4, "ece": 0.1},
                }
            ]
        }
    )
    assert (found.title, found.n, found.small, found.p_value) == ("sex: F", 12, True, 0.2)
    assert found.estimates["sensitivity"].low == 0.7
    assert found.has_calibration
    assert found.brier.value is None


def test_a_group_without_calibration_and_no_groups_at_all():
    (found,) = read_subgroups({"subgroups": [{"column": "site", "group": "A"}]})
    assert (found.title, found.n, found.has_calibration) == ("site: A", None, False)
    assert read_subgroups({}) == []
