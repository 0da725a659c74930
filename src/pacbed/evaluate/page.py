"""A validation as files: pictures, figures, and one page that holds both."""

import base64
import html
import json
from pathlib import Path

import numpy as np

from pacbed.evaluate.answers import TargetAnswers, Validation
from pacbed.evaluate.figures import draw_patterns, draw_target
from pacbed.files import write_atomically

_WORST = 12
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;"
    "color:#222}img{max-width:100%}table{border-collapse:collapse}"
    "td,th{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #ddd}"
    "td:first-child,th:first-child{text-align:left}"
)


def write_validation(validation: Validation, folder: Path) -> list[Path]:
    """Write pictures (PNG), figures (JSON) and a page (HTML) that needs no other file.

    Parameters
    ----------
    validation : Validation
    folder : Path
        Is made if it is missing.

    Returns
    -------
    list of Path
        The files, the page last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, bytes] = {}
    for answers in validation.answers:
        title = f"{answers.target} of {validation.model}, {validation.patterns}"
        files[f"{answers.target}.png"] = draw_target(answers, title)
        files[f"{answers.target}_worst.png"] = _draw_worst(validation, answers)
    text = json.dumps(validation.to_dict(), indent=1)
    written = []
    page = _page(validation, files)
    for name, content in {
        **files,
        "validation.json": (text + "\n").encode(),
        "validation.html": page.encode(),
    }.items():
        write_atomically(folder / name, content)
        written.append(folder / name)
    return written


def _draw_worst(validation: Validation, answers: TargetAnswers) -> bytes:
    rows = answers.worst(_WORST)
    titles = [
        f"{answers.truth[i]:.4g} → {answers.found[i]:.4g} {answers.unit}".strip() for i in rows
    ]
    frames = np.asarray(validation.pictures[answers.target])[rows]
    return draw_patterns(frames, titles, f"{answers.target}: the worst answers, true → found")


def _page(validation: Validation, files: dict[str, bytes]) -> str:
    head = html.escape(f"Validation of {validation.model}")
    rows = "".join(_row(answers) for answers in validation.answers)
    pictures = "".join(
        f'<p><img alt="{html.escape(name[:-4])}" src="data:image/png;base64,'
        f'{base64.b64encode(content).decode()}"></p>'
        for name, content in files.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{head}</title>'
        f"<style>{_STYLE}</style><h1>{head}</h1><p>{html.escape(validation.patterns)}</p>"
        "<table><tr><th>target<th>patterns<th>right<th>within one label"
        f"<th>median error<th>95 % below<th>largest</tr>{rows}</table>{pictures}</html>\n"
    )


def _row(answers: TargetAnswers) -> str:
    figures = answers.figures()
    errors = (
        f"{figures[name]:.3g} {answers.unit}"
        for name in (
            "median_absolute_error",
            "percentile95_absolute_error",
            "largest_absolute_error",
        )
    )
    cells = (
        answers.target,
        str(figures["count"]),
        f"{figures['share_right']:.1%}",
        f"{figures['share_within_one_label']:.1%}",
        *errors,
    )
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
