"""A graph as an ONNX file, and the answers of onnxruntime to it."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from medcnn.errors import ConfigError
from medcnn.exporting.graph import Graph

PACKAGES = ("onnx", "onnxscript", "onnxruntime", "safetensors")
INPUT = "image"


def write_onnx(graph: Graph, side: int, path: Path) -> None:
    """Write the graph: uint8 N×1×S×S in, for any N; what ``graph.outputs`` names out.

    Args:
        graph: In evaluation mode, on the CPU.
        side: S.
        path: The file.

    Raises:
        ConfigError: If torch finds no way to write one of its operations.
    """
    example = torch.randint(0, 256, (2, 1, side, side), dtype=torch.uint8)
    try:
        with _quiet(), torch.inference_mode():
            program = torch.onnx.export(
                graph.eval(),
                (example,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("N")},),
                input_names=[INPUT],
                output_names=list(graph.outputs),
                verbose=False,
            )
        if program is None:
            raise RuntimeError("torch.onnx returned no program")
    except (torch.onnx.errors.OnnxExporterError, RuntimeError, NotImplementedError) as error:
        raise ConfigError(
            "This network cannot be exported to ONNX.",
            expected="a network of operations that torch.onnx knows",
            found=" ".join(str(error).split())[:300],
            remedy="export a run of another backbone; docs/export.md says which are exported",
        ) from error
    for node in program.model.graph:
        # Stack traces of the machine that exported: nobody else's business, and never the same twice.
        node.metadata_props.clear()
        node.doc_string = None
    program.save(str(path), external_data=False)


class Session:
    """An ONNX file opened by onnxruntime on the CPU.

    Args:
        path: The file.
        threads: How many; 0 leaves it to onnxruntime.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.version = str(onnxruntime.__version__)
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, image_N1SS: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[Any]]:
        """Return the outputs by name."""
        names = [each.name for each in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, {INPUT: image_N1SS}), strict=True))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what torch.onnx tells developers from users."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
