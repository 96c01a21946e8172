"""Evidence: records that are strange, a row each, with the kind of strangeness (see baseline.py) and its nats."""

from collections.abc import Sequence

import orjson
import polars as pl

EVIDENCE = pl.DataFrame(
    schema={
        "kind": pl.String,
        "source": pl.Int32,
        "line": pl.Int64,
        "last_line": pl.Int64,
        "offset": pl.Int64,
        "time": pl.Datetime("us"),
        "session": pl.UInt64,
        "key": pl.Int32,
        "surprise": pl.Float64,
        "trouble": pl.Float64,  # in [0, 1]: how much the record speaks of trouble
        "about": pl.String,  # what identifies it beside the key: a slot and its value, the step before, ...
        "expected": pl.String,  # in the place of an improbable step: keys and their probabilities, in JSON
    }
)


def evidence(
    kind: str | pl.Expr, records: pl.DataFrame, surprise: pl.Expr | float, about: pl.Expr | None = None
) -> pl.DataFrame:
    """These records as evidence of this kind; `expected` is null where they have none."""
    return records.select_seq(
        pl.lit(kind).alias("kind") if isinstance(kind, str) else kind.alias("kind"),
        *("source", "line", "last_line", "offset", "time", "session", "key"),
        (pl.lit(surprise) if isinstance(surprise, float) else surprise).alias("surprise"),
        "trouble",
        (pl.lit("") if about is None else about).alias("about"),
        pl.col("expected") if "expected" in records.columns else pl.lit(None, pl.String).alias("expected"),
    )


def together(found: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All evidence."""
    some = [frame for frame in found if len(frame)]
    return (pl.concat(some) if len(some) > 1 else some[0]) if some else EVIDENCE


def in_json(expected: list[list[tuple[int, float]]]) -> pl.Series:
    """(n,) what was expected, as evidence holds it; a detector names the same at many places in one list, which is one
    text in memory."""
    lists = {id(steps): steps for steps in expected}
    texts = pl.Series([orjson.dumps(steps).decode() for steps in lists.values()], dtype=pl.String)
    numbers = dict(zip(lists, range(len(lists)), strict=True))
    return texts.gather(pl.Series([numbers[id(steps)] for steps in expected], dtype=pl.UInt32))
