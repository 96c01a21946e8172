"""Lines that name their fields: JSON, in the dialects of journald and Docker, and logfmt.

A shape of a JSON line (its digits reduced) is still JSON, but for `\\u00e9` escapes: fields are read from it. It leaves
out pairs that no field is made of, such as ids, numbers, addresses and texts under keys of their own, so that the lines
of one event have few shapes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
import polars as pl

from logscan.formats.format import EPOCH, Fields, Format
from logscan.formats.generic import GENERIC

TIME_KEYS = "@timestamp|timestamp|time|ts|datetime|date|asctime|eventTime|t"
LEVEL_KEYS = ("level", "severity", "lvl", "loglevel", "log_level", "levelname", "log.level", "priority")
COMPONENT_KEYS = (
    "logger", "component", "service", "logger_name", "log.logger", "name", "unit", "module",
    "syslog_identifier",
)  # fmt: skip
MESSAGE_KEYS = ("msg", "message", "log", "event", "text", "body")
TIMES = ("%Y-%m-%d %H:%M:%S%.f", EPOCH, "%Y/%m/%d %H:%M:%S%.f", "%d/%b/%Y:%H:%M:%S")
WORD = re.compile(r"[A-Za-z][A-Za-z_.-]{0,19}")
ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{1,4}|.)")
BUNYAN = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}
SYSLOG = ("EMERG", "ALERT", "CRITICAL", "ERROR", "WARN", "NOTICE", "INFO", "DEBUG")
PAIR = r'[A-Za-z_@][\w.@/-]*=(?:"(?:[^"\\]|\\.)*"|[^\s"]*)'
PAIRS = re.compile(r'([A-Za-z_@][\w.@/-]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))')


def _load(shape: str) -> dict[str, Any] | None:
    """The object of a line or shape."""
    for text in (shape, ESCAPE.sub(lambda found: "?" if found[0][1] == "u" else found[0], shape)):
        try:
            data = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        return data if isinstance(data, dict) else None
    return None


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys and values, those of inner objects with the outer key and a dot before theirs."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _fields(pairs: Iterator[tuple[str, Any]]) -> Fields:
    """The fields of a line; other keys join the message as `key=value` where the value is a short word."""
    rest = dict(pairs)
    known = {key.lower(): key for key in rest}

    def take(names: tuple[str, ...]) -> str | None:
        for name in names:
            key = known.get(name)
            if key is not None and isinstance(rest[key], str) and rest[key]:
                return str(rest.pop(key))
        return None

    message, level, component = take(MESSAGE_KEYS) or "", take(LEVEL_KEYS), take(COMPONENT_KEYS)
    words = [f"{k}={v}" for k, v in rest.items() if isinstance(v, str) and WORD.fullmatch(v)]
    flags = [f"{k}={str(v).lower()}" for k, v in rest.items() if isinstance(v, bool)]
    return Fields(" ".join((message.strip(), *words, *flags)).strip(), level, component)


def read_json(shape: str) -> Fields | None:
    """None where the line is not a JSON object."""
    data = _load(shape)
    return None if data is None else _fields(_flat(data))


def read_journald(shape: str) -> Fields | None:
    """The message alone: the many other fields are the same for all lines of a unit."""
    data = _load(shape)
    if data is None:
        return None
    component = data.get("SYSLOG_IDENTIFIER") or data.get("_SYSTEMD_UNIT") or data.get("_COMM")
    message, level = data.get("MESSAGE"), data.get("PRIORITY")
    return Fields(
        message if isinstance(message, str) else "binary message",
        level if isinstance(level, str) else None,
        component if isinstance(component, str) else None,
    )


def read_docker(shape: str) -> Fields | None:
    """The line that the container wrote, see `read_inner`."""
    data = _load(shape)
    return None if data is None else read_inner(str(data.get("log", "")).strip(), str(data.get("stream", "")))


def read_inner(line: str, stream: str) -> Fields:
    """A line that a container's runtime has wrapped: JSON, or as `generic`, or anything.

    The stream is the component where the line names none.
    """
    fields = read_json(line) if line.startswith("{") else None
    found = re.match(GENERIC.header, line)
    if fields is None and found:
        fields = Fields(found["message"], found["level"], found["component"])
    fields = fields or Fields(line)
    return fields._replace(component=fields.component or stream)


def read_logfmt(shape: str) -> Fields | None:
    """None where there is no `key=value`."""
    pairs = [(key, quoted or bare) for key, quoted, bare in PAIRS.findall(shape)]
    return _fields(iter(pairs)) if pairs else None


def other_than(words: Iterable[str], stops: str, first: str | None = None) -> str:
    """The pattern of a text without the characters `stops`, nor `first` at its beginning, that is none of the words,
    which may be in capitals: Rust's expressions have no look-around that would leave them out."""
    following: dict[str, list[str]] = {}
    for word in words:
        following.setdefault(word[:1], []).append(word[1:])
    is_word = following.pop("", None) is not None
    letters = {letter: re.escape(letter) if letter in "._" else letter + letter.upper() for letter in following}
    ways = [f"[{letters[letter]}]{other_than(more, stops)}" for letter, more in following.items()]
    apart = f"[^{first or stops}{''.join(letters.values())}][^{stops}]*"
    return f"(?:{'|'.join((apart, *ways))}){'' if is_word else '?'}"


