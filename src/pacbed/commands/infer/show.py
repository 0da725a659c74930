"""What ``pacbed infer`` prints of an answer: lines, the ranking, JSON."""

import dataclasses
from typing import Any

import typer

from pacbed.commands.infer.answers import Answer
from pacbed.commands.infer.tilting import Stage, guidance_of
from pacbed.commands.output import print_table

RANKING = ["system", "status", "thickness/nm", "mistilt/mrad", "residual/%", "structured/%"]


def rows(answer: Answer, stage: Stage | None = None) -> list[tuple[str, str]]:
    """Lines of label and value; with a stage, where to tilt stands beneath the tilt."""
    from pacbed.answer.words import summary_rows

    metadata = answer.measurement.metadata
    rows = summary_rows(answer.estimate)
    if stage is not None:
        below = 1 + [label for label, _ in rows].index("Zone axis")
        rows.insert(below, ("Stage", guidance_of(answer.estimate, stage, metadata)["words"]))
    directions = _directions(answer)
    if directions is not None:
        rows.append(("Directions", directions))
    stated = [
        f"{value:.4g} {unit}"
        for value, unit in (
            (metadata.high_tension_kV, "kV"),
            (metadata.convergence_mrad, "mrad convergence"),
            (metadata.mrad_per_pixel, "mrad per pixel"),
            (metadata.camera_length_mm, "mm camera length"),
        )
        if value is not None
    ]
    stated += [f"{name} {value}" for name, value in metadata.extra.items()]
    if stated:
        rows.append(("File states", ", ".join(stated)))
    rows += _spread_rows(answer)
    rows += [("Warning", warning) for warning in answer.estimate.warnings]
    return rows


def _spread_rows(answer: Answer) -> list[tuple[str, str]]:
    """What was asked of the specimen's spread; none where nothing was."""
    from pacbed.answer.spread import spread_rows

    if answer.spread is None:
        return []
    if isinstance(answer.spread, str):
        return [("Spread", f"not looked for: {answer.spread}")]
    return spread_rows(answer.spread)


def _directions(answer: Answer) -> str | None:
    """Which crystal direction points where; None of a model that does not know them."""
    from pacbed.own_crystal.directions import directions_words

    return directions_words(answer.model.provenance, answer.estimate.rotation_deg)


def ranking_rows(answer: Answer) -> list[list[str]]:
    """Cells under the heads of :data:`RANKING`, the best answer first."""
    from pacbed.answer.words import with_error

    return [
        [
            estimate.system,
            estimate.status.replace("_", " "),
            with_error(estimate.thickness_nm, estimate.thickness_std_nm),
            with_error(estimate.mistilt_mrad, estimate.tilt_std_mrad),
            _percent(estimate.residual),
            _percent(estimate.basis.structured_residual),
        ]
        for estimate in answer.ranking
    ]


def _percent(share: float | None) -> str:
    """A share in percent; an answer without a fit has none, which is not 0."""
    from pacbed.answer.words import with_error

    return with_error(None if share is None else 100 * share, None)


def print_budget(answer: Answer) -> None:
    """Print what the error of an answer is made of, or why nothing is known of it."""
    from pacbed.answer.budget import BUDGET_HEADS, budget_rows

    budget = answer.estimate.budget
    if budget is None:
        typer.echo("Budget: nothing was fitted, so that nothing is known of the error's parts.")
        return
    print_table(list(BUDGET_HEADS), budget_rows(budget), numbers=set(BUDGET_HEADS[2:]))
    if not budget.measured:
        typer.echo(
            "What is not in the error bar are usual values of other crystals: pacbed budget "
            f"{answer.estimate.system} measures this one's."
        )


def to_dict(answer: Answer, stage: Stage | None = None) -> dict[str, Any]:
    """The answer for JSON, with what the file states, the ranking, and where to tilt."""
    from pacbed.answer.ranking import ranking_entry

    values = {
        "path": str(answer.measurement.path),
        **answer.estimate.to_dict(),
        "metadata": dataclasses.asdict(answer.measurement.metadata),
    }
    directions = _directions(answer)
    if directions is not None:
        values["directions"] = directions
    if isinstance(answer.spread, str):
        values["spread"] = {"reason": answer.spread}
    elif answer.spread is not None:
        values["spread"] = answer.spread.to_dict()
    if stage is not None:
        values["stage"] = guidance_of(answer.estimate, stage, answer.measurement.metadata)
    if answer.ranking:
        values["ranking"] = [ranking_entry(estimate) for estimate in answer.ranking]
    return values
