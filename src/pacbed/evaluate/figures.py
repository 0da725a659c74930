"""Pictures of a validation: confusion matrices, histograms of errors, worst patterns."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from pacbed.evaluate.answers import TargetAnswers

_DPI = 110
#: Near the diagonal in blue, beyond one label in red, the more the darker.
_NEAR = LinearSegmentedColormap.from_list("near", ["#d6e4ef", "#264d80"])
_FAR = LinearSegmentedColormap.from_list("far", ["#ffb38a", "#b3000c"])


def draw_target(answers: TargetAnswers, title: str) -> bytes:
    """Draw confusion matrix and histogram of errors of one target as PNG.

    Parameters
    ----------
    answers : TargetAnswers
    title : str
    """
    figure = Figure(figsize=(10.5, 4.9), dpi=_DPI, layout="constrained")
    figure.suptitle(title, fontsize=11)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _draw_confusion(left, answers)
    _draw_errors(right, answers)
    return to_png(figure)


def draw_patterns(
    frames: Sequence[np.ndarray], titles: list[str], heading: str, columns: int = 6
) -> bytes:
    """Draw patterns in a grid as PNG.

    Parameters
    ----------
    frames : sequence of ndarray, shape (n, n)
    titles : list of str
        One for each frame.
    heading : str
    columns : int
    """
    rows = max(1, -(-len(frames) // columns))
    figure = Figure(figsize=(1.6 * columns, 1.85 * rows + 0.4), dpi=_DPI, layout="constrained")
    figure.suptitle(heading, fontsize=10)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, frame, title in zip(axes.flat, frames, titles, strict=False):
        low, high = np.quantile(frame, (0.005, 0.998))
        axis.imshow(frame, cmap="gray", vmin=low, vmax=max(high, low + 1e-9))
        axis.set_title(title, fontsize=7)
    return to_png(figure)


def to_png(figure: Figure) -> bytes:
    """Render a figure, without pyplot's state."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_confusion(axis: Axes, answers: TargetAnswers) -> None:
    counts = answers.confusion()
    n = len(counts)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    distance = answers.labels_apart(np.arange(n)[:, None], np.arange(n))
    smallest = min(0.5, max(1e-4, float(share[share > 0].min())))
    norm = LogNorm(smallest, 1)
    for colours, where in ((_NEAR, distance <= 1), (_FAR, distance > 1)):
        shown = np.ma.masked_where(~where | (counts == 0), share)
        image = axis.imshow(shown, cmap=colours, norm=norm, origin="lower")
        bar = axis.figure.colorbar(image, ax=axis, shrink=0.8, pad=0.02)
        bar.set_ticks([s for s in (0.001, 0.01, 0.03, 0.1, 0.3, 1.0) if s >= smallest])
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:g} %"))
        bar.ax.minorticks_off()
        bar.ax.tick_params(labelsize=7)
    if n <= 12:
        for i, j in np.argwhere(counts > 0):
            axis.text(j, i, str(counts[i, j]), ha="center", va="center", fontsize=7)
    ticks = np.unique(np.linspace(0, n - 1, min(n, 11)).round().astype(int))
    names = [f"{answers.labels[t]:.4g}" for t in ticks]
    axis.set_xticks(ticks, names, fontsize=7, rotation=45)
    axis.set_yticks(ticks, names, fontsize=7)
    axis.set_xlabel(f"{answers.target} found / {answers.unit or '1'}")
    axis.set_ylabel(f"true / {answers.unit or '1'}")
    axis.set_title("share of each true label; red: more than one label off", fontsize=8)


def _draw_errors(axis: Axes, answers: TargetAnswers) -> None:
    error = answers.error
    figures = answers.figures()
    most = max(int(np.ceil(np.abs(error).max() / answers.step)), 2)
    # Bins as wide as a label, around 0; a fraction of it where there are few.
    parts = max(1, 30 // most)
    edges = ((np.arange(-most * parts, most * parts + 2) - 0.5) / parts * answers.step).tolist()
    axis.axvspan(-1.5 * answers.step, 1.5 * answers.step, color="0.93", zorder=0)
    axis.hist(error, edges, color="tab:blue")
    # A single far-off answer shall be seen beside hundreds of right ones.
    axis.set_yscale("symlog", linthresh=1)
    axis.set_xlabel(f"found − true / {answers.unit or '1'}")
    axis.set_ylabel("patterns")
    axis.set_title(
        f"{figures['count']} patterns: {figures['share_right']:.1%} right, "
        f"{figures['share_within_one_label']:.1%} within one label (grey)",
        fontsize=8,
    )
