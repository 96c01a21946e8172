"""Which part of a line says to which session (request, connection, block, job) it belongs."""

import re

import numpy as np
import polars as pl

from logscan.formats.format import Format

UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
# (what finds an id with the word before it, what takes the word out of that, the pattern made of the word)
WORDED = (
    (r"\b[A-Za-z]+[_-]-?[0-9]{5,}", r"^([A-Za-z]+[_-])", r"\b(WORD-?[0-9]\w*)"),  # blk_-4711, job_2026_0001
    (rf"[A-Za-z_]+[\s:=\"'-]+{UUID}", r"^([A-Za-z_]+[\s:=\"'-]+)", rf"\bWORD({UUID})"),  # instance: UUID
    (
        r"[\w.-]*(?i:id|request|session|trace|transaction)[\"']?\s?[=:]\s?[\"']?[\w-]*[0-9]",
        r"^([A-Za-z_.-]+)",
        r"\bWORD[\"']?\s?[=:]\s?[\"']?([\w.:-]+)",
    ),  # request_id=..., "traceId": "..."
)
BARE = (rf"\b({UUID})\b", r"\b((?:0x)?[0-9a-f]{12,64})\b")
WORDS = 5  # words a kind of id, the most frequent
COVERAGE, COVERAGE_UUID = 0.5, 0.25  # share of lines with the id
LINES, IDS = 2, 5  # lines an id (median), ids in the sample
SPAN, LASTING = 0.5, 0.3  # an id that spans this share of the sample lasts; share of lines with lasting ids
FRESH = 0.1  # share of ids that begin in the second half, and of those that end in the first


def find(sample: pl.Series, form: Format) -> str | None:
    """The pattern (one group) of the session id in a log that begins with `sample`, or None.

    Candidates are the fields that the format names and, found in the sample, ids with a word before them,
    keys that end in id, request, session, trace or transaction, UUIDs and long hex numbers. A candidate is a
    session id if it stands in at least half of the lines (UUIDs: a quarter), has at least five values with
    two lines or more (median), and these come and go: few lines have an id that spans half of the sample,
    some ids begin in its second half and some end in its first. So the pid of a daemon, a user or a host is
    none. The best has the largest product of coverage and lines an id; an id without a word before it counts
    where no other is one.
    """
    for patterns in ((*form.sessions, *_candidates(sample)), BARE):
        worths = {
            pattern: _worth(sample.str.extract(pattern, 1), COVERAGE_UUID if UUID in pattern else COVERAGE)
            for pattern in patterns
        }
        best = max(worths, key=worths.__getitem__, default=None)
        if best is not None and worths[best] > 0:
            return best
    return None


def _candidates(sample: pl.Series) -> list[str]:
    found = []
    for finder, word, pattern in WORDED:
        words = pl.col("line").str.extract_all(finder).explode().str.extract(word, 1).drop_nulls()
        counts = sample.to_frame("line").select(words).to_series().value_counts(sort=True).head(WORDS)
        frequent = counts.filter(pl.col("count") >= COVERAGE_UUID * len(sample))
        found += [pattern.replace("WORD", re.escape(text)) for text in frequent.to_series()]
    return found


def _worth(ids: pl.Series, least: float) -> float:
    """How good a session id these values (n,; null where absent) are: 0 if they are none."""
    coverage = 1 - ids.null_count() / max(len(ids), 1)
    if coverage < least:
        return 0.0
    spans = (
        pl.DataFrame({"id": ids, "at": range(len(ids))})
        .drop_nulls()
        .group_by("id")
        .agg(pl.len().alias("lines"), pl.col("at").min().alias("first"), pl.col("at").max().alias("last"))
    )
    lines, first, last = (spans[name].to_numpy() for name in ("lines", "first", "last"))
    if len(spans) < IDS or np.median(lines) < LINES:
        return 0.0
    lasting = lines[last - first > SPAN * len(ids)].sum() / lines.sum()
    fresh, ended = np.mean(first >= len(ids) / 2), np.mean(last < len(ids) / 2)
    if lasting > LASTING or min(fresh, ended) < FRESH:
        return 0.0
    return coverage * float(np.median(lines))
