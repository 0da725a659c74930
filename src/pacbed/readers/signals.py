"""Signals of RosettaSciIO's formats, with their axes in our order; no frame is read."""

import importlib
import logging
import math
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pacbed.errors import FileFormatError, MissingExtraError, PatternError
from pacbed.links import check_companions
from pacbed.readers.axis_units import is_energy
from pacbed.readers.declared_size import check_declared_size
from pacbed.readers.formats import ROSETTASCIIO_MODULES
from pacbed.readers.metadata import groups
from pacbed.readers.names_inside import check_names_inside

#: Files up to this size may be read whole, where they cannot be read lazily.
_WHOLE_BYTES = 2**30
#: Signal types of HyperSpy's that are spectra.
_SPECTRA = ("EELS", "EDS_TEM", "EDS_SEM", "CL", "Luminescence", "Spectrum")
#: Names of a column's axis before a row's, as they stand where axes run the other way round.
_TURNED = (("x", "y"), ("kx", "ky"), ("qx", "qy"), ("dx", "dy"))


def open_signals(
    path: Path,
    alone: bool,
    *,
    lazy: bool = True,
    scan_shape: tuple[int, int] | None = None,
    dataset: str | None = None,
) -> list[dict[str, Any]]:
    """Have RosettaSciIO open a file, after its names of other files and sizes are checked.

    Parameters
    ----------
    path : Path
        An existing file whose extension is in ``ROSETTASCIIO_MODULES``.
    alone : bool
        Refuse a file that has others read; see :mod:`pacbed.links`.
    lazy : bool
        Leave the numbers in the file.
    scan_shape : tuple of int, optional
        Rows and columns, for formats whose reader asks for them.
    dataset : str, optional
        Of an emd file.

    Returns
    -------
    list of dict
        What the file holds, see RosettaSciIO's ``file_reader``.

    Raises
    ------
    MissingExtraError
        If the format needs a package that is not installed.
    Exception
        Whatever RosettaSciIO's parsers meet in a damaged file.
    """
    module = ROSETTASCIIO_MODULES[path.suffix.lower()]
    check_names_inside(path, alone)
    check_declared_size(path)
    # RosettaSciIO logs to the standard output, where the answer goes.
    logging.getLogger("rsciio").setLevel(logging.CRITICAL)
    described = None if alone else _emi_of(path)
    options = _options(path, module, scan_shape, dataset)
    try:
        reader = importlib.import_module(f"rsciio.{module}")
        lazy = lazy and not (module == "pantarhei" and _is_packed(path))
        signals = [] if described is None else _read(reader.file_reader, described, lazy, options)
        # An emi describes several.
        signals = [signal for signal in signals if _file_name(signal) == path.name]
        if not signals:
            signals = _read(reader.file_reader, path, lazy, options)
    except ImportError as error:
        package = (error.name or "rosettasciio[all]").split(".")[0]
        raise MissingExtraError(
            f"{path}: reading {path.suffix} needs a further package ({error}): "
            f"pip install '{package}'."
        ) from error
    return [in_our_order(signal, module) for signal in signals]


def _options(
    path: Path, module: str, scan_shape: tuple[int, int] | None, dataset: str | None
) -> dict[str, Any]:
    """What a reader of RosettaSciIO is asked beside the file's name."""
    options: dict[str, Any] = {}
    if module == "quantumdetector" and scan_shape is not None:
        options["navigation_shape"] = scan_shape[::-1]
    if module == "zspy":
        # By default it is opened for writing too, which an archive does not allow.
        options["mode"] = "r"
    if module == "topspin":
        options["show_progressbar"] = False
    if module == "emd":
        # Velox's streams of X-rays take minutes, and are no patterns.
        options["select_type"] = "images"
        options["dataset_path"] = None if dataset is None else _emd_path(path, dataset)
    return options


def _emi_of(path: Path) -> Path | None:
    """The emi beside a ser of TIA, which has what the ser has not: voltage and units."""
    numbered = re.fullmatch(r"(.+)_[0-9]", path.stem)
    if path.suffix.lower() != ".ser" or numbered is None:
        return None
    emi = path.with_name(f"{numbered[1]}.emi")
    if not emi.is_file():
        return None
    check_companions(path, [emi])
    check_names_inside(emi, alone=False)
    return emi


def _file_name(signal: Mapping[str, Any]) -> str:
    metadata = signal.get("metadata") or {}
    return str((metadata.get("General") or {}).get("original_filename") or "")


def _emd_path(path: Path, dataset: str) -> str | None:
    """Where a Berkeley emd has an array of this name; None where it is left to titles.

    The name is that of the array or of its group.
    """
    import h5py

    name = dataset.strip("/")
    with h5py.File(path, "r") as file:
        item = file.get(name)
        if isinstance(item, h5py.Group):
            name, item = f"{name}/data", item.get("data")
        return name if isinstance(item, h5py.Dataset) else None


def _is_packed(path: Path) -> bool:
    """Whether a prz's numbers are compressed; RosettaSciIO's lazy reading takes them as they are.

    Raises
    ------
    PatternError
        If they are, and too many to be read whole.
    """
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("data.npy")
    packed = entry.compress_type != zipfile.ZIP_STORED
    if packed and entry.file_size > _WHOLE_BYTES:
        raise PatternError(
            f"{path}: its {entry.file_size} bytes are compressed and too many to be read whole: "
            "export it as hspy."
        )
    return packed