# Of a pair whose key names no field only a short word counts (see `_fields`); these hold something else.
NAMED = (*MESSAGE_KEYS, *LEVEL_KEYS, *COMPONENT_KEYS)
QUOTED = r'"(?:[^"\\]|\\.)*"'
UNWORDED = r'"(?:[A-Za-z_.-]*(?:[^"\\A-Za-z_.-]|\\.)(?:[^"\\]|\\.)*)?"'
NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
LIST = rf'\[(?:[^"\[\]{{}}]|{QUOTED})*\]'
GAP = "[ \t\r]*"
KEY = other_than(("", *NAMED), r'"\\:,')
MEMBER = rf'"{KEY}"{GAP}:{GAP}(?:{UNWORDED}|{NUMBER}|{LIST}|null|NaN|-?Infinity)'
NAMED_TEXT = rf" (?i:{'|'.join(map(re.escape, NAMED))})={QUOTED}"
NO_KEY = r"""\x00- !"#$%&'()*+,:;<=>?\[\\\]^`{|}~\x7f"""
NO_BEGINNING = NO_KEY + r"0-9./\-" + "\u0080-\U0010ffff"
OTHER_PAIR = rf'{other_than(("", *NAMED), NO_KEY, NO_BEGINNING)}=(?:{UNWORDED}|[A-Za-z_.-]*[^\s"A-Za-z_.-][^\s"]*)'
PAIRED_TEXT = r'="(?:[^"\\=]|\\.)*='  # a text that may hold what looks like pairs
ID = r"\b(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{8,})\b"  # as the masks have it
# Of a shape: a string, or one in which a member seemed to begin after an escaped quote; a bracket; members left out.
PART = re.compile(rf'"(?:[^"\\]|\\[^0])*(?:"|\\0)|[\[\]{{}}]|(?<=[{{,]){GAP}0(?={GAP}(?:[,}}]|$))')


def _reduce_json(lines: pl.Series) -> pl.Series:
    """Objects with `0` for ids, and for members in a row that are mere data, which takes one pass."""
    return _those(lines, r"^\s*\{").str.replace_all(f"(?:{MEMBER}{GAP},{GAP})*{MEMBER}|{ID}", "0")


def _read_reduced(shape: str) -> Fields:
    """The fields of what `_reduce_json` has left, with a member in the place of those that it left out."""
    opened = [""]  # brackets

    def whole(part: re.Match[str]) -> str:
        text = part[0]
        if text in ("{", "["):
            opened.append(text)
        elif text in ("}", "]") and len(opened) > 1:
            opened.pop()
        elif text[-1] == "0" and opened[-1] == "{":
            return text[:-1] + '"":0'
        return text

    data = PART.sub(whole, shape)
    return read_json(data) or Fields(data)


def _reduce_logfmt(lines: pl.Series) -> pl.Series:
    """Pairs without those that are mere data. Texts that count and may hold what looks like pairs go first."""
    those = _those(lines, f"^{PAIR}")
    held = those.str.contains(PAIRED_TEXT).arg_true()
    spaced = " " + those.gather(held)
    rest = those.clone().scatter(held, spaced.str.replace_all(NAMED_TEXT, ""))
    rest = rest.str.replace_all(f"(?:^| +){OTHER_PAIR}(?: +{OTHER_PAIR})*", "")
    texts = spaced.str.extract_all(NAMED_TEXT).list.join("")
    return rest.scatter(held, texts + rest.gather(held)).str.strip_chars_start().str.replace_all(ID, "0")


def _those(lines: pl.Series, pattern: str) -> pl.Series:
    """The lines that match, null for others."""
    matching = lines.str.contains(pattern)
    if matching.all():
        return lines
    return pl.select(pl.when(matching).then(lines)).to_series()


