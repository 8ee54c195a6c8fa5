from medcnn.reporting.contents import read_run
from medcnn.reporting.provenance import audit_rows, environment_rows, versions
from medcnn.reporting.wording import Wording

EN = Wording("en")


def test_the_environment_is_told_with_its_dirt(built_run):
    contents = read_run(built_run)
    contents.environment["dirty"] = True
    rows = dict(environment_rows(contents, EN))
    assert rows["Command"] == "train.py experiment=xray_resnet seed=7"
    assert rows["Commit"] == "3f9c2ab (with uncommitted changes)"
    assert rows["Time · fit"] == "171.9 s"
    assert "Data · citation" not in rows
    assert ("torch", "2.6.0") in versions(contents)


def test_the_audit_is_told_with_the_interval_of_the_shortcut(built_run):
    rows = dict(audit_rows(read_run(built_run), EN))
    assert rows["Unreadable"] == "2"
    assert rows["Best AUROC of image border or file properties alone"] == "0.541 (0.470 – 0.610)"


def test_nothing_recorded_gives_no_rows(built_run):
    contents = read_run(built_run)
    contents.environment.clear()
    contents.audit.clear()
    assert environment_rows(contents, EN) == audit_rows(contents, EN) == versions(contents) == []
