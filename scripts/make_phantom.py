"""Write the synthetic chest X-rays anywhere, in any size: DICOM files, lesion masks, manifest.csv.

python scripts/make_phantom.py FOLDER --images 200 --difficulty 0.3 --seed 1
"""

from __future__ import annotations

import argparse
import sys

from medcnn.data.sources import phantom
from medcnn.errors import MedcnnError


def main() -> int:
    """Write the data set that the arguments describe and say what was written."""
    parser = argparse.ArgumentParser(description="Write synthetic chest X-rays.")
    parser.add_argument("folder", help="where the files go")
    parser.add_argument("--images", type=int, default=1300)
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    parser.add_argument("--prevalence", type=float, default=0.5, help="share of abnormal patients")
    parser.add_argument("--difficulty", type=float, default=0.5, help="0 plain to 1 faint findings")
    parser.add_argument("--marker-bias", type=float, default=0.0, help="1: a shortcut to study")
    parser.add_argument("--exposure", type=float, default=1.0, help="dose, 1 as usual")
    parser.add_argument("--contrast", type=float, default=1.0, help="of the console, 1 as usual")
    parser.add_argument("--brightness", type=float, default=0.0, help="shares of the range, added")
    parser.add_argument("--marked", type=float, default=0.75, help="share with a side marker")
    parser.add_argument("--mean-age", type=float, default=54.0, help="of the patients")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    try:
        manifest = phantom.read(
            given.folder,
            n_images=given.images,
            size=given.size,
            prevalence=given.prevalence,
            difficulty=given.difficulty,
            marker_bias=given.marker_bias,
            exposure=given.exposure,
            contrast=given.contrast,
            brightness=given.brightness,
            marked=given.marked,
            mean_age=given.mean_age,
            seed=given.seed,
        )
    except MedcnnError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    abnormal = int(manifest.table["label"].sum())
    print(f"{len(manifest)} images, {abnormal} abnormal, in {given.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
