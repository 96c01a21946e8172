r"""Secrets out of text: keys, tokens, passwords, e-mail addresses, card numbers.

    redact(text)                    the text with each secret replaced by what it was: `<redacted email>`
    redact_lines(lines)             the same for lines that follow each other, where a private key fills several
    redacted(finding, context)      the same for all that a finding says, its id unchanged

Each pattern marks with `secret` what is replaced. The time taken grows with the length of the text and no more: a
pattern begins only where what it repeats cannot have begun before, or repeats a bounded number of times. Templates
are text, too: digits of a token have become `<*>` there.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from logscan.findings.finding import Finding

Texts = Mapping[str, Mapping[int, str]]  # source -> line (1-based) -> text


class Secret(NamedTuple):
    """what: its name; hints: lower case texts, one of which must be there for the pattern to be tried."""

    what: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]


_GONE = r"<redacted\ [a-z ]{1,20}>"
_ANSI = r"(?:\x1b\[[\d;]{0,20}m)?"  # colours between a name and its value
_NAMES = r"""(?:passw(?:or)?d | passphrase | passcode | (?<![a-z])pwd(?!=/) | (?<=[_-])pass
    | secret(?:[_-]?(?:access[_-]?)?key)? | token | credentials?
    | (?:api|access|private|auth|account|encryption|master|shared|signing)[ _-]?key
    | jsessionid | phpsessid | asp\.net_sessionid | connect\.sid | session[_-]?(?:cookie|key) )"""
_HINTS: tuple[str, ...] = ("passw", "passp", "passc", "pwd", "_pass", "-pass", "secret", "token", "credential")
_HINTS += ("key", "sessid", "sessionid", "connect.sid", "session_cookie", "session-cookie", "sessioncookie")
_START = r"(?:(?<![\w-])(?<!<\*>)|(?<=\\[nrt])|(?<=%[\dA-F]{2}))"  # of a word, also after an escape
_TAIL = r"(?:[_-]?(?:hash|value|id|\d{1,3}))?"
# without quotes, to a blank, or to what may separate it from another value or close a bracket
_BARE = rf"""(?!{_GONE}|<\*>(?![\w<]) | (?:null|none|nil|true|false)\b)
    (?: {_GONE} | <\*> | <(?!/) | [^\s"'\\\x1b&<>,;)\]}}] | \\(?!["']) | ["'](?=\w)
      | [&,;)\]}}>](?![\s&,;)\]}}>"'\\] | $ | [\w.-]{{1,40}}[=:]) )+"""
_VALUE = rf"""(?: \\{{1,3}}" (?!{_GONE}|<\*>\\) (?P<escaped>(?:(?!\\{{1,3}}").)+)
    | " (?!{_GONE}"|<\*>") (?P<double>(?:[^"\\]|\\.)+)
    | ' (?!{_GONE}'|<\*>') (?P<single>(?:[^'\\]|\\.)+)
    | (?P<bare>{_BARE}) )"""


def _secret(what: str, hints: tuple[str, ...], pattern: str, flags: re.RegexFlag = re.NOFLAG) -> Secret:
    return Secret(what, hints, re.compile(pattern, re.VERBOSE | flags))


def _prefixed(what: str, hints: tuple[str, ...], begins: str, goes_on: str, least: int) -> Secret:
    """What is recognised by how it begins; a template may hold less of it, but a wildcard."""
    atom = rf"(?:{goes_on}|<\*>)"
    return _secret(
        what, hints, rf"{_START}(?P<secret>(?:{begins})(?:(?={goes_on}{{0,80}}<\*>)|{goes_on}{{{least}}}){atom}+)"
    )


