"""Words of trouble: what log writers of any system say when something went wrong.

They rank what is strange by itself; alone they make nothing a finding, since many healthy logs are full of them.
"""

import numpy as np
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
    level = np.array([LEVELS.get(level, 0.0) for level in kinds["level"].to_list()], np.float64)
    found = kinds.select_seq(
        pl.col("message").str.contains(WORDS).fill_null(False),
        pl.col("kept").str.contains(r"^[45]\d\d$").fill_null(False),
    )
    word, status = (column.to_numpy() for column in found)
    return pl.Series("trouble", np.maximum(level, np.maximum(0.75 * word, 0.5 * status)))
