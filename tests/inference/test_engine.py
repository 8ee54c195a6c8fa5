import pytest

from medcnn.inference.engine import Engine
from medcnn.inference.files import list_files
from medcnn.inference.ledger import Ledger
from medcnn.inference.quick import QuickPanel
from medcnn.inference.runs import assemble
from medcnn.inference.settings import Inference, Predict


@pytest.fixture(scope="module")
def quick(made_run):
    return QuickPanel(assemble([made_run()], Inference()), None, exact=False, tolerance=0.05)


def test_a_share_goes_through_its_own_batches_and_gives_rows_their_place_in_all(
    quick, make_folder, tmp_path
):
    folder = make_folder(20)
    options = Predict(input=folder, part="2/3", num_workers=0, inference=Inference(batch_size=4))
    with Ledger(tmp_path / "l", {"any": 1}, resume=True) as ledger:
        Engine(quick, ledger, options, 8, None).run([0.5])
        names = [row["image_id"] for rows in ledger.slices() for row in rows]
    every = sorted(str(path.relative_to(folder)) for path in folder.glob("*/*"))
    assert list_files(folder).images == len(every) == 20
    assert names == every[4:8] + every[16:20]
