"""Time stamps of whole columns, parsed once a run of equal seconds; in UTC where a zone is given, else as is."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import polars as pl

from logscan.formats.format import EPOCH

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
    lines, stamps = _aligned(text, found)
    at, stamp = stamps[0]
    fraction = FRACTION.search(stamp)
    cut = at + fraction.start(1) if fraction else max(at + len(stamp) for at, stamp in stamps)
    nines, behind = ("9" * len(fraction[1]), stamp[fraction.end(1) :]) if fraction else ("", "")
    front = pl.col("text").str.head(cut)
    first = lines.select(front.ne_missing(front.shift(1))).to_series().scatter(0, True)
    heads = lines.filter(first).select(pl.col("line").str.head("begin") + front + (nines + behind)).to_series()
    ascii = f"(?:{pattern}){AFTER}".replace(r"\d", "[0-9]")  # what follows tells where \d+ ends, which is fast
    times = parse(heads.str.extract(ascii, group), formats, guess)
    if fraction:
        micros = int(nines.ljust(6, "0")[:6])
        digits = pl.col("text").str.slice(cut, len(nines))
        exact = (digits >= "0") & (pl.col("text").str.slice(cut + len(nines), len(behind)) == behind)
        number = pl.when(exact).then(digits.cast(pl.UInt32, strict=False)).cast(pl.Int64)
        later = (number * 1_000_000 // 10 ** len(nines) - micros).cast(pl.Duration("us"))
        times = pl.select(pl.when(times.dt.microsecond() == micros).then(times)).to_series()
        times = times.gather(first.cum_sum() - 1) + lines.select(later).to_series()
    else:
        times = times.gather(first.cum_sum() - 1)
    if times.null_count():
        missing = times.is_null()
        rest = parse(text.filter(missing).str.extract(pattern, group), formats, guess)
        times = times.scatter(missing.arg_true(), rest)
    return times


def _aligned(text: pl.Series, found: Sequence[re.Match[str]]) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    """(lines, where in `text` the stamps of the first of them begin, and each with the character after it).

    line; begin, text: the line from that character on. Where most of the first lines have numbers before the stamp,
    such as an address, it begins with the stamp, null where a line does not begin likewise; else it is the whole line.
    """
    befores = [re.sub("[0-9]+", "0", one.string[: one.start("time")]) for one in found]
    before = Counter(befores).most_common(1)[0][0]
    found = [one for one, its_before in zip(found, befores, strict=True) if its_before == before]
    stamps = [one.string[one.start("time") : one.end("time") + 1] for one in found]
    lines, line = text.to_frame("line"), pl.col("line")
    mark = before.rpartition("0")[2]
    if not mark or mark == before or before.index(mark) < len(before) - len(mark) or not before.isascii():
        starts = [one.start("time") for one in found]
        return lines.with_columns(begin=0, text="line"), list(zip(starts, stamps, strict=True))
    like = re.escape(before).replace("0", "[0-9]+")
    begin = pl.when(line.str.contains(f"^{like}")).then(line.str.find(mark, literal=True) + len(mark))
    return lines.with_columns(begin=begin).with_columns(text=line.str.slice("begin")), [(0, stamp) for stamp in stamps]


def parse(stamps: pl.Series, formats: tuple[str, ...], guess: bool = True, now: datetime | None = None) -> pl.Series:
    """The times (n,) of stamps, tried with each of `formats` in turn and, to `guess`, a few with dateutil."""
    now = now or datetime.now(UTC).replace(tzinfo=None)
    stamp = pl.col("stamp").str.replace(r"\s?(?:Z|UTC|GMT)$", "").str.replace_all(r"\s+", " ")
    if stamps.str.contains("T", literal=True).any():  # but for those that begin with the name of a day
        stamp = pl.when(stamp < "A").then(stamp.str.replace("T", " ", literal=True)).otherwise(stamp)
    if stamps.str.contains(",", literal=True).any():
        stamp = stamp.str.replace(r",([0-9]+)", ".${1}")
    plain = stamps.to_frame("stamp").select(stamp)["stamp"]
    shift = _shift(plain) if plain.str.contains(ZONE).any() else None
    if shift is not None:
        plain = plain.str.replace(ZONE, "${1}")
    times = pl.Series([None], dtype=TIME).new_from_index(0, len(plain))
    for form in _in_order(formats, plain.drop_nulls().head(PEEK), now):
        missing = times.is_null() & plain.is_not_null()
        times = times.scatter(missing.arg_true(), _strptime(plain.filter(missing), form, now))
        if times.null_count() == plain.null_count():
            break
    if shift is not None:
        times = times - shift
    if guess and times.null_count() > stamps.null_count():
        unknown = times.is_null() & stamps.is_not_null()
        distinct = stamps.filter(unknown).unique(maintain_order=True).head(GUESSES)
        guessed = {stamp: _guess(stamp) for stamp in distinct}
        values = pl.Series([guessed.get(stamp) for stamp in stamps.filter(unknown)], dtype=TIME)
        times = times.scatter(unknown.arg_true(), values)
    return times


def _in_order(formats: tuple[str, ...], first: pl.Series, now: datetime) -> Iterator[str]:
    """The formats, those that read more of the first stamps before others."""
    for form in formats:
        if not _strptime(first, form, now).null_count():
            yield form
            break
    yield from sorted(formats, key=lambda form: _strptime(first, form, now).null_count())


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
