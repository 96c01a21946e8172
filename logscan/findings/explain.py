"""Causes to findings: the reason in words, the score, the lines to blame."""

from datetime import datetime, timedelta
from itertools import repeat
from math import log2
from typing import Any, cast

import numpy as np
import orjson
import polars as pl

from logscan.detectors.baseline import SCALE
from logscan.detectors.profile import Profile
from logscan.detectors.sessions import BEGIN, END
from logscan.findings.finding import MAX_LINES, Finding, Line, id_of
from logscan.findings.merge import FEW_NAMES, NAMES, Cause
from logscan.windows.sessions import Floats

TROUBLE = 3.0  # nats that a record gains at most by speaking of trouble

Row = dict[str, Any]  # of evidence


def explain(cause: Cause, profile: Profile, sources: list[str], own: bool) -> Finding:
    """The finding of a cause; the texts of its lines are still to be filled in."""
    rows, times = cause.rows, cause.rows["time"]
    shown = rows.head(MAX_LINES)
    source, surprise = shown["source"].to_numpy(), shown["surprise"].to_numpy()
    keys, expected = shown["key"].to_list(), shown["expected"].to_list()
    templates = {key: profile.keys.template(key) for key in set(keys)}
    steps = {text: _steps(text, profile) for text in set(expected)}
    lines = tuple(
        map(
            Line,
            [sources[number] for number in source.tolist()],
            shown["line"].to_list(),
            shown["offset"].to_list(),
            _scores(surprise + TROUBLE * shown["trouble"].to_numpy()).tolist(),
            keys,
            [templates[key] for key in keys],
            repeat(""),
            repeat(None),
            shown["time"].to_numpy().tolist(),
            shown["last_line"].to_list(),
            [steps[text] for text in expected],
        )
    )
    first = lines[0]
    strongest = rows.row(int(surprise.argmax()), named=True)
    return Finding(
        kind=cause.kind,
        reason=_reason(cause, strongest, profile, own),
        score=float(_scores(_strength(cause))),
        source=first.source,
        first_line=first.line,
        last_line=int(shown["last_line"].to_numpy()[source == source[0]].max()),
        count=cause.count,
        lines=lines,
        signature=_signature(cause, profile),
        parts=_parts(cause, profile),
        first_seen=cast("datetime | None", times.min()),
        last_seen=cast("datetime | None", times.max()),
        nearest=profile.keys.nearest(strongest["key"]) if cause.kind == "new" else None,
    )


def score_of() -> pl.Expr:
    """The score of each row of evidence by itself."""
    return (1 - (-(pl.col("surprise") + TROUBLE * pl.col("trouble")).clip(0) / SCALE).exp()).alias("score")


def _strength(cause: Cause) -> float:
    """Nats: the most surprising record, and more for trouble and for several kinds of line at once; of windows that
    were judged as wholes, those of the strangest."""
    if _only_names(cause):
        return 1.0
    if cause.kind == "window":
        return _highest(cause.rows["surprise"])
    nats = _highest(cause.rows["surprise"]) + TROUBLE * _highest(cause.rows["trouble"])
    return nats + 0.5 * log2(len(cause.keys))


def _highest(nats: pl.Series) -> float:
    return float(nats.to_numpy().max())


def _scores(nats: Floats | float) -> Floats:
    return np.asarray(1 - np.exp(-np.maximum(nats, 0.0) / SCALE))


def _only_names(cause: Cause) -> bool:
    """Whether the values of a cause say no more than that other names are in use."""
    if cause.kind != "value":
        return False
    return len(cause.what) > FEW_NAMES or bool(cause.rows["about"].str.starts_with(f"{NAMES}=").any())


def _signature(cause: Cause, profile: Profile) -> str:
    """What was found, in words that stay the same when it is found again elsewhere."""
    templates = sorted({profile.keys.template(key) for key in cause.keys})
    match cause.kind:
        case "value":
            return "\x1f".join([cause.kind, *sorted(map(str, cause.what))])
        case "order" | "count":
            before = _step(int(cause.rows["about"][0].split("/")[0]), profile)  # the same of all
            return "\x1f".join([cause.kind, before, *templates])
        case "window":
            return "\x1f".join([cause.kind, profile.keys.template(_most_blamed(cause))])
        case kind:
            return "\x1f".join([kind, *templates])


