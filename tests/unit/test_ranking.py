"""Answers of several systems, the best first."""

import dataclasses
import json
import math

import pytest

from pacbed.answer.estimate import Basis, Estimate, ThicknessDistribution
from pacbed.answer.ranking import rank, ranking_entry
from pacbed.commands.infer.answers import Answer
from pacbed.commands.infer.show import ranking_rows


def estimate(system, status, structured=None):
    basis = Basis() if structured is None else Basis(structured)
    return Estimate(
        system, status, 20.0, 0.5, (19.0, 21.0), 1.0, 0.0, 0.1, 1.0, 0.0, 0.3, 1.0, 0.0,
        64.0, 64.0, 0.02, (), ThicknessDistribution((), ()), basis=basis,
    )  # fmt: skip


def test_status_goes_before_the_residual():
    answers = [
        estimate("e", "mismatch", 0.6),
        estimate("d", "out_of_range", 0.01),
        estimate("b", "ok", 0.2),
        estimate("c", "ambiguous", 0.001),
        estimate("a", "ok", 0.1),
        estimate("f", "mismatch", 0.9),
    ]
    assert [answer.system for answer in rank(answers)] == list("abcdef")


def test_answers_without_a_fit_come_last_of_their_status():
    answers = [estimate("b", "ok"), estimate("a", "ok", 0.4)]
    assert [answer.system for answer in rank(answers)] == ["a", "b"]
    assert math.isinf(answers[0].basis.structured_residual)
    assert rank([]) == []


def test_entry_is_plain():
    entry = ranking_entry(estimate("a", "ok", 0.1))
    assert json.loads(json.dumps(entry)) == entry
    assert entry["system"] == "a"
    assert entry["structured_residual"] == pytest.approx(0.1)


def test_an_answer_without_a_fit_shows_no_residual_of_zero():
    bare = dataclasses.replace(estimate("a", "ok"), residual=None)
    zero = dataclasses.replace(estimate("b", "ok", 0.0123), residual=0.0)
    rows = ranking_rows(Answer(None, bare, None, ranking=(bare, zero)))
    assert [row[-2:] for row in rows] == [["unknown", "unknown"], ["0.0", "1.2"]]