def _read(
    reader: Callable[..., list[dict[str, Any]]], path: Path, lazy: bool, options: dict[str, Any]
) -> list[dict[str, Any]]:
    try:
        return reader(str(path), lazy=lazy, **options)
    except ValueError as error:
        # RosettaSciIO reads HDF5 lazily only where it is stored in chunks.
        if not lazy or "chunks" not in str(error) or path.stat().st_size > _WHOLE_BYTES:
            raise
    return reader(str(path), lazy=False, **options)


def choose_signal(
    signals: Sequence[dict[str, Any]], path: Path, least_axes: int, dataset: str | None = None
) -> dict[str, Any]:
    """The one signal of a file that can be patterns; spectra and thumbnails are passed over.

    Parameters
    ----------
    signals : sequence of dict
    path : Path
        For messages.
    least_axes : int
    dataset : str, optional
        The signal's title, where the file holds several.

    Raises
    ------
    PatternError
        If there is none.
    FileFormatError
        If there are several.
    """
    shapes = ", ".join(str(tuple(signal["data"].shape)) for signal in signals) or "none"
    large = [signal for signal in signals if len(signal["data"].shape) >= least_axes]
    images = [signal for signal in large if not is_spectrum(signal)]
    if large and not images:
        raise PatternError(
            f"{path}: holds spectra (shapes: {shapes}; an axis is an energy), no pattern: give "
            "the file of the pattern."
        )
    if not images:
        kind = "image" if least_axes == 2 else "scan"
        raise PatternError(
            f"{path}: the file holds no {kind} (shapes: {shapes}): "
            + ("give a 2-D pattern [row, column]." if least_axes == 2 else "give a 4D-STEM scan.")
        )
    if dataset is not None and len(images) > 1:
        titled = [signal for signal in images if _title(signal) == dataset.strip("/")]
        if not titled:
            titles = ", ".join(_title(signal) or "(none)" for signal in images)
            raise PatternError(f"{path}: there is no signal {dataset}: it has {titles}.")
        images = titled
    pixels = [math.prod(int(n) for n in image["data"].shape[-2:]) for image in images]
    images = [
        image for image, count in zip(images, pixels, strict=True) if 4 * count > max(pixels)
    ] or images
    if len(images) > 1:
        several = [image for image in images if len(image["data"].shape) > 2]
        if least_axes == 2 and len(several) == 1:
            # A scan and images of it.
            return several[0]
        titles = ", ".join(sorted({_title(image) for image in images} - {""})[:12])
        shapes = ", ".join(str(tuple(image["data"].shape)) for image in images)
        raise FileFormatError(
            f"{path}: the file holds {len(images)} images (shapes {shapes}): "
            + (f"choose one with --dataset ({titles}), or " if titles else "")
            + "save the pattern in a file of its own."
        )
    return images[0]


def is_spectrum(signal: Mapping[str, Any]) -> bool:
    """Whether a signal's values lie along an energy."""
    metadata = signal.get("metadata") or {}
    kind = str((metadata.get("Signal") or {}).get("signal_type") or "")
    axes = signal.get("axes") or []
    return kind in _SPECTRA or any(is_energy(axis.get("units")) for axis in axes)


def in_our_order(signal: dict[str, Any], module: str) -> dict[str, Any]:
    """A signal with its detector's axes last, rows before columns."""
    data, axes = signal["data"], signal.get("axes") or []
    order = list(range(data.ndim))
    if len(axes) != data.ndim:
        return dict(signal)
    if module == "digitalmicrograph" and _scan_runs_fastest(signal):
        order = [2, 3, 0, 1]
        axes = [{**axes[n], "navigate": place < 2} for place, n in enumerate(order)]
        return _ordered(signal, order, axes)
    if module == "tvips":
        # It stores a pixel's size as a whole number, of a unit that differs between files.
        axes = [{**axis, "units": None} for axis in axes]
    if module == "emd" and _is_turned(axes):
        order = order[::-1]
    detector = [n for n in order if not axes[n].get("navigate", False)]
    if len(detector) == 2:
        order = [n for n in order if n not in detector] + detector
    return _ordered(signal, order, [axes[n] for n in order])


def _ordered(signal: dict[str, Any], order: list[int], axes: list[Any]) -> dict[str, Any]:
    data = signal["data"]
    if order != sorted(order):
        data = data.transpose(order)
    axes = [{**axis, "index_in_array": place} for place, axis in enumerate(axes)]
    return {**signal, "data": data, "axes": axes}


def _scan_runs_fastest(signal: Mapping[str, Any]) -> bool:
    """Whether a file of DigitalMicrograph has the detector's axes first.

    Earlier versions let the scan run fastest in the file, and say so in a tag; RosettaSciIO
    takes the axes as they come.
    """
    tags = next(groups(signal.get("original_metadata"), "Meta Data"), {})
    swapped = tags.get("Data Order Swapped")
    return swapped is not None and not bool(int(swapped)) and len(signal["data"].shape) == 4


def _is_turned(axes: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a Berkeley emd's axes were turned round by a reader that knows one custom.

    RosettaSciIO takes the first stored axis for the columns. Its name, where it has one,
    says whether it is.
    """
    names = [str(axis.get("name") or "") for axis in axes]
    if len(names) < 2:
        return False
    if all(name.startswith("dim") and name[3:].isdigit() for name in names):
        numbers = [int(name[3:]) for name in names]
        return numbers == sorted(numbers, reverse=True)
    return (names[-2], names[-1]) in _TURNED


def _title(signal: Mapping[str, Any]) -> str:
    metadata = signal.get("metadata") or {}
    return str((metadata.get("General") or {}).get("title") or "")
