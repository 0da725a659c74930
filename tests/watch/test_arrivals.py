"""Which files of a folder are written to their end."""

import os

import pytest

from pacbed.errors import FileFormatError
from pacbed.watch.arrivals import Arrivals


@pytest.fixture
def watched(tmp_path):
    """A folder, its arrivals, and a clock that is moved by hand."""
    now = [0.0]
    arrivals = Arrivals(tmp_path, 2.0, lambda: now[0])

    def after(seconds):
        now[0] += seconds
        return [arrival.path.name for arrival in arrivals.look()]

    return tmp_path, after


def test_a_file_that_still_grows_is_left_alone(watched):
    folder, after = watched
    with open(folder / "a.npy", "wb") as file:
        for _ in range(5):
            file.write(b"x" * 10)
            file.flush()
            assert after(3) == []
    assert after(1) == []
    assert after(1.5) == ["a.npy"]
    # Written anew under the same name it arrives again.
    (folder / "a.npy").write_bytes(b"y" * 60)
    assert after(1) == []
    assert after(2) == ["a.npy"]


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW") or os.uname().sysname != "Linux",
                    reason="only Linux tells who writes")  # fmt: skip
def test_a_file_that_is_open_for_writing_is_left_alone(watched):
    folder, after = watched
    with open(folder / "a.npy", "wb") as file:
        file.write(b"half")
        file.flush()
        after(1)
        assert after(60) == []
    assert after(1) == ["a.npy"]


def test_what_is_no_pattern_is_not_looked_at(watched):
    folder, after = watched
    (folder / "inside").mkdir()
    (folder / "inside" / "b.npy").write_bytes(b"x")
    (folder / "folder.npy").mkdir()
    names = (".a.npy", "~a.npy", "a.npy.part", "a.tmp", "notes.txt", "pacbed-answers.csv")
    for name in names:
        (folder / name).write_bytes(b"x")
    (folder / "empty.npy").touch()
    outside = folder / "inside" / "b.npy"
    (folder / "link.npy").symlink_to(outside)
    (folder / "A.NPY").write_bytes(b"x")
    after(1)
    assert after(5) == ["A.NPY"]


def test_the_oldest_comes_first_and_a_folder_may_be_away(watched, tmp_path):
    folder, after = watched
    for name, date in (("b.npy", 1), ("a.npy", 2), ("c.npy", 2)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (date, date))
    after(1)
    assert after(5) == ["b.npy", "a.npy", "c.npy"]
    folder.rename(folder.with_name("away"))
    assert after(1) == []
    with pytest.raises(FileFormatError, match="no folder"):
        Arrivals(tmp_path / "none")
