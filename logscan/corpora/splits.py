"""Which windows are learnt from and which are measured on: protocols, named after the papers that use them.

    logllama   a share of the normal windows is learnt from; all others, and all anomalies, are the test
    logllm     a share of all windows is learnt from, with their labels; the rest is the test
    time       what is learnt from had ended before the test begins

A split is drawn from the table of windows alone, before any key is learnt. It depends on nothing but that table, the
share and the seed, and no window is in both parts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from logscan.errors import InputError, OptionError

WAY_OUT = "another --train-share or --window may leave some"


@dataclass(frozen=True)
class Split:
    """window: how the corpus was cut, as for `--window`; train, test: ids of windows (UInt64);
    table: of all windows (see `corpora.table`)."""

    protocol: str
    window: str
    train: pl.Series
    test: pl.Series
    table: pl.DataFrame


Parts = tuple[pl.DataFrame, pl.DataFrame]  # train and test


def logllama(table: pl.DataFrame, share: float, seed: int, in_order: bool) -> Parts:
    """A share of the normal windows, drawn at random, is learnt from; the rest and all anomalies are the test.

    LogLLaMA (2025) takes 10 % of the normal sequences: of HDFS by block, of the other corpora by windows of 60 s. It
    slides these; here the step is 60 s as well, since a random draw from windows that overlap would put the same lines
    into both parts.
    """
    normal = table.filter(~pl.col("anomalous"))
    train = _drawn(normal, _part(normal, share), seed)
    return train, table.join(train, on="window", how="anti", maintain_order="left")


def logllm(table: pl.DataFrame, share: float, seed: int, in_order: bool) -> Parts:
    """A share of all windows, anomalous ones with them, is learnt from; the rest is the test.

    LogLLM (2024) splits 80:20, HDFS at random by block, the other corpora, cut into 100 messages with a step of 100, in
    the order of time.
    """
    n = _part(table, share)
    if in_order:
        table = _in_order(table)
        return table.head(n), table.slice(n)
    train = _drawn(table, n, seed)
    return train, table.join(train, on="window", how="anti", maintain_order="left")


def time(table: pl.DataFrame, share: float, seed: int, in_order: bool) -> Parts:
    """The share that begins first is learnt from, the rest is the test; a window of the first part that has not ended
    when the test begins is in neither.

    The only one of the three that asks what a user asks: is what comes next told from what there was so far? Where a
    log has no times, the order of its lines stands for them.
    """
    table = _in_order(table)
    n = _part(table, share)
    test = table.slice(n)
    return table.head(n).filter(pl.col("until") < test["since"].min()), test


def _part(table: pl.DataFrame, share: float) -> int:
    """So many rows are a share: 0.7 of 540 are 378, though the product in floats is a little less."""
    return int(len(table) * share + 1e-9)


@dataclass(frozen=True)
class Protocol:
    """share: what is learnt from unless told otherwise; window: how logs without sessions are cut."""

    parts: Callable[[pl.DataFrame, float, int, bool], Parts]
    share: float
    window: str


PROTOCOLS = {
    "logllama": Protocol(logllama, 0.1, "60s"),
    "logllm": Protocol(logllm, 0.8, "100"),
    "time": Protocol(time, 0.8, "60s"),
}


def protocol_of(name: str) -> Protocol:
    """The protocol of a name. Raises OptionError."""
    if name not in PROTOCOLS:
        raise OptionError(f"no protocol is called {name!r}; there are {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def split(
    table: pl.DataFrame,
    protocol: str,
    train_share: float | None = None,
    seed: int = 0,
    in_order: bool = False,
    *,
    window: str = "session",
) -> Split:
    """Split the windows of a table; `in_order` where windows follow each other, as sessions do not.

    Raises OptionError for a share or a protocol that is none, InputError where a part would lack what it is for: normal
    windows to learn from, and both classes to measure on.
    """
    chosen = protocol_of(protocol)
    share = chosen.share if train_share is None else train_share
    if not 0 < share < 1:
        raise OptionError(f"--train-share {share} should lie between 0 and 1")
    for kind, there in (("anomalous", table["anomalous"].any()), ("normal", not table["anomalous"].all())):
        if not there:
            raise InputError(f"labels of one class only: none of {len(table):,} windows is {kind}")
    train, test = chosen.parts(table, share, seed, in_order)
    if train["anomalous"].all():
        raise InputError(
            f"a share of {share:g} of {len(table):,} windows leaves no normal one to learn from ({protocol}); {WAY_OUT}"
        )
    if not test["anomalous"].any() or test["anomalous"].all():
        kind = "normal" if test["anomalous"].any() else "anomalous"
        raise InputError(
            f"one class only in the test part: none of {len(test):,} windows is {kind} ({protocol}); {WAY_OUT}"
        )
    return Split(protocol, window, train["window"], test["window"], table)


def sample(table: pl.DataFrame, limit: int, seed: int, in_order: bool) -> pl.DataFrame:
    """At most so many windows: the first where they follow each other, else drawn with the classes' shares kept, at
    least one of each."""
    if len(table) <= limit:
        return table
    if in_order:
        return _in_order(table).head(limit).select(table.columns).sort("first")
    bad, good = table.filter("anomalous"), table.filter(~pl.col("anomalous"))
    n = min(max(round(limit * len(bad) / len(table)), 1), limit - 1)
    return pl.concat([_drawn(bad, n, seed), _drawn(good, limit - n, seed)]).sort("first")


def _drawn(table: pl.DataFrame, n: int, seed: int) -> pl.DataFrame:
    """So many rows at random, in their order."""
    chosen = np.random.default_rng(seed).permutation(len(table))[:n]
    return table[np.sort(chosen)]


def _in_order(table: pl.DataFrame) -> pl.DataFrame:
    """In the order of time, or of the lines where there are no times, with `since` and `until` in that measure."""
    table = table.sort("first")
    if table["begin"].is_null().all():
        return table.with_columns(since="first", until="last")
    spans = table.with_columns(
        since=pl.col("begin").forward_fill().backward_fill(), until=pl.col("end").forward_fill().backward_fill()
    )
    return spans.sort("since", maintain_order=True)
