"""Time stamps of whole columns, parsed once a run of equal seconds; in UTC where a zone is given, else as is."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import polars as pl

from logscan.formats.format import EPOCH
from logscan.native import digits_reduced, distinct, heads

TIME = pl.Datetime("us")
PEEK = 64  # lines to look at before deciding for all
GUESSES = 1000  # distinct stamps that dateutil may try, it is slow
AFTER = "[^0-9.,:+-]"  # what shows that a stamp ended before its line was cut
FRACTION = re.compile(r"(?:[:.][0-9]{2}[:.][0-9]{2}[.,]|^[0-9]{10}[.]?)([0-9]{1,9})(?![0-9])")
ZONE = r"(:[0-9]{2}(?:\.[0-9]+)?)\s?([+-])([0-9]{2}):?([0-9]{2})?$"


def read(text: pl.Series, pattern: str, formats: tuple[str, ...], guess: bool = True) -> pl.Series:
    """The times (n,) of lines, null where there is none; `pattern` has a group `time`.

    Lines of one second stand together, so each line is cut where in the first lines the stamp ends, or its seconds, and
    of lines with equal heads only the first is read, with nines for the fraction of a second. A stamp that the cut may
    have gone through, or whose fraction stands elsewhere, is found in a second pass, over the whole line.
    """
    compiled = re.compile(pattern)
    group = compiled.groupindex["time"]
    found = [found for line in text.head(PEEK) if (found := compiled.search(line)) and found["time"]]
    if not found:
        return parse(text.str.extract(pattern, group), formats, guess)
    before, size, nines, behind = _head(found)
    rows, ends, numbers = heads(text, before, size, len(nines), behind)
    first = pl.DataFrame([text.gather(pl.Series(rows)).alias("line"), pl.Series("end", ends)])
    head = pl.when(pl.col("end") > 0).then(pl.col("line").cast(pl.Binary).bin.head("end").cast(pl.String))
    ascii = f"(?:{pattern}){AFTER}".replace(r"\d", "[0-9]")  # what follows tells where \d+ ends, which is fast
    stamps = first.select((head + (nines + behind)).str.extract(ascii, group)).to_series()
    seconds = parse(stamps, formats, guess).to_numpy()
    if nines:
        fraction = np.timedelta64(int(nines.ljust(6, "0")[:6]), "us")
        exact = seconds - seconds.astype("datetime64[s]") == fraction
        seconds = np.where(exact, seconds - fraction, np.datetime64("NaT"))
    each = np.repeat(seconds, np.diff(rows, append=len(text)))
    if nines:
        each += (numbers.astype(np.int64) * 1_000_000 // 10 ** len(nines)).astype("timedelta64[us]")
        each[numbers < 0] = np.datetime64("NaT")
    times = pl.Series(each, dtype=TIME)
    if times.null_count():
        missing = times.is_null()
        rest = parse(text.filter(missing).str.extract(pattern, group), formats, guess)
        times = times.scatter(missing.arg_true(), rest)
    return times


def _head(found: Sequence[re.Match[str]]) -> tuple[str, int, str, str]:
    """(the shape of what is before the heads of lines, how many bytes a head has, nines for the fraction of a second
    behind it, or nothing, and what follows that), from the stamps of the first lines.

    Where most of them have numbers before the stamp, such as an address, the head begins with the stamp; else it begins
    with the line.
    """
    befores = [re.sub("[0-9]+", "0", one.string[: one.start("time")]) for one in found]
    before = Counter(befores).most_common(1)[0][0]
    alike = [one for one, its_before in zip(found, befores, strict=True) if its_before == before]
    stamps = [one.string[one.start("time") : one.end("time") + 1] for one in alike]  # with the character behind them
    if "0" in before and not before.endswith("0"):
        fronts = [""] * len(stamps)
    else:
        before, fronts = "", [one.string[: one.start("time")] for one in alike]
    if fraction := FRACTION.search(stamps[0]):
        size = len((fronts[0] + stamps[0][: fraction.start(1)]).encode())
        return before, size, "9" * len(fraction[1]), stamps[0][fraction.end(1) :]
    return before, max(len((front + stamp).encode()) for front, stamp in zip(fronts, stamps, strict=True)), "", ""


def parse(stamps: pl.Series, formats: tuple[str, ...], guess: bool = True, now: datetime | None = None) -> pl.Series:
    """The times (n,) of stamps, tried with each of `formats` in turn and, to `guess`, a few with dateutil."""
    now = now or datetime.now(UTC).replace(tzinfo=None)
    forms = "|".join(distinct(digits_reduced(stamps.drop_nulls())))  # few: they say what need not be looked for
    stamp = pl.col("stamp")
    if re.search(r"[ZCT](?:\||$)", forms):
        stamp = stamp.str.replace(r"\s?(?:Z|UTC|GMT)$", "")
    if re.search(r"\s\s|[^\S ]", forms):
        stamp = stamp.str.replace_all(r"\s+", " ")
    if "T" in forms:  # but for those that begin with the name of a day
        stamp = pl.when(stamp < "A").then(stamp.str.replace("T", " ", literal=True)).otherwise(stamp)
    if "," in forms:
        stamp = stamp.str.replace(r",([0-9]+)", ".${1}")
    plain = stamps.to_frame("stamp").select(stamp).to_series()
    shift = _shift(plain) if re.search(":0[^|]*[+-]", forms) and plain.str.contains(ZONE).any() else None
    if shift is not None:
        plain = plain.str.replace(ZONE, "${1}")
    times = pl.Series([None], dtype=TIME).new_from_index(0, len(plain))
    unread = None  # yet, all of them
    for form in _in_order(formats, plain.drop_nulls().head(PEEK), now):
        if unread is None:
            times = _strptime(plain, form, now)
        else:
            times = times.scatter(unread.arg_true(), _strptime(plain.filter(unread), form, now))
        if times.null_count() == plain.null_count():
            break
        unread = times.is_null() & plain.is_not_null()
    if shift is not None:
        times = times - shift
    if guess and times.null_count() > stamps.null_count():
        unknown = times.is_null() & stamps.is_not_null()
        few = stamps.filter(unknown).unique(maintain_order=True).head(GUESSES)
        guessed = {stamp: _guess(stamp) for stamp in few}
        values = pl.Series([guessed.get(stamp) for stamp in stamps.filter(unknown)], dtype=TIME)
        times = times.scatter(unknown.arg_true(), values)
    return times


def _in_order(formats: tuple[str, ...], first: pl.Series, now: datetime) -> Iterator[str]:
    """The formats, those that read more of the first stamps before others."""

    def unread(form: str) -> int:
        return _strptime(first, form, now).null_count()

    best = next((form for form in formats if len(formats) == 1 or not unread(form)), None)
    if best is not None:
        yield best
    yield from sorted((form for form in formats if form != best), key=unread)


def _shift(stamps: pl.Series) -> pl.Series:
    """(n,) how much later than in UTC it is in the zone of each stamp, nothing where none is given."""
    groups = pl.col("stamp").str.extract_groups(ZONE).struct
    minutes = groups.field("3").cast(pl.Int64) * 60 + groups.field("4").cast(pl.Int64).fill_null(0)
    signed = pl.when(groups.field("2") == "-").then(-minutes).otherwise(minutes).fill_null(0)
    return stamps.to_frame("stamp").select((signed * 60_000_000).cast(pl.Duration("us"))).to_series()


def _strptime(stamps: pl.Series, form: str, now: datetime) -> pl.Series:
    if form == EPOCH:
        return _epoch(stamps)
    if "%Y" in form or "%y" in form:
        return stamps.str.to_datetime(form, time_unit="us", strict=False)
    return _with_year(("2000 " + stamps).str.to_datetime(f"%Y {form}", time_unit="us", strict=False), now)


def _with_year(times: pl.Series, now: datetime) -> pl.Series:
    """Stamps without a year (read as of 2000) in the last years that keep their order and are not to come."""
    known = times.drop_nulls()
    if known.is_empty():
        return times
    gaps = known.diff().dt.total_days().fill_null(0)
    turns = ((gaps < -183).cast(pl.Int32) - (gaps > 183).cast(pl.Int32)).cum_sum()
    last = known[-1]
    year = now.year - ((last.month, last.day) > (now.month, now.day + 1))
    offset = (turns - turns[-1] + (year - 2000)).cast(pl.String) + "y"
    return times.scatter(times.is_not_null().arg_true(), known.dt.offset_by(offset))


def _epoch(stamps: pl.Series) -> pl.Series:
    """Seconds since 1970 with 9 or 10 digits, and a fraction, or 13, 16, 19 digits of ms, us, ns."""
    parts = stamps.str.extract_groups(r"^([0-9]{9,19})(?:\.([0-9]{1,9}))?$").struct.unnest()
    whole = parts["1"].cast(pl.Int64, strict=False)
    digits = parts["1"].str.len_bytes()
    fraction = parts["2"].fill_null("0").str.pad_end(6, "0").str.head(6).cast(pl.Int64)
    micros = pl.select(
        pl.when(digits <= 10)
        .then(whole.clip(0, 9_999_999_999) * 1_000_000 + fraction)
        .when(digits == 13)
        .then(whole.clip(0, 9_999_999_999_999) * 1_000)
        .when(digits == 16)
        .then(whole)
        .when(digits == 19)
        .then(whole // 1000)
    ).to_series()
    return micros.cast(TIME)


def _guess(stamp: str) -> datetime | None:
    if len(stamp) < 8:  # "5" is no time, though dateutil takes it for a day of this month
        return None
    from dateutil import parser  # for stamps in a form that no known layout has

    try:
        time = parser.parse(stamp, tzinfos=lambda _, seconds: seconds or 0)  # a zone it does not know is UTC
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except (ValueError, OverflowError):
        return None
