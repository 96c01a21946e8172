"""`--state` of a log that is followed: a disk that is full, another model, something else in the file."""

import json
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from live_process import NORMAL, Followed, ended, fault, line_of, live

from logscan.errors import InputError
from logscan.live import state
from logscan.live.clock import Clock
from logscan.live.watch import Begin, Watch
from logscan.models import bundle
from logscan.scan import Options, Result, Run, no_progress
from logscan.sources import Problem

__all__ = ["live"]  # a fixture


@pytest.mark.slow
def test_a_state_that_cannot_be_written_any_more(live: Followed) -> None:
    """One clear line, and the last state is as it was: what was not kept is judged again after a restart."""
    folder = live.folder / "kept"
    folder.mkdir()
    live.state = folder / "live.state"
    with small_disk(folder) as mounted:
        process = live.follow()
        if mounted:
            fill(folder / "other")
        else:
            folder.rename(live.folder / "gone")
        live.write(fault())
        status, out, err = ended(process)
        assert (status, out) == (2, "")
        assert len(err.splitlines()) == 1
        assert err.startswith("logscan: the state kept/live.state cannot be written: ")
        if mounted:
            (folder / "other").unlink()
        else:
            (live.folder / "gone").rename(folder)
        process = live.follow()
        assert line_of(process.stdout) == f"app.log:1201:{fault()}\n"
        assert ended(process, signal.SIGTERM)[0] == 0
        assert {path.name for path in folder.iterdir()} == {"live.state", "live.state.model"}


def test_a_state_that_holds_something_else(tmp_path: Path, write: Callable[[str, list[str]], str]) -> None:
    log, path, options = write("app.log", NORMAL), tmp_path / "live.state", Options(model=tmp_path / "model")
    learnt(tmp_path / "model", [log])
    watch = Watch([log], options, Begin(state=path))
    watch.follower.close()
    whole = state.load(path)
    for change, said in (
        ({"version": state.VERSION + 1}, "update logscan"),
        ({"version": "1"}, "damaged"),
        ({"places": 5}, "damaged"),
        ({"judges": {**whole.data["judges"], "reader": {}}}, "damaged"),
        ({"judges": {**whole.data["judges"], "logs": ["app.log"]}}, "damaged"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("state.json", json.dumps({**whole.data, "version": state.VERSION, **change}))
        with pytest.raises(InputError, match=said):
            Watch([log], options, Begin(state=path))
    for content in (b"", b"something else", b"PK\x03\x04" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(InputError, match="damaged"):
            Watch([log], options, Begin(state=path))
    state.save(path, whole)
    with pytest.raises(InputError, match="name the --model"):
        Watch([log], Options(), Begin(state=path))


@pytest.mark.slow
def test_a_state_of_another_model(tmp_path: Path, write: Callable[[str, list[str]], str]) -> None:
    """Its place is kept, what depends on log keys is not, which is said."""
    log, path = write("app.log", NORMAL), tmp_path / "live.state"
    mails = write("mails.log", [line.replace("page", "letter") for line in NORMAL])
    learnt(tmp_path / "one", [log])
    learnt(tmp_path / "other", [mails, log])
    for model, more, said in (("one", NORMAL[:3], 0), ("one", [fault()], 0), ("other", [fault(), NORMAL[0]], 1)):
        problems: list[Problem] = []
        options = Options(model=tmp_path / model)
        watch = Watch([log], options, Begin(state=path), on_problem=problems.append)
        with Path(log).open("a") as out:
            out.write("".join(f"{line}\n" for line in more))

        def look(watch: Watch, lines: int = watch.result.lines + len(more)) -> None:
            if watch.result.lines == lines:
                watch.stop()

        watch.on_look = look
        found = [finding.lines[0].text for finding in watch.findings()]
        assert found == ([fault()] if fault() in more else [])
        assert ["another model" in problem.message for problem in problems] == [True] * said
    assert watch.result.lines == 6


def test_a_clock_that_stands_still_while_nobody_looks() -> None:
    clock = Clock(turn=0.02)
    began = clock()
    time.sleep(0.1)
    assert clock() - began == pytest.approx(0.02)
    for _ in range(5):
        time.sleep(0.01)
        clock()
    assert clock() - began > 0.05


def learnt(folder: Path, logs: list[str]) -> None:
    """A model of these logs."""
    reader, profile = Run(Options(baseline=tuple(logs)), Result(), no_progress, lambda problem: None).learn_baseline()
    layouts = [layout.to_dict() for layout in reader.by_format.values()]
    bundle.save(folder, profile, {"records": profile.records, "layouts": layouts})


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A disk of a MiB on this folder, where one can be mounted."""
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "logscan-test", str(folder)]
    mounted = (
        shutil.which("mount") is not None and not subprocess.run(command, capture_output=True, check=False).returncode
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 12))
