"""What a paper shows and says of an answer: the figure as vectors, and the methods."""

import re
from dataclasses import replace

import numpy as np
import pytest

import pacbed
from pacbed.answer.methods import REFERENCES, methods_text
from pacbed.answer.report.paper import PaperStyle, draw_paper, save_paper
from pacbed.answer.report.view import crop_view, simulate_view
from pacbed.errors import OutOfRangeError
from tests.cli_tools import fail, run, succeed

SYSTEM, ANGLE = "sto-001-200kV", 15.0


@pytest.fixture(scope="module")
def pattern(repository):
    return repository / "examples" / "sto-001-200kV_56nm.npy"


@pytest.fixture(scope="module")
def answered(pattern):
    """An answer, its model, and measured beside simulated pattern."""
    model = pacbed.load_bundle(SYSTEM)
    data = np.load(pattern, allow_pickle=False)
    estimate = pacbed.open_predictor(model).infer(data, ANGLE)
    view = simulate_view(crop_view(data, estimate, ANGLE, 1.5), model.table, estimate)
    return estimate, model, view


def size_mm(svg):
    width = re.search(rb'<svg[^>]* width="([0-9.]+)pt"', svg)[1]
    return float(width) / 72 * 25.4


def test_the_figure_is_as_wide_as_asked_and_its_letters_stay_letters(answered, tmp_path):
    estimate, _, view = answered
    style = PaperStyle(width_mm=120, size_pt=7)
    svg = save_paper(tmp_path / "f.svg", draw_paper(view, estimate, style))
    assert size_mm(svg) == pytest.approx(120, abs=0.01)
    text = svg.decode()
    for words in ("(a) Experiment", f"(b) Fit, {estimate.thickness_nm:.1f}", "mrad"):
        assert words in text
    assert "7px" in text
    # Only what a paper shows: no status, no residual, no name of a file or program.
    shown = re.findall(r"<text[^>]*>([^<]*)<", text)
    assert len(shown) == 3
    pdf = save_paper(tmp_path / "f.pdf", draw_paper(view, estimate, style))
    assert pdf.startswith(b"%PDF")
    assert b"/Type3" not in pdf  # which journals refuse
    assert b"CreationDate" not in pdf


@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_the_same_answer_makes_the_same_file(answered, tmp_path, kind):
    estimate, _, view = answered
    path = tmp_path / f"f.{kind}"
    first, second = (save_paper(path, draw_paper(view, estimate, PaperStyle())) for _ in range(2))
    assert first == second


def test_words_stay_within_the_figure(answered):
    estimate, _, view = answered
    wide = replace(estimate, thickness_nm=123.4, thickness_std_nm=1.2)
    figure = draw_paper(view, wide, PaperStyle())
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.texts]
    assert max(box.x1 for box in boxes) <= figure.bbox.width
    assert boxes[0].x1 < boxes[1].x0


def test_the_cross_is_where_the_zone_axis_is(answered):
    estimate, _, view = answered
    for axes in draw_paper(view, estimate, PaperStyle()).axes:
        (x,), (y,) = axes.lines[0].get_data()
        assert (x, y) == (estimate.tilt_x_mrad, estimate.tilt_y_mrad)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"width_mm": 10}, "10 mm: give one from 30"),
        ({"size_pt": 50}, "50 pt"),
        ({"font": "No Such Font"}, '"No Such Font" is not installed'),
        ({"colours": "jet"}, "gray or inferno"),
    ],
)
def test_a_style_that_cannot_be_is_refused(given, words):
    with pytest.raises(OutOfRangeError, match=words):
        PaperStyle(**given)


def test_the_methods_say_versions_parameters_and_references(answered):
    estimate, model, _ = answered
    text = methods_text([("a.dm4", estimate, model)])
    assert f"PACBED-CNN {pacbed.__version__} [2]" in text
    assert "Strontium titanate (SrTiO3) along [001] at 200 kV" in text
    assert "B: Sr 0.62 Å², Ti 0.44 Å², O 0.72 Å²" in text
    assert "directions 0.5 mrad apart" in text
    assert "calibrated on frozen-phonon patterns" in text
    assert "two neural networks" in text
    assert re.search(r"a\.dm4: thickness 56\.\d ± 0\.\d nm \(95 % interval 5", text)
    pattern = r"; ± 0\.\d\d nm and ± 0\.\d{3} mrad with errors of Debye-Waller factors by"
    assert re.search(pattern, text)
    for number, reference in enumerate(REFERENCES, 1):
        assert f"[{number}] {reference}." in text
        assert f"[{number}]" in text.split(f"[{number}] {reference}")[0]  # and it is cited


def test_references_are_those_of_the_physics_page(repository):
    page = (repository / "docs" / "physics.md").read_text("utf-8")
    for reference in REFERENCES:
        doi = re.search(r"doi:(\S+)", reference)
        assert doi is None or doi[1] in page


def test_answers_that_must_not_be_used_are_told_and_no_more(answered):
    estimate, model, _ = answered
    wrong = replace(estimate, status="mismatch")
    text = methods_text([("a.dm4", estimate, model), ("b.dm4", wrong, model)])
    assert "Left out, since no thickness of the crystal explains them: b.dm4." in text
    assert "b.dm4: thickness" not in text
    doubtful = replace(estimate, status="ambiguous")
    assert "AMBIGUOUS" in methods_text([("a.dm4", doubtful, model)])


def test_the_command_writes_both(pattern, tmp_path):
    figure, methods = tmp_path / "f.pdf", tmp_path / "m.txt"
    succeed(
        "infer", pattern, "--system", SYSTEM, "--convergence", ANGLE, "--figure", figure,
        "--figure-width", "double", "--figure-colours", "inferno", "--methods", methods,
    )  # fmt: skip
    assert figure.read_bytes().startswith(b"%PDF")
    assert f"{pattern.name}: thickness 56" in methods.read_text("utf-8")


def test_what_could_not_be_written_is_refused_before_the_work(tmp_path):
    options = ("infer", "none.npy", "--system", SYSTEM, "--convergence", ANGLE)
    assert "end the name in .pdf or .svg" in fail(*options, "--figure", tmp_path / "f.png")
    assert "end the name in .txt" in fail(*options, "--methods", tmp_path / "m.doc")
    words = fail(*options, "--figure", tmp_path / "f.pdf", "--figure-width", "narrow")
    assert "single, double or a number" in words


@pytest.mark.filterwarnings("default")
def test_a_wrong_crystal_gets_no_figure(answered, pattern, tmp_path, monkeypatch):
    estimate, _, view = answered
    with pytest.raises(OutOfRangeError, match="the answer is mismatch and must not be used"):
        draw_paper(view, replace(estimate, status="mismatch"), PaperStyle())
    with pytest.raises(OutOfRangeError, match="no pattern to show"):
        draw_paper(replace(view, simulated=None), estimate, PaperStyle())
    figure = tmp_path / "f.pdf"
    monkeypatch.setattr("pacbed.answer.report.paper.USABLE", ())
    result = run("infer", pattern, "--system", SYSTEM, "--convergence", ANGLE, "--figure", figure)
    assert result.exit_code == 0
    assert "not drawn: the answer is ok" in result.stderr
    assert not figure.exists()
