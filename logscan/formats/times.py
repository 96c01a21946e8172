"""Time stamps of whole columns, parsed once a run of equal seconds; in UTC where a zone is given, else as is."""

import re
from datetime import UTC, datetime

import polars as pl

from logscan.formats.format import EPOCH

TIME = pl.Datetime("us")
PEEK = 64  # lines to look at before deciding for all
GUESSES = 1000  # distinct stamps that dateutil may try, it is slow
AFTER = "[^0-9.,:+-]"  # what shows that a stamp ended before its line was cut
FRACTION = re.compile(r"(?:[:.][0-9]{2}[:.][0-9]{2}[.,]|^[0-9]{10}[.]?)([0-9]{1,9})(?![0-9])")
ZONE = r":\d{2}(?:\.\d+)?\s?([+-])(\d{2}):?(\d{2})?$"


def read(text: pl.Series, pattern: str, formats: tuple[str, ...], guess: bool = True) -> pl.Series:
    """The times (n,) of lines, null where there is none; `pattern` has a group `time`.

    Lines of one second stand together, so each line is cut where the stamp ends in the first lines, nines take the
    place of the digits of its fraction of a second, and only the first of equal heads, and of equal stamps, is read. A
    stamp that the cut may have gone through, or whose fraction stands elsewhere, is found in a second pass, over the
    whole line.
    """
    compiled = re.compile(pattern)
    group = compiled.groupindex["time"]
    first = [found for line in text.head(PEEK) if (found := compiled.search(line)) and found["time"]]
    heads = text.str.head(max((found.end("time") for found in first), default=0) + 1)
    fraction = FRACTION.search(first[0]["time"]) if first else None
    if fraction:
        heads, later = _cut_fraction(heads, first[0].start("time") + fraction.start(), fraction[0], len(fraction[1]))
    ascii = f"(?:{pattern}){AFTER}".replace(r"\d", "[0-9]")  # what follows tells where \d+ ends, which is fast
    stamps = _runs(heads).str.extract(ascii, group)
    times = parse(_runs(stamps), formats, guess).gather(stamps.rle_id()).gather(heads.rle_id())
    if fraction:
        whole = times.dt.microsecond() == _micros(len(fraction[1]))
        times = pl.select(pl.when(later.is_null()).then(times).when(whole).then(times + later)).to_series()
    if times.null_count():
        missing = times.is_null()
        rest = parse(text.filter(missing).str.extract(pattern, group), formats, guess)
        times = times.scatter(missing.arg_true(), rest)
    return times


def _cut_fraction(heads: pl.Series, start: int, clock: str, digits: int) -> tuple[pl.Series, pl.Series]:
    """(heads with nines for so many digits, how much later than these the digits are); null for a head where no clock
    like this, which ends in those digits, starts at that character."""
    head, at = pl.col("head"), start + len(clock) - digits
    like = re.sub("[0-9]", "[0-9]", re.escape(clock))
    exact = head.str.slice(start, len(clock) + 1).str.contains(f"^{like}(?:[^0-9]|$)")
    nines = pl.concat_str(head.str.head(at), pl.lit("9" * digits), head.str.slice(at + digits))
    micros = pl.when(exact).then(head.str.slice(at, digits)).cast(pl.Int64) * 1_000_000 // 10**digits
    later = (micros - _micros(digits)).cast(pl.Duration("us"))
    cut = heads.to_frame("head").select(pl.when(exact).then(nines).otherwise(head), later=later)
    return cut["head"], cut["later"]


def _micros(digits: int) -> int:
    """Microseconds that so many nines mean, as the fraction of a second."""
    return int(("9" * digits).ljust(6, "0")[:6])


def _runs(values: pl.Series) -> pl.Series:
    """The first of each run of equal values."""
    return values.rle().struct.field("value")


def parse(stamps: pl.Series, formats: tuple[str, ...], guess: bool = True, now: datetime | None = None) -> pl.Series:
    """The times (n,) of stamps, tried with each of `formats` in turn and, to `guess`, a few with dateutil."""
    now = now or datetime.now(UTC).replace(tzinfo=None)
    stamp = pl.col("stamp").str.replace(r"\s?(?:Z|UTC|GMT)$", "").str.replace_all(r"\s+", " ")
    if stamps.str.contains("T", literal=True).any():  # but for those that begin with the name of a day
        stamp = pl.when(stamp < "A").then(stamp.str.replace("T", " ", literal=True)).otherwise(stamp)
    if stamps.str.contains(",", literal=True).any():
        stamp = stamp.str.replace(r",(\d+)", ".${1}")
    plain = stamps.to_frame("stamp").select(stamp)["stamp"]
    shift = _shift(plain) if plain.str.contains(ZONE).any() else None
    if shift is not None:
        plain = plain.str.replace(r"(:\d{2}(?:\.\d+)?)\s?[+-]\d{2}:?(?:\d{2})?$", "${1}")
    first = plain.drop_nulls().head(PEEK)
    best = sorted(formats, key=lambda form: _strptime(first, form, now).null_count()) if len(formats) > 1 else formats
    times = _strptime(plain, best[0], now)
    for form in best[1:]:
        if times.null_count() == plain.null_count():
            break
        missing = times.is_null() & plain.is_not_null()
        times = times.scatter(missing.arg_true(), _strptime(plain.filter(missing), form, now))
    if shift is not None:
        times = times - shift
    if guess and times.null_count() > stamps.null_count():
        unknown = times.is_null() & stamps.is_not_null()
        distinct = stamps.filter(unknown).unique(maintain_order=True).head(GUESSES)
        guessed = {stamp: _guess(stamp) for stamp in distinct}
        values = pl.Series([guessed.get(stamp) for stamp in stamps.filter(unknown)], dtype=TIME)
        times = times.scatter(unknown.arg_true(), values)
    return times


def _shift(stamps: pl.Series) -> pl.Series:
    """(n,) how much later than in UTC it is in the zone of each stamp, nothing where none is given."""
    groups = pl.col("stamp").str.extract_groups(ZONE).struct
    minutes = groups.field("2").cast(pl.Int64) * 60 + groups.field("3").cast(pl.Int64).fill_null(0)
    signed = pl.when(groups.field("1") == "-").then(-minutes).otherwise(minutes).fill_null(0)
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
    parts = stamps.str.extract_groups(r"^(\d{9,19})(?:\.(\d{1,9}))?$").struct.unnest()
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
