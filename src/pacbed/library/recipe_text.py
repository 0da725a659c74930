"""A recipe as text, with a comment beside everything that its owner may change."""

import json
from collections.abc import Sequence

from pacbed.library.recipe import Recipe


def recipe_text(
    recipe: Recipe,
    cif: str,
    notes: Sequence[str] = (),
    b_notes: Sequence[str] = (),
) -> str:
    """Write a recipe as TOML.

    Parameters
    ----------
    recipe : Recipe
    cif : str
        Name of the CIF that lies beside it.
    notes : sequence of str
        Lines of comment for the head.
    b_notes : sequence of str
        Lines of comment for the Debye–Waller factors.

    Returns
    -------
    str
        What :func:`~pacbed.library.recipe.load_recipe` reads as the same recipe.
    """
    s, t, training = recipe.system, recipe.table, recipe.training
    lines = [
        *(f"# {note}" for note in notes),
        "[system]",
        f"id = {s.id}",
        f"name = {_text(s.name)}",
        f"material = {_text(s.material)}",
        f"composition = {_text(s.composition)}",
        "# Direction [uvw] along the beam, in the cell of the CIF.",
        f"zone_axis = {list(s.known_zone_axis)}",
        f"high_tension_kV = {_number(s.known_high_tension_kV)}",
        "# What the system covers: [smallest, largest]. A narrower range trains to a better",
        "# network; patterns outside it are refused.",
        f"convergence_mrad = {_pair(s.convergence_mrad)}",
        f"thickness_nm = {_pair(s.thickness_nm)}",
        f"mistilt_mrad = {_pair(s.mistilt_mrad)}",
        "",
        "[crystal]",
        f"cif = {_text(cif)}",
        "",
        "# Debye-Waller factors B in Å² at the temperature of the measurement; they go before",
        "# those of the CIF.",
        *(f"# {note}" for note in b_notes),
        "[crystal.b_iso]",
        *(f"{symbol} = {_number(value)}" for symbol, value in recipe.b_iso.items()),
        "",
        *_errors(recipe),
        "[table]",
        f"direction_step_mrad = {_number(t.direction_step_mrad)}",
        f"thickness_step_nm = {_number(t.thickness_step_nm)}",
        f"slice_angstrom = {_number(t.slice_angstrom)}",
        f"g_max = {_number(t.g_max)}",
        f"field = {_number(t.field)}",
        f"quantum = {_number(t.quantum)}",
        f"device = {_text(t.device)}",
        "",
        "[training]",
        "# Patterns seen in all: more is the surest way to a better network.",
        f"samples = {training.samples}",
        f"batch_size = {training.batch_size}",
        f"learning_rate = {_number(training.learning_rate)}",
        f"seed = {training.seed}",
        "# One thread and one worker keep two cores busy.",
        f"threads = {training.threads}",
        f"workers = {training.workers}",
        f"checkpoint_seconds = {_number(training.checkpoint_seconds)}",
    ]
    return "\n".join(lines) + "\n"


def _errors(recipe: Recipe) -> list[str]:
    if not recipe.b_iso_error:
        return []
    return [
        "# Standard errors of B in Å², for the budget of answers.",
        "[crystal.b_iso_error]",
        *(f"{symbol} = {_number(value)}" for symbol, value in recipe.b_iso_error.items()),
        "",
    ]


def _text(value: str) -> str:
    # A JSON string is a TOML string.
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    return repr(float(value))


def _pair(value: tuple[float, float]) -> str:
    return f"[{_number(value[0])}, {_number(value[1])}]"
