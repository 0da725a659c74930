"""How far a model's answers are from the truth: confusion matrices and errors."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class TargetAnswers:
    """Answers for one quantity beside the truth.

    Attributes
    ----------
    target : str
        ``Thickness``, ``Mistilt``, ``Scale`` or ``Azimuth``.
    unit : str
    labels : ndarray, shape (n,)
        Values that are told apart, rising; the confusion matrix counts between them.
    truth, found : ndarray, shape (m,)
    period : float or None
        Length of the circle that the labels go around, in the unit.
    """

    target: str
    unit: str
    labels: np.ndarray
    truth: np.ndarray
    found: np.ndarray
    period: float | None = None

    @property
    def error(self) -> np.ndarray:
        """Found minus true; around a circle the short way."""
        error = np.asarray(self.found - self.truth)
        if self.period is None:
            return error
        return np.asarray((error + self.period / 2) % self.period - self.period / 2)

    def labels_apart(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """How many labels lie between the numbers of two."""
        off = np.asarray(np.abs(one - other))
        return off if self.period is None else np.minimum(off, len(self.labels) - off)

    @property
    def step(self) -> float:
        """Median distance of neighbouring labels."""
        return float(np.median(np.diff(self.labels)))

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """Number of the label that is nearest to each value."""
        off = values[:, None] - self.labels
        if self.period is not None:
            off = (off + self.period / 2) % self.period - self.period / 2
        return np.asarray(np.abs(off).argmin(axis=1))

    def confusion(self) -> np.ndarray:
        """Count answers by true (row) and found (column) label, shape (n, n)."""
        counts = np.zeros((len(self.labels), len(self.labels)), int)
        np.add.at(counts, (self.nearest(self.truth), self.nearest(self.found)), 1)
        return counts

    def figures(self) -> dict[str, Any]:
        """Errors as plain numbers."""
        error = self.error
        off = self.labels_apart(self.nearest(self.found), self.nearest(self.truth))
        return {
            "unit": self.unit,
            "count": len(error),
            "labels": self.labels.tolist(),
            "step": self.step,
            "share_right": float((off == 0).mean()),
            "share_within_one_label": float((off <= 1).mean()),
            "share_more_than_three_labels_off": float((off > 3).mean()),
            "mean_error": float(error.mean()),
            "median_absolute_error": float(np.median(np.abs(error))),
            "percentile95_absolute_error": float(np.quantile(np.abs(error), 0.95)),
            "largest_absolute_error": float(np.abs(error).max()),
            "confusion": self.confusion().tolist(),
        }

    def worst(self, count: int) -> np.ndarray:
        """Numbers of the answers that are farthest off, the worst first."""
        return np.asarray(np.argsort(-np.abs(self.error), kind="stable")[:count])


@dataclass(frozen=True)
class Validation:
    """Answers of a model for all its targets, and pictures of what it saw.

    Attributes
    ----------
    model : str
        Name of the system.
    patterns : str
        What was asked, in words.
    answers : tuple of TargetAnswers
    pictures : dict of ndarray
        By target, frames (m, n, n), one for each answer.
    details : dict
        Plain values for the JSON file.
    """

    model: str
    patterns: str
    answers: tuple[TargetAnswers, ...]
    pictures: dict[str, np.ndarray]
    details: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain values."""
        return {
            "model": self.model,
            "patterns": self.patterns,
            "targets": {answer.target: answer.figures() for answer in self.answers},
            **self.details,
        }
