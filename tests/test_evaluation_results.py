"""An evaluation as JSON, tables, plots and a page: every figure is there, and no name breaks any of them."""

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import orjson
import pytest
from rich.console import Console

from logscan.evaluation.curves import Curves, curves, rank_sweep
from logscan.evaluation.results import Cost, Evaluation, Result, over_seeds
from logscan.evaluation.tables import markdown, sheets, table

PREVALENCE = 0.0293
HOSTILE = "<script>|$x_\x1b[31m[bold]\u202e"


def judged(seed: int) -> tuple[Result, Curves]:
    """What a detector that is good, but not perfect, might get."""
    draw = np.random.default_rng(seed)
    anomalous = np.arange(600) < 150
    scores = np.round(1 / (1 + np.exp(-draw.normal(5.0 * anomalous - 3, 1.0))), 3)
    ranks = np.minimum(draw.geometric(0.4 - 0.3 * anomalous), 20)
    result = Result.of(
        "logllama",
        scores,
        anomalous,
        prevalence=PREVALENCE,
        top_k=rank_sweep(ranks, anomalous, 20, 10, PREVALENCE),
        cost=Cost(12.3 + seed, 0.45, 8123.0, 91234.0, 0.67, 2_340_000),
        options={"rl.episodes": seed, "layers": 4},
        seeds=(seed,),
    )
    return result, curves(scores, anomalous, prevalence=PREVALENCE)


@pytest.fixture(scope="module")
def sample() -> tuple[Evaluation, list[Curves]]:
    """Four results: two of one detector with other options, a name that is hostile, one with little known."""
    made = [judged(seed) for seed in range(4)]
    results = [result for result, _ in made]
    results[2] = replace(results[2], detector=HOSTILE, notes=("a sample of 1,000 windows", HOSTILE))
    results[3] = replace(results[3], detector="table", top_k=(), cost=Cost())
    found = Evaluation("hdfs", "HDFS", "logllama", "session", 1058, 600, 150, 12_345, tuple(results))
    return found, [c for _, c in made]


def test_json_has_the_documented_shape(sample: tuple[Evaluation, list[Curves]]) -> None:
    data = orjson.loads(orjson.dumps(sample[0].to_json()))
    assert (data["version"], data["corpus"], data["protocol"]) == (1, "hdfs", "logllama")
    assert data["windows"] == {"train": 1058, "test": 600, "anomalous": 150}
    assert data["seeds"] == [0, 1, 2, 3]
    first = data["results"][0]
    assert first["detector"] == "logllama"
    assert {"precision", "recall", "f1", "auroc", "auprc", "accuracy", "mcc"} <= set(first["metrics"])
    assert first["at_prevalence"]["prevalence"] == PREVALENCE
    assert {"precision", "recall", "f1"} <= set(first["at_prevalence"])
    assert first["seconds"] == {"train": 12.3, "score": 0.45}
    assert first["intervals"]["f1"][0] <= first["metrics"]["f1"] <= first["intervals"]["f1"][1]
    assert sum(first["confusion"].values()) == 600
    assert {"k": 10, "note": "in use"}.items() <= next(s for s in first["sweeps"]["top_k"] if s["k"] == 10).items()
    assert data["results"][3]["seconds"] == {"train": None, "score": None}


def test_labels_tell_detectors_of_one_name_apart(sample: tuple[Evaluation, list[Curves]]) -> None:
    assert sample[0].labels == ("logllama rl.episodes=0", "logllama rl.episodes=1", HOSTILE, "table")


def test_one_class_has_no_result() -> None:
    with pytest.raises(ValueError, match="one class"):
        Result.of("table", np.array([0.1, 0.9]), np.array([True, True]))


def test_seeds_are_summed_up_by_mean_and_interval() -> None:
    stats = pytest.importorskip("scipy.stats")
    results = [judged(seed)[0] for seed in range(3)]
    whole = over_seeds(results)
    f1 = np.array([result.metrics.f1 for result in results])
    assert whole.metrics.f1 == pytest.approx(f1.mean())
    assert whole.intervals["f1"] == pytest.approx(stats.t.interval(0.95, 2, f1.mean(), stats.sem(f1)), abs=1e-4)
    assert whole.at_prevalence is not None
    assert whole.at_prevalence.prevalence == pytest.approx(PREVALENCE)
    assert whole.seeds == (0, 1, 2)
    assert whole.cost.train == pytest.approx(13.3)
    assert "seeds 0, 1, 2" in whole.notes[-1]
    assert whole.confusion == results[0].confusion
    assert over_seeds(results[:1]) is results[0]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_figure_is_cut_off_on_a_terminal(sample: tuple[Evaluation, list[Curves]], width: int) -> None:
    out = StringIO()
    table(sample[0], Console(file=out, width=width, color_system=None))
    shown = out.getvalue()
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    lines = iter(line.split() for line in shown.splitlines())
    for sheet in sheets(sample[0]):
        for row in sheet.rows:  # a long name takes several lines, the figures stand in the first
            figures = " ".join(row[1:]).split()
            assert not figures or any(line[-len(figures) :] == figures for line in lines)


