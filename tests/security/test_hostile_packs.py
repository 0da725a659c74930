"""Packed systems that somebody made to do harm: refused in one line, and nothing is written."""

import io
import json
import stat
import struct
import tracemalloc
import zipfile

import pytest

from pacbed.errors import FileFormatError, PacbedError
from pacbed.share import archive
from pacbed.share.archive import read_archive, write_archive
from pacbed.share.unpack import unpack_system
from tests.unit.test_share import packed, resealed  # noqa: F401


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    """An archive as zipfile writes it, of pairs of a name or ZipInfo and content."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as made:
        for name, data in members:
            made.writestr(name, data)
    return content.getvalue()


def refused(tmp_path, content, words):
    file, data = tmp_path / "sent.zip", tmp_path / "data"
    file.write_bytes(content)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FileFormatError, match=words) as caught:
        unpack_system(file, data, test=False)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "name",
    [
        "../evil.npz", "model/../../evil.npz", "/etc/evil", "C:/evil.npz", "model\\..\\evil.npz",
        "model/", "model/a/b.npz", "model/.hidden", "other/a.npz", "model/a\x00.npz", "",
        "model/" + "a" * 300, "system.json/x", "MODEL/a.npz", "./system.json",
        "model/\u202eexe.npz",
    ],
)  # fmt: skip
def test_a_name_that_leads_elsewhere(tmp_path, name):
    member = zipfile.ZipInfo("x")
    member.filename = name
    refused(tmp_path, zipped([("system.json", b"{}"), (member, b"x")]), "is no packed system")


def test_a_link(tmp_path):
    link = zipfile.ZipInfo("model/lacbed.npz")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused(tmp_path, zipped([("system.json", b"{}"), (link, b"/etc/passwd")]), "link or a device")


def test_a_name_twice_also_in_other_capitals(tmp_path):
    twice = [("model/a.npz", b"1"), ("model/A.npz", b"2")]
    refused(tmp_path, zipped(twice), "a name twice")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(tmp_path, method):
    refused(tmp_path, zipped([("system.json", b"{}")], method), "compressed in another way")


def test_an_encrypted_member(tmp_path):
    content = bytearray(zipped([("system.json", b"{}")]))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    refused(tmp_path, bytes(content), "encrypted")


def test_a_bomb_that_says_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 2**20)
    bomb = zipped([("system.json", b"{}"), ("model/a.npz", bytes(2**22))])
    assert len(bomb) < 2**14
    refused(tmp_path, bomb, "larger than 1 MiB")


def test_a_bomb_that_lies_about_its_size(tmp_path):
    size = 2**25
    content = bytearray(zipped([("model/a.npz", bytes(size))]))
    told = struct.pack("<I", size)
    while told in content:
        place = content.index(told)
        content[place : place + 4] = struct.pack("<I", 10)
    tracemalloc.start()
    try:
        refused(tmp_path, bytes(content), "is no packed system")
        assert tracemalloc.get_traced_memory()[1] < size / 4
    finally:
        tracemalloc.stop()


def test_millions_of_members_are_not_even_listed(tmp_path, monkeypatch):
    many = zipped([(f"model/{number}.npz", b"") for number in range(65)])

    def opened(*_arguments, **_more):
        raise AssertionError("the list was read")

    monkeypatch.setattr(zipfile, "ZipFile", opened)
    refused(tmp_path, many, "65 members")


def test_the_form_for_large_archives_and_comments(tmp_path):
    plain = zipped([("system.json", b"{}")])
    # Before the end, where zipfile looks for it.
    large = plain[:-22] + b"PK\x06\x07" + bytes(16) + plain[-22:]
    refused(tmp_path, large, "large archives")
    refused(tmp_path, plain + b"more", "without a comment")
    refused(tmp_path, plain[: len(plain) // 2], "is no packed system")
    refused(tmp_path, b"", "is no packed system")


def test_every_cut_and_many_changed_bytes_end_in_one_line(tmp_path, packed):  # noqa: F811
    files = read_archive(packed[1])
    content = write_archive({name: files[name][:300] for name in files})
    file = tmp_path / "sent.zip"
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        for sent in (content[:place], bytes(changed)):
            file.write_bytes(sent)
            with pytest.raises(PacbedError):
                unpack_system(file, tmp_path / "data", test=False)
    assert not (tmp_path / "data").exists()


def test_a_changed_file_and_one_that_is_not_listed(tmp_path, packed):  # noqa: F811
    files = read_archive(packed[1])
    other = {**files, "model/lacbed.npz": files["model/lacbed.npz"][:-1] + b"x"}
    refused(tmp_path, write_archive(other), "SHA-256 differs")
    refused(tmp_path, write_archive({**files, "model/more.npz": b"x"}), "not listed")
    refused(tmp_path, write_archive(resealed({**files, "model/more.npz": b"x"})), "other files")
    missing = {name: data for name, data in files.items() if name != "model/lacbed.npz"}
    refused(tmp_path, write_archive(missing), "missing")
    without = {name: data for name, data in files.items() if name != "system.json"}
    refused(tmp_path, write_archive(without), "has no system.json")


@pytest.mark.parametrize(
    "card",
    [
        b"[]", b"{}", b"\xff", b'{"format": "pacbed-system-9"}', b'{"a":' * 500,
    ],
)  # fmt: skip
def test_a_card_that_is_none(tmp_path, packed, card):  # noqa: F811
    files = read_archive(packed[1])
    refused(tmp_path, write_archive({**files, "system.json": card}), "sent.zip: ")


def test_words_for_the_terminal_are_refused(tmp_path, packed):  # noqa: F811
    files = read_archive(packed[1])
    card = json.loads(files["system.json"])
    card["authors"] = [{"name": "A\x1b]0;owned\x07"}]
    sent = write_archive({**files, "system.json": json.dumps(card).encode()})
    refused(tmp_path, sent, "not one line")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("crystal/recipe.toml", b'[system]\nname = "x"\n'),
        ("crystal/recipe.toml", b"[crystal]\ncif = '../model/bundle.json'\n[system]\n"),
        ("crystal/crystal_file.cif", b"data_x\n"),
        ("model/bundle.json", b'{"schema": 2}'),
        ("test/pattern.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '|O'}"),
    ],
)
def test_parts_that_are_no_such_thing(tmp_path, packed, name, content):  # noqa: F811
    files = resealed({**read_archive(packed[1]), name: content})
    file = tmp_path / "sent.zip"
    file.write_bytes(write_archive(files))
    with pytest.raises(PacbedError):
        unpack_system(file, tmp_path / "data")
    register = tmp_path / "data" / "Register.csv"
    assert not register.exists()
