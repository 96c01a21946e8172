"""Lines of named fields: what is read of their shapes is what plain Python reads of them."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.formats import Fields, Layout, format_of
from logscan.formats.structured import COMPONENT_KEYS, LEVEL_KEYS, MESSAGE_KEYS, NAMED, WORD, other_than
from logscan.templates.masks import mask

NEAR = [near for name in NAMED for near in (name, name.upper(), name.title(), name[:-1], f"{name}s", f"x{name}")]
KEYS = st.sampled_from([key for key in NEAR if key]) | st.text('abcelmoK_. -é:,{\\"', min_size=1, max_size=6)
ODD = [
    "info",
    "WARN",
    "a.b",
    "level",
    'say "id": "a7", x',
    "{}",
    "[1, 2]",
    ', "level": 30,',
    "a\\",
    "é 7",
]
SCALARS = st.sampled_from([*ODD, 0, 40, -7, 0.5, -1.5e-3, None, True]) | st.text('ab,:{}[]"\\ 7é', max_size=6)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(KEYS, SCALARS, max_size=2)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")])


def flat(data: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        yield from flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]


def plain(shape: str) -> Fields | None:
    """As `read_json`, by Python's own reader."""
    try:
        rest = dict(flat(json.loads(shape)))
    except ValueError:
        return None
    named: list[str | None] = []
    for names in (MESSAGE_KEYS, LEVEL_KEYS, COMPONENT_KEYS):
        keys = {key.lower(): key for key, value in rest.items()}
        found = next((keys[n] for n in names if isinstance(rest.get(keys.get(n, "")), str) and rest[keys[n]]), None)
        named.append(rest.pop(found) if found else None)
    words = [f"{k}={v}" for k, v in rest.items() if isinstance(v, str) and WORD.fullmatch(v)]
    flags = [f"{k}={str(v).lower()}" for k, v in rest.items() if isinstance(v, bool)]
    return Fields(" ".join(((named[0] or "").strip(), *words, *flags)).strip(), named[1], named[2])


def fields(layout: Layout, lines: list[str]) -> list[tuple[Any, ...]]:
    found = layout.attributes(layout.format.shape(pl.Series(lines, dtype=pl.String)))
    return found.with_columns(pl.Series("message", mask(found["message"]))).rows()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(OBJECTS, SEPARATORS), min_size=1, max_size=10))
def test_a_json_line_is_read_as_by_plain_python(objects: list[tuple[dict[str, Any], tuple[str, str]]]) -> None:
    lines = [json.dumps(data, separators=gaps, ensure_ascii=False) for data, gaps in objects]
    form = format_of("json")
    assert fields(Layout(form), lines) == fields(Layout(replace(form, reduce=None, read=plain)), lines)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(OBJECTS, SEPARATORS, st.integers(0, 60), st.text('{}[]",:\\ a7', max_size=3)), max_size=10))
def test_escapes_and_broken_lines_are_read_as_if_nothing_were_left_out(
    objects: list[tuple[dict[str, Any], tuple[str, str], int, str]],
) -> None:
    form = format_of("json")
    lines = [json.dumps(data, separators=gaps) for data, gaps, _, _ in objects]
    assert fields(Layout(form), lines) == fields(Layout(replace(form, reduce=None)), lines)
    broken = [line[:at] + junk + line[at:] for line, (_, _, at, junk) in zip(lines, objects, strict=True)]
    shapes = form.shape(pl.Series(broken, dtype=pl.String))
    assert not shapes.cast(pl.String).str.contains("[1-9]").any()
    whole = pl.Series(broken, dtype=pl.Enum(list(dict.fromkeys(broken))))
    kinds = [Layout(form).kinds(text)[0].to_list() for text in (shapes, whole)]
    assert kinds[0] == kinds[1]


@given(st.sampled_from(NEAR) | st.text("lLeEvV_.gGoK", max_size=9))
def test_another_text_than_some_words(text: str) -> None:
    found = re.fullmatch(other_than(("", *NAMED), '"'), text)
    assert bool(found) == (text.lower() not in ("", *NAMED))
