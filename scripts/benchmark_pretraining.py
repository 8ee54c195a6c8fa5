"""Whether an encoder that was pre-trained without labels helps where few images are labelled.

    python scripts/benchmark_pretraining.py --root chest_xray [--labelled 200] [--seeds 5] [--size 32]

For each seed: patients are split anew into a test set, the labelled images and the rest; a masked and
denoising autoencoder is trained on the rest and the labelled images, whose labels it never reads; then
two classifiers are trained on the labelled images alone, one from random weights and one from the
encoder, with the same order of images and the same steps. The table shows both AUROCs on the test
images, and the mean difference with Student's 95 % interval over seeds, which covers the draw of
patients, the weights and the order, but one hospital and one release only.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from medcnn.data.preparation import cache_images, read_data
from medcnn.data.settings import Data, Source
from medcnn.metrics.auroc import auroc_value
from medcnn.models import build_classifier
from medcnn.models.classifier import Classifier
from medcnn.models.conv_autoencoder import ConvAutoencoder
from medcnn.models.stages import Backbone

BATCH = 50


@dataclass(frozen=True)
class Images:
    """All images, standardised, N×1×H×W, with label and patient of each."""

    pixels: Tensor
    label: Tensor
    patient: np.ndarray


def read(root: Path, size: int, limit: int) -> Images:
    """Return ``limit`` images of the release's training folder, drawn once for all seeds."""
    data = Data(
        image_size=size,
        source=Source("medcnn.data.sources.chest_xray.read", {"root": str(root)}),
    )
    manifest = read_data(data)
    chosen = np.random.default_rng(0).permutation(len(manifest))[:limit]
    manifest = manifest.with_table(manifest.table.iloc[np.sort(chosen)])
    cache = cache_images(manifest, data, progress=False)
    images = cache.take(cache.rows_of(manifest.table["image_id"].tolist()))
    pixels = torch.from_numpy(images / np.float32(np.iinfo(images.dtype).max))[:, None]
    label = torch.from_numpy(manifest.table["label"].to_numpy(np.float32))
    return Images(
        (pixels - pixels.mean()) / pixels.std(), label, manifest.table["patient_id"].array
    )


def draw(images: Images, labelled: int, test: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows of labelled, test and unlabelled images; no patient is in two of them."""
    patients = np.random.default_rng(seed).permutation(np.unique(images.patient))
    place = {patient: index for index, patient in enumerate(patients)}
    order = np.argsort([place[patient] for patient in images.patient], kind="stable")
    ends = []
    for wanted in (labelled, labelled + test):
        end = wanted
        while images.patient[order[end]] == images.patient[order[end - 1]]:
            end += 1
        ends.append(end)
    parts = np.split(order, ends)
    return torch.from_numpy(parts[0]), torch.from_numpy(parts[1]), torch.from_numpy(parts[2])


def network_of(size: int, seed: int) -> Classifier:
    """Return the classifier with random weights."""
    torch.manual_seed(seed)
    return build_classifier("tiny_resnet", weights="none", widths=[16, 32, 64], image_size=size)


def steps(rows: Tensor, epochs: int, generator: torch.Generator) -> list[Tensor]:
    """Return the rows of every batch of all epochs, in a drawn order."""
    orders = [rows[torch.randperm(len(rows), generator=generator)] for _ in range(epochs)]
    return [part for order in orders for part in torch.split(order, BATCH) if len(part) > 1]


def one_cycle(
    optimizer: torch.optim.Optimizer, lr: float, total: int
) -> torch.optim.lr_scheduler.OneCycleLR:
    """Return the schedule that both trainings share."""
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=total)


def pretrain(images: Images, rows: Tensor, size: int, epochs: int, seed: int) -> Backbone:
    """Return the backbone of an autoencoder that was trained on the rows without their labels."""
    backbone = network_of(size, seed).backbone
    model = ConvAutoencoder(
        backbone, image_size=size, masking=0.5, patch=max(size // 8, 2), noise=0.1
    )
    generator = torch.Generator().manual_seed(seed)
    batches = steps(rows, epochs, generator)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    schedule = one_cycle(optimizer, 2e-3, len(batches))
    for batch in batches:
        clean = images.pixels[batch]
        dirty, _ = model.corrupt(clean, generator)
        loss = (model(dirty) - clean).square().mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    return model.backbone


def classify(
    images: Images,
    parts: tuple[Tensor, Tensor],
    start: Backbone | None,
    size: int,
    epochs: int,
    seed: int,
) -> float:
    """Return the AUROC on the test rows after training on the labelled ones."""
    labelled, test = parts
    network = network_of(size, seed)
    if start is not None:
        network.backbone.load_state_dict(start.state_dict())
    batches = steps(labelled, epochs, torch.Generator().manual_seed(seed))
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=1e-2)
    schedule = one_cycle(optimizer, 1e-3, len(batches))
    network.train()
    for batch in batches:
        logit = network(images.pixels[batch])
        loss = nn.functional.binary_cross_entropy_with_logits(logit, images.label[batch])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    network.eval()
    with torch.no_grad():
        score = torch.cat([network(images.pixels[part]) for part in torch.split(test, 200)])
    found = auroc_value(images.label[test].numpy().astype(np.int64), score.double().numpy())
    return math.nan if found is None else found


def interval(values: list[float]) -> tuple[float, float, float]:
    """Return the mean and Student's 95 % interval over seeds."""
    mean, n = float(np.mean(values)), len(values)
    half = (
        float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n))
        if n > 1
        else math.nan
    )
    return mean, mean - half, mean + half


def main() -> None:
    """Print one line a seed, then the means and the difference with their intervals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True)
    for name, value in (
        ("labelled", 200),
        ("test", 600),
        ("images", 5000),
        ("size", 32),
        ("seeds", 5),
    ):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--pretrain-epochs", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=25)
    options = parser.parse_args()
    torch.set_num_threads(1)
    images = read(options.root, options.size, options.images)
    begin = time.process_time()
    pairs: list[tuple[float, float]] = []
    for seed in range(options.seeds):
        labelled, test, rest = draw(images, options.labelled, options.test, seed)
        start = pretrain(
            images, torch.cat([labelled, rest]), options.size, options.pretrain_epochs, seed
        )
        scores = [
            classify(images, (labelled, test), encoder, options.size, options.epochs, seed)
            for encoder in (None, copy.deepcopy(start))
        ]
        pairs.append((scores[0], scores[1]))
        print(
            f"seed {seed}: {len(labelled)} labelled, {len(rest)} unlabelled, {len(test)} test: AUROC "
            f"{scores[0]:.3f} from random weights, {scores[1]:.3f} from the encoder",
            flush=True,
        )
    rows = {
        "random weights": [one for one, _ in pairs],
        "pre-trained encoder": [other for _, other in pairs],
        "difference": [other - one for one, other in pairs],
    }
    print(f"\n{'AUROC on test':20}  mean   95 % interval over {len(pairs)} seeds")
    for name, values in rows.items():
        mean, low, high = interval(values)
        print(f"{name:20} {mean:6.3f}  {low:6.3f} to {high:.3f}")
    _, low, high = interval(rows["difference"])
    answer = (
        "helps" if low > 0 else "harms" if high < 0 else "makes no difference that these seeds show"
    )
    print(f"\npre-training {answer} ({(time.process_time() - begin) / 60:.1f} CPU minutes)")


if __name__ == "__main__":
    main()
