"""A source by its name into an open input: a file, standard input, a client; a pipe can be kept to be read again."""

import errno
import io
import sys
import tempfile
from typing import Protocol

from logscan.errors import InputError
from logscan.sources.clients import Printed, client_of

STDIN = "-"


class Readable(Protocol):
    """All that is asked of an open file."""

    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class Input(io.BufferedIOBase):
    """An open file that can be looked into (a pipe cannot go back) and says how far it was read."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self.head = file.read(6)
        self._unread = self.head
        self.consumed = 0  # bytes

    def read(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""
        if size is None or size < 0:
            raise io.UnsupportedOperation("an input is read in pieces")
        data = self._unread[:size] or self._file.read(size)
        self._unread = self._unread[size:]
        self.consumed += len(data)
        return data

    def read1(self, size: int = -1, /) -> bytes:
        """The same as `read`."""
        return self.read(size)

    @property
    def descriptor(self) -> int | None:
        """Of a file of which any part can be read at any time; None of what can only be read on."""
        file = self._file
        return file.fileno() if isinstance(file, io.BufferedReader) and file.seekable() else None

    def close(self) -> None:
        self._file.close()
        super().close()


def open_input(source: str) -> Input:
    """The source from its beginning; OSError where it cannot be opened.

    Standard input and other pipes begin where the last reader stopped, unless `spool` was called for them.
    """
    if source in _pipes:
        return Input(_Reader(_pipes[source]))
    return Input(_open(source))


def spool(source: str) -> None:
    """Keep what is read from this pipe from now on, so that `open_input` begins with it anew."""
    _pipes[source] = _Pipe(source)


def forget(source: str) -> None:
    """Drop what was kept of this source."""
    _pipes.pop(source, None)


def _open(source: str) -> Readable:
    if client := client_of(source):
        return Printed(client)
    if source != STDIN:
        return open(source, "rb")
    if sys.stdin is None:  # the parent process closed it
        raise OSError(errno.EBADF, "standard input is closed")
    return _Stdin()


class _Stdin:
    """Standard input, which stays open for whoever started us."""

    def read(self, size: int, /) -> bytes:
        return sys.stdin.buffer.read(size)

    def close(self) -> None:
        pass


class _Pipe:
    """A pipe and a copy of what came out of it, in a nameless temporary file, which is gone when we are."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._pipe: Readable | None = None
        self._copy = tempfile.TemporaryFile()  # noqa: SIM115
        self._copied = 0  # bytes

    def read(self, position: int, size: int) -> bytes:
        """At most `size` bytes from `position`, which lies within the copy or at its end."""
        if position < self._copied:
            self._copy.seek(position)
            return self._copy.read(min(size, self._copied - position))
        self._pipe = self._pipe or _open(self._source)
        data = self._pipe.read(size)
        try:
            self._copy.seek(self._copied)
            self._copy.write(data)
            self._copy.flush()
        except OSError as error:
            where = f"{self._source} in {tempfile.gettempdir()}"
            raise InputError(
                f"cannot keep a copy of {where}: {error.strerror}; set TMPDIR to a folder with more room"
            ) from error
        self._copied += len(data)
        return data


class _Reader:
    """One reading of a pipe, from its beginning."""

    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe
        self._position = 0

    def read(self, size: int, /) -> bytes:
        data = self._pipe.read(self._position, size)
        self._position += len(data)
        return data

    def close(self) -> None:
        pass


_pipes: dict[str, _Pipe] = {}
