"""The calibration of a stage as a small text file in TOML, beside that of the microscope."""

import math
from pathlib import Path
from typing import Any

from pacbed.errors import FileFormatError, OutOfRangeError
from pacbed.small_toml import parse_small, quoted, read_small
from pacbed.stage.calibrate import calibrate_stage
from pacbed.stage.record import StageCalibration, StagePattern
from pacbed.version import __version__

#: Version of the file's form.
FORM = 1
_NUMBERS = ("alpha_deg", "beta_deg", "tilt_x_mrad", "tilt_y_mrad", "tilt_std_mrad")
_MADE_BY = "make it with pacbed stage calibrate"


def read_stage(path: str | Path) -> StageCalibration:
    """Read what ``pacbed stage calibrate`` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    StageCalibration
        Found anew from the patterns that the file lists.

    Raises
    ------
    FileFormatError
        If it is no such file, of another version, or has an entry that is missing or wrong.
    """
    path = Path(path)
    given = parse_small(read_small(path), str(path))
    section, patterns = given.get("stage"), given.get("pattern")
    if given.get("version") != FORM or not isinstance(section, dict):
        raise FileFormatError(
            f"{path}: is no calibration of a stage of version {FORM}: {_MADE_BY}."
        )
    entries = patterns if isinstance(patterns, list) else []
    mirrored = section.get("mirrored")
    if not (mirrored is None or isinstance(mirrored, bool)):
        raise FileFormatError(f"{path}: [stage] mirrored is neither true nor false.")
    try:
        read = [_pattern(entry, number) for number, entry in enumerate(entries, start=1)]
        return calibrate_stage(read, str(section.get("name", "")), mirrored)
    except OutOfRangeError as error:
        raise FileFormatError(f"{path}: {error}.") from error


def stage_text(calibration: StageCalibration) -> str:
    """Write a calibration as TOML.

    Parameters
    ----------
    calibration : StageCalibration

    Returns
    -------
    str
        The patterns, from which all else is found anew when it is read; what was found stands in
        comments.
    """
    lines = [
        "# Where the axes of a stage lie in the patterns of one camera length, from patterns at",
        "# known angles. pacbed infer PATTERN --stage THIS_FILE says where to tilt.",
        f"version = {FORM}",
        f"program = {quoted(f'pacbed {__version__}')}",
        "",
        "[stage]",
        f"name = {quoted(calibration.name)}",
        *_hand_lines(calibration.mirrored),
        *(f"# {label}: {value}" for label, value in summary_rows(calibration)),
        "# Where the zone axis is in each pattern (mrad, x to the right and y downwards), and the",
        "# stage's angles. Patterns of one grain differ by the stage's move alone.",
    ]
    for pattern in calibration.patterns:
        lines += ["", "[[pattern]]", f"file = {quoted(pattern.file)}",
                  f"grain = {quoted(pattern.grain)}"]  # fmt: skip
        lines += [f"{name} = {float(f'{getattr(pattern, name):.6g}')!r}" for name in _NUMBERS]
    return "\n".join(lines) + "\n"


def _hand_lines(mirrored: bool | None) -> list[str]:
    if mirrored is None:
        return []
    return ["# Known beforehand.", f"mirrored = {str(mirrored).lower()}"]


def summary_rows(calibration: StageCalibration) -> list[tuple[str, str]]:
    """Lines of label and value for people."""
    rows = [("Patterns", str(len(calibration.patterns)))]
    if calibration.decided:
        for label, axis in zip(("+α", "+β"), calibration.axes, strict=True):
            rows.append(
                (
                    label,
                    f"moves the zone axis towards {axis.direction_deg:.1f} ± "
                    f"{axis.direction_std_deg:.1f} degrees, by {axis.mrad_per_degree:.2f} ± "
                    f"{axis.mrad_per_degree_std:.2f} mrad per degree",
                )
            )
        rows.append(("Mirrored", "yes" if calibration.hands[0].mirrored else "no"))
    else:
        rows.append(("Open", open_words(calibration)))
    return rows + [("Warning", warning) for warning in calibration.warnings]


def open_words(calibration: StageCalibration) -> str:
    """What patterns that were all taken along one line leave open, and what would tell it."""
    moved = [
        (pattern.alpha_deg - first.alpha_deg, pattern.beta_deg - first.beta_deg)
        for first in calibration.patterns[:1]
        for pattern in calibration.patterns[1:]
    ]
    alpha, beta = max(moved, key=lambda move: math.hypot(*move))
    what = "a sign is open: which way round the axes lie in the pattern"
    size = math.hypot(alpha, beta)
    if abs(beta) < 0.2 * size:
        what, across = "the sign of β is open", "β by 0.3 degrees"
    elif abs(alpha) < 0.2 * size:
        what, across = "the sign of α is open", "α by 0.3 degrees"
    else:
        turned = -0.3 * beta / size, 0.3 * alpha / size
        across = f"α by {turned[0]:+.2f} and β by {turned[1]:+.2f} degrees"
    return f"{what}; a pattern after tilting {across}, or after the first guidance, tells it"


def _pattern(entry: Any, number: int) -> StagePattern:
    values = entry if isinstance(entry, dict) else {}
    numbers = {}
    for key in _NUMBERS:
        value = values.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise OutOfRangeError(f"pattern {number}: {key} is missing, or no number")
        numbers[key] = float(value)
    return StagePattern(**numbers, file=str(values.get("file", "")),
                        grain=str(values.get("grain", "")))  # fmt: skip
