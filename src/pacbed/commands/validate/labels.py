"""Asking a model that was trained from a table about the rows that were held back."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pacbed.commands.progress import progress_bar
from pacbed.commands.train.from_table import CACHE_FOLDER
from pacbed.errors import BundleError, FileFormatError, OutOfRangeError

if TYPE_CHECKING:
    from pacbed.evaluate.answers import TargetAnswers, Validation
    from pacbed.learn.labels.frames import Source
    from pacbed.learn.labels.options import Distortion
    from pacbed.library.models.label_bundle import LabelBundle
    from pacbed.library.tables.pattern_table import PatternTable

_UNITS = {"Thickness": "Å", "Mistilt": "mrad", "Scale": "", "Azimuth": "°"}
_BATCH = 64
_SPLIT = "split.csv"


def validate_labels(
    bundle: "LabelBundle",
    table: Path | None,
    undistorted: bool,
    count: int,
    seed: int,
    data: Path | None,
    cache: Path | None = None,
) -> "Validation":
    """Ask a label model about patterns of a table.

    Parameters
    ----------
    bundle : LabelBundle
    table : Path or None
        By default that of the training.
    undistorted : bool
        As the patterns are in the table.
    count : int
        Patterns to ask about, at most.
    seed : int
    data : Path or None
        Folder that the table's paths may be relative to.
    cache : Path, optional
        Folder of the stored patterns.
    """
    from pacbed.evaluate.answers import Validation

    path = table or _training_table(bundle)
    kept, rows, words = asked_rows(bundle, path, data)
    if len(rows) > count:
        rows = np.sort(np.random.default_rng([seed, 30]).choice(rows, count, replace=False))
    directions, left_out = _directions(bundle, kept)
    sources = _sources(
        bundle, kept, directions, undistorted, cache or kept.path.parent / CACHE_FOLDER
    )
    answers, pictures = [], {}
    with progress_bar("asking", total=len(sources)) as bar:
        for number, (target, source) in enumerate(sources.items(), start=1):
            asked = source.labels.rows_with_label(rows)
            if not len(asked):
                left_out[target] = "no tilted pattern among those asked"
                continue
            answer, frames = _ask(bundle, target, source, asked, seed)
            answers.append(answer)
            pictures[target] = frames
            bar.update(number)
    how = "as they are" if undistorted else "distorted as in training"
    return Validation(
        bundle.system.name,
        f"{len(rows)} {words} of {path.name}, {how}",
        tuple(answers),
        pictures,
        {"table": path.name, "undistorted": undistorted, "seed": seed, "left_out": left_out},
    )


def _training_table(bundle: "LabelBundle") -> Path:
    """The table that the model was trained from, where it lay."""
    name = Path(bundle.trained_from).name
    folder = bundle.folder.resolve()
    places = [folder.parent, folder.parent.parent / "simulation", folder.parent.parent]
    for place in places:
        if name and (place / name).is_file():
            return place / name
    raise FileFormatError(
        f"{bundle.folder}: the table {name or 'of the training'} is not beside it: "
        "give it with --table."
    )


def asked_rows(
    bundle: "LabelBundle", path: Path, data: Path | None
) -> "tuple[PatternTable, np.ndarray, str]":
    """Rows to ask about: those held back, or all of a table that was not trained on."""
    from pacbed.library.tables.pattern_table import read_pattern_table

    table = read_pattern_table(path, data)
    held = _held_back(bundle.folder / _SPLIT)
    lines = {int(line): i for i, line in enumerate(table.lines)}
    same = path.name == bundle.trained_from and all(
        line in lines and table.files[lines[line]].name == name for line, name, _ in held
    )
    if same:
        # The rows of the training, so that its stored patterns are found again.
        kept = table.take(np.array([lines[line] for line, _, _ in held]))
        return kept, np.flatnonzero([back for _, _, back in held]), "patterns held back"
    low, high = bundle.convergence_mrad
    kept = table.keep(convergence_mrad=(low, high))
    return kept, np.arange(len(kept)), "patterns"


def _held_back(path: Path) -> list[tuple[int, str, bool]]:
    """Line, file and whether it was held back, of each row of the training."""
    from pacbed.library.csv_table import CsvRows

    try:
        rows = CsvRows(path.read_text(encoding="utf-8")).records()
        return [(int(r["Line"]), r["Path"], bool(int(r["Held_back"]))) for r in rows]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise BundleError(
            f"{path}: does not say which rows were held back ({error}): restore it."
        ) from error


def _directions(
    bundle: "LabelBundle", table: "PatternTable"
) -> "tuple[np.ndarray | None, dict[str, str]]":
    """Directions of the tilts, or why the model is not asked about them."""
    from pacbed.library.tables.pattern_azimuth import AZIMUTH, read_azimuths

    if AZIMUTH not in bundle.models:
        return None, {}
    if AZIMUTH not in table.others:
        return None, {AZIMUTH: f"{table.path} has no column {AZIMUTH}"}
    return read_azimuths(table), {}


def _sources(
    bundle: "LabelBundle",
    table: "PatternTable",
    directions: "np.ndarray | None",
    undistorted: bool,
    cache: Path,
) -> "dict[str, Source]":
    """The frames of each target."""
    from pacbed.learn.labels.cache import open_cache
    from pacbed.learn.labels.frames import Source
    from pacbed.learn.labels.labels import Labels
    from pacbed.library.models.label_table import PERIODS
    from pacbed.pattern.label_frame import FramePreparation
    from pacbed.readers import read_pattern

    preparation = FramePreparation.from_dict(bundle.preparation)
    with progress_bar("reading patterns", total=len(table)) as bar:
        patterns = open_cache(
            table, preparation.size, cache, lambda file: read_pattern(file).data, bar.update
        )
    columns = {"Thickness": table.thickness_angstrom, "Mistilt": table.mistilt_mrad}
    sources = {}
    for target, model in bundle.models.items():
        if target in PERIODS and directions is None:
            continue
        values = np.array(model.labels.values)
        of_row = None
        if target in columns:
            of_row = np.abs(columns[target][:, None] - values).argmin(axis=1)
        sources[target] = Source(
            patterns,
            table.convergence_mrad,
            bundle.convergence_mrad,
            Labels(target, values, of_row, directions if target in PERIODS else None),
            preparation,
            _distortion(bundle.distortion, undistorted),
            model.input[2] if model.input else 1,
        )
    return sources


def _distortion(trained: Any, undistorted: bool) -> "Distortion":
    from pacbed.learn.labels.options import Distortion

    if undistorted:
        return Distortion(rotate=False, zoom=0.0, shift=0.0, detector=False)
    try:
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in trained.items()
        }
        return Distortion(**values)
    except (TypeError, AttributeError) as error:
        raise OutOfRangeError(
            "the model does not say how its patterns were distorted: validate it with "
            "--undistorted."
        ) from error


def _ask(
    bundle: "LabelBundle", target: str, source: "Source", rows: np.ndarray, seed: int
) -> "tuple[TargetAnswers, np.ndarray]":
    """Run a network on all frames of a source."""
    from pacbed.evaluate.answers import TargetAnswers
    from pacbed.infer.labels.networks import open_network
    from pacbed.learn.labels.stream import fixed_batches
    from pacbed.library.models.label_table import PERIODS

    network = open_network(bundle, target, bundle.content(target))
    found, truth, frames = [], [], []
    for batch in fixed_batches(source, rows, _BATCH, (seed, 31)):
        found.append(network.probabilities(batch.images, batch.convergence).argmax(axis=1))
        truth.append(batch.labels)
        frames.append(batch.images[..., 0])
    values = source.labels.values
    answers = TargetAnswers(
        target,
        _UNITS[target],
        values,
        values[np.concatenate(truth)],
        values[np.concatenate(found)],
        PERIODS.get(target),
    )
    return answers, np.concatenate(frames)
