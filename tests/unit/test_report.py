"""The validation picture: its panels and its file."""

import dataclasses
import io
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from pacbed.answer.estimate import Alternative, Estimate, ThicknessDistribution
from pacbed.answer.report.figure import (
    ReportView,
    crop_view,
    draw_report,
    render_png,
    save_report,
)
from pacbed.errors import FileFormatError

CONVERGENCE_MRAD = 10.0


def make_estimate(**changes: object) -> Estimate:
    grid = np.arange(1.0, 60.0, 0.5)
    probability = np.exp(-0.5 * ((grid - 20) / 0.7) ** 2)
    probability /= probability.sum()
    values: dict[str, object] = {
        "system": "sto-001-200kV",
        "status": "ok",
        "thickness_nm": 20.0,
        "thickness_std_nm": 0.7,
        "thickness_interval95_nm": (18.6, 21.4),
        "tilt_x_mrad": 3.0,
        "tilt_y_mrad": -4.0,
        "tilt_std_mrad": 0.2,
        "mistilt_mrad": 5.0,
        "azimuth_deg": 307.0,
        "mrad_per_pixel": 0.5,
        "scale": 1.0,
        "rotation_deg": 30.0,
        "center_row_px": 30.0,
        "center_column_px": 34.0,
        "residual": 0.013,
        "alternatives": (Alternative(31.0, 4.0, 0.12),),
        "thickness_distribution": ThicknessDistribution(tuple(grid), tuple(probability)),
        "provenance": {"version": "1.2.3", "bundle_sha256": "0123456789abcdef" * 4},
    }
    return Estimate(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def estimate() -> Estimate:
    return make_estimate()


@pytest.fixture
def view(estimate: Estimate) -> ReportView:
    rows, columns = np.indices((64, 70))
    disk = np.hypot(rows - 30, columns - 34) * 0.5 < CONVERGENCE_MRAD
    cropped = crop_view(100 * disk + columns, estimate, CONVERGENCE_MRAD)
    return dataclasses.replace(cropped, simulated=2 * cropped.measured - 7)


def all_text(figure: Figure) -> str:
    parts = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        parts += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
        parts += [text.get_text() for text in axes.texts]
    return " ".join("\n".join(parts).split())


def open_png(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


class TestPicture:
    def test_has_every_panel_with_units(self, view: ReportView, estimate: Estimate) -> None:
        figure = draw_report(view, estimate, "scan 7.dm4")
        assert {axes.get_label() for axes in figure.axes} == {
            "measured",
            "simulated",
            "intensity scale",
            "difference",
            "difference scale",
            "thickness",
            "tilt",
            "summary",
        }
        text = all_text(figure)
        for words in (
            "scan 7.dm4",
            "sto-001-200kV",
            "20.0 ± 0.7 nm",
            "5.0 ± 0.2 mrad",
            "307° ± 3°",
            "x (mrad)",
            "thickness (nm)",
            "probability per 0.5 nm",
            "Difference",
            "1.3 % of the fitted variance",
            "31.0 nm (12 %)",
            "PACBED-CNN 1.2.3, bundle 0123456789ab",
        ):
            assert words in text

    @pytest.mark.parametrize(
        ("residual", "said"),
        [(0.013, "1.3 % of the fitted variance"), (None, "% of the variance")],
    )
    def test_says_one_residual_and_of_what(
        self, view: ReportView, residual: float | None, said: str
    ) -> None:
        """The fit's, or where nothing was fitted that of the pixels that are shown."""
        text = all_text(draw_report(view, make_estimate(residual=residual), "scan 7.dm4"))
        assert text.count("variance") == 1
        assert said in text

    def test_points_downwards_and_marks_the_zone_axis(
        self, view: ReportView, estimate: Estimate
    ) -> None:
        panels = {axes.get_label(): axes for axes in draw_report(view, estimate).axes}
        for name in ("measured", "simulated", "difference", "tilt"):
            axes = panels[name]
            bottom, top = axes.get_ylim()
            assert bottom > 0 > top
            marks = [
                np.array(line.get_xydata(), float)
                for line in axes.lines
                if line.get_marker() == "+"
            ]
            np.testing.assert_allclose(np.array(marks), np.array([[[3.0, -4.0]]]))

    def test_difference_has_a_symmetric_scale_in_percent(
        self, view: ReportView, estimate: Estimate
    ) -> None:
        assert view.simulated is not None
        noise = np.random.default_rng(0).normal(0, 5, view.measured.shape)
        noisy = dataclasses.replace(view, measured=view.measured + noise)
        panels = {axes.get_label(): axes for axes in draw_report(noisy, estimate).axes}
        low, high = panels["difference"].images[0].get_clim()
        assert low == -high
        assert 5 < high < 20
        assert panels["measured"].images[0].get_clim() == panels["simulated"].images[0].get_clim()

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"status": "mismatch"}, "does not fit this system."),
            ({"status": "out_of_range"}, "Not simulated: the answer lies outside"),
            ({"rotation_deg": None}, "Not simulated: this model gives no rotation"),
            ({}, "No simulated pattern was given."),
        ],
    )
    def test_says_why_nothing_is_simulated(
        self, view: ReportView, changes: dict[str, object], words: str
    ) -> None:
        figure = draw_report(dataclasses.replace(view, simulated=None), make_estimate(**changes))
        assert words in all_text(figure)
        assert open_png(render_png(figure)).size == (1400, 850)

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            ("ok", "one solution stands out"),
            ("ambiguous", "the thickness is not determined"),
            ("mismatch", "mismatch"),
            ("out_of_range", "out of range"),
        ],
    )
    def test_gives_the_status_in_words(self, view: ReportView, status: str, words: str) -> None:
        assert words in all_text(draw_report(view, make_estimate(status=status)))

    def test_counts_the_warnings_that_have_no_room(self, view: ReportView) -> None:
        warnings = tuple(f"number {n}: " + "long words " * 12 for n in range(9))
        text = all_text(draw_report(view, make_estimate(warnings=warnings)))
        assert "Warning: number 0" in text
        assert "more warnings: see the full answer" in text

    @pytest.mark.filterwarnings("error")
    def test_draws_hostile_input(self, view: ReportView) -> None:
        nan = math.nan
        estimate = make_estimate(
            thickness_nm=nan,
            thickness_std_nm=nan,
            thickness_interval95_nm=(nan, nan),
            tilt_x_mrad=nan,
            tilt_y_mrad=nan,
            tilt_std_mrad=nan,
            mistilt_mrad=nan,
            azimuth_deg=nan,
            thickness_distribution=ThicknessDistribution((), ()),
            warnings=("a $formula_{ that never ends",),
            provenance={},
        )
        figure = draw_report(view, estimate, "$x_{1 \u6f22\u5b57\n" + "long " * 99)
        assert open_png(render_png(figure)).size == (1400, 850)

    @pytest.mark.parametrize("value", [math.nan, 0.0, -3.0])
    def test_draws_a_pattern_without_contrast(
        self, view: ReportView, estimate: Estimate, value: float
    ) -> None:
        flat = dataclasses.replace(view, measured=np.full(view.measured.shape, value))
        assert open_png(render_png(draw_report(flat, estimate))).size == (1400, 850)

    def test_a_small_mistilt_has_no_azimuth(self, view: ReportView) -> None:
        small = make_estimate(tilt_x_mrad=0.1, tilt_y_mrad=0.1, mistilt_mrad=0.14)
        assert "not determined" in all_text(draw_report(view, small))


