"""The logs that benchmarks/speed.py makes, and how it measures a process."""

import sys
from itertools import islice

import polars as pl
import pytest
from test_real_logs import benchmark

from logscan import formats

FORMATS = {"syslog": "syslog", "nginx": "access", "json": "json"}


@pytest.mark.parametrize("name", FORMATS)
def test_made_logs_are_what_they_are_taken_for(name: str) -> None:
    made = benchmark("made")
    lines = list(islice(made.LOGS[name](1), 2_000))
    assert lines == list(islice(made.LOGS[name](1), 2_000))
    layout = formats.detect(pl.Series(lines))
    assert layout.format.name == FORMATS[name]
    assert layout.heads(pl.Series(lines)).all()


def test_logs_as_bad_as_can_be() -> None:
    made = benchmark("made")
    assert pl.Series(islice(made.distinct(1), 1_000)).str.slice(30).n_unique() == 1_000
    opened = pl.Series(islice(made.sessions(1, 500), 2_000, 4_000)).str.extract(r"(blk_\d+)", 1)
    assert opened.head(500).n_unique() == 500
    assert (opened[:500] == opened[500:1_000]).all()
    assert formats.detect(pl.Series(islice(made.sessions(1, 500), 2_000))).session is not None
    kinds = pl.Series(islice(made.templates(1, 100), 2_000)).str.extract(r"app: (.*) \d+$", 1)
    assert kinds.n_unique() == 100


def test_a_process_has_its_own_peak_and_a_limit() -> None:
    ran = benchmark("processes").ran
    ballast = bytearray(200 << 20)
    small, large = (ran([sys.executable, "-c", f"bytearray({mb} << 20)"]) for mb in (1, 100))
    assert small.mb < 50
    assert 100 < large.mb < len(ballast) >> 20
    assert ran(["echo", "a\nb"]).last == "b"
    assert ran([sys.executable, "-c", "import time; time.sleep(60)"], limit=0.1).seconds is None
    with pytest.raises(RuntimeError, match="status 1"):
        ran(["false"])