JOURNALD = Format(
    name="journald",
    about="journalctl -o json",
    examples=tuple(
        f'{{"__REALTIME_TIMESTAMP":"176982132{n}456789","_PID":"{pid}","PRIORITY":"{priority}",'
        f'"SYSLOG_IDENTIFIER":"{program}","_HOSTNAME":"web02","MESSAGE":"{message}"}}'
        for n, (pid, priority, program, message) in enumerate(
            (
                ("1", "6", "systemd", "Started Daily clean-up."),
                ("4711", "6", "sshd", "Accepted publickey for ann from 192.0.2.7 port 52000"),
                ("4711", "3", "sshd", "error: kex_exchange_identification: read: Connection reset by peer"),
                ("0", "4", "kernel", "eth0: link down"),
                ("1", "5", "systemd", "nginx.service: Failed with result \\u2018exit-code\\u2019."),
            )
        )
    ),
    header=r'^\{.*"__REALTIME_TIMESTAMP"\s*:.*\}\s*$',
    stamp=r'"__REALTIME_TIMESTAMP"\s*:\s*"(?P<time>\d+)',
    times=(EPOCH,),
    sessions=(r'"_PID"\s*:\s*"(\d+)"',),
    spelled={f'"PRIORITY"{gap}"{n}"': f'"PRIORITY":"{word}"' for n, word in enumerate(SYSLOG) for gap in (":", " : ")},
    read=read_journald,
)

DOCKER = Format(
    name="docker",
    about="Docker's json-file: one object a line with log, stream and time",
    examples=(
        '{"log":"listening on port 8080\\n","stream":"stdout","time":"2026-01-31T01:02:03.456789012Z"}',
        '{"log":"GET /health took 2 ms\\n","stream":"stdout","time":"2026-01-31T01:02:04.456789012Z"}',
        '{"log":"caf\\u00e9 is closed\\n","stream":"stdout","time":"2026-01-31T01:02:05.456789012Z"}',
        '{"log":"panic: index out of range\\n","stream":"stderr","time":"2026-01-31T01:02:06.456789012Z"}',
        '{"log":"listening on port 8080\\n","stream":"stdout","time":"2026-01-31T01:02:07.456789012Z"}',
    ),
    header=r'^\{"log":".*","stream":"(?:stdout|stderr)",.*"time":"[^"]*"\}\s*$',
    stamp=r'"time":"(?P<time>[^"]*)"\}',
    read=read_docker,
)

JSON = Format(
    name="json",
    about="JSON Lines of any logger; a key such as msg, level, logger, time is found by its name",
    examples=(
        '{"time":"2026-01-31T01:02:03.456Z","level":"info","logger":"shop.cart","msg":"added 3 items","user":"ann"}',
        '{"time":"2026-01-31T01:02:04.001Z","level":"warning","logger":"shop.stock","msg":"article 99 is low"}',
        '{"level":50,"time":1769821325001,"pid":4711,"hostname":"web02","msg":"cannot place order \\u2116 12"}',
        '{"@timestamp":"2026-01-31T01:02:06+01:00","log":{"level":"ERROR"},"message":"refused","status":503}',
        '{"ts":1769821327.123,"level":"info","logger":"http","msg":"handled request","status":200,"cached":true}',
    ),
    header=r"^\s*\{.*\}\s*$",
    stamp=rf'"(?:{TIME_KEYS})"\s*:\s*"?(?P<time>[^",}}]+)',
    times=TIMES,
    spelled={
        f'"level":{gap}{n}{end}': f'"level":"{word}"{end}'
        for n, word in BUNYAN.items()
        for gap in ("", " ")
        for end in ",}"
    },
    read=_read_reduced,
    reduce=_reduce_json,
)

LOGFMT = Format(
    name="logfmt",
    about='logfmt: `time=... level=info msg="..." key=value`',
    examples=(
        'time="2026-01-31T01:02:03Z" level=info msg="listening" addr=:8080 component=http',
        'time="2026-01-31T01:02:04Z" level=warning msg="slow query" took=1.2s table=carts component=db',
        'ts=2026-01-31T01:02:05.001Z caller=main.go:12 level=error msg="cannot open \\"wal\\"" err="no space left"',
        "ts=2026-01-31T01:02:06.001Z caller=main.go:31 level=info msg=done",
        'time="2026-01-31T01:02:07Z" level=info msg="listening" addr=:8081 component=http',
    ),
    header=rf"^(?:{PAIR}\s+)*(?i:level|lvl|severity|msg|message)=(?:\""
    rf"(?:[^\"\\]|\\.)*\"|[^\s\"]*)(?:\s+{PAIR})*\s*$",
    stamp=rf'(?:^|\s)(?:{TIME_KEYS})="?(?P<time>[^"\s]+(?: \d+:\d+:\d+[^"\s]*)?)',
    times=TIMES,
    read=read_logfmt,
    reduce=_reduce_logfmt,
)
