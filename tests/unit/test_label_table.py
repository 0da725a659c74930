"""Tables of labels: read as this program and the earlier one write them, or refused."""

import pytest

from pacbed.errors import BundleError
from pacbed.library.models.label_table import read_label_table


@pytest.mark.parametrize(
    "text",
    [
        "Index;Thickness / A\n0;100\n1;200\n2;350\n",
        "Thickness / A,Index\n100.0,0\n200.0,1\n350.0,2\n",
        "Thickness / A\n100\n200\n350\n",
        "\ufeffIndex;Thickness / A\r\n2;350\r\n0;100\r\n1;200\r\n",
    ],
    ids=["ours", "earlier", "without index", "spreadsheet, unsorted"],
)
def test_read(tmp_path, text):
    path = tmp_path / "Thickness_labels.csv"
    path.write_text(text, encoding="utf-8")
    assert read_label_table(path, "Thickness").values == (100, 200, 350)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column"),
        ("Index;Mistilt / mrad\n0;1\n1;2\n", "no column 'Thickness / A'"),
        ("Index;Thickness / A\n0;100\n", "two different labels"),
        ("Index;Thickness / A\n0;100\n1;100\n", "two different labels"),
        ("Index;Thickness / A\n0;100\n2;200\n", "Index must number"),
        ("Index;Thickness / A\n0;100\n0;200\n", "Index must number"),
        ("Index;Thickness / A\n0;thin\n1;200\n", "not a number"),
        ("Index;Thickness / A\n0;nan\n1;200\n", "no thickness can have"),
        ("Index;Thickness / A\n0;-5\n1;200\n", "no thickness can have"),
        ("Index;Thickness / A\n0\n1;200\n", "not a number"),
    ],
)
def test_refused(tmp_path, text, words):
    path = tmp_path / "Thickness_labels.csv"
    path.write_text(text)
    with pytest.raises(BundleError, match=words) as caught:
        read_label_table(path, "Thickness")
    assert str(path) in str(caught.value)


def test_missing_and_unreadable(tmp_path):
    path = tmp_path / "Thickness_labels.csv"
    with pytest.raises(BundleError, match="cannot be read"):
        read_label_table(path, "Thickness")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BundleError, match="is not text"):
        read_label_table(path, "Thickness")


def test_a_mistilt_may_be_nothing(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("Index;Mistilt / mrad\n0;0\n1;2.5\n")
    assert read_label_table(path, "Mistilt").values == (0, 2.5)


def test_directions_go_once_around(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("Index;Azimuth / deg\n0;0\n1;180\n2;270.5\n")
    assert read_label_table(path, "Azimuth").values == (0, 180, 270.5)
    for wrong in ("360", "-5", "inf"):
        path.write_text(f"Index;Azimuth / deg\n0;0\n1;{wrong}\n")
        with pytest.raises(BundleError, match="no azimuth can have"):
            read_label_table(path, "Azimuth")
