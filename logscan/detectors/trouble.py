"""Words of trouble: what log writers of any system say when something went wrong.

They rank what is strange by itself; alone they make nothing a finding, since many healthy logs are full of them.
"""

import polars as pl

# Whole words, and beginnings of words: what ends in \w* says the same and takes ten times as long to compile.
WORDS = (
    r"(?i)\b(?:errors?|err|fatal|critical|traceback|denied|invalid|illegal|malformed|unable|cannot|can't|could not|"
    r"couldn't|not (?:permitted|allowed|found|available)|no such|no space|timed?[ -]?out|lost|overrun|unreachable|"
    r"reset|broken|bad|missing|out of (?:memory|range|space|bounds)|oom|unauthori[sz]ed|forbidden|expired|segfault|"
    r"segmentation|signal|unknown|unavailable|rollback|too (?:many|large|long|big|slow))\b"
    r"|\b(?:fail|panic|emerg|exception|refus\w|reject|abort|crash|corrupt|dead|kill|overflow|exceed|violat\w|mismatch|"
    r"attack|core dump|unexpected|disconnect|stall|warn)"
    r"|(?:exception|error)\b"
)
LEVELS = {"WARN": 0.5, "ERROR": 1.0, "CRITICAL": 1.0, "FATAL": 1.0, "ALERT": 1.0, "EMERG": 1.0}


def trouble(kinds: pl.DataFrame) -> pl.Series:
    """(n,) in [0, 1] how much each kind of record speaks of trouble, by `level`, the words of `message`, and `kept`."""
    level = pl.col("level").replace_strict(LEVELS, default=0.0, return_dtype=pl.Float64)
    word = pl.when(pl.col("message").str.contains(WORDS)).then(0.75).otherwise(0.0)
    status = pl.when(pl.col("kept").str.contains(r"^[45]\d\d$")).then(0.5).otherwise(0.0)
    return kinds.select(pl.max_horizontal(level, word, status).fill_null(0.0).alias("trouble"))["trouble"]
