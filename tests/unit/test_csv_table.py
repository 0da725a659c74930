"""How tables of text are read and written."""

import csv

import pytest

from pacbed.library.csv_table import CsvRows, csv_text


@pytest.mark.parametrize(
    "text",
    [
        "a;b\n1;2,5\n\n;\n3;4\n",
        "a,b\n1,\"2,5\"\n,\n3,4\n",
        "\n  \na, b\r\n1, \"2,5\"\r\n3,4\r\n",
        "a;b,c;d\n1;2,5;x\n3;4;5\n",
    ],
    ids=["semicolons", "commas", "blank lines first", "more semicolons"],
)  # fmt: skip
def test_rows_that_hold_something_by_the_separator_of_the_first(text):
    rows = CsvRows(text)
    assert rows.header()[0] == "a"
    assert [cells[:2] for cells in rows] == [["1", "2,5"], ["3", "4"]]


def test_the_line_is_where_a_row_ends():
    rows = CsvRows('a;b\n1;"two\nlines"\n\n3;4\n')
    assert rows.header() == ["a", "b"]
    assert [(rows.line, cells) for cells in rows] == [(3, ["1", "two\nlines"]), (5, ["3", "4"])]


def test_records_have_every_column():
    assert list(CsvRows("a;b;c\n1\n1;2;3;4\n").records()) == [
        {"a": "1", "b": "", "c": ""},
        {"a": "1", "b": "2", "c": "3"},
    ]
    assert list(CsvRows("").records()) == []
    assert CsvRows("").header() == []


def test_a_given_separator_is_kept_to():
    assert list(CsvRows("a,b;c\n 1,2; 3\n", ";")) == [["a,b", "c"], [" 1,2", " 3"]]


def test_a_cell_beyond_all_bounds_is_an_error():
    rows = CsvRows("a;b\n1;" + "x" * (csv.field_size_limit() + 1))
    rows.header()
    with pytest.raises(csv.Error):
        list(rows)


def test_what_is_written_is_read():
    text = csv_text(("a", "b"), [(1, None), ("x;y", 'say "no"')])
    assert text == 'a;b\n1;\n"x;y";"say ""no"""\n'
    assert list(CsvRows(text, ";"))[1:] == [["1", ""], ["x;y", 'say "no"']]
    assert csv_text(("a",), [(1,)], ",", "\r\n") == "a\r\n1\r\n"
