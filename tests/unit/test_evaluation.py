"""The table of labels, the errors to it and their summary."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pacbed.answer.estimate import Estimate, ThicknessDistribution
from pacbed.errors import CrystalError, FileFormatError
from pacbed.evaluate.scores import Score, summarise, to_csv
from pacbed.evaluate.truth import Label, read_labels
from pacbed.library.zone_axis import format_zone_axis, parse_zone_axis

HEADER = (
    "path,material,high_tension_kV,zone_axis,convergence_mrad,thickness_min_nm,thickness_max_nm"
)
LINE = "a.npy,Rutile,80,0 0 1,20,16,17"
ESTIMATE = Estimate(
    system="rutile-001-80kV",
    status="ok",
    thickness_nm=16.5,
    thickness_std_nm=0.3,
    thickness_interval95_nm=(15.9, 17.1),
    tilt_x_mrad=3.0,
    tilt_y_mrad=4.0,
    tilt_std_mrad=0.1,
    mistilt_mrad=5.0,
    azimuth_deg=53.13,
    mrad_per_pixel=0.1,
    scale=1.0,
    rotation_deg=None,
    center_row_px=32.0,
    center_column_px=32.0,
    residual=None,
    alternatives=(),
    thickness_distribution=ThicknessDistribution((16.0, 17.0), (0.5, 0.5)),
    warnings=("first", "second"),
)
LABEL = Label("a.npy", Path("a.npy"), 2, "Rutile", 80.0, (0, 0, 1), 20.0, 16.0, 17.0)


def _table(tmp_path: Path, *lines: str) -> Path:
    (tmp_path / "a.npy").write_bytes(b"")
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


def test_read_labels_with_all_columns(tmp_path: Path) -> None:
    header = f"{HEADER},label_origin,tilt_x_mrad,tilt_y_mrad,mrad_per_pixel,comment"
    table = _table(tmp_path, header, f'{LINE},"a fit, by hand",-3,4.5,0.2,x', "", LINE)
    first, second = read_labels(table)
    assert first.path == tmp_path / "a.npy"
    assert (first.name, first.line, first.zone_axis) == ("a.npy", 2, (0, 0, 1))
    assert (first.tilt_x_mrad, first.tilt_y_mrad, first.mrad_per_pixel) == (-3, 4.5, 0.2)
    assert first.label_origin == "a fit, by hand"
    assert (second.line, second.tilt_x_mrad, second.mrad_per_pixel) == (4, None, None)


def test_read_labels_with_semicolons_byte_order_mark_and_backslash(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    table = _table(tmp_path, "\ufeff" + HEADER.replace(",", "; "), LINE.replace(",", ";"))
    (tmp_path / "sub" / "b.npy").write_bytes(b"")
    table.write_text(
        table.read_text(encoding="utf-8") + LINE.replace(",", ";").replace("a.npy", "sub\\b.npy")
    )
    assert [label.path.name for label in read_labels(table)] == ["a.npy", "b.npy"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "column path"),
        ((HEADER,), "no patterns"),
        ((HEADER.replace("zone_axis", "zone"), LINE), "column zone_axis"),
        ((HEADER, LINE.replace("a.npy", "b.npy")), 'line 2: there is no file "b.npy"'),
        ((HEADER, LINE.replace("80", "eighty")), 'line 2: high_tension_kV is "eighty"'),
        ((HEADER, LINE.replace("80", "nan")), "high_tension_kV"),
        ((HEADER, LINE.replace("20", "-20")), "convergence_mrad is -20"),
        ((HEADER, LINE, LINE.replace("0 0 1", "0 0")), "line 3: the zone axis"),
        ((HEADER, LINE.replace("16,17", "17,16")), "range 17 to 16 nm"),
        ((HEADER, LINE.replace("16,17", "16")), 'thickness_max_nm is ""'),
        ((HEADER + ",tilt_x_mrad", LINE + ",3"), "both tilt_x_mrad and tilt_y_mrad"),
    ],
)  # fmt: skip
def test_bad_tables(tmp_path: Path, lines: tuple[str, ...], words: str) -> None:
    table = _table(tmp_path, *lines)
    with pytest.raises(FileFormatError) as raised:
        read_labels(table)
    assert words in str(raised.value)
    assert str(table) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_table_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x80")
    for table in (tmp_path / "labels.csv", tmp_path / "none.csv", tmp_path):
        with pytest.raises(FileFormatError, match=str(table)):
            read_labels(table)


@pytest.mark.parametrize(
    ("thickness", "error"), [(16.0, 0), (16.5, 0), (17.0, 0), (15.0, 1), (19.5, 2.5)]
)
def test_error_to_the_range(thickness: float, error: float) -> None:
    score = Score(LABEL, replace(ESTIMATE, thickness_nm=thickness))
    assert score.error_nm == pytest.approx(error)


def test_tilt_error_is_the_length_of_the_difference() -> None:
    assert Score(LABEL, ESTIMATE).tilt_error_mrad is None
    label = replace(LABEL, tilt_x_mrad=0.0, tilt_y_mrad=0.0)
    assert Score(label, ESTIMATE).tilt_error_mrad == pytest.approx(5)


def test_summary() -> None:
    scores = [
        Score(LABEL, replace(ESTIMATE, thickness_nm=thickness))
        for thickness in (16.5, 18.0, 18.5, 27.0)
    ]
    summary = summarise(scores)
    assert summary["count"] == 4
    assert summary["median_error_nm"] == pytest.approx(1.25)
    assert summary["max_error_nm"] == pytest.approx(10)
    assert summary["share_within_1nm"] == 0.5
    assert summary["share_within_2nm"] == summary["share_within_5nm"] == 0.75
    assert (summary["tilt_count"], summary["max_tilt_error_mrad"]) == (0, None)
    tilted = Score(replace(LABEL, tilt_x_mrad=0.0, tilt_y_mrad=0.0), ESTIMATE)
    assert summarise([*scores, tilted])["median_tilt_error_mrad"] == pytest.approx(5)


def test_csv_and_json_hold_the_whole_answer() -> None:
    score = Score(LABEL, ESTIMATE)
    (row,) = csv.DictReader(io.StringIO(to_csv([score])))
    assert row["path"] == "a.npy"
    assert float(row["error_nm"]) == 0
    assert (row["thickness_low95_nm"], row["warnings"]) == ("15.9", "first | second")
    entry = json.loads(json.dumps(score.to_dict()))
    assert entry["system"] == "rutile-001-80kV"
    assert entry["thickness_distribution"]["thickness_nm"] == [16, 17]


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("0 0 1", (0, 0, 1)),
        ("[1 -1 0]", (1, -1, 0)),
        ("1,1,0", (1, 1, 0)),
        ("001", (0, 0, 1)),
        ("[1-10]", (1, -1, 0)),
        ("10 0 1", (10, 0, 1)),
    ],
)
def test_zone_axis(text: str, axis: tuple[int, int, int]) -> None:
    assert parse_zone_axis(text) == axis
    assert parse_zone_axis(format_zone_axis(axis)) == axis


@pytest.mark.parametrize("text", ["", "0 0", "0 0 0", "a b c", "0 0 1 0", "0.5 0 1", "10 0"])
def test_senseless_zone_axis(text: str) -> None:
    with pytest.raises(CrystalError):
        parse_zone_axis(text)
