"""`scan --profile`: where the time of a run goes."""

from pathlib import Path
from threading import Event, Thread
from time import perf_counter, sleep

import pytest
from test_cli import run

from logscan.cli.profile import IMPORTS, PACKAGE, WAITING, Profile

BUSY = "while not over: pass"


def code_in(file: str, text: str, over: list[bool], event: Event) -> None:
    """Run code as if it stood in this file."""
    exec(compile(text, file, "exec"), {"over": over, "event": event})


def profiled(file: str, text: str, seconds: float = 60.0) -> Profile:
    """The profile of a thread that runs such code until 0.05 seconds of it were counted, or these seconds at most; of
    others there are none that lie in logscan."""
    over, event, profile = list[bool](), Event(), Profile()
    thread = Thread(target=code_in, args=(file, text, over, event))
    with profile.looking():
        thread.start()
        end = perf_counter() + seconds
        while sum(list(profile.steps.values())) < 0.05 and perf_counter() < end:
            sleep(0.001)
        over.append(True)
        event.set()
        thread.join()
    return profile


def test_time_is_counted_for_the_package_that_spends_it() -> None:
    profile = profiled(f"{PACKAGE}sources/lines.py", BUSY)
    assert set(profile.steps) - {WAITING} == {"reading"}
    assert 0.05 <= profile.steps["reading"] <= profile.seconds
    assert set(profiled(f"{PACKAGE}records.py", BUSY).steps) - {WAITING} == {"records"}
    assert set(profiled("/somewhere/else.py", BUSY, seconds=0.1).steps) <= {WAITING}


def test_a_library_is_counted_for_the_step_that_calls_it() -> None:
    library = f"exec(compile({BUSY!r}, '/site-packages/polars/frame.py', 'exec'))"
    assert set(profiled(f"{PACKAGE}formats/layout.py", library).steps) - {WAITING} == {"formats"}


def test_a_thread_that_waits_is_not_working() -> None:
    assert list(profiled(f"{PACKAGE}records.py", "event.wait()").steps) == [WAITING]


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
