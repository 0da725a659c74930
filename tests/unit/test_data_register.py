"""Reading the register of a data folder, as pandas, spreadsheets and Windows write it."""

from pathlib import Path

import pytest

from pacbed.errors import BundleError, FileFormatError
from pacbed.library.register.rows import (
    COLUMNS,
    RegisterRow,
    read_register,
    register_models,
    system_folder,
)

HEADER = (
    "id;path;material;composition;direction;thickness;thickness step;high tension;"
    "convergenc angle min;convergenc angle max;convergenc angle step;mistilt min;mistilt max;"
    "mistilt step;azimuth min;azimuth max;azimuth step;dim"
)
ROWS = (
    r"0;data\0;Rutile;TiO2;001;1000;20;80;20;20;0;0;10;1;0;90;15;680",
    r"1;data\1;Strontium titanate;SrTiO3;1;1200.0;10.0;300.0;15.0;30.0;2.5;0.0;;;;;;170.0",
)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def _write(data: Path, *lines: str, encoding: str = "utf-8", newline: str = "\n") -> None:
    (data / "Register.csv").write_bytes(newline.join(lines).encode(encoding))


def test_columns_are_those_of_the_earlier_system():
    assert ";".join(COLUMNS) == HEADER


def test_rows_as_pandas_writes_them(data):
    _write(data, HEADER, *ROWS)
    rutile, titanate = read_register(data)
    assert rutile == RegisterRow(
        0, r"data\0", "Rutile", "TiO2", "001", 1000, 20, 80, 20, 20, 0, 0, 10, 1, 0, 90, 15, 680
    )
    assert rutile.zone_axis == titanate.zone_axis == (0, 0, 1)
    assert titanate.thickness_step_angstrom == 10
    assert titanate.mistilt_max_mrad is None
    assert titanate.dim == 170
    assert system_folder(data, rutile) == data / "0"


@pytest.mark.parametrize(
    ("encoding", "newline"), [("utf-8-sig", "\r\n"), ("utf-8", "\n"), ("latin-1", "\r\n")]
)
def test_encodings_and_line_ends(data, encoding, newline):
    row = '7;"data\\7";"Glühwein; ""hot""";X;[1 1 0];100,5;;200000;;;;;;;;;;nan'
    _write(data, HEADER, "", row, "", encoding=encoding, newline=newline)
    (found,) = read_register(data)
    assert found.material == 'Glühwein; "hot"'
    assert found.zone_axis == (1, 1, 0)
    assert found.thickness_angstrom == 100.5
    assert found.high_tension_kV == 200
    assert found.dim is None


def test_columns_in_any_order_and_an_index_without_a_name(data):
    _write(data, ";composition;path;colour", "3;GaN;3;blue", "4")
    gan, bare = read_register(data)
    assert (gan.id, gan.composition, gan.path) == (3, "GaN", "3")
    assert bare == RegisterRow(4)
    assert system_folder(data, bare) == data / "4"


def test_no_register_has_no_rows(data):
    assert read_register(data) == []
    assert register_models(data, 0) == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "empty"),
        (["path;material"], '"id"'),
        (["id,path"], "semicolons"),
        (["id;path;path"], "twice"),
        (["id;path", "1;a;b"], "line 2"),
        ([HEADER, "", "x" + ROWS[0]], "line 3"),
        ([HEADER, ROWS[0].replace("1000", "thick")], '"thick"'),
        ([HEADER, ROWS[0].replace("1000", "inf")], '"inf"'),
        ([HEADER, ROWS[0].replace("680", "68.5")], "whole number"),
        ([HEADER, *ROWS, ROWS[1]], "line 4: the ID 1"),
        ([HEADER, "-1;data"], "line 2"),
        ([HEADER, ";data"], "line 2"),
        (["id\0;path"], "text"),
    ],
)
def test_faults_name_file_and_line(data, lines, words):
    _write(data, *lines)
    with pytest.raises(FileFormatError) as caught:
        read_register(data)
    assert words in str(caught.value)
    assert "Register.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "stored",
    [r"data\5", "data/5/", "5", r".\data\5", r"C:\work\data\5", "/home/a/data/5", "renamed/5"],
)
def test_stored_paths_lead_into_the_folder_whatever_its_name_is_today(tmp_path, stored):
    data = tmp_path / "renamed"
    (data / "5").mkdir(parents=True)
    assert system_folder(data, RegisterRow(5, stored)) == data / "5"


def test_a_full_path_of_another_computer_falls_back_on_the_id(data):
    row = RegisterRow(5, r"D:\simulations\system5")
    with pytest.raises(BundleError, match="system 5"):
        system_folder(data, row)
    (data / "5").mkdir()
    assert system_folder(data, row) == data / "5"


@pytest.mark.parametrize(
    "stored", ["../5", r"data\..\..\5", "/etc/passwd", "/data", "..", "~/../x", "data/5/../../.."]
)
def test_no_path_leads_outside(data, stored):
    with pytest.raises(BundleError, match="data folder"):
        system_folder(data, RegisterRow(5, stored))


def test_no_link_leads_outside(data, tmp_path):
    (tmp_path / "secret").mkdir()
    (data / "5").symlink_to(tmp_path / "secret", target_is_directory=True)
    with pytest.raises(BundleError, match="data folder"):
        system_folder(data, RegisterRow(5, r"data\5"))


def test_models(data):
    _write(data, HEADER, *ROWS)
    models = data / "1" / "models"
    (models / "first").mkdir(parents=True)
    (models / "Register_models.csv").write_text(
        "id;path;colour\n0;data\\1\\models\\first;red\n1.0;D:\\old\\first;\n2;second;\n",
        encoding="utf-8",
    )
    first, moved, second = register_models(data, 1)
    assert (first.id, first.path) == (0, r"data\1\models\first")
    assert first.folder == moved.folder == models / "first"
    assert second.id == 2
    (models / "Register_models.csv").write_text("id;path\n0;..\\..\\x\n", encoding="utf-8")
    with pytest.raises(BundleError, match="line 2"):
        register_models(data, 1)
    (models / "Register_models.csv").write_text("id;colour\n0;red\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match='"path"'):
        register_models(data, 1)