SECRETS = (
    _secret(
        "private key",
        ("-----begin",),
        r"(?P<secret>-----BEGIN[A-Z0-9 ]{0,40}PRIVATE\ KEY(?:\ BLOCK)?-----(?:(?!-----END).)*"
        r"(?:-----END[A-Z0-9 ]{0,60}-----)?)",
        re.DOTALL,
    ),
    _secret(  # a line of one that is broken over lines
        "private key",
        (),
        r"(?<!\S)(?P<secret>(?=(?:[A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{70}|[A-Za-z0-9+/]{76})\s*$)"
        r"(?=[a-z0-9+/]*[A-Z])(?=[A-Z0-9+/]*[a-z])(?=[a-zA-Z+/]*\d)\S+)",
    ),
    _secret("private key", ("=",), r"^\s*(?P<secret>[A-Za-z0-9+/]{8,}={1,2})\s*$"),  # its last line
    _secret(
        "card number",
        (),
        r"(?:(?<![\w.-])|(?<=\\[nrt]))(?P<secret>[2-6]\d{12,18}"
        r"|[2-6]\d{3}(?P<by>[ -])(?:\d{4}(?P=by)\d{4}(?P=by)\d{1,7}|\d{6}(?P=by)\d{4,5}))"
        r"(?![\w-]|\.\d)",
        re.ASCII,
    ),
    _secret(
        "credentials",
        ("authorization",),
        rf"""(?>authorization{_ANSI}\\{{0,3}}["']?[ ]{{0,8}}[:=]{_ANSI}[ ]{{0,8}}\\{{0,3}}["']?)(?!{_GONE})
            (?: (?P<secret>(?:Digest|AWS4[\w-]{{0,30}})\ .*) | (?:(?:Bearer|Basic|Token|Negotiate|ApiKey)\ {{1,8}})?+
                (?!{_GONE})(?P<bare>{_BARE}) )""",
        re.IGNORECASE,
    ),
    _secret(
        "credentials",
        ("bearer", "basic"),
        r"(?<!\w)(?:bearer[ ]{1,8}(?P<secret>(?=[\w.~+/-]{0,200}(?:\d|<\*>))(?:[\w.~+/-]|<\*>){8,}=*)"
        r"|(?-i:[Bb]asic)[ ]{1,8}(?P<bare>(?-i:(?=[A-Za-z+/]{0,200}[\d=])(?=[^A-Z]{0,200}[A-Z])(?=[^a-z]{0,200}[a-z]))"
        r"[A-Za-z0-9+/]{8,}={0,2}))",
        re.IGNORECASE,
    ),
    _secret(
        "cookie",
        ("cookie",),
        rf"""(?<!\w)(?>(?:set-)?cookie{_ANSI}(?:\\{{0,3}}["'])?[ ]{{0,8}}(?::|=>)[ ]{{0,8}}(?:\\{{0,3}}["'])?)
            (?!{_GONE})(?P<secret>[^\s"'\\][^"'\\\r\n]*)""",
        re.IGNORECASE,
    ),
    _secret(
        "",  # named after its name
        _HINTS,
        rf"""(?<!<redacted\ )(?P<name>{_NAMES}){_TAIL}{_ANSI}\\{{0,3}}["']?{_ANSI}
            (?> (?: [ \t]{{0,8}}(?:=>|:=|={{1,2}}|:(?!:|//))[ \t]{{0,8}} | > ){_ANSI}){_VALUE}""",
        re.IGNORECASE,
    ),
    _secret(
        "",
        _HINTS,
        rf"""(?<![\w-])--?[\w-]{{0,40}}?(?<!<redacted\ )(?P<name>{_NAMES}){_TAIL}[ \t]{{1,8}}(?!-){_VALUE}""",
        re.IGNORECASE,
    ),
    _secret(
        "password",
        ("://",),
        rf"""://[^\s/@:"'<>\[]{{0,100}}:(?!{_GONE}|//|\d{{1,5}}(?:[/?\#\s]|$))(?P<secret>[^\s"']{{1,100}})@""",
    ),
    _prefixed("access key", ("akia", "asia", "aroa", "aida", "a3t"), "AKIA|ASIA|AROA|AIDA|A3T[A-Z]", "[A-Z0-9]", 15),
    _prefixed("token", ("gh", "github_pat_"), "gh[pousr]_|github_pat_", r"\w", 16),
    _prefixed("token", ("gl",), "gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt|oas)-", r"[\w-]", 16),
    _prefixed("token", ("xox", "xapp-"), "xox[abeoprs]-|xapp-", r"[\w-]", 10),
    _prefixed("key", ("_live_", "_test_", "whsec_"), "[sprw]k_(?:live|test)_|whsec_", r"\w", 10),
    _prefixed("key", ("aiza", "gocspx-"), "AIza|GOCSPX-", r"[\w-]", 20),
    _prefixed("token", ("ya29.",), r"ya29\.", r"[\w-]", 10),
    _prefixed("key", ("sk-", "npm_", "hf_", "pypi-"), "sk-|npm_|hf_|pypi-", r"[\w-]", 24),
    _secret("token", ("eyj",), rf"{_START}(?P<secret>eyJ(?:[\w-]|<\*>){{5,}}(?:\.(?:[\w-]|<\*>)*){{1,4}})"),
    _secret("webhook", ("hooks.slack.com/",), r"hooks\.slack\.com/(?!<)(?P<secret>[\w/-]+)"),
    _secret(  # what AWS calls a secret access key
        "secret key",
        (),
        r"(?<![\w+/.-])(?P<secret>(?=[A-Za-z0-9+][A-Za-z0-9+/]{39}(?![\w+/=.-]))"
        r"(?=[a-z0-9+/]*[A-Z])(?=[A-Z0-9+/]*[a-z])(?=[a-zA-Z+/]*\d)[A-Za-z0-9+/]+)",
    ),
    _secret(
        "email",
        ("@", "%40"),
        r"(?<![\w.+-])(?P<secret>[\w.+-]+(?:@|%40)(?:[\w-]{1,63}\.){1,8}(?:[^\W\d_]|xn--){2}[\w-]*)",
    ),
)

