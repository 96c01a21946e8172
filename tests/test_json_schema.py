"""What `scan --json` writes is what docs/json.schema.json says, no field more and none less."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from test_cli import run

from logscan.findings.finding import MAX_LINES, Finding, Kind, Line
from logscan.reports import Begin, Output, Summary, open_report

ROOT = Path(__file__).parents[1]
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "json.schema.json").read_text(encoding="utf-8"))
LOGS = ROOT / "examples"
NOW = datetime(2026, 3, 2, 8, 0, 0, 120_000, tzinfo=UTC)
LINE = Line("app.log", 3, 120, 0.9, 7, "disk <*> is full", "disk 3 is full", time=NOW)


def closed(part: Any) -> Any:
    """The schema, with objects that have no other fields than it names."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    inner = {name: closed(one) for name, one in part.items()}
    return inner | {"additionalProperties": False} if inner.get("type") == "object" else inner


STRICT = Draft202012Validator(closed(copy.deepcopy(SCHEMA)))


def checked(text: str) -> list[dict[str, Any]]:
    """The values of JSON Lines, all of which fit."""
    values = [json.loads(line) for line in text.splitlines()]
    for value in values:
        kind = closed(SCHEMA) | {"$ref": f"#/$defs/{value['type']}"}
        kind.pop("oneOf")  # so that the message is about what does not fit
        Draft202012Validator(kind).validate(value)
        STRICT.validate(value)
    return values


def named(part: Any) -> Iterator[str]:
    """The names of all fields in a schema, or in a value."""
    for one in part if isinstance(part, list) else []:
        yield from named(one)
    for name, one in part.items() if isinstance(part, dict) else []:
        yield name
        yield from named(one)


def told(*findings: Finding, context: int = 0) -> str:
    """What the report writes of them."""
    stream = StringIO()
    report = open_report("json", Output(stream, context=context))
    report.begin(Begin(("app.log", "-"), "baseline", "model"))
    for finding in findings:
        report.finding(finding, {"app.log": {2: "before", 3: "disk 3 is full", 4: "after"}})
    report.end(Summary(10, 9, 1, len(findings), 0.25, ("gone.log: no such file",), ("1 accepted finding not shown",)))
    return stream.getvalue()


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_it_has_the_kinds_of_finding_that_there_are() -> None:
    assert SCHEMA["$defs"]["finding"]["properties"]["kind"]["enum"] == list(get_args(Kind))


def test_it_has_each_field_that_is_written() -> None:
    whole = replace(LINE, source="app.log.1", last_line=5, raw=b"caf\xe9", expected=(("disk <*> is fine", 0.71),))
    many = Finding(
        "new", "many", 1.0, "app.log", 3, 5, MAX_LINES + 2, (LINE,) * (MAX_LINES + 2), "many", window="session 1"
    )
    least = Finding("rare", "one", 0.5, "app.log", 3, 3, 1, (replace(LINE, time=None),), "one")
    values = checked(told(many, least, replace(least, lines=(whole,)), context=1))
    assert set(named(values)) == {name for one in SCHEMA["$defs"].values() for name in one.get("properties", ())}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "odd"),
        ("id", "3f9c"),
        ("score", 1.5),
        ("first_line", 0),
        ("lines", []),
        ("time", 1_700_000_000),
        ("seconds", 1),
    ],
)
def test_what_is_wrong_does_not_fit(name: str, value: object) -> None:
    finding = json.loads(told(Finding("rare", "one", 0.5, "app.log", 3, 3, 1, (LINE,), "one")).splitlines()[1])
    assert STRICT.is_valid(finding)
    assert not STRICT.is_valid(finding | {name: value})


def test_a_field_that_comes_later_fits() -> None:
    begin = json.loads(told().splitlines()[0])
    assert Draft202012Validator(SCHEMA).is_valid(begin | {"host": "web-1"})
    assert not STRICT.is_valid(begin | {"host": "web-1"})


@pytest.mark.slow
def test_what_scans_write_fits(tmp_path: Path) -> None:
    """The example logs, by themselves, against a baseline and models, at once and as they are followed."""
    good, shop = (LOGS / "good.log").read_bytes(), (LOGS / "shop.log").read_bytes()
    step = next(line for line in good.splitlines(keepends=True) if b"priced at" in line)
    (tmp_path / "good.log").write_bytes(good)
    (tmp_path / "shop.log").write_bytes(shop + b"2026-03-03 09:00:00,000 ERROR [exec-1] Storage - caf\xe9 \xff lost\n")
    (tmp_path / "again.log").write_bytes(good.replace(step, step * 5))
    assert run(tmp_path, "train", "good.log", "-o", "model").status == 0
    assert run(tmp_path, "train", "good.log", "--detector", "counts", "-o", "counts").status == 0
    scans: list[tuple[tuple[str, ...], bytes]] = [
        (("shop.log",), b""),
        (("shop.log", "again.log", "gone.log", "--baseline", "good.log", "-C", "2"), b""),
        (("shop.log", "--model", "counts", "--redact"), b""),
        (("again.log", "--model", "model"), b""),
        (("--follow", "--from-start", "--model", "model"), shop),
        (("templates.log",), b""),
    ]
    (tmp_path / "templates.log").write_text("no time here\n" * 50 + "nor here\n")
    found = [
        value
        for words, stdin in scans
        for value in checked(run(tmp_path, "scan", *words, "--json", stdin=stdin).out)
        if value["type"] == "finding"
    ]
    assert {finding["kind"] for finding in found} == set(get_args(Kind))
    assert any("bytes" in line for finding in found for line in finding["lines"])
    assert any(line["expected"] for finding in found for line in finding["lines"])
    assert any(finding["time"] is None for finding in found)
    assert any(finding.get("context") for finding in found)
