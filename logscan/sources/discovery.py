"""What the user named into streams: files, patterns, folders, pipes, clients. Rotated files become one log."""

import glob
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from logscan.sources import inputs
from logscan.sources.clients import client_of
from logscan.sources.stream import Problem, Stream

Report = Callable[[Problem], None]

_COMPRESSED = re.compile(r"\.(?:gz|zst|xz|bz2)$")
# app.log.1 (logrotate, Python, Java), app.log.old. A letter must come before: 10.0.0.1 is a host.
_NUMBERED = re.compile(r"(?P<stem>.*[A-Za-z].*)\.(?:(?P<number>\d{1,3})|old)")
# app.log-20260101, app-20260101.log (logrotate's dateext), app.log.2026-01-01-16 (log4j),
# app.2026-01-01.3.log (logback), app.log.2026-01-01_16-30-00 (Python), app.log-1767225600 (seconds since 1970).
_DATED = re.compile(
    r"(?P<stem>.*?)(?:^|[-._])"
    r"(?P<date>(?:19|20)\d\d(?:-[01]\d(?:-[0-3]\d)?|[01]\d[0-3]\d)(?:[-_T]?\d\d(?:[-_.:]?\d\d){0,2})?Z?"
    r"(?:[-._]\d{1,3})?|1\d{9})"
    r"(?P<extension>\.[A-Za-z]\w*)?"
)


def open_streams(paths: Sequence[str], on_problem: Report, spool: bool = False) -> list[Stream]:
    """The logs behind `paths`, in the order they were named: one stream for a file and its rotated siblings.

    With `spool`, pipes are copied to a temporary file while they are read, so that they can be read again.
    What is missing or unreadable is reported as fatal and left out.
    """
    found: dict[tuple[int, int] | str, _File] = {}
    for path in paths:
        for file in expand(path, on_problem):
            first = found.setdefault(file.identity, file)
            first.named = first.named or file.named
    logs: dict[tuple[str, str], list[_File]] = {}
    for file in found.values():
        if file.pipe:
            (inputs.spool if spool else inputs.forget)(file.path)
        logs.setdefault(file.log, []).append(file)
    return [_stream(sorted(files, key=lambda file: file.age)) for files in logs.values()]


def is_compressed(name: str) -> bool:
    """Whether a name says that its file is compressed."""
    return _COMPRESSED.search(name) is not None


def siblings(path: str | Path) -> list[Path]:
    """The rotated files of the log `path` that are older than it and not empty, oldest first."""
    path = Path(path)
    stem, age = rotation(path.name)
    older: list[tuple[tuple[int, ...], Path]] = []
    if client_of(str(path)):
        return []
    for other in path.parent.iterdir():
        other_stem, other_age = rotation(other.name)
        if other_stem == stem and other_age < age and other.is_file() and other.stat().st_size:
            older.append((other_age, other))
    return [other for _, other in sorted(older)]


def rotation(name: str) -> tuple[str, tuple[int, ...]]:
    """The name of the log a file belongs to, and its place among the log's files: the smaller the older.

    >>> rotation("app.log.2.gz"), rotation("app-20260101.log"), rotation("app.log")
    (('app.log', (1, -2)), ('app.log', (0, 20260101)), ('app.log', (2,)))
    """
    name = _COMPRESSED.sub("", name)
    if dated := _DATED.fullmatch(name):
        date = tuple(int(digits) for digits in re.findall(r"\d+", dated["date"]))
        return dated["stem"] + (dated["extension"] or ""), (0, *date)
    if numbered := _NUMBERED.fullmatch(name):
        return numbered["stem"], (1, -int(numbered["number"] or 0))
    return name, (2,)


@dataclass
class _File:
    """A file that was found."""

    path: str
    named: bool  # by the user, not found by a pattern or in a folder
    identity: tuple[int, int] | str  # the same for two names of one file
    size: int
    pipe: bool

    @property
    def log(self) -> tuple[str, str]:
        """What the files of one log have in common."""
        if self.pipe:
            return self.path, ""
        folder, name = os.path.split(os.path.abspath(self.path))
        return folder, rotation(name)[0]

    @property
    def age(self) -> tuple[int, ...]:
        """Its place among them."""
        return rotation(os.path.basename(self.path))[1]


def _stream(files: list[_File]) -> Stream:
    paths = tuple(file.path for file in files)
    size = None if any(file.pipe for file in files) else sum(file.size for file in files)
    return Stream(paths[-1], paths, size, frozenset(file.path for file in files if file.named))


def expand(path: str, on_problem: Report) -> Iterator[_File]:
    """The files behind one argument."""
    if path == inputs.STDIN or client_of(path):
        yield _File(path, named=True, identity=path, size=0, pipe=True)
    elif os.path.isdir(path):
        yield from _walk(path, on_problem)
    elif os.path.lexists(path) or not glob.has_magic(path):
        yield from _check(path, True, on_problem)
    else:
        matches = [match for match in sorted(glob.glob(path, recursive=True)) if not _ignored(match)]
        if not matches:
            on_problem(Problem(path, "matches no file", fatal=True))
        for match in matches:
            if os.path.isdir(match):
                yield from _walk(match, on_problem)
            else:
                yield from _check(match, False, on_problem)


def _walk(folder: str, on_problem: Report) -> Iterator[_File]:
    """All files in a folder and the folders in it, in the order of their names."""

    def unreadable(error: OSError) -> None:
        on_problem(Problem(str(error.filename), f"cannot be read: {error.strerror}", fatal=True))

    empty = True
    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not _ignored(name):
                empty = False
                yield from _check(os.path.join(parent, name), False, on_problem)
    if empty:
        on_problem(Problem(folder, "holds no file to read", fatal=True))


def _ignored(path: str) -> bool:
    """Whether a file that nobody named is hidden or an editor's backup."""
    name = os.path.basename(path)
    return name.startswith((".", "#")) or name.endswith(("~", ".swp", ".bak"))


def _check(path: str, named: bool, on_problem: Report) -> Iterator[_File]:
    """The file, if it can be read; pipes and devices only where they were named."""
    try:
        status = os.stat(path)
    except OSError as error:
        on_problem(Problem(path, f"cannot be read: {error.strerror}", fatal=True))
        return
    pipe = not stat.S_ISREG(status.st_mode)
    if pipe and not named:
        return
    if not os.access(path, os.R_OK):
        on_problem(Problem(path, "cannot be read: Permission denied", fatal=True))
        return
    yield _File(path, named, (status.st_dev, status.st_ino), status.st_size, pipe)
