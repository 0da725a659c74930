"""Progress where nobody looks at a terminal: lines, not too many, with the time left."""

from pacbed.commands.progress import Lines, progress_bar


def test_a_log_gets_a_line_now_and_then(capsys):
    now = [0.0]
    lines = Lines("simulating x", 1.0, lambda: now[0])
    for second in range(1, 101):
        now[0] = float(second)
        lines.update(second / 100)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "simulating x: 3 %, about 2 min left"
    assert told[1] == "simulating x: 13 %, about 87 s left"
    assert 8 <= len(told) <= 10


def test_a_night_makes_a_short_log(capsys):
    now = [0.0]
    lines = Lines("training x", 1.0, lambda: now[0])
    for second in range(1, 36_000):
        now[0] = float(second)
        lines.update(second / 36_000, f"training x: loss {second}")
    told = capsys.readouterr().err.splitlines()
    assert 50 < len(told) < 200
    assert "h" in told[20]
    assert "loss" in told[20]


def test_what_is_quick_says_nothing(capsys):
    with progress_bar("inferring", total=3) as bar:
        for done in range(4):
            bar.update(done)
    assert capsys.readouterr().err == ""


def test_nothing_done_yet_has_no_time_left(capsys):
    now = [0.0]
    lines = Lines("waiting", 0.0, lambda: now[0])
    now[0] = 5.0
    lines.update(-1.0)
    assert capsys.readouterr().err == "waiting: 0 %\n"
