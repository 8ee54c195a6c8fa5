import torch
from pytorch_lightning.loggers import TensorBoardLogger

from medcnn.config import compose, plain
from medcnn.run_dir import RunDir
from medcnn.trainer import build_logger, choose_precision


def settings(*overrides):
    return plain(compose("train", overrides))


def test_a_logger_writes_into_the_run_unless_told_where(tmp_path):
    run = RunDir(tmp_path / "run")
    logger = build_logger(settings("logger=tensorboard"), run)
    assert isinstance(logger, TensorBoardLogger)
    assert logger.log_dir.startswith(str(run.path))
    elsewhere = build_logger(
        settings("logger=tensorboard", f"logger.save_dir={tmp_path / 'else'}"), run
    )
    assert elsewhere.log_dir.startswith(str(tmp_path / "else"))
    assert build_logger(settings(), run) is False


def test_precision_is_as_asked_or_as_the_processor_has_it():
    assert choose_precision("32-true") == "32-true"
    fast = torch.cpu._is_avx512_bf16_supported()
    assert choose_precision("auto", "cpu") == ("bf16-mixed" if fast else "32-true")
