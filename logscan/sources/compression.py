"""Plain bytes out of an input. What it is compressed with is told by its first bytes, never by its name."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import IO, cast

import zstandard

from logscan.sources.inputs import Input

# Raised for an archive that is cut off (EOFError) or damaged, and by the system for a bad disk.
_BROKEN = (EOFError, OSError, lzma.LZMAError, zlib.error, zstandard.ZstdError)

_STEP = 1 << 18  # bytes decompressed at a time: at most so much before the damage is lost


class _ZstdFile(io.BufferedIOBase):
    """The frames of a zstd file in turn. The package's own reader takes a file that is cut off for a whole one."""

    def __init__(self, file: Input) -> None:
        self._file = file
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._unread = b""

    def read1(self, size: int = -1, /) -> bytes:
        """The next bytes, any number: four can stand for 128 KiB, so few are decompressed at once."""
        plain = b""
        while not plain:
            compressed = self._unread or self._file.read(2048)
            if not compressed and self._frame is None:
                break
            if not compressed:
                raise EOFError("the last frame is cut off")
            self._frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
            plain = self._frame.decompress(compressed)
            self._unread = b""
            if self._frame.eof:
                self._unread, self._frame = self._frame.unused_data, None
        return plain


_OPENERS: dict[bytes, Callable[[Input], io.BufferedIOBase]] = {
    b"\x1f\x8b\x08": lambda file: gzip.GzipFile(fileobj=file, mode="rb"),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lambda file: lzma.LZMAFile(cast(IO[bytes], file)),  # noqa: SIM115
    b"\x28\xb5\x2f\xfd": _ZstdFile,
}


def packed(file: Input) -> bool:
    """Whether the content is compressed."""
    return file.head.startswith(tuple(_OPENERS))


def chunks(file: Input, size: int, on_break: Callable[[str], None]) -> Iterator[bytes]:
    """The decompressed content in pieces of `size` bytes, all but the last, however it comes: what is learnt block by
    block is the same of a file, of its archive and of a pipe.

    Where the content breaks off, all that could be read comes before the end, and `on_break` gets the reason.
    """
    opener = next((opener for magic, opener in _OPENERS.items() if file.head.startswith(magic)), None)
    content = opener(file) if opener else file
    step = _STEP if opener else size
    parts: list[bytes] = []
    have = 0
    while True:
        try:
            part = content.read1(step)
        except _BROKEN as error:
            on_break((isinstance(error, OSError) and error.strerror) or str(error))
            break
        if not part:
            break
        parts.append(part)
        have += len(part)
        if have >= size:
            whole = b"".join(parts)
            for begin in range(0, have - size + 1, size):
                yield whole[begin : begin + size]
            parts, have = [whole[have - have % size :]], have % size
    if have:
        yield b"".join(parts)
