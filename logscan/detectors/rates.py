"""How often each key is written: the rate above which it is a burst, the pause after which it has gone silent.

Time is cut into buckets of one width, which doubles as the log grows, so that a log of any length has at most BUCKETS.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from logscan.columns import rows_of, stacked
from logscan.windows.sessions import Ints

Counts = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

BUCKETS = 1024
NEVER = np.iinfo(np.int64).max  # the limit of a key of which no rate is known
MAX_KEYS = 10_000  # keys whose rate is followed: a table of 40 MB
LEAST_BURST = 30  # records in a bucket that make a burst at the least
LEAST_BEATS = 20  # occurrences from which a key can be called regular


class Rates(NamedTuple):
    """width: of a bucket, in microseconds; burst: (keys,) records in a bucket above which it is a burst;
    silence: (keys,) microseconds without a record after which a regular key is silent, 0 for other keys."""

    width: int
    burst: Ints
    silence: Ints

    def to_json(self) -> dict[str, Any]:
        return {"width": self.width, "burst": self.burst.tolist(), "silence": self.silence.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Rates":
        return cls(int(data["width"]), np.array(data["burst"], np.int64), np.array(data["silence"], np.int64))


class RateTable:
    """(MAX_KEYS, BUCKETS) counts of records by key and time; rows take memory once their keys are met."""

    def __init__(self, width: int = 1_000_000) -> None:
        self.width = width
        self.origin: int | None = None
        self.counts: Counts = np.zeros((MAX_KEYS, BUCKETS), np.int32)
        self.met = 0  # keys; the rows behind them are empty

    def add(self, keys: Ints, times: Ints) -> None:
        """Count (n,) records at their times in microseconds; what lies before the beginning counts as there."""
        followed = keys < MAX_KEYS
        keys, times = keys[followed], times[followed]
        if not len(keys):
            return
        if self.origin is None:
            self.origin = int(times.min())
        while int(times.max()) - self.origin >= self.width * BUCKETS:
            counts, half = self.counts[: self.met], BUCKETS // 2
            counts[:, :half] = counts.reshape(self.met, half, 2).sum(axis=2, dtype=np.int32)
            counts[:, half:] = 0
            self.width *= 2
        self.met = max(self.met, int(keys.max()) + 1)
        buckets = np.clip((times - self.origin) // self.width, 0, BUCKETS - 1)
        codes, n = np.unique(narrow(keys * BUCKETS + buckets), return_counts=True)
        self.counts.reshape(-1)[codes] += n.astype(np.int32)

    def join(self, family: npt.NDArray[np.int32]) -> None:
        """From here on the key of a family, never above those of its members, stands for them."""
        for key, first in enumerate(family[: self.met].tolist()):
            if first != key:
                self.counts[first] += self.counts[key]
                self.counts[key] = 0

    def runs(self, keys: int) -> Floats:
        """(keys,) the share of the log's time between the first and the last record of each key, 1 without any."""
        written = self.counts[: min(keys, self.met)] > 0
        busy = np.flatnonzero(written.any(axis=0))
        share = np.ones(keys)
        if len(busy):
            first, last = written.argmax(axis=1), BUCKETS - 1 - written[:, ::-1].argmax(axis=1)
            runs = (last - first + 1) / (busy[-1] - busy[0] + 1)
            share[: len(written)] = np.where(written.any(axis=1), runs, 1.0)
        return share

    def pauses(self, keys: int) -> Ints:
        """(keys,) microseconds that each key stayed away at most since its first record, 0 without any."""
        written = self.counts[: min(keys, self.met)] > 0
        busy = np.flatnonzero(written.any(axis=0))
        longest = np.zeros(keys, np.int64)
        for key in np.flatnonzero(written.any(axis=1)):
            longest[key] = self.width * np.diff(np.append(np.flatnonzero(written[key]), busy[-1])).max()
        return longest

    def rates(self, keys: int, own: bool) -> Rates:
        """What is usual for the first `keys` keys. With `own` the log is judged by itself: its extremes are then not
        the measure, since they are what is looked for."""
        counts = self.counts[: min(keys, self.met)]
        burst = np.full(keys, NEVER)
        silence = np.zeros(keys, np.int64)
        busy = np.flatnonzero(counts.any(axis=0))
        span = int(busy[-1] - busy[0] + 1) if len(busy) else 0
        for key in np.flatnonzero(counts.any(axis=1)):
            written = np.flatnonzero(counts[key])
            full = counts[key, written]
            if not own:
                burst[key] = max(LEAST_BURST, 4 * int(full.max()))
            elif len(written) >= LEAST_BEATS:
                burst[key] = max(LEAST_BURST, 8 * int(np.quantile(full, 0.9)))
            silence[key] = self.width * _longest_usual_pause(written, span, own)
        return Rates(self.width, burst, silence)


