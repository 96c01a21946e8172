"""A format of the user's own: a regex with named groups, or a layout such as `<time> <level>: <message>`."""

import re

from logscan.errors import OptionError
from logscan.formats.format import EPOCH, Format
from logscan.formats.generic import GENERIC, STAMP
from logscan.regex import checked

FIELDS = {
    "time": rf"(?P<time>{STAMP}|\d+(?:\.\d+)?|\S+)",
    "level": r"(?P<level>\w+)",
    "component": r"(?P<component>\S+?)",
    "host": r"(?P<host>\S+?)",
    "pid": r"(?P<pid>\d+)",
    "label": r"(?P<label>\S+)",
    "message": r"(?P<message>.*)",
}
ALIASES = {
    "timestamp": "time", "datetime": "time", "severity": "level", "priority": "level", "logger": "component",
    "hostname": "host", "node": "host", "process": "pid", "content": "message", "msg": "message",
}  # fmt: skip
DIGITS = re.compile(r"(?:(?:\\d|\[0-9\])(?:\{[\d,]+\}|\+)?)+(?![*?])")  # \d{4}, \d\d, [0-9]+


def custom(pattern: str) -> Format:
    """The format of `pattern`, which is its name too. Raises OptionError where it is no valid pattern.

    In a layout, fields stand in angle brackets and spaces match any white space; a date before the time joins
    it. Fields other than those of a `Format`'s header are skipped.
    """
    header = DIGITS.sub(r"\\d+", pattern) if "(?P<" in pattern else _header(pattern)
    groups = checked(header, "--log-format").groupindex
    if not groups:
        raise OptionError(f"log layout {pattern!r} names no field; the fields are {', '.join(FIELDS)}")
    times = (*GENERIC.times, EPOCH) if "time" in groups else ()
    return Format(name=pattern, about="a layout given by the user", examples=(), header=header, times=times)


def _header(layout: str) -> str:
    layout = re.sub(r"(?i:(?:<(?:month|date|day|year)>[\sT]+)+<time>)", "<time>", layout.strip())
    header, used = "^", set[str]()
    for text in re.split(r"(<\w+>)", layout):
        name = text[1:-1].lower() if re.fullmatch(r"<\w+>", text) else None
        name = ALIASES.get(name, name) if name else None
        if name is None:
            header += re.sub(r"(?:\\ |\s)+", r"\\s+", re.sub("[0-9]+", r"\\d+", re.escape(text)))
        elif name in FIELDS and name not in used:
            header += FIELDS[name]
            used.add(name)
        else:
            header += r"\S*?"
    return header + "$"
