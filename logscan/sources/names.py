"""The names of files, folders and patterns that are followed, and the paths of their logs, which come and go."""

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch

from logscan.sources.discovery import expand, is_compressed, rotation
from logscan.sources.stream import Problem
from logscan.sources.watch import Watch

Key = tuple[str, str]  # of a log: its path, or its folder and the name that it shares with its rotated siblings


class Names:
    """What the user named."""

    def __init__(self, names: Sequence[str], watch: Watch, on_problem: Callable[[Problem], None]) -> None:
        self.names = names
        self._watch = watch
        self._on_problem = on_problem

    def paths(self, first: bool) -> Iterator[tuple[Key, str]]:
        """The paths of each log: one that was named, or the files that were found, rotated ones among them.

        What is missing is said the first time.
        """

        def report(problem: Problem) -> None:
            waits = "Permission" not in problem.message
            if first:
                message = f"{problem.message}; waiting for it" if waits else problem.message
                self._on_problem(Problem(problem.source, message, fatal=not waits))

        for name in self.names:
            if os.path.isdir(name) or (glob.has_magic(name) and not os.path.lexists(name)):
                self._watch.folder(name if os.path.isdir(name) else _base(name))
                for file in expand(name, report):
                    self._watch.folder(os.path.dirname(file.path) or ".")
                    if not file.pipe and not is_compressed(file.path):
                        yield file.log, file.path
            else:
                if not os.path.exists(name):
                    report(Problem(name, "cannot be read: No such file or directory", fatal=True))
                yield (name, ""), name

    def key(self, path: str) -> Key | None:
        """The key of a log that was at this path; None where it is none of those that are named."""
        if path in self.names:
            return path, ""
        if any(fnmatch(path, name) or path.startswith(os.path.join(name, "")) for name in self.names):
            folder, name = os.path.split(os.path.abspath(path))
            return folder, rotation(name)[0]
        return None


def age(path: str) -> tuple[int, ...]:
    """The place of a file among those of its log: the smaller the older."""
    return rotation(os.path.basename(path))[1]


def _base(pattern: str) -> str:
    """The folder of a pattern up to which there are no signs in it."""
    while glob.has_magic(pattern):
        pattern = os.path.dirname(pattern)
    return pattern or "."
