"""Which layout a log has: detected in its first lines, or named by the user."""

import re
from collections.abc import Iterator, Mapping

import polars as pl

from logscan.formats import sessions, times
from logscan.formats.format import Format
from logscan.formats.layout import HEAD, Layout
from logscan.formats.registry import format_of, names
from logscan.native import digits_reduced, distinct

FIRST = 500  # lines on which formats are compared; sessions are looked for in all of the sample
ENOUGH = 0.5  # share of records that must have the header
TIE = 0.05  # shares this near are equal
GENERAL = ("generic", "epoch", "plain")  # tried, in this order, where no other format matches
NAMES = ("status(?:[ _-]?code)?", "exit(?:ed)?(?: with)?(?: code| status)?", "code", "signal", "errno", "rc")
# Three ways to write the first letters: a line without any of them is passed over at once, and few have them.
NAMED = "|".join(f"(?:{name[:3]}|{name[:3].title()}|{name[:3].upper()})(?i:{name[3:]})" for name in NAMES)
KEPT = rf"(?:\b|_)(?:{NAMED})[\"']?\s?[=: ]\s?[\"']?(-?[0-9]{{1,3}})(?:[^\w.%-]|$)"
KEPT_VALUES = 50  # a number with more values is a measure and has no meaning of its own


def detect(sample: pl.Series, known: Mapping[str, Layout] | None = None) -> Layout:
    """The layout of a log from consecutive lines at its beginning; 2,000 are plenty. known: by format, layouts of other
    logs that are taken for this one too."""
    sample = sample.drop_nulls()
    first = sample.head(FIRST)
    shares: dict[str, float] = {}
    for name in _matching(first):
        shares[name] = _share(first, format_of(name))
        if shares[name] == 1:  # none of those behind it would be taken
            break
    best = max(shares.values(), default=0.0)
    if best < ENOUGH:
        shares = {name: _share(first, format_of(name)) for name in GENERAL[:-1]} | {"plain": ENOUGH}
        best = ENOUGH
    name = next(name for name, share in shares.items() if share >= max(best - TIE, ENOUGH))
    return known[name] if known and name in known else _layout(format_of(name), sample)


def named(name_or_pattern: str, sample: pl.Series) -> Layout:
    """The layout of a known format, of a regex with named groups, or of a layout such as
    `<time> <level> <component>: <message>`. Raises OptionError where it is none of these."""
    return _layout(format_of(name_or_pattern), sample.drop_nulls())


def _layout(form: Format, sample: pl.Series) -> Layout:
    """With the session id and the meaningful number, looked for in the first lines of records."""
    heads = sample.filter(Layout(form).kinds(form.shape(sample))[1])
    values = heads.str.extract(KEPT, 1).drop_nulls()
    kept = form.kept or (KEPT if 0 < values.n_unique() <= KEPT_VALUES else None)
    return Layout(form, sessions.find(heads, form), kept)


def _matching(sample: pl.Series) -> Iterator[str]:
    """The special formats whose header any line has. Python compiles a pattern faster than Rust, and few are asked;
    they match a line and its shape alike, and lines have few shapes."""
    shapes = distinct(digits_reduced(sample)).to_list()
    for name in (name for name in names() if name not in GENERAL):
        if any(map(re.compile(format_of(name).header).search, shapes)):
            yield name


def _share(sample: pl.Series, form: Format) -> float:
    """The share of records whose header matches, with a time that can be read."""
    layout = Layout(form)
    kind, start = layout.kinds(form.shape(sample))
    heads = sample.filter(kind == HEAD)
    if not len(heads) or len(heads) / int(start.sum()) < ENOUGH:
        return 0.0
    if form.mark and int(heads.str.contains(form.mark).sum()) < ENOUGH * len(heads):
        return 0.0
    if form.time_pattern is None or form.stamp:
        return len(heads) / int(start.sum())
    group = re.compile(form.time_pattern).groupindex["time"]
    stamped = heads.str.extract(form.time_pattern, group).is_not_null()
    unread = times.read(heads, form.time_pattern, form.times, guess=False).is_null()
    return (len(heads) - int((stamped & unread).sum())) / int(start.sum())
