import pytest

from medcnn.errors import ConfigError
from medcnn.settings.asked import check_asked


def check(*overrides, several=False):
    check_asked("train", overrides, several=several)


@pytest.mark.each(
    ("override", "remedy"),
    [
        ("~callbacks.patience", r"callbacks\.patience=VALUE"),
        ("~subgroups", "subgroups=VALUE"),
        ("~logger", "logger=none"),
        ("~search", "search=null"),
        ("+experiment=xray_resnet", "write experiment=xray_resnet"),
        ("+optimizer.lr=1", r"write optimizer\.lr=1"),
        ("+callbacks.patienc=1", r"did you mean 'callbacks\.patience'"),
        ("++sede=1", "did you mean 'seed'"),
    ],
)
def test_what_no_command_reads_is_answered_by_name(override, remedy):
    with pytest.raises(ConfigError, match=remedy):
        check("experiment=xray_resnet", override)


def test_what_goes_to_a_constructor_or_to_hydra_is_passed_on():
    check("+data.source.foo=1", "+hydra.job.env_set.A=1", "~hydra.launcher.x", "++seed=1", "seed=2")


def test_one_run_directory_is_not_for_every_job_of_a_sweep():
    with pytest.raises(ConfigError, match=r"hydra\.sweep\.dir=X"):
        check("run_dir=X", "seed=1,2", several=True)
    check("run_dir=X/${hydra.job.num}", "seed=1,2", several=True)
    check("run_dir=X")
