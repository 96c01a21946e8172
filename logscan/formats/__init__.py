"""Formats: lines -> records.

A `Format` says what the lines of one kind of log look like: a header pattern with named groups, examples,
and what else is particular. `detect` finds the format of a log and its session id in a sample and returns a
`Layout`; `named` takes the user's word for it. `Layout.records` turns a block's lines into records, one row
each with its time, session and shape; `Layout.attributes` reads level, component, message and label once a
distinct shape.

To add a format begin with a copy of `hdfs.py`, the smallest, and add its line to `registry.py`.
"""

from logscan.formats.detection import detect, named
from logscan.formats.format import Fields, Format
from logscan.formats.layout import Layout
from logscan.formats.registry import format_of, names

__all__ = ["Fields", "Format", "Layout", "detect", "format_of", "named", "names"]
