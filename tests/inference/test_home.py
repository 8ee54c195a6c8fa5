import numpy as np

from medcnn.calibration.home import Home
from medcnn.data.cache.key import content_keys
from medcnn.data.preparation import cache_images
from medcnn.inference.loading import load_model
from medcnn.inference.out_of_distribution import measure_features
from medcnn.inference.runs import batches_of
from medcnn.record.record import Record
from medcnn.run.directory import RunDir


def test_a_training_keeps_the_features_of_validation_and_the_keys_of_its_files(trained_run):
    run = RunDir(trained_run.path)
    home, record, model = Home.of(run), Record(run), load_model(run)
    val = record.manifest.split("val")
    assert home.rows.tolist() == list(range(len(val)))
    batches = batches_of([model], val, record.manifest, 8)
    features = np.concatenate([measure_features(model, each["image"]) for each in batches])
    np.testing.assert_allclose(home.features, features, atol=1e-5)
    known = record.manifest.table
    paths = known.loc[known["split"].isin(["train", "val"]), "path"].tolist()
    assert list(home.keys) == content_keys(paths).tolist()
    assert record.journal.hashes["home.npz"]
    assert cache_images(record.manifest, model.settings.data).keys.shape == (len(known),)
