"""Logs that no other format knows: a time stamp at the head, perhaps a level and a name; or nothing."""

from logscan.formats.format import EPOCH, ISO, Format

LEVELS = (
    "(?i:trace|verbose|debug|info|information|notice|note|warn|warning|err|error|crit|critical"
    "|alert|emerg|emergency|fatal|severe|panic)"
)
MONTH = "[A-Z][a-z][a-z]"
CLOCK = r"\d+:\d+:\d+(?:[.,]\d+)?"
ZONE = r"(?:\s?(?:Z|UTC|GMT|[+-]\d+(?::?\d+)?))?"
STAMP = "|".join(
    (
        ISO,
        rf"\d+[-/.]\d+[-/.]\d+[T _-]{CLOCK}(?: [AP]M)?{ZONE}",  # 2026/01/31 01:02:03
        rf"\d+-\d+-\d+-\d+\.\d+\.\d+(?:\.\d+)?{ZONE}",  # 2026-01-31-01.02.03.456
        rf"\d+[-T _]{CLOCK}{ZONE}",  # 20260131-01:02:03
        rf"(?:{MONTH},? )?{MONTH}\s+\d+,? (?:\d+,? )?{CLOCK}(?: [AP]M)?(?: \d+)?{ZONE}",  # Jan 31 01:02:03
        rf"\d+[ /-]{MONTH}[ /-]\d+[ :]{CLOCK}{ZONE}",  # 31/Jan/2026:01:02:03 +0000
        rf"\d+[./-]\d+ {CLOCK}",  # 01.31 01:02:03
        r"\d+T\d+(?:\.\d+)?Z?",  # 20260131T010203Z
    )
)
# What follows the stamp: separators, a level in any brackets, a name with a colon or in brackets.
AFTER = (
    r"(?::\d+)?[\])>]?[\s:,|-]*"
    rf"(?:[\[(<]?(?P<level>{LEVELS})\s*(?:[\])>][\s:,|-]*|[\s:,|-]+|$))?"
    r"(?:\[?(?P<component>[A-Za-z_][\w.$/-]*)(?:\[\d+\])?\s*(?:\]\s|:\s|\|)\s*)?"
    r"(?P<message>.*)$"
)

GENERIC = Format(
    name="generic",
    about="a time stamp of any usual form at the head, then perhaps a level and a component",
    examples=(
        "2026-01-31 01:02:03.456 | INFO     | shop.cart: added 3 items for customer 17",
        "2026-01-31 01:02:04.001 | ERROR    | shop.cart: no stock left of article 99",
        "2026-01-31T01:02:05Z worker 7 took 31 ms",
        "[2026/01/31 01:02:06] WARN queue is 93% full",
        "31 Jan 2026 01:02:07 shutting down",
        "2026-01-31T01:02:08.725+0100: 1.595: [GC pause (young), 0.0123 secs]",
    ),
    header=rf"^[\[(<]?(?P<time>{STAMP}){AFTER}",
    times=(
        "%Y-%m-%d %H:%M:%S%.f",
        "%y/%m/%d %H:%M:%S%.f",
        "%Y/%m/%d %H:%M:%S%.f",
        "%b %d %H:%M:%S%.f",
        "%a %b %d %H:%M:%S%.f %Y",
        "%d/%b/%Y:%H:%M:%S%.f",
        "%d %b %Y %H:%M:%S%.f",
        "%d-%b-%Y %H:%M:%S%.f",
        "%d.%m.%Y %H:%M:%S%.f",
        "%Y.%m.%d %H:%M:%S%.f",
        "%Y-%m-%d-%H.%M.%S%.f",
        "%Y%m%d-%H:%M:%S%.f",
        "%Y%m%d %H:%M:%S%.f",
        "%Y%m%d %H%M%S",
        "%b %d %Y %H:%M:%S%.f",
        "%b %d, %Y %I:%M:%S %p",
        "%m/%d/%Y %I:%M:%S %p",
        "%m/%d/%Y %H:%M:%S%.f",
        "%d/%m/%Y %H:%M:%S%.f",
        "%m-%d %H:%M:%S%.f",
        "%m.%d %H:%M:%S%.f",
        "%m/%d %H:%M:%S%.f",
    ),
)

EPOCH_HEAD = Format(
    name="epoch",
    about="seconds, ms, us or ns since 1970 at the head, then perhaps a level and a component",
    examples=(
        "1769821323.456 INFO scheduler: picked job 12",
        "1769821323.789 INFO scheduler: finished job 12 in 31 ms",
        "1769821324.001 WARN scheduler: job 13 is late by 4 s",
        "1769821325.020 ERROR store: write failed",
        "1769821326.120 INFO scheduler: picked job 14",
    ),
    header=rf"^\[?(?P<time>\d+(?:\.\d+)?){AFTER}",
    times=(EPOCH,),
)

PLAIN = Format(
    name="plain",
    about="lines without a time stamp; an indented line belongs to the one before",
    examples=(
        "starting the build of 12 targets",
        "compiling parser.c",
        "  in file included from lexer.h",
        "linking program",
        "done in 31 s",
    ),
    header=r"^\S",
    times=(),
)
