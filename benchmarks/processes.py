"""Whole processes, timed, with the memory that each of them took at most.

A process inherits the peak of the one that starts it, and ours has libraries in memory. So this file is also a program,
which starts the other one and holds nothing itself:

    python -S -E benchmarks/processes.py LIMIT COMMAND...
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import IO, Any, NamedTuple


class Ran(NamedTuple):
    """seconds: None where it did not end within the limit; mb: its largest resident set, at least that of a bare
    Python, some 10 MB; last: the last line of its output; err: what it said on stderr."""

    seconds: float | None
    mb: float
    status: int
    last: str
    err: str = ""


def ran(command: Sequence[str], fine: Sequence[int] = (0,), limit: float = 3600, stdin: IO[bytes] | None = None) -> Ran:
    """Run it. Raises RuntimeError where it ends with a status that is not fine."""
    launched = [sys.executable, "-S", "-E", __file__, str(limit), *command]
    done = subprocess.run(launched, stdin=stdin or subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    found = Ran(**json.loads(done.stdout), err=done.stderr)
    if found.seconds is not None and found.status not in fine:
        raise RuntimeError(f"{' '.join(command)}: status {found.status}: {done.stderr.strip()}")
    return found


def seconds(command: Sequence[str]) -> float:
    """Wall seconds of a process that must end well."""
    found = ran(command).seconds
    assert found is not None
    return found


def launch(limit: float, command: Sequence[str]) -> dict[str, Any]:
    """The fields of a `Ran`. Output goes into a pipe: grep stops early when nobody listens."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            out, _ = process.communicate(timeout=limit)
            taken: float | None = time.perf_counter() - began
        except subprocess.TimeoutExpired:
            process.terminate()
            out, taken = process.communicate()[0], None
    last = out.rstrip().rpartition(b"\n")[2].decode(errors="replace")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": taken, "mb": peak, "status": process.returncode, "last": last}


if __name__ == "__main__":
    print(json.dumps(launch(float(sys.argv[1]), sys.argv[2:])))
