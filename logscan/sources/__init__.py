"""Paths into blocks of lines: the first step.

    discovery    paths, patterns, folders, "-"  -> streams: a log and its rotated siblings, oldest first
    inputs       the name of a source           -> an open file or pipe; a pipe can be kept to be read again
    clients      "journal:", "docker:NAME", ... -> what journalctl, docker and kubectl print
    compression  its bytes                      -> plain bytes, whatever they are packed with
    lines        plain bytes                    -> numbered lines with offsets, whole buffers at a time
    stream       all of these in turn           -> blocks, and what was wrong with which source
    again        a source and lines of it       -> their texts, once more

    follow       the same names                 -> lines as they come, see there

A source is named by its path as the user wrote it; "-" is standard input. What a line means is the next step's.
"""

from logscan.sources.again import fetch, lines_at, read_again
from logscan.sources.discovery import open_streams, siblings
from logscan.sources.lines import BLOCK, MAX_LINE
from logscan.sources.stream import Block, Problem, Stream

__all__ = [
    "BLOCK",
    "MAX_LINE",
    "Block",
    "Problem",
    "Stream",
    "fetch",
    "lines_at",
    "open_streams",
    "read_again",
    "siblings",
]
