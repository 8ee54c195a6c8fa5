"""What was measured of a run's explanations, as ``explanations.json`` holds it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from medcnn.files.plain import read_object
from medcnn.files.records import ABSENT, BESIDE, Told
from medcnn.metrics.estimate import Estimate
from medcnn.run.directory import RunDir

CONTROL = "random"
"""The method that knows nothing of the image."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the heat of some images lies.

    Attributes:
        n: Images with a mask.
        pointing_game: Share whose hottest place is at the lesion.
        mass_in_lesion: Mean share of the heat that lies in it.
    """

    n: int
    pointing_game: Estimate
    mass_in_lesion: Estimate


@dataclass(frozen=True, kw_only=True)
class FindingPlaces(Places):
    """The same of the images of one finding."""

    finding: str


@dataclass(frozen=True, kw_only=True)
class Perturbed:
    """What covering and uncovering the hottest places does to the probability.

    Attributes:
        deletion: Area under the probability while the hottest places go.
        insertion: The same while they come.
        above_random: How far insertion less deletion lies above the control's; None for itself.
    """

    deletion: Estimate
    insertion: Estimate
    above_random: Estimate | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True, kw_only=True)
class Method(Perturbed):
    """The measures of one method.

    Attributes:
        method: Its name.
        stage: The part of the backbone that it looks at, or None.
        empty: Images with no heat at all.
        n: Images with a mask; this and what follows is None where no image has one.
        called_abnormal: Places of those that the model calls abnormal; None where there is none.
        by_finding: Places of each finding.
    """

    method: str
    stage: str | None
    empty: int
    n: int | None = field(default=None, metadata=ABSENT)
    pointing_game: Estimate | None = field(default=None, metadata=ABSENT)
    mass_in_lesion: Estimate | None = field(default=None, metadata=ABSENT)
    called_abnormal: Places | None = field(default=None, metadata=ABSENT)
    by_finding: tuple[FindingPlaces, ...] | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The mean probability of a method by the share of the image deleted, and inserted."""

    deletion: tuple[float, ...]
    insertion: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The curves of every method.

    Attributes:
        share: Of the image, from 0 to 1.
        methods: By the name of the method; in the file they stand beside ``share``.
    """

    share: tuple[float, ...]
    methods: dict[str, Curve] = field(metadata=BESIDE)


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How alike a method's heat stays, part by part from the head down.

    Attributes:
        part: What was forgotten by then.
        spearman: Rank correlation with the heat of the trained network.
        ssim: Structural similarity.
    """

    part: tuple[str, ...]
    spearman: tuple[Estimate, ...]
    ssim: tuple[Estimate, ...]


@dataclass(frozen=True, kw_only=True)
class Sanity:
    """The cascading randomisation of ``n`` images (Adebayo 2018)."""

    n: int
    methods: dict[str, Likeness]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one way of changing images does to the probability.

    Attributes:
        n: Images changed.
        n_patients: Their patients.
        change: Mean difference of the probability.
        absolute_change: Mean of its size.
        flipped: Share of the decisions that became another.
    """

    n: int
    n_patients: int
    change: Estimate
    absolute_change: Estimate
    flipped: Estimate


@dataclass(frozen=True, kw_only=True)
class OnMarker:
    """Mean share of the heat on the marker, and of the image that the marker covers."""

    heat: Estimate
    area: Estimate


@dataclass(frozen=True, kw_only=True)
class MarkerHeat:
    """The heat of each method on the marker of ``n`` images."""

    n: int = 0
    methods: dict[str, OnMarker] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MarkerTest:
    """Whether the model looks at the burned-in marker.

    Attributes:
        looked_at: Images in which a marker was looked for.
        with_marker: Those that have one.
        removal: The marker painted over.
        beside: The same patch painted on the other side of the chest.
        insertion: A marker burnt in.
        evidence: Which of removal and insertion change the probability, surely and by enough.
        heat: The heat on the marker.
    """

    looked_at: int
    with_marker: int
    removal: Change
    beside: Change
    insertion: Change
    evidence: tuple[str, ...] = ()
    heat: MarkerHeat = field(default_factory=MarkerHeat)

    def change(self, name: str) -> Change:
        """Return the change of ``removal``, ``beside`` or ``insertion``."""
        found: Change = getattr(self, name)
        return found


@dataclass(frozen=True, kw_only=True)
class ShownImage:
    """One image whose heat is drawn.

    Attributes:
        image_id: Its identifier.
        p_abnormal: What the model says of it.
        finding: Its finding, ``a|b`` being both; empty where none is known.
        figures: The files of its pictures, by what they show, from the run directory.
    """

    image_id: str
    p_abnormal: float
    finding: str
    figures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Explanations(Told):
    """The object of ``explanations.json``.

    Attributes:
        split: Whose images were explained.
        level: Coverage of the intervals.
        seed: Of the draw of images.
        backbone: The name of the network.
        checkpoint_sha256: Of its weights.
        n: Images explained.
        n_patients: Their patients.
        with_mask: Those with the mask of a finding.
        called_abnormal: Those that the model calls abnormal.
        methods: The measures, method by method.
        chance: What a random place would reach; None where no image has a mask.
        curves: Deletion and insertion, to be drawn; None in ``results.json``.
        sanity: Whether the heat hangs on what was learnt; None where it was not asked for.
        marker: Whether the model looks at the marker; None where it was not asked for.
        images: Those that are shown; None in ``results.json``.
        warnings: What a reader has to know.
    """

    split: str
    level: float
    seed: int
    backbone: str
    checkpoint_sha256: str
    n: int
    n_patients: int
    with_mask: int
    called_abnormal: int
    methods: tuple[Method, ...]
    chance: Places | None
    curves: Curves | None = field(default=None, metadata=ABSENT)
    sanity: Sanity | None
    marker: MarkerTest | None
    images: tuple[ShownImage, ...] | None = field(default=None, metadata=ABSENT)
    warnings: tuple[str, ...] = ()

    def measures(self) -> Explanations:
        """Return what ``results.json`` holds of them: everything but curves and images."""
        return replace(self, curves=None, images=None)


def read_explanations(run: RunDir) -> Explanations | None:
    """Return what ``explanations.json`` holds, paths made absolute; None where there is none.

    Raises:
        DataError: If it is damaged.
    """
    if not run.explanations.is_file():
        return None
    found = Explanations.from_json(read_object(run.explanations), str(run.explanations))
    images = (
        replace(each, figures={what: str(run.path / name) for what, name in each.figures.items()})
        for each in found.images or ()
    )
    return replace(found, images=tuple(images))
