"""BGL, Thunderbird, Liberty and Spirit: the first column of a log is its label, `-` where a line is normal."""

from dataclasses import replace
from itertools import islice

import polars as pl

from logscan.corpora.corpus import Corpus
from logscan.records import Reader
from logscan.sources import Stream, open_streams
from logscan.templates.keys import Keys

NORMAL = "-"
ANOMALOUS = pl.col("label") != NORMAL


def by_line(corpus: Corpus, log_format: str | None) -> Corpus:
    """The corpus with the labels that the format of its logs shows, as it is where it shows none."""
    streams = open_streams(corpus.paths, lambda problem: None)
    if not any(_has_labels(stream, log_format) for stream in streams):
        return corpus
    return replace(corpus, layout="lines", anomalous=ANOMALOUS, by="line", example="lines")


def _has_labels(stream: Stream, log_format: str | None) -> bool:
    """Whether a log's first block has labels. A pipe, which can be read only once, is left alone."""
    if stream.size is None:
        return False
    reader = Reader(Keys(), lambda problem: None, log_format, anomalous=ANOMALOUS)
    return any(records["anomalous"].is_not_null().any() for records, _ in islice(reader.unkeyed(stream), 1))
