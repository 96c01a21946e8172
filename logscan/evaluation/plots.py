"""An evaluation as figures: ROC, precision over recall, confusion matrices, sweeps of K and of the threshold.

Drawn through matplotlib's objects alone, so that nothing global is touched; the same input gives the same bytes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from logscan.errors import LogscanError
from logscan.evaluation.curves import BEST, IN_USE, Curves, Step
from logscan.evaluation.results import Evaluation, Result
from logscan.evaluation.tables import percent
from logscan.reports.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

INK = "#1f2328"  # of letters, axes and grid: what a dark page replaces
COLORS = ("#2f7ed8", "#d9731a", "#2a9d62", "#9a5fc0", "#d14a5a", "#8a6d3b", "#1f9aa8", "#7a8290")  # for light and dark
DASHES = ("-", "--", ":", "-.")  # one for each round of the colours
NAMED = 40  # characters of a name that fit a legend
ACROSS = 4  # confusion matrices side by side
FEW_FALSE = 0.05  # the false positive rate up to which ROC is shown enlarged
BARE = {"svg": dict.fromkeys(("Date", "Creator", "Format", "Type")), "png": {"Software": None}}  # no dates, no versions
STYLE = {
    "svg.hashsalt": "logscan",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.alpha": 0.15,
    "savefig.dpi": 150,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color"), INK
    ),
}


def plots(evaluation: Evaluation, curves: Sequence[Curves], folder: Path) -> list[Path]:
    """Write each figure as SVG and as PNG into the folder, which is made where missing; returns what was written.

    curves: one a result. Raises LogscanError without matplotlib, OSError where nothing can be written.
    """
    files = {
        folder / f"{name}.{kind}": data
        for kind in ("svg", "png")
        for name, data in drawn(evaluation, curves, kind).items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        path.write_bytes(data)
    return list(files)


def drawn(evaluation: Evaluation, curves: Sequence[Curves], kind: str, transparent: bool = False) -> dict[str, bytes]:
    """The figures by name, as the bytes of "svg" or "png" files. Raises LogscanError without matplotlib."""
    with _style():
        found = {}
        for name, figure in _figures(evaluation, curves):
            out = BytesIO()
            figure.savefig(out, format=kind, metadata=BARE[kind], transparent=transparent)
            found[name] = out.getvalue()
        return found


@contextmanager
def _style() -> Iterator[None]:
    """Ours over matplotlib's own, whatever the user's is."""
    try:
        from matplotlib import style
    except ImportError:
        raise LogscanError("plots need matplotlib: pip install 'logscan[train]'") from None
    with style.context(STYLE, after_reset=True):
        yield


def _figures(evaluation: Evaluation, curves: Sequence[Curves]) -> Iterator[tuple[str, "Figure"]]:
    labels = [_short(visible(label)) for label in evaluation.labels]
    results = evaluation.results
    at = f"at a prevalence of {percent(evaluation.prevalence or evaluation.anomalous / evaluation.test)}"
    yield "roc", _roc(labels, curves)
    yield "precision_recall", _precision_recall(labels, curves, f"Precision and recall {at}")
    yield "confusion", _confusion(labels, results)
    if any(result.top_k for result in results):
        yield "top_k", _sweep(labels, [r.top_k for r in results], f"Top-K {at}", "K")
    yield "thresholds", _sweep(labels, [r.thresholds for r in results], f"Thresholds {at}", "threshold")


def _roc(labels: Sequence[str], curves: Sequence[Curves]) -> "Figure":
    figure, panels = _panels("ROC: a dot is the threshold in use", 2)
    for axes, most in zip(panels, (1.0, FEW_FALSE), strict=True):
        lines = []
        for n, c in enumerate(curves):
            lines += axes.plot(c.false, c.recall, **_look(n))
            if c.false[c.here] <= most:
                axes.plot(c.false[c.here], c.recall[c.here], "o", color=_look(n)["color"], clip_on=False)
        axes.set(xlim=(0, most), ylim=(0, 1.01), xlabel="false positive rate", ylabel="true positive rate")
    _legend(figure, lines, labels)
    return figure


def _precision_recall(labels: Sequence[str], curves: Sequence[Curves], title: str) -> "Figure":
    figure, (axes,) = _panels(f"{title}: a dot is the threshold in use", 1)
    lines = []
    for n, c in enumerate(curves):
        lines += axes.plot(c.recall, c.precision, drawstyle="steps-pre", **_look(n))
        axes.plot(c.recall[c.here], c.precision[c.here], "o", color=_look(n)["color"], clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="recall", ylabel="precision")
    _legend(figure, lines, labels)
    return figure


def _sweep(labels: Sequence[str], sweeps: Sequence[Sequence[Step]], title: str, name: str) -> "Figure":
    figure, panels = _panels(f"{title}: a dot is in use, a star the best F1 on the test data", 3)
    shown = [n for n, steps in enumerate(sweeps) if steps]
    for axes, metric in zip(panels, ("precision", "recall", "f1"), strict=True):
        lines = []
        for n in shown:
            points = [(step.value, getattr(step, metric), step.note) for step in sweeps[n]]
            lines += axes.plot([x for x, _, _ in points], [y for _, y, _ in points], **_look(n))
            for note, marker, size in ((BEST, "*", 9), (IN_USE, "o", 5)):
                marked = [(x, y) for x, y, said in points if note in said]
                axes.plot(*zip(*marked, strict=True), marker, ms=size, color=_look(n)["color"], clip_on=False)
        axes.set(ylim=(0, 1.01), xlabel=name, title="F1" if metric == "f1" else metric)
    _legend(figure, lines, [labels[n] for n in shown])
    return figure


def _confusion(labels: Sequence[str], results: Sequence[Result]) -> "Figure":
    """Counts, coloured by their share of what is truly anomalous or normal."""
    from matplotlib.figure import Figure

    across = min(len(results), ACROSS)
    down = -(-len(results) // across)
    figure = Figure(figsize=(max(2.6 * across, 4.5), 2.5 * down + 0.5), layout="constrained")
    figure.suptitle("Confusion as measured")
    for n, (label, result) in enumerate(zip(labels, results, strict=True)):
        c = result.confusion
        counts = np.array([[c.tp, c.fn], [c.fp, c.tn]])
        shares = counts / counts.sum(axis=1, keepdims=True)
        axes = figure.add_subplot(down, across, n + 1)
        axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=2)
        for row, column in np.ndindex(2, 2):
            color = "white" if shares[row, column] > 0.5 else "black"
            text = f"{counts[row, column]:,}\n{percent(shares[row, column])}"
            axes.text(column + 0.5, row + 0.5, text, color=color, ha="center", va="center")
        axes.set_title(_short(label, 26), fontsize=9, parse_math=False)
        axes.set_xticks([0.5, 1.5], ["flagged", "not flagged"])
        axes.set_yticks([0.5, 1.5], ["anomalous", "normal"], rotation=90, va="center")
        axes.tick_params(length=0)
        axes.grid(False)
        axes.invert_yaxis()
        axes.spines[:].set_visible(False)
    return figure


def _panels(title: str, n: int) -> tuple["Figure", Sequence["Axes"]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8) if n == 1 else (9.6, 4.2), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(1, n, squeeze=False)[0]
    for axes in panels:
        axes.grid(True)
    return figure, list(panels)


def _legend(figure: "Figure", lines: Sequence["Line2D"], labels: Sequence[str]) -> None:
    legend = figure.legend(lines, labels, loc="outside lower center", ncols=2, frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a name may hold dollars


def _look(n: int) -> dict[str, Any]:
    return {"color": COLORS[n % len(COLORS)], "linestyle": DASHES[n // len(COLORS) % len(DASHES)]}


def _short(label: str, longest: int = NAMED) -> str:
    return label if len(label) <= longest else f"{label[: longest - 1]}…"
