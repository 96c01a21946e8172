"""Regular expressions that a user writes: valid in Rust's `regex`, which reads the columns, and in Python's `re`."""

import re

import polars as pl

from logscan.errors import OptionError


def checked(pattern: str, what: str) -> re.Pattern[str]:
    """The pattern, compiled. Raises OptionError, in one line, where it is none or matches where nothing stands."""
    try:
        compiled = re.compile(pattern)
        pl.Series([""]).str.contains(pattern)
    except (re.error, pl.exceptions.ComputeError) as error:
        lines = str(error).splitlines()
        reason = next((line for line in lines if line.startswith("error:")), lines[0])
        raise OptionError(f"{what} {pattern!r} is no regular expression: {reason}") from None
    if compiled.fullmatch(""):
        raise OptionError(f"{what} {pattern!r} matches where nothing stands: it should describe some text")
    return compiled
