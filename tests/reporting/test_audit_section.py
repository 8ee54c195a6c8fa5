import shutil

from medcnn.files.plain import read_json
from medcnn.reporting.report import write_report
from medcnn.run.directory import RunDir, write_json


def test_what_was_dropped_and_what_was_not_checked_is_told(built_run, tmp_path):
    shutil.copytree(built_run.path, tmp_path / "run")
    run = RunDir(tmp_path / "run")
    before = {"duplicate_groups": 24, "near_duplicate_groups": 0, "cross_split_duplicates": 8}
    told = {
        "not_checked": ["near-duplicates of 9 images"],
        "before_deduplication": before | {"label_conflicts": 1},
    }
    write_json(run.audit, read_json(run.audit) | told)
    write_report(run, language="de")
    page = run.report.read_text()
    assert "24 Gruppen identischer und 0 fast identischer Bilder, davon 8 über" in page
    assert 'Nicht geprüft: <span lang="en">near-duplicates of 9 images</span>.' in page
