import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

import medcnn
from medcnn.errors import AuditStop, ConfigError, UserError
from medcnn.files.plain import read_json
from medcnn.run.directory import RunDir, write_text
from medcnn.run.place import begin, choose_run_dir, held


def test_a_run_goes_where_it_is_told_or_by_name_and_time(tmp_path):
    assert choose_run_dir(str(tmp_path), "mine") == tmp_path
    found = choose_run_dir(None, "mine")
    assert found.parent == Path("outputs/mine")
    assert abs((datetime.now() - datetime.strptime(found.name, "%Y-%m-%d_%H-%M-%S")).days) < 1


def test_a_place_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigError, match="run_dir cannot be made"),
        held(RunDir(tmp_path / "file")),
    ):
        pass


@pytest.mark.parametrize(
    "kept",
    [
        "metrics.csv",
        "results.json",
        "checkpoints/last.ckpt",
        "predictions/val.csv",
        "members/3/checkpoints/best.ckpt",
    ],
)
def test_results_are_never_overwritten(kept, tmp_path):
    directory = RunDir(tmp_path / "run")
    begin(directory, {"seed": 3})
    write_text(directory.path / kept, "precious")
    with pytest.raises(UserError, match=rf"already(.|\n)*{kept}(.|\n)*resume="):
        begin(directory, {"seed": 4})
    assert directory.config.read_text() == "seed: 3\n"
    assert (directory.path / kept).read_text() == "precious"


def test_an_attempt_without_results_is_begun_anew_and_other_files_stay(tmp_path, capsys):
    directory = RunDir(tmp_path / "run")
    begin(directory, {"seed": 3})
    for path in (directory.audit, directory.environment, directory.member(0).config):
        write_text(path, "{}")
    write_text(directory.path / "notes.txt", "mine")
    begin(directory, {"seed": 4})
    assert "begun anew" in capsys.readouterr().out
    left = {str(path.relative_to(directory.path)) for path in directory.path.rglob("*.*")}
    assert left == {"config.yaml", "notes.txt"}
    assert directory.config.read_text() == "seed: 4\n"


def test_what_the_audit_stopped_is_run_again_by_the_mended_command(easy_data, tmp_path):
    import pandas as pd

    root = Path(next(text for text in easy_data if "data.root" in text).partition("=")[2])
    table = pd.read_csv(root).assign(path=lambda rows: str(root.parent) + "/" + rows["path"])
    split = ["train"] * len(table)
    split[:20], split[20:40] = ["val"] * 20, ["test"] * 20
    leaking = pd.concat([table.assign(split=split), table[:3].assign(split="train")])
    leaking["image_id"] = [f"i{number}" for number in range(len(leaking))]
    leaking.to_csv(tmp_path / "leaking.csv", index=False)
    command = [
        *easy_data, f"data.root={tmp_path / 'leaking.csv'}", "trainer.max_epochs=1",
        "data.audit=error", f"run_dir={tmp_path / 'run'}",
    ]  # fmt: skip
    with pytest.raises(AuditStop):
        medcnn.train(command)
    run = medcnn.train([*command, "data.deduplicate=true"]).paths
    assert read_json(run.audit)["verdict"] != "stop"
    assert read_json(run.environment)["resumed"] == 0
    assert run.results.is_file()


def test_a_second_process_is_kept_out_and_a_dead_one_is_not_waited_for(tmp_path):
    directory = RunDir(tmp_path / "run")
    holding = (
        "import sys, pathlib\n"
        "from medcnn.run.directory import RunDir\n"
        "from medcnn.run.place import held\n"
        "with held(RunDir(pathlib.Path(sys.argv[1]))):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(directory.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="Another process is training"), held(directory):
            pass
        other.kill()
        other.wait(60)
    with held(directory):
        pass
    assert list(directory.path.iterdir()) == []


def test_what_a_killed_process_left_half_written_is_swept_and_nothing_else(tmp_path):
    run = RunDir(tmp_path / "run")
    kept = [run.path / ".lock-of-mine.txt", run.path / "logs" / ".hidden", run.last_checkpoint]
    half = [run.path / "checkpoints" / ".last-ab1_xy9z.ckpt", run.path / ".results-00000000.json"]
    for path in (*kept, *half):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    with held(run):
        assert not any(path.exists() for path in half)
    assert all(path.exists() for path in kept)
