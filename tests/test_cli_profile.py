"""`scan --profile`: where the time of a run goes."""

from pathlib import Path
from threading import Event, Thread
from time import perf_counter

import pytest
from test_cli import run

from logscan.cli.profile import IMPORTS, PACKAGE, WAITING, Profile

BUSY = "end = now() + 0.1\nwhile now() < end: pass\n"


def code_in(file: str, text: str) -> None:
    """Run code as if it stood in this file."""
    exec(compile(text, file, "exec"), {"now": perf_counter, "event": Event()})


def profiled(file: str, text: str) -> Profile:
    """The profile of a thread that runs such code; of others there are none that lie in logscan."""
    profile, thread = Profile(), Thread(target=code_in, args=(file, text))
    with profile.looking():
        thread.start()
        thread.join()
    return profile


def test_time_is_counted_for_the_package_that_spends_it() -> None:
    steps = profiled(f"{PACKAGE}sources/lines.py", BUSY).steps
    assert set(steps) - {WAITING} == {"reading"}
    assert 0.05 < steps["reading"] < 0.5
    assert set(profiled(f"{PACKAGE}records.py", BUSY).steps) - {WAITING} == {"records"}
    assert set(profiled("/somewhere/else.py", BUSY).steps) <= {WAITING}


def test_a_library_is_counted_for_the_step_that_calls_it() -> None:
    library = f"exec(compile({BUSY!r}, '/site-packages/polars/frame.py', 'exec'))"
    assert set(profiled(f"{PACKAGE}formats/layout.py", library).steps) - {WAITING} == {"formats"}


def test_a_thread_that_waits_is_not_working() -> None:
    assert list(profiled(f"{PACKAGE}records.py", "event.wait(0.1)").steps) == [WAITING]


def test_the_table_holds_shares_of_all_threads() -> None:
    profile = Profile()
    profile.steps.update({"formats": 3.0, "reading": 1.0, IMPORTS: 1.0})
    profile.seconds = 2.5
    assert profile.table().splitlines() == [
        "reading         1.00 s   20.0 %",
        "formats         3.00 s   60.0 %",
        "imports         1.00 s   20.0 %",
        "5.00 s in all threads, which overlap; 2.50 s by the clock",
    ]


@pytest.mark.slow
def test_scan_tells_where_its_time_went(tmp_path: Path) -> None:
    lines = (f"2026-03-02 08:{n // 600 % 60:02}:{n // 10 % 60:02} INFO web: page {n} sent\n" for n in range(20_000))
    (tmp_path / "app.log").write_text("".join(lines))
    plain, told = (run(tmp_path, "scan", "app.log", *more) for more in ((), ("--profile",)))
    assert (told.status, told.out) == (plain.status, plain.out)
    found, *rows, last = told.err.splitlines()
    assert found.startswith("0 findings in 20,000 lines")
    assert {"formats", "imports"} <= {row.split()[0] for row in rows}
    assert sum(float(row.split()[-2]) for row in rows) > 98
    assert last.endswith("s by the clock")
