from __future__ import annotations

import io

import onnxruntime
import pytest
import torch

from medcnn.augment.normalize import KINDS
from medcnn.exporting.graph import LocallyStandardised, normalization
from medcnn.inference.loading import load_model
from medcnn.run.directory import RunDir

IMAGE = torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_each_normalisation_of_a_training_is_that_of_its_graph(lab, kind):
    member = load_model(RunDir(lab.path))
    member.normalization = kind
    member.pixel_shares = torch.linspace(0, 1, 256, dtype=torch.float64)
    theirs = normalization(member)(IMAGE)
    assert (theirs - member.normalize(IMAGE)).abs().max() < 0.02


def test_surroundings_are_exported_for_any_number_of_images():
    file = io.BytesIO()
    shapes = ({0: torch.export.Dim("N")},)
    program = torch.onnx.export(
        LocallyStandardised().eval(),
        (IMAGE[:2],),
        dynamo=True,
        dynamic_shapes=shapes,
        verbose=False,
    )
    program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue())
    (ours,) = session.run(None, {session.get_inputs()[0].name: IMAGE.numpy()})
    assert (torch.from_numpy(ours) - LocallyStandardised()(IMAGE)).abs().max() < 1e-4
