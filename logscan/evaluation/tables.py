"""An evaluation as tables: the same sheets for the terminal, for Markdown and for the page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from logscan.evaluation.curves import Step
from logscan.evaluation.metrics import Intervals, Metrics
from logscan.evaluation.results import Evaluation, Result
from logscan.reports.visible import visible

FIGURES = ("detector", "precision", "recall", "F1", "95 %", "accuracy", "AUROC", "AUPRC", "MCC")
COSTS = ("detector", "train", "score", "windows/s", "lines/s", "one window", "size")
CONFUSION = ("detector", "true positives", "false positives", "true negatives", "false negatives")
NAME = 12  # columns of a terminal that a name gets at least


@dataclass(frozen=True)
class Sheet:
    """A small table: rows of as many cells as there are columns, the first of them a name. strong: rows to stress;
    detail: whether it can be left folded."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    strong: frozenset[int] = frozenset()
    detail: bool = False


def sheets(evaluation: Evaluation) -> tuple[Sheet, ...]:
    """Figures as measured, at the other prevalence, what they cost, confusion matrices and sweeps; the text is safe
    to show on a terminal."""
    labels = [visible(label) for label in evaluation.labels]
    pairs = list(zip(labels, evaluation.results, strict=True))
    made = [_figures("As measured", [(label, r.metrics, r.intervals) for label, r in pairs])]
    at = ""
    if evaluation.prevalence is not None:
        at = f"at a prevalence of {percent(evaluation.prevalence)}"
        rated = [(label, r.at_prevalence, r.at_prevalence_intervals) for label, r in pairs if r.at_prevalence]
        made.append(_figures(at.capitalize(), rated))
    made += [_costs(pairs), _confusion(pairs)]
    made += [_sweep(f"Top-K of {label} {at}", "K", ".0f", r.top_k) for label, r in pairs if r.top_k]
    made += [
        _sweep(f"Thresholds of {label} {at}", "threshold", ".4f", r.thresholds) for label, r in pairs if r.thresholds
    ]
    return tuple(made)


def heading(evaluation: Evaluation) -> str:
    """What the figures stand on, in one line."""
    e = evaluation
    layout = f" ({e.layout})" if e.layout not in ("", e.corpus) else ""
    seeds = f"seed{'s' * (len(e.seeds) > 1)} {', '.join(map(str, e.seeds))}"
    return visible(
        f"{e.corpus}{layout}, protocol {e.protocol}, windows by {e.window}, {seeds}: learnt from {e.train:,} windows, "
        f"tested on {e.test:,} ({e.lines:,} lines), {e.anomalous:,} of them anomalous ({percent(e.anomalous / e.test)})"
    )


def percent(share: float) -> str:
    """With three digits: 2.93%, 0.0001%."""
    return f"{100 * share:.3g}%"


def notes(evaluation: Evaluation) -> Iterator[str]:
    """What a reader should know about the figures of single detectors, which are left out, and where intervals come
    from."""
    for label, result in zip(evaluation.labels, evaluation.results, strict=True):
        for note in result.notes:
            yield visible(f"{label}: {note}")
    for name, why in evaluation.left_out:
        yield visible(f"{name} is left out: {why}")
    if any(len(result.seeds) == 1 for result in evaluation.results):
        yield "intervals of a single seed are of 1,000 bootstrap resamples of the test windows"


def table(evaluation: Evaluation, console: Console) -> None:
    """Print the tables. Where the console is too narrow only names are wrapped: no figure is cut off."""
    console.print(heading(evaluation), markup=False, highlight=False, soft_wrap=True)
    for sheet in sheets(evaluation):
        shown = Table(title=escape(sheet.title), title_justify="left", title_style="bold", box=None, pad_edge=False)
        names, *figures = zip(sheet.columns, *sheet.rows, strict=True)
        widths = [min(NAME, max(map(cell_len, names))), *(max(map(cell_len, column)) for column in figures)]
        shown.add_column(names[0], overflow="fold")
        for column, width in zip(sheet.columns[1:], widths[1:], strict=True):
            shown.add_column(column, justify="right" if column else "left", no_wrap=True, min_width=width)
        least = sum(widths) + 2 * len(figures)
        shown.width = least if least > console.width else None  # else the columns would be made narrower still
        for n, row in enumerate(sheet.rows):
            shown.add_row(*map(escape, row), style="bold" if n in sheet.strong else None)
        console.print()
        console.print(shown, crop=False)
    console.print()
    for note in notes(evaluation):
        console.print(note, style="dim", markup=False, highlight=False, soft_wrap=True)


def markdown(evaluation: Evaluation) -> str:
    """The same in Markdown, for a document."""
    parts = [_plain(heading(evaluation)) + "."]
    for sheet in sheets(evaluation):
        lines = [
            _row(map(_plain, sheet.columns)),
            "|---|" + "".join("---:|" if c else "---|" for c in sheet.columns[1:]),
        ]
        for n, row in enumerate(sheet.rows):
            lines.append(_row(f"**{_plain(cell)}**" if n in sheet.strong and cell else _plain(cell) for cell in row))
        parts += [f"### {_plain(sheet.title)}", "\n".join(lines)]
    parts += ["\n".join(f"- {_plain(note)}" for note in notes(evaluation))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _figures(title: str, measured: Sequence[tuple[str, Metrics, Intervals]]) -> Sheet:
    rows = []
    for label, m, ends in measured:
        first, then = (m.precision, m.recall, m.f1), (m.accuracy, m.auroc, m.auprc, m.mcc)
        rows.append((label, *map(_four, first), "-".join(f"{end:.3f}" for end in ends["f1"]), *map(_four, then)))
    best = max(m.f1 for _, m, _ in measured)
    return Sheet(title, FIGURES, tuple(rows), frozenset(n for n, (_, m, _) in enumerate(measured) if m.f1 == best))


def _costs(pairs: Sequence[tuple[str, Result]]) -> Sheet:
    rows = []
    for label, cost in ((label, result.cost) for label, result in pairs):
        cells = (
            _cell(cost.train, "{:,.1f} s"),
            _cell(cost.score, "{:,.2f} s"),
            _cell(cost.windows_per_second, "{:,.0f}"),
            _cell(cost.lines_per_second, "{:,.0f}"),
            _cell(cost.latency, "{:,.2f} ms"),
            _cell(cost.size and cost.size / 1e6, "{:,.2f} MB"),
        )
        rows.append((label, *cells))
    return Sheet("What it costs", COSTS, tuple(rows))


def _confusion(pairs: Sequence[tuple[str, Result]]) -> Sheet:
    rows = ((label, *(f"{n:,}" for n in asdict(result.confusion).values())) for label, result in pairs)
    return Sheet("Confusion as measured", CONFUSION, tuple(rows))


def _sweep(title: str, name: str, form: str, steps: Sequence[Step]) -> Sheet:
    rows = (
        (format(step.value, form), *map(_four, (step.precision, step.recall, step.f1)), step.note) for step in steps
    )
    strong = frozenset(n for n, step in enumerate(steps) if step.note)
    return Sheet(title.rstrip(), (name, "precision", "recall", "F1", ""), tuple(rows), strong, detail=True)


def _four(value: float) -> str:
    return f"{value:.4f}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|~&" else letter for letter in text.replace("\n", " "))