_BEGIN = re.compile(r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?!.*-----END)")
_END = re.compile(r"-----END[A-Z0-9 ]{0,40}PRIVATE KEY")
_KEY_TAIL = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]+={0,2}\s*$")
_KEY_LINES = 250  # of the longest key
_DIGITS = re.compile(r"\d+")
_PASSES = 4  # what is gone may uncover the beginning of what stood behind it
_PART = 4  # characters of a secret that are looked for where its digits are masked
_ISSUERS = re.compile(r"4|5[0-8]|2[2-7]|3[0-9]|6")


def redact(text: str) -> str:
    """The text without secrets; one without any is given back as it is, and so is one that was redacted."""
    return _redact(text, {})


def redact_lines(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """(number, text) of lines, in order and without secrets; a gap in the numbers ends a private key."""
    key = 0  # lines of a private key that may still come
    held: tuple[int, str] | None = None  # the line before, which may be the last one of a key
    for number, text in lines:
        shown = redact(text)
        follows = held is not None and held[0] + 1 == number
        ends = _END.search(text) is not None
        if held is not None:
            yield held[0], _KEY_TAIL.sub(_gone("private key"), held[1]) if follows and ends else held[1]
        if _BEGIN.search(text):
            key = _KEY_LINES
        elif key:
            key = key - 1 if follows and not ends else 0
            shown = _KEY_TAIL.sub(_gone("private key"), shown) if key else shown
        held = number, shown
    if held is not None:
        yield held


def redacted(finding: Finding, context: Texts | None = None) -> Finding:
    """The finding without secrets, also none in its reason and templates, and without raw bytes; context: the lines
    around it, in which a private key may begin."""
    shown = redacted_texts(finding, context)
    secrets: dict[str, str] = {}
    for line in finding.lines:
        _redact(line.text, secrets)

    def clean(text: str) -> str:
        return _without(redact(text), secrets)

    lines = tuple(
        replace(
            line,
            text=shown[line.source][line.line],
            raw=None,
            template=clean(line.template),
            expected=tuple((redact(template), p) for template, p in line.expected),
        )
        for line in finding.lines
    )
    reason = clean(finding.reason)
    unread = any(not line.text for line in finding.lines)
    if finding.kind == "value" and (secrets or unread) and not reason.startswith(("level ", "component ")):
        reason = (
            "a value not seen there before, in a line with a secret" if secrets else "a value not seen there before"
        )
    return replace(
        finding,
        lines=lines,
        reason=reason,
        window=finding.window and clean(finding.window),
        nearest=finding.nearest and clean(finding.nearest),
    )


def redacted_texts(finding: Finding, context: Texts | None) -> dict[str, dict[int, str]]:
    """Source -> line -> text without secrets, of the lines of a finding and those around it."""
    texts = {source: dict(near) for source, near in (context or {}).items()}
    for line in finding.lines:
        texts.setdefault(line.source, {})[line.line] = line.text
    return {source: dict(redact_lines(sorted(near.items()))) for source, near in texts.items()}


def _redact(text: str, found: dict[str, str]) -> str:
    """The text without secrets; adds each to `found`, with what stands for it."""
    for _ in range(_PASSES):
        before, lower = text, text.lower()
        for kind in SECRETS:
            if not kind.hints or any(hint in lower for hint in kind.hints):
                text = kind.pattern.sub(partial(_replaced, what=kind.what, found=found), text)
        if text == before:
            break
    return text


def _replaced(match: re.Match[str], what: str, found: dict[str, str]) -> str:
    group = match.lastgroup or ""  # the value, which closes last
    if what == "card number" and not _is_card(match[group]):
        return match[0]
    found[match[group]] = _gone(what or _called(match["name"].lower()))
    begin, end = (at - match.start() for at in match.span(group))
    return match[0][:begin] + found[match[group]] + match[0][end:]


def _gone(what: str) -> str:
    return f"<redacted {what}>"


def _called(name: str) -> str:
    """What the value of this name is."""
    kinds = {"pass": "password", "pwd": "password", "token": "token", "key": "key", "credential": "credentials"}
    kinds |= {"sess": "cookie", "sid": "cookie"}
    return next((kind for part, kind in kinds.items() if part in name), "secret")


def _is_card(text: str) -> bool:
    """Whether the check digit is right, and the first ones are those of an issuer."""
    digits = [int(c) for c in text if c.isdigit()]
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return 13 <= len(digits) <= 19 and total % 10 == 0 and _ISSUERS.match(text) is not None


def _without(text: str, secrets: Mapping[str, str]) -> str:
    """The text without these secrets, nor words that hold a part of one between its digits."""
    for secret, gone in secrets.items():
        parts = [part for part in _DIGITS.split(secret) if len(part) >= _PART]
        if len(secret) >= _PART and secret in text:
            text = text.replace(secret, gone)
        elif any(part in text for part in parts):
            text = " ".join(gone if any(part in word for part in parts) else word for word in text.split(" "))
    return text
