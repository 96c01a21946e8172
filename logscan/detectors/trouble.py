"""Words of trouble: what log writers of any system say when something went wrong.

They rank what is strange by itself; alone they make nothing a finding, since many healthy logs are full of them.
"""

import polars as pl

WORDS = (
    r"(?i)\b(?:errors?|err|fail\w*|fatal|panic\w*|critical|emerg\w*|exception\w*|traceback|denied|refus\w+|reject\w*|"
    r"invalid|illegal|malformed|unable|cannot|can't|could not|couldn't|not (?:permitted|allowed|found|available)|"
    r"no such|no space|timed?[ -]?out|abort\w*|crash\w*|corrupt\w*|lost|dead\w*|kill\w*|overflow\w*|overrun|exceed\w*|"
    r"violat\w+|unreachable|reset|broken|bad|missing|mismatch\w*|out of (?:memory|range|space|bounds)|oom|attack\w*|"
    r"unauthori[sz]ed|forbidden|expired|segfault|segmentation|core dump\w*|signal|unexpected\w*|unknown|"
    r"disconnect\w*|unavailable|deadlock\w*|stall\w*|rollback|too (?:many|large|long|big|slow)|warn\w*)\b"
    r"|(?:Exception|Error)\b"
)
LEVELS = {"WARN": 0.5, "ERROR": 1.0, "CRITICAL": 1.0, "FATAL": 1.0, "ALERT": 1.0, "EMERG": 1.0}


def trouble(kinds: pl.DataFrame) -> pl.Series:
    """(n,) in [0, 1] how much each kind of record speaks of trouble, by `level`, the words of `message`, and `kept`."""
    level = pl.col("level").replace_strict(LEVELS, default=0.0, return_dtype=pl.Float64)
    word = pl.when(pl.col("message").str.contains(WORDS)).then(0.75).otherwise(0.0)
    status = pl.when(pl.col("kept").str.contains(r"^[45]\d\d$")).then(0.5).otherwise(0.0)
    return kinds.select(pl.max_horizontal(level, word, status).fill_null(0.0).alias("trouble"))["trouble"]
