"""What following gives."""

from dataclasses import dataclass

import polars as pl

from logscan.sources.lines import SCHEMA, Piece


@dataclass(frozen=True)
class Arrived:
    """Lines that came, in the order they were written.

    source: as shown, the path as the user's name or pattern gives it, "-", "journal:nginx", "docker:web"
    file: number of the file (or client) behind it: 0 up, a new one after each rotation, never used twice
    lines: whole lines, columns of `lines.SCHEMA`; `line` is 1-based in its file, `offset` in bytes
    ended: nothing more will come from that file
    """

    source: str
    file: int
    lines: pl.DataFrame
    ended: bool

    @classmethod
    def of(cls, source: str, file: int, piece: Piece | None, ended: bool) -> "Arrived":
        """The lines of a piece, or none."""
        return cls(source, file, pl.DataFrame(schema=SCHEMA) if piece is None else piece.lines, ended)