def _longest_usual_pause(written: Ints, span: int, own: bool) -> int:
    """Buckets that a key may stay away, 0 for one that keeps no beat through the log's `span` of buckets."""
    pauses = np.diff(written)
    if len(pauses) < LEAST_BEATS:
        return 0
    usual = float(np.quantile(pauses, 0.9))
    beating = pauses[pauses <= 2 * usual].sum() / span
    if beating < 0.7:
        return 0
    return int(max(10 * usual, 3)) if own else int(5 * max(pauses.max(), 1))


def narrow(codes: Ints) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Codes from 0 on in as few bits as they need: those in 16 bits are sorted in a tenth of the time."""
    return codes.astype(np.min_scalar_type(codes.max()))


class Peaks:
    """(keys,) the most records of each key in a bucket of this width, in logs that come in the order of time."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.most: Ints = np.zeros(64, np.int64)
        self._carried: tuple[Ints, Ints] = (np.zeros(0, np.int64), np.zeros(0, np.int64))  # of the newest bucket

    def add(self, keys: Ints, times: Ints) -> None:
        """Count (n,) records at their times in microseconds."""
        followed = keys < MAX_KEYS
        codes, n = np.unique(times[followed] // self.width * MAX_KEYS + keys[followed], return_counts=True)
        if not len(codes):
            return
        codes, at = np.unique(np.concatenate([self._carried[0], codes]), return_inverse=True)
        counts = np.bincount(at, np.concatenate([self._carried[1], n])).astype(np.int64)
        buckets, keys = np.divmod(codes, MAX_KEYS)
        self.most = np.concatenate([self.most, np.zeros(max(0, int(keys.max()) + 1 - len(self.most)), np.int64)])
        np.maximum.at(self.most, keys, counts)
        newest = buckets == buckets[-1]
        self._carried = codes[newest], counts[newest]

    def join(self, family: npt.NDArray[np.int32], keys: int) -> Ints:
        """(keys,) at most so many records of each family."""
        most = np.zeros(len(family), np.int64)
        most[: len(self.most)] = self.most[: len(family)]
        return np.bincount(family, most, minlength=keys).astype(np.int64)


def widened(past: Rates, moved: Ints, known: npt.NDArray[np.bool_], new: Rates, peaks: Ints, pauses: Ints) -> Rates:
    """The rates of two logs after each other: for each key the larger limit of both. The buckets stay what they were.

    moved: (old keys,) the key that stands for each now; known: (keys,) those that the past had
    new: of the second log; peaks: of its keys in buckets of the old width; pauses: how long they stayed away
    """
    if (past.burst == NEVER).all():
        return new  # the past had no times
    burst, silence = np.zeros((2, len(new.burst)), np.int64)
    np.maximum.at(burst, moved, np.where(past.burst == NEVER, 0, past.burst))
    np.maximum.at(silence, moved, past.silence)
    measured = np.minimum(new.burst, np.maximum(LEAST_BURST, 4 * peaks))
    burst = np.maximum(burst, np.where(new.burst == NEVER, 0, measured))
    # a beat must be kept in both: a key that stayed away longer, or came before without one, has none
    kept = np.where(pauses <= silence, silence, 0)
    both = (silence > 0) & (new.silence > 0)
    silence = np.where(both, np.maximum(silence, new.silence), np.where(known, kept, new.silence))
    return Rates(past.width, np.where(burst > 0, burst, NEVER), silence)


class RateJudge:
    """Finds bursts and silences in records that come in the order of time, chunk by chunk.

    carried: by key and bucket, in order, records so far in the bucket that the last chunk ended in; beats: the last
    bucket of each regular key, with its first record; now: the newest bucket
    """

    def __init__(self, rates: Rates) -> None:
        self.rates = rates
        self.carried: tuple[Ints, Ints] = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        self.beats = pl.DataFrame()
        self.now = 0

    def judge(self, records: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The records of bursts, with `rate` (records in that bucket so far), `burst` (the limit) and `over` (both as a
        text); and the last ones before regular keys went silent, with `pause` (microseconds) and `silence` (the
        limit)."""
        keys, times, n = records["key"].to_numpy(), records["time"].to_numpy(), len(self.rates.burst)
        rows = np.flatnonzero((keys < n) & ~np.isnat(times))
        if not len(rows):
            return pl.DataFrame(), pl.DataFrame()
        codes = times[rows].astype(np.int64) // self.rates.width * n + keys[rows]  # of bucket and key
        self.now = max(self.now, int(codes.max() // n))
        lowest = int(codes.min())
        distinct, first, counts = np.unique(narrow(codes - lowest), return_index=True, return_counts=True)
        distinct = distinct.astype(np.int64) + lowest
        new = ~np.isin(distinct, self.carried[0])  # a key is in a bucket for the first time
        bursts = self._bursts(records, rows, codes, *self._over(distinct, counts))
        regular = np.sort(first[self.rates.silence[distinct % n] > 0])
        if not len(regular) or not new.any():
            return bursts, pl.DataFrame()
        return bursts, self._silences(rows_of(records, rows[regular]), codes[regular])

    def _over(self, codes: Ints, counts: Ints) -> tuple[Ints, Ints]:
        """Carries so many more records of each key and bucket; the codes that are above their limit now, and how many
        records they have."""
        codes, which = np.unique(np.append(self.carried[0], codes), return_inverse=True)
        rates = np.bincount(which, np.append(self.carried[1], counts)).astype(np.int64)
        bucket, key = np.divmod(codes, len(self.rates.burst))
        last, over = bucket == bucket[-1], rates > self.rates.burst[key]
        self.carried = codes[last], rates[last]
        return codes[over], rates[over]

    def _bursts(self, records: pl.DataFrame, rows: Ints, codes: Ints, over: Ints, rates: Ints) -> pl.DataFrame:
        """The records whose codes, (rows,), are above their limit."""
        found = np.flatnonzero(np.isin(codes, over)) if len(over) else over
        if not len(found):
            return pl.DataFrame()
        limits, which = self.rates.burst[over % len(self.rates.burst)], np.searchsorted(over, codes[found])
        texts = pl.Series("over", [f"{rate}/{limit}" for rate, limit in zip(rates, limits, strict=True)])
        of_records = [pl.Series("rate", rates[which]), pl.Series("burst", limits[which]), texts[which]]
        return rows_of(records, rows[found]).hstack(of_records)

    def _silences(self, regular: pl.DataFrame, codes: Ints) -> pl.DataFrame:
        """The beats before long pauses, given the first record of each regular key in each bucket."""
        bucket, key = np.divmod(codes, len(self.rates.burst))
        limits = pl.Series("burst", self.rates.burst[key]), pl.Series("silence", self.rates.silence[key])
        beats = regular.hstack([pl.Series("bucket", bucket), *limits])
        beats = stacked([self.beats, beats]) if len(self.beats) else beats
        if not len(beats):
            return beats
        key, bucket = beats["key"].to_numpy(), beats["bucket"].to_numpy()
        order = np.lexsort((bucket, key))
        again = key[order][1:] == key[order][:-1]
        pause = (np.diff(bucket[order]) - 1) * self.rates.width
        found = np.flatnonzero(again & (pause > self.rates.silence[key[order][:-1]]))
        self.beats = rows_of(beats, order[~np.append(again, False)])
        return beats[order[found]].with_columns(pause=pl.Series(pause[found])) if len(found) else pl.DataFrame()

    def silent_at_end(self, idle: int = 0) -> pl.DataFrame:
        """The last records before keys that were still silent when the last of all records was written, or that many
        microseconds after it, as of `judge`."""
        if not len(self.beats):
            return self.beats
        now = self.now + idle // self.rates.width
        pause = ((now - pl.col("bucket") - 1) * self.rates.width).alias("pause")
        return self.beats.with_columns(pause).filter(pl.col("pause") > pl.col("silence"))
