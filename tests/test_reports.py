"""The registry of the reports, and what an output may be used for."""

import io
import os
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from logscan.errors import OptionError
from logscan.reports import BUILT_IN, Begin, Output, Report, Summary, names, open_report
from logscan.reports.terminal import ColorChoice, color_mode, columns, output_to


def nothing(source: str) -> list[tuple[int, str]]:
    return []


def test_every_built_in_report_opens_and_survives_an_empty_scan() -> None:
    for name in BUILT_IN:
        stream = io.StringIO()
        report = open_report(name, Output(stream, read=nothing))
        assert isinstance(report, Report)
        report.begin(Begin(("a.log",), "rates"))
        report.end(Summary(0, 0, 0, 0, 0.0))


def test_unknown_report_is_one_line_with_the_names() -> None:
    with pytest.raises(OptionError, match=r"'gerp'.*pretty, grep, json, annotate"):
        open_report("gerp", Output(io.StringIO()))


def test_third_parties_come_in_by_entry_points_but_cannot_take_a_built_in_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "counting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: counting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[logscan.reports]\ncounting = counting_report:Counting\ngrep = counting_report:Counting\n"
    )
    (tmp_path / "counting_report.py").write_text(
        "from logscan.reports import Report\n"
        "class Counting(Report):\n"
        "    def finding(self, finding, context=None):\n"
        "        self.output.stream.write('one\\n')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert names() == [*BUILT_IN, "counting"]
    assert type(open_report("counting", Output(io.StringIO()))).__name__ == "Counting"
    assert type(open_report("grep", Output(io.StringIO()))).__name__ == "Grep"


def test_naming_the_reports_loads_nothing_heavy() -> None:
    code = (
        "import sys, logscan.reports as r, logscan.reports.terminal; r.names();"
        "print(sorted({'rich', 'orjson', 'polars', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("choice", "environ", "expected"),
    [
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
        ("auto", {"TERM": "xterm"}, False),  # not a terminal
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        ("auto", {"FORCE_COLOR": "0"}, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
    ],
)
def test_color_of_a_pipe(choice: ColorChoice, environ: dict[str, str], expected: bool) -> None:
    assert color_mode(choice, io.StringIO(), environ) is expected


def test_a_terminal_has_colour_links_and_a_width_and_a_dumb_one_only_the_width() -> None:
    master, slave = os.openpty()
    with open(slave, "w", encoding="utf-8") as terminal:
        termios.tcsetwinsize(slave, (24, 97))
        able = output_to(terminal, nothing, environ={"TERM": "xterm"})
        assert (able.color, able.links, able.width) == (True, True, 97)
        dumb = output_to(terminal, nothing, environ={"TERM": "dumb"})
        assert (dumb.color, dumb.links, dumb.width) == (False, False, 97)
        forced = output_to(terminal, nothing, color="always", environ={"TERM": "dumb"})
        assert (forced.color, forced.links) == (True, False)
        assert not output_to(terminal, nothing, environ={"TERM": "xterm", "NO_COLOR": "1"}).color
        assert columns(terminal, {"COLUMNS": "50"}) == 50
    os.close(master)


def test_a_pipe_has_no_width() -> None:
    assert output_to(io.StringIO(), nothing, environ={"COLUMNS": "50"}).width is None


def test_annotate_of_what_cannot_be_read_twice_says_so() -> None:
    report = open_report("annotate", Output(io.StringIO()))
    report.begin(Begin(("-",), "rates"))
    with pytest.raises(OptionError, match="read twice"):
        report.end(Summary(0, 0, 0, 0, 0.0))
