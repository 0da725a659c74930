"""A paragraph for the methods section of a paper: what was done, with which numbers, after whom."""

import tomllib
from collections.abc import Sequence
from typing import Any

from pacbed.answer.budget import Budget, part_words
from pacbed.answer.estimate import Estimate
from pacbed.answer.words import with_error
from pacbed.library.models.kinds import Model
from pacbed.library.zone_axis import format_zone_axis
from pacbed.version import __version__

REFERENCES = (
    "J. M. LeBeau, S. D. Findlay, L. J. Allen, S. Stemmer, Position averaged convergent beam "
    "electron diffraction: Theory and applications, Ultramicroscopy 110 (2010) 118-125, "
    "doi:10.1016/j.ultramic.2009.10.001",
    f"PACBED-CNN {__version__}, GPL-3.0-or-later; cite it as its CITATION.cff says",
    "I. Lobato, D. Van Dyck, An accurate parameterization for scattering factors, electron "
    "densities and electrostatic potentials for neutral atoms that obey all physical constraints, "
    "Acta Cryst. A70 (2014) 636-649, doi:10.1107/S205327331401643X",
    "D. M. Bird, Q. A. King, Absorptive form factors for high-energy electron diffraction, Acta "
    "Cryst. A46 (1990) 202-208, doi:10.1107/S0108767389011906",
)
#: Statuses whose numbers may be published.
USABLE = ("ok", "ambiguous")


def methods_text(answers: Sequence[tuple[str, Estimate, Model]]) -> str:
    """Write the paragraph, a line for each pattern, and the references.

    Parameters
    ----------
    answers : sequence of tuple
        What each pattern is called, its answer, and the model that gave it.

    Returns
    -------
    str
        Plain text in lines as long as their sentences. Answers that must not be used are told as
        left out.
    """
    used = [answer for answer in answers if answer[1].status in USABLE]
    left = [name for name, estimate, _ in answers if estimate.status not in USABLE]
    parts = []
    models = {id(model): model for _, _, model in used}
    for model in models.values():
        own = [estimate for _, estimate, other in used if other is model]
        parts.append(_paragraph(model, own))
    lines = [_answer(name, estimate) for name, estimate, _ in used]
    if left:
        lines.append(
            f"Left out, since no thickness of the crystal explains them: {', '.join(left)}."
        )
    references = [f"[{number}] {text}." for number, text in enumerate(REFERENCES, 1)]
    blocks = [*parts, "\n".join(lines), "\n".join(references)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _paragraph(model: Model, estimates: Sequence[Estimate]) -> str:
    system, options = model.system, model.provenance.get("table", {}).get("options", {})
    axis = "" if system.zone_axis is None else f" along {format_zone_axis(system.zone_axis)}"
    tension = "" if system.high_tension_kV is None else f" at {system.high_tension_kV:g} kV"
    crystal = f"{system.material} ({system.composition}){axis}{tension}"
    sentences = [
        "Specimen thickness and mistilt were determined from position-averaged convergent-beam "
        f"electron diffraction (PACBED) patterns [1] with PACBED-CNN {__version__} [2]."
    ]
    if model.has_table:
        sentences += [
            f"Patterns of {crystal} were simulated elastically in the zero-order Laue zone with "
            "the scattering factors of Lobato and Van Dyck [3] and absorption by thermal diffuse "
            f"scattering in the Einstein model [4]{_factors(model.provenance)}"
            f"{_sampling(options)}.",
            "Thickness, tilt vector, convergence semi-angle, angle per pixel, rotation and "
            "position of the bright-field disk were refined together by weighted least squares"
            f"{_start(estimates)}.",
        ]
    else:
        sentences.append(f"Networks that choose among labels were used for {crystal}.")
    return " ".join([*sentences, _errors(model, estimates), *_sources(model.provenance)])


def _factors(provenance: dict[str, Any]) -> str:
    """Debye–Waller factors, from what a model says of itself."""
    stated = provenance.get("b_iso")
    if isinstance(stated, dict) and stated:
        found = [str(words).partition("(")[0].strip() for words in stated.values()]
    else:
        found = _of_recipe(str(provenance.get("recipe_text", "")))
    return f" (Debye-Waller factors B: {', '.join(found)})" if found else ""


def _of_recipe(text: str) -> list[str]:
    try:
        crystal = tomllib.loads(text).get("crystal", {})
        atoms = {str(atom["element"]): float(atom["b_iso"]) for atom in crystal.get("atoms", [])}
        atoms |= {str(s): float(b) for s, b in crystal.get("b_iso", {}).items()}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return []
    return [f"{symbol} {value:g} Å²" for symbol, value in atoms.items()]


def _sampling(options: dict[str, Any]) -> str:
    names = (
        ("direction_step_mrad", "incident directions {:g} mrad apart"),
        ("thickness_step_nm", "thicknesses {:g} nm apart"),
        ("g_max", "beams to {:g} 1/Å"),
    )
    found = [words.format(options[name]) for name, words in names if name in options]
    return f", {', '.join(found)}" if found else ""


def _start(estimates: Sequence[Estimate]) -> str:
    networks = any("network_thickness_nm" in one.provenance for one in estimates)
    return (
        ", from starting values that two neural networks proposed"
        if networks
        else ", from the best of a search over all tilts, rotations and thicknesses"
    )


def _errors(model: Model, estimates: Sequence[Estimate]) -> str:
    words = "Errors are standard errors of the fit, which were not calibrated for this crystal."
    if model.calibration and all(one.provenance.get("calibrated", True) for one in estimates):
        words = "Errors are standard errors, calibrated on frozen-phonon patterns of the crystal."
    return words


def _sources(provenance: dict[str, Any]) -> list[str]:
    stated = provenance.get("sources")
    if not isinstance(stated, dict):
        return []
    return [f"{label}: {words}." for label, words in stated.items()]


def _beside(budget: Budget) -> str:
    """The error with what the recipe may be off by, and what that is."""
    assumed = [part_words(part).replace("±", "by") for part in budget.parts if not part.in_std]
    known = "" if budget.measured else ", as usual for other crystals"
    return (
        f"± {budget.thickness_total_nm:.2f} nm and ± {budget.tilt_total_mrad:.3f} mrad with errors "
        f"of {', '.join(assumed)}{known}"
    )


def _answer(name: str, estimate: Estimate) -> str:
    low, high = estimate.thickness_interval95_nm
    words = (
        f"{name}: thickness {with_error(estimate.thickness_nm, estimate.thickness_std_nm)} nm "
        f"(95 % interval {low:.1f} to {high:.1f} nm)"
    )
    if estimate.mistilt_mrad is not None:
        words += f", mistilt {with_error(estimate.mistilt_mrad, estimate.tilt_std_mrad)} mrad"
    if estimate.convergence_mrad is not None:
        angle = with_error(estimate.convergence_mrad, estimate.convergence_std_mrad)
        words += f", convergence semi-angle {angle} mrad"
    if estimate.residual is not None:
        words += f", the fit leaves {100 * estimate.residual:.1f} % of the variance"
    if estimate.budget is not None:
        words += f"; {_beside(estimate.budget)}"
    if estimate.status == "ambiguous":
        words += "; AMBIGUOUS: say how it was chosen among the alternatives"
    return f"{words}."