class TestFile:
    def test_writes_a_png_and_nothing_else(
        self, view: ReportView, estimate: Estimate, tmp_path: Path
    ) -> None:
        path = tmp_path / "report.png"
        path.write_bytes(b"old")
        save_report(path, draw_report(view, estimate))
        image = open_png(path.read_bytes())
        assert image.format == "PNG"
        assert image.size == (1400, 850)
        assert np.asarray(image.convert("L")).std() > 10
        assert [entry.name for entry in tmp_path.iterdir()] == ["report.png"]

    @pytest.mark.parametrize("name", ["missing/r.png", "file/r.png", "folder.png", "r.pdf", "r"])
    def test_refuses_a_place_in_one_line(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").write_text("")
        (tmp_path / "folder.png").mkdir()
        with pytest.raises(FileFormatError, match=name) as caught:
            save_report(tmp_path / name, Figure())
        assert "\n" not in str(caught.value)
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder.png"]

    def test_a_failed_write_keeps_the_old_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(source: object, target: object) -> None:
            raise PermissionError(13, "Permission denied")

        path = tmp_path / "report.png"
        path.write_bytes(b"old")
        monkeypatch.setattr(os, "replace", refuse)
        with pytest.raises(FileFormatError, match="Permission denied"):
            save_report(path, Figure())
        assert path.read_bytes() == b"old"
        assert len(list(tmp_path.iterdir())) == 1

    def test_threads_give_the_same_picture(self, view: ReportView, estimate: Estimate) -> None:
        def draw(_: int) -> bytes:
            return render_png(draw_report(view, estimate))

        with ThreadPoolExecutor(4) as pool:
            pictures = set(pool.map(draw, range(4)))
        assert len(pictures) == 1

    def test_keeps_away_from_pyplot(self, tmp_path: Path) -> None:
        code = (
            "import sys, pacbed.answer.report.figure as report\n"
            "from matplotlib.figure import Figure\n"
            f"report.save_report({str(tmp_path / 'r.png')!r}, Figure())\n"
            "print([name for name in ('matplotlib.pyplot', 'torch', 'abtem')"
            " if name in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"
