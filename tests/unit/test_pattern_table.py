"""Reading tables of simulated patterns, good and bad."""

from pathlib import Path

import numpy as np
import pytest

from pacbed.errors import FileFormatError
from pacbed.library.tables.pattern_table import read_pattern_table

GOOD = """Path;Thickness;Mistilt;Conv_Angle;Material
a\\1.npy;50;0;20;SrTiO3
a\\2.npy;100;2;20;SrTiO3
"""


@pytest.fixture
def folder(tmp_path):
    inner = tmp_path / "data" / "7" / "simulation"
    (inner / "a").mkdir(parents=True)
    for name in ("1.npy", "2.npy"):
        np.save(inner / "a" / name, np.zeros((4, 4)))
    return inner


def write(folder: Path, text: str) -> Path:
    path = folder / "df.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace(";", ","),
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.replace("Path", ";Path").replace("\na", "\n0;a"),
        GOOD.replace("50;", "50,0;"),
    ],
    ids=["semicolons", "commas", "windows", "mark", "row numbers", "decimal commas"],
)
def test_forms_of_a_table(folder, text):
    table = read_pattern_table(write(folder, text))
    assert len(table) == 2
    assert table.thickness_angstrom.tolist() == [50, 100]
    assert table.mistilt_mrad.tolist() == [0, 2]
    assert [file.name for file in table.files] == ["1.npy", "2.npy"]
    assert table.one_value("Material") == "SrTiO3"
    assert table.one_value("Crystal") is None


@pytest.mark.parametrize("base", ["table", "data", "above", "absolute", "windows"])
def test_paths_are_relative_to_several_folders(folder, base, tmp_path):
    data = None
    text = GOOD
    if base == "data":
        data = tmp_path / "elsewhere"
        (folder / "a").rename(folder / "gone")
        (data / "a").mkdir(parents=True)
        for file in (folder / "gone").iterdir():
            file.rename(data / "a" / file.name)
    elif base == "above":
        text = GOOD.replace("a\\", "7\\simulation\\a\\")
    elif base == "absolute":
        text = GOOD.replace("a\\", f"{folder}/a/")
    elif base == "windows":
        text = GOOD.replace("a\\", "C:\\Users\\me\\data\\7\\simulation\\a\\")
    table = read_pattern_table(write(folder, text), data)
    assert all(file.is_file() for file in table.files)


def test_ranges_to_keep(folder):
    table = read_pattern_table(write(folder, GOOD))
    assert table.keep(thickness_angstrom=(60, 200)).lines.tolist() == [3]
    with pytest.raises(FileFormatError, match="50 to 100 Å"):
        table.keep(convergence_mrad=(30, 40))


def test_digest_tells_other_content(folder):
    table = read_pattern_table(write(folder, GOOD))
    before = table.digest()
    assert read_pattern_table(table.path).digest() == before
    np.save(table.files[0], np.zeros((5, 5)))
    assert read_pattern_table(table.path).digest() != before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column Path"),
        ("Path;Thickness\n", "no column Mistilt or Conv_Angle"),
        (GOOD.split("\n")[0], "has 0 rows"),
        ("\n".join(GOOD.split("\n")[:2]), "has 1 row:"),
        (GOOD.replace("50", "nan"), "line 2: Thickness is nan"),
        (GOOD.replace("50", "thin"), 'line 2: Thickness "thin"'),
        (GOOD.replace(";2;20", ";;20"), 'line 3: Mistilt ""'),
        (GOOD.replace("50", "-50"), "not negative"),
        (GOOD.replace("2.npy", "3.npy"), "line 3: there is no file a/3.npy"),
        (GOOD.replace("a\\1.npy", " "), "line 2: Path is empty"),
        (GOOD.replace(";SrTiO3\na", "\na"), "line 2 has 4 entries"),
        (GOOD.replace("Material", "Path"), "column Path twice"),
    ],
)
def test_bad_tables(folder, text, words):
    path = write(folder, text)
    with pytest.raises(FileFormatError) as caught:
        read_pattern_table(path)
    assert words in str(caught.value)
    assert "df.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_tables(folder):
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_pattern_table(folder / "none.csv")
    (folder / "b.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(FileFormatError, match="UTF-8"):
        read_pattern_table(folder / "b.csv")
