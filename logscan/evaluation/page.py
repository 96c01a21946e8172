"""An evaluation as one HTML page that needs nothing else: tables and figures, light or dark as the system is."""

import re
from collections.abc import Sequence
from html import escape

from logscan.evaluation.curves import Curves
from logscan.evaluation.plots import INK, drawn
from logscan.evaluation.results import Evaluation
from logscan.evaluation.tables import Sheet, heading, notes, sheets
from logscan.reports.html.parts import part
from logscan.reports.visible import visible

SHOWN = {
    "roc": "ROC curves",
    "precision_recall": "Precision over recall",
    "confusion": "Confusion matrices",
    "top_k": "Precision, recall and F1 over K",
    "thresholds": "Precision, recall and F1 over the threshold",
}

CSS = """
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin-bottom: 0; }
h2, summary { font-size: 1.1rem; font-weight: 600; margin: 2rem 0 .5rem; }
summary { cursor: pointer; margin: 1rem 0 .5rem; }
p, li { color: var(--dim); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child, details td:last-child { text-align: left; }
tr.strong td { font-weight: 600; background: var(--strong); }
figure { margin: 2rem 0; }
figure svg { max-width: 100%; height: auto; color: var(--ink); }
"""


def page(evaluation: Evaluation, curves: Sequence[Curves]) -> str:
    """The page; curves: one a result. Raises LogscanError without matplotlib."""
    title = escape(visible(f"{evaluation.corpus}, protocol {evaluation.protocol}"))
    drawings = drawn(evaluation, curves, "svg", transparent=True)
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{title}</title>\n<style>{part('palette.css')}{CSS}</style>\n</head>\n<body>",
        f"<h1>{title}</h1>\n<p>{escape(heading(evaluation))}</p>",
        *map(_table, sheets(evaluation)),
        "<ul>",
        *(f"<li>{escape(note)}</li>" for note in notes(evaluation)),
        "</ul>",
        *(
            f'<figure role="img" aria-label="{SHOWN[n]}">{_inline(n, svg.decode())}</figure>'
            for n, svg in drawings.items()
        ),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _table(sheet: Sheet) -> str:
    rows = [_row("th", sheet.columns)]
    for n, row in enumerate(sheet.rows):
        rows.append(_row("td", row, ' class="strong"' if n in sheet.strong else ""))
    table = f'<div class="wide"><table>\n{"".join(rows)}</table></div>'
    if sheet.detail:
        return f"<details><summary>{escape(sheet.title)}</summary>\n{table}</details>"
    return f"<h2>{escape(sheet.title)}</h2>\n{table}"


def _row(tag: str, cells: Sequence[str], style: str = "") -> str:
    return f"<tr{style}>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>\n"


def _inline(name: str, svg: str) -> str:
    """A drawing as part of the page: in the page's ink, and with ids that no other drawing has."""
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
