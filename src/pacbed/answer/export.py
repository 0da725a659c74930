"""Answers as start values of ptychography programs.

Multislice ptychography needs the thickness and the tilt to begin with. Both programs here tilt the
crystal in the propagator, exp[−iπλΔz q² + 2πiΔz (q_x tan θ_x + q_y tan θ_y)] (Fresnel's, sheared),
which is symmetric about q = θ/λ: θ is the position of the zone axis in the pattern, as our tilt
is. They take it as [y, x] in mrad.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from pacbed.answer.estimate import Estimate
from pacbed.answer.methods import USABLE
from pacbed.errors import OutOfRangeError
from pacbed.library.system import System
from pacbed.version import __version__

ANGSTROM_PER_NM = 10.0
#: A thinner slice, nm, is none of these programs; a thicker one holds several atoms in depth.
_SLICE_NM = (0.05, 50.0)
_SIGNS = (
    "tilt [y, x]: position of the zone axis in the pattern, seen from the centre of the "
    "bright-field disk; x to the right, y downwards, mrad"
)


def start_values(
    estimate: Estimate, system: System, program: str, slice_nm: float = 1.0
) -> tuple[str, str]:
    """Write an answer as start values.

    Parameters
    ----------
    estimate : Estimate
    system : System
        For the voltage.
    program : {"ptyrad", "phaser", "json"}
    slice_nm : float
        Thickness of a slice, about: a whole number of them makes the specimen.

    Returns
    -------
    text : str
        Of the file.
    ending : str
        Of its name, such as ``.yml``.

    Raises
    ------
    OutOfRangeError
        If the program is not known, the slice is impossible, or the answer must not be used or
        has no direction of the tilt.
    """
    if program not in PROGRAMS:
        raise OutOfRangeError(
            f'the program "{program}" is not known: give one of {", ".join(PROGRAMS)}'
        )
    if not (math.isfinite(slice_nm) and _SLICE_NM[0] <= slice_nm <= _SLICE_NM[1]):
        raise OutOfRangeError(
            f"slices of {slice_nm:g} nm cannot be: give {_SLICE_NM[0]:g} to {_SLICE_NM[1]:g} nm"
        )
    if estimate.status not in USABLE:
        raise OutOfRangeError(
            f"the answer is {estimate.status.replace('_', ' ')} and must not be used"
        )
    if estimate.tilt_x_mrad is None or estimate.tilt_y_mrad is None:
        raise OutOfRangeError("the model gives no direction of the tilt, which is needed here")
    write, ending = PROGRAMS[program]
    return write(_values(estimate, system, slice_nm)), ending


def _values(estimate: Estimate, system: System, slice_nm: float) -> dict[str, Any]:
    count = max(1, round(estimate.thickness_nm / slice_nm))
    tilt = [round(value or 0.0, 4) for value in (estimate.tilt_y_mrad, estimate.tilt_x_mrad)]
    return {
        "system": estimate.system,
        "status": estimate.status,
        "thickness_nm": round(estimate.thickness_nm, 3),
        "thickness_std_nm": round(estimate.thickness_std_nm, 3),
        "tilt_yx_mrad": tilt,
        "tilt_std_mrad": estimate.tilt_std_mrad,
        "high_tension_kV": system.high_tension_kV,
        "convergence_mrad": estimate.convergence_mrad,
        "mrad_per_pixel": estimate.mrad_per_pixel,
        "slices": count,
        "slice_nm": round(estimate.thickness_nm / count, 6),
        "signs": _SIGNS,
        "version": __version__,
    }


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _head(values: Mapping[str, Any], where: str) -> list[str]:
    lines = [
        f"# Start values from PACBED-CNN {values['version']}, system {values['system']}: {where}.",
        f"# Thickness {values['thickness_nm']} ± {values['thickness_std_nm']} nm. {_SIGNS}:",
        "# of patterns as they were given to PACBED-CNN, neither turned nor mirrored afterwards.",
    ]
    if values["status"] == "ambiguous":
        lines.append("# AMBIGUOUS: other thicknesses fit almost as well.")
    return lines


def _ptyrad(values: Mapping[str, Any]) -> str:
    y, x = values["tilt_yx_mrad"]
    probe = [
        f"  {name}: {round(value, 3)}"
        for name, value in (
            ("probe_kv", values["high_tension_kV"]),
            ("probe_conv_angle", values["convergence_mrad"]),
        )
        if value is not None
    ]
    lines = [
        *_head(values, "put them into init_params of a PtyRAD parameter file"),
        "init_params:",
        *probe,
        f"  obj_Nlayer: {values['slices']}",
        f"  obj_slice_thickness: {ANGSTROM_PER_NM * values['slice_nm']:.5g}  # Å",
        "  tilt_source: simu",
        "  tilt_params:",
        "    tilt_type: all",
        f"    init_tilts: [[{y}, {x}]]",
    ]
    return "\n".join(lines) + "\n"


def _phaser(values: Mapping[str, Any]) -> str:
    y, x = values["tilt_yx_mrad"]
    total = ANGSTROM_PER_NM * values["slice_nm"] * values["slices"]
    lines = [
        *_head(values, "put them into a phaser plan"),
        "slices:",
        f"  n: {values['slices']}",
        f"  total_thickness: {total:.6g}  # Å",
        "init:",
        "  tilt:",
        "    type: global",
        f"    tilt: [{y}, {x}]",
    ]
    return "\n".join(lines) + "\n"


#: What writes for each program, and how the file's name ends.
PROGRAMS: dict[str, tuple[Callable[[Mapping[str, Any]], str], str]] = {
    "ptyrad": (_ptyrad, ".yml"),
    "phaser": (_phaser, ".yml"),
    "json": (_json, ".json"),
}