def _parts(cause: Cause, profile: Profile) -> tuple[str, ...]:
    """The id of each kind of line, or value, as a finding of its own; none where there is one only."""
    match cause.kind:
        case "value":
            single = sorted(map(str, cause.what))
        case "new" | "rare" | "burst" | "silent":
            single = sorted({profile.keys.template(key) for key in cause.keys})
        case _:
            return ()
    return tuple(id_of("\x1f".join([cause.kind, one])) for one in single) if len(single) > 1 else ()


def _most_blamed(cause: Cause) -> int:
    """The key that its windows are anomalous for above all."""
    return int(cause.rows["about"][0].split("/")[0])


def _reason(cause: Cause, strongest: Row, profile: Profile, own: bool) -> str:
    kinds = len(cause.keys)
    lines = f"{cause.count:,} line{'s' * (cause.count != 1)}" + (f" of {kinds:,} kinds" if kinds > 1 else "")
    template = profile.keys.template(strongest["key"])
    others = f" (and {kinds - 1} other kinds)" if kinds > 1 else ""
    about: str = strongest["about"]
    match cause.kind:
        case "new" | "rare":
            only_here = f"found only here, in {profile.records:,} records"
            return f"{lines} {'never seen in the baseline' if cause.kind == 'new' else only_here}"
        case "value":
            return _value_reason(cause, about, profile)
        case "burst":
            assert profile.rates is not None
            rate, usual = map(int, about.split("/"))
            width = _duration(profile.rates.width)
            return f"{rate:,} in {width}, where more than {usual:,} are a burst: {template}{others}"
        case "silent":
            pause, usual = map(int, about.split("/"))
            return f"silent for {_duration(pause)}, where {_duration(usual)} would be long: {template}{others}"
        case "window":
            n, by = cause.rows["session"].n_unique(), about.split("/", 1)[1]
            more = "more than " if cause.count > len(cause.rows) else ""  # where evidence was cut
            windows = f"{more}{n:,} window{'s' * (n != 1)} called anomalous by {by}"
            score, template = float(_scores(_strength(cause))), profile.keys.template(_most_blamed(cause))
            return f"{windows} ({score:.2f}), above all for: {template}"
        case _:
            before, how, seen = about.split("/")
            where = "in an order" if seen == "seen" else "with counts of events"
            past = "the rest of the log" if own else "the baseline"
            step = {"again": "repetition", "end": "end of the session"}.get(how)
            step = step or f"step after “{_step(int(before), profile)}”"
            return f"improbable {step}, in a session {where} unlike {past}: {template}"


def _value_reason(cause: Cause, about: str, profile: Profile) -> str:
    if _only_names(cause):
        names = sorted(map(str, cause.what))
        few = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        return f"{len(names)} new name{'s' * (len(names) != 1)} in lines that are otherwise known: {few}"
    place, value = about.split("=", 1)
    template, slot = place.split(".")
    seen = profile.slots[int(template), slot]
    known = ", ".join(sorted(seen.keys() - {value}, key=lambda name: (-seen[name], name)))
    where = f"{slot} " if slot in ("level", "component") else ""
    return f"{where}{value}, where {sum(seen.values()):,} records had {known}"


def _steps(texts: str | None, profile: Profile) -> tuple[tuple[str, float], ...]:
    """What was expected, as evidence has it, in words."""
    return tuple((_step(key, profile), p) for key, p in orjson.loads(texts or "[]"))


def _step(key: int, profile: Profile) -> str:
    return {BEGIN: "(beginning)", END: "(end)"}.get(key) or profile.keys.template(key)


def _duration(microseconds: int) -> str:
    """Such as `1 s`, `2 min 5 s` or `3 h`."""
    seconds = round(timedelta(microseconds=microseconds).total_seconds())
    parts = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s"))
    return " ".join([f"{n} {unit}" for n, unit in parts if n][:2]) or "0 s"
