"""Log text -> Rich text with its times, levels, addresses, numbers, quotes and paths coloured.

One pattern reads the text from left to right as tokens. Each alternative consumes what it looks at, down to
the plain word at the end, so that the time taken grows with the length of a line and no more.
"""

import re
from types import MappingProxyType

from rich.text import Text

from logscan.reports.visible import visible

TOKEN = re.compile(
    r"""
    (?P<time> \d{4}[-/.]\d\d[-/.]\d\d (?: [T ,]? \d\d:\d\d(?::\d\d)? (?:[.,]\d{1,9})?
                (?:Z\b|\ ?[+-]\d\d:?\d\d\b)? )?
            | \d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d (?:\ [+-]\d{4})?
            | (?:[A-Z][a-z]{2}\ )? [A-Z][a-z]{2}\ [ \d]\d\ \d\d:\d\d:\d\d (?:\ \d{4}\b)?
            | \d\d:\d\d:\d\d (?:[.,]\d{1,9})? )
  | (?P<bad> \b(?:EMERG|EMERGENCY|ALERT|CRIT|CRITICAL|FATAL|SEVERE|ERROR|ERR)\b )
  | (?P<warn> \b(?:WARN|WARNING)\b )
  | (?P<good> \b(?:NOTICE|INFO)\b )
  | (?P<fine> \b(?:DEBUG|TRACE|VERBOSE|FINE|FINER|FINEST)\b )
  | (?P<quote> "[^"]{0,500}" | (?<!\w)'[^']{0,500}'(?!\w) )
  | (?P<path> [a-z]{2,10}://[^\s"'<>\])]+ | (?<![\w.])(?:~|\.\.?)?/[\w.@%+-][^\s"'<>()\[\],;]* )
  | (?P<address> (?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}|/\d{1,2})?(?![\w.])
               | \b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b
               | \b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b
               | \b0x[0-9a-fA-F]+\b )
  | (?P<number> (?<![\w.])[-+]?\d+(?:[.,]\d+){0,3}%?(?!\w) )
  | \w+
    """,
    re.VERBOSE | re.ASCII,
)

# the eight base colours only, each readable on dark and on light ground
STYLES = MappingProxyType(
    {
        "time": "dim",
        "bad": "bold red",
        "warn": "yellow",
        "good": "green",
        "fine": "dim",
        "quote": "green",
        "path": "blue",
        "address": "magenta",
        "number": "cyan",
    }
)


def highlight(text: str) -> Text:
    """The text, its hidden characters made visible, with styles; `.plain` is `visible(text)`."""
    shown = Text(visible(text))
    for match in TOKEN.finditer(shown.plain):
        if match.lastgroup is not None:
            shown.stylize(STYLES[match.lastgroup], *match.span())
    return shown
