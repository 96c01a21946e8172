"""Times as a user writes them."""

from datetime import UTC, datetime


def parse_time(text: str | None, option: str) -> datetime | None:
    """A time in any usual form, as UTC without a zone; None for none. Raises OptionError."""
    if text is None:
        return None
    from dateutil.parser import ParserError, parse

    from logscan.errors import OptionError

    try:
        time = parse(text)
    except (ParserError, OverflowError):
        raise OptionError(f"{option} {text!r} is no time: write it like 2026-01-31T12:00:00") from None
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