def test_figures_are_those_of_the_results(sample: tuple[Evaluation, list[Curves]]) -> None:
    evaluation = sample[0]
    measured, weighed, costs, confusion, *sweeps = sheets(evaluation)
    assert (measured.title, weighed.title) == ("As measured", "At a prevalence of 2.93%")
    for n, result in enumerate(evaluation.results):
        m, w = result.metrics, result.at_prevalence
        assert w is not None
        low, high = result.intervals["f1"]
        expected = [m.precision, m.recall, m.f1, m.accuracy, m.auroc, m.auprc, m.mcc]
        assert [*measured.rows[n][1:4], *measured.rows[n][5:]] == [f"{value:.4f}" for value in expected]
        assert measured.rows[n][4] == f"{low:.3f}-{high:.3f}"
        assert weighed.rows[n][1:4] == tuple(f"{value:.4f}" for value in (w.precision, w.recall, w.f1))
    f1s = [result.metrics.f1 for result in evaluation.results]
    assert measured.strong == {f1s.index(max(f1s))}
    assert costs.rows[0][1:] == ("12.3 s", "0.45 s", "8,123", "91,234", "0.67 ms", "2.34 MB")
    assert costs.rows[3][1:] == ("",) * 6
    assert sum(int(cell) for cell in confusion.rows[0][1:]) == 600
    assert len(sweeps) == 3 + 4


def test_markdown_is_a_table_for_each_sheet(sample: tuple[Evaluation, list[Curves]]) -> None:
    text = markdown(sample[0])
    first = text.splitlines()[0]
    for part in ("hdfs", "HDFS", "protocol logllama", "1,058", "600", "150", "25%"):
        assert part in first
    widths = {
        len(re.split(r"(?<!\\)\|", line)) for line in text.partition("### What")[0].splitlines() if line[:1] == "|"
    }
    assert widths == {11}
    assert "<script>" not in text.replace("\\<", "")
    assert "a sample of 1,000 windows" in text


class Reader(HTMLParser):
    """Counts tags, and gathers what is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.ids: list[str] = []
        self.links: list[str] = []
        self.cells: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag == "td":
            self.inside = True
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        """Text, of a cell if we are in one."""
        if self.inside:
            self.cells[-1] += data

    def handle_endtag(self, tag: str) -> None:
        """The end of a cell."""
        self.inside = self.inside and tag != "td"


def test_the_page_holds_everything_and_needs_nothing(sample: tuple[Evaluation, list[Curves]]) -> None:
    pytest.importorskip("matplotlib")
    from logscan.evaluation.page import page

    text = page(*sample)
    reader = Reader()
    reader.feed(text)
    assert reader.tags["svg"] == 5
    assert "script" not in reader.tags
    assert "&lt;script&gt;" in text
    assert "\x1b" not in text
    assert len(reader.ids) == len(set(reader.ids)) > 100
    assert reader.links
    assert all(link.startswith("#") and link[1:] in reader.ids for link in reader.links)
    assert {link[5:-1] for link in re.findall(r"url\(#[^)]*\)", text)} <= set(reader.ids)
    assert reader.cells == [cell for sheet in sheets(sample[0]) for row in sheet.rows for cell in row]
    assert "color-scheme: light dark" in text


@pytest.mark.slow
def test_plots_are_files_and_the_same_each_time(sample: tuple[Evaluation, list[Curves]], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from logscan.evaluation.plots import drawn, plots

    written = plots(*sample, tmp_path / "a" / "plots")
    names = {"roc", "precision_recall", "confusion", "top_k", "thresholds"}
    assert {path.name for path in written} == {f"{name}.{kind}" for name in names for kind in ("svg", "png")}
    for path in written:
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"
        else:
            assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    again = drawn(*sample, "svg")
    assert all(path.read_bytes() == again[path.stem] for path in written if path.suffix == ".svg")


def test_a_single_detector_without_k_and_without_errors(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from logscan.evaluation.plots import plots

    scores, anomalous = np.array([0.9, 0.1, 0.2]), np.array([True, False, False])
    evaluation = Evaluation("x", "lines", "time", "60s", 1, 3, 1, 30, (Result.of("table", scores, anomalous),))
    assert len(plots(evaluation, [curves(scores, anomalous)], tmp_path)) == 8
    assert "at a prevalence" not in markdown(evaluation).lower()


def test_without_matplotlib_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from logscan.errors import LogscanError\n"
        "from logscan.evaluation import Metrics\n"
        "from logscan.evaluation.plots import drawn\n"
        "from logscan.evaluation.results import Evaluation\n"
        "try: drawn(Evaluation('x', '', 'time', '60s', 1, 1, 1, 1, ()), [], 'svg')\n"
        "except LogscanError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout == "plots need matplotlib: pip install 'logscan[train]'\n"
