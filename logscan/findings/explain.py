"""Causes to findings: the reason in words, the score, the lines to blame."""

from datetime import timedelta
from math import exp, log2
from typing import Any

import polars as pl

from logscan.detectors.profile import Profile
from logscan.detectors.sessions import END
from logscan.findings.finding import MAX_LINES, Finding, Line
from logscan.findings.merge import FEW_NAMES, NAMES, Cause

TROUBLE = 3.0  # nats that a record gains at most by speaking of trouble
SCALE = 4.0  # nats of surprise that make a score of 1 - 1/e


def explain(cause: Cause, profile: Profile, sources: list[str], own: bool) -> Finding:
    """The finding of a cause; the texts of its lines are still to be filled in."""
    rows = cause.rows.sort("source", "line")
    lines = tuple(_line(row, profile, sources) for row in rows.head(MAX_LINES).iter_rows(named=True))
    source = lines[0].source
    times = rows["time"].drop_nulls()
    strongest = rows.row(int(rows["surprise"].arg_max() or 0), named=True)
    nearest = profile.keys.nearest(strongest["key"]) if cause.kind == "new" else None
    return Finding(
        kind=cause.kind,
        reason=_reason(cause, strongest, profile, own),
        score=_score(_strength(cause)),
        source=source,
        first_line=lines[0].line,
        last_line=max(line.last_line or line.line for line in lines if line.source == source),
        count=cause.count,
        lines=lines,
        signature=_signature(cause, profile),
        first_seen=times.min() if len(times) else None,  # type: ignore[arg-type]
        last_seen=times.max() if len(times) else None,
        nearest=nearest,
    )


def _line(row: dict[str, Any], profile: Profile, sources: list[str]) -> Line:
    expected: list[tuple[str, float]] = []
    if row["kind"] in ("order", "count") and profile.sessions is not None:
        expected = [
            ("(end of the session)" if key == END else profile.keys.template(key), p)
            for key, p in profile.sessions.steps_.expected(int(row["about"]))
        ]
    return Line(
        source=sources[row["source"]],
        line=row["line"],
        last_line=row["last_line"],
        offset=row["offset"],
        score=_score(row["surprise"] + TROUBLE * row["trouble"]),
        key=row["key"],
        template=profile.keys.template(row["key"]),
        text="",
        time=row["time"],
        expected=tuple(expected),
    )


def _strength(cause: Cause) -> float:
    """Nats: the most surprising record, and more for trouble and for several kinds of line at once."""
    if _only_names(cause):
        return 1.0
    rows = cause.rows
    return float(rows["surprise"].max()) + TROUBLE * float(rows["trouble"].max()) + 0.5 * log2(rows["key"].n_unique())


def _only_names(cause: Cause) -> bool:
    """Whether the values of a cause say no more than that other names are in use."""
    return cause.kind == "value" and (len(cause.what) > FEW_NAMES or cause.rows["about"].str.starts_with(f"{NAMES}=").any())


def score_of() -> pl.Expr:
    """The score of each row of evidence by itself."""
    return (1 - (-(pl.col("surprise") + TROUBLE * pl.col("trouble")).clip(0) / SCALE).exp()).alias("score")


def _score(nats: float) -> float:
    return 1 - exp(-max(nats, 0.0) / SCALE)


def _signature(cause: Cause, profile: Profile) -> str:
    """What was found, in words that stay the same when it is found again elsewhere."""
    templates = sorted({profile.keys.template(key) for key in cause.rows["key"].unique()})
    match cause.kind:
        case "value":
            return "\x1f".join(["value", *sorted(cause.what)])
        case "order" | "count":
            before = sorted({_step(about, profile) for about in cause.rows["about"].unique()})
            return "\x1f".join([cause.kind, *before, *templates])
        case kind:
            return "\x1f".join([kind, *templates])


def _reason(cause: Cause, strongest: dict[str, Any], profile: Profile, own: bool) -> str:
    past = "the rest of the log" if own else "the baseline"
    kinds = cause.rows["key"].n_unique()
    what = f"{cause.count:,} line{'s' * (cause.count != 1)}" + (f" of {kinds:,} kinds" if kinds > 1 else "")
    template = profile.keys.template(strongest["key"])
    about = strongest["about"]
    match cause.kind:
        case "new":
            return f"{what} never seen in {past}"
        case "rare":
            return f"{what} found only here, in {profile.records:,} records"
        case "value":
            return _value_reason(cause, strongest, profile)
        case "burst":
            rate, usual = about.split("/")
            return f"{int(rate):,} in {_duration(profile.rates.width)}, where up to {int(usual):,} would be usual: {template}"
        case "silent":
            pause, usual = about.split("/")
            return f"silent for {_duration(int(pause))}, where {_duration(int(usual))} would be long: {template}"
        case _:
            doing = "repeated" if about == str(strongest["key"]) else f"after “{_step(about, profile)}”"
            return f"improbable step, {doing}, in a session whose counts of events were never seen: {template}"


def _value_reason(cause: Cause, strongest: dict[str, Any], profile: Profile) -> str:
    if _only_names(cause):
        names = sorted(cause.what)
        return f"{len(names)} new name{'s' * (len(names) != 1)}: {', '.join(names[:5])}" + (", …" if len(names) > 5 else "")
    place, value = strongest["about"].split("=", 1)
    template, slot = place.split(".")
    seen = profile.slots[int(template), slot]
    known = ", ".join(sorted(seen, key=lambda name: -seen[name]))
    where = {"level": "level ", "component": "component ", "kept": "value "}.get(slot, "")
    return f"{where}{value}, where {sum(seen.values()):,} records had only {known}"


def _step(about: str, profile: Profile) -> str:
    return profile.keys.template(int(about)) if int(about) >= 0 else "(beginning of the session)"


def _duration(microseconds: int) -> str:
    """Such as `1 s`, `2 min 5 s` or `3 h`."""
    seconds = round(timedelta(microseconds=microseconds).total_seconds())
    parts = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s"))
    shown = [f"{n} {unit}" for n, unit in parts if n][:2]
    return " ".join(shown) or "0 s"
