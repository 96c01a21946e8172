"""Writes `formats.md`: the formats that logscan knows, with an example each.

python docs/formats.py
"""

from pathlib import Path

from logscan.formats.registry import BUILT_IN, format_of

PAGE = Path(__file__).with_name("formats.md")

HEAD = """\
# Log formats

Written by `make docs` from `logscan/formats/`; a test fails when it is stale.

The format of a log is found by itself, in its first lines; `--stats` says which one it was. `--log-format NAME` takes
your word for it. A layout of your own may stand in place of the name:

    logscan scan app.log --log-format '<time> [<level>] <component>: <message>'

Fields are time, level, component, host, pid, label and message; any other name in angle brackets is skipped. A regex
with named groups, `(?P<time>...) (?P<message>...)`, does the same.

Files may be packed with gzip, zstd, xz or bzip2. A line that does not begin like a record belongs to the record above
it, so a stack trace is one record. Where two formats match equally well, the one that stands first here is taken.
"""


def page() -> str:
    """The text of the page."""
    return HEAD + "".join(section(name) for name in BUILT_IN)


def section(name: str) -> str:
    """A format: what it is, and its first example."""
    form = format_of(name)
    return f"\n## {name}\n\n{form.about}\n\n    {form.examples[0]}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
