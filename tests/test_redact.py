"""Secrets do not reach a report, ordinary text does, and no text takes long."""

import io
import json
import random
import re
import string
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_cli import run

from logscan.findings.accepted import remember
from logscan.findings.finding import Finding, Line
from logscan.findings.redact import redact, redact_lines, redacted
from logscan.reports import BUILT_IN, Begin, Output, Summary, open_report
from logscan.scan import Result, scan
from logscan.sources import fetch, read_again

ALNUM = string.ascii_letters + string.digits
KEY_LINE = "MIIEpAIBAAKCAQEA75Zz5bJz7mVbq5sQj2VxwTq0x8QFf1sYyM3L8d0vN4c1kZ9h"


def alnum(least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text(ALNUM, min_size=least, max_size=most or least).filter(
        lambda text: re.search(r"\d", text) is not None
    )


WORDS = alnum(8, 24)
AROUND = st.text(st.sampled_from(string.ascii_letters + " .,:;()[]|#"), max_size=40)


def forms(text: str) -> st.SearchStrategy[str]:
    """Each line is a text around a secret, which stands at `{}`."""
    return st.sampled_from(text.strip().splitlines())


SECRETS = st.one_of(  # what is written around it, and the secret
    st.tuples(
        forms('key {}\nid={},\n"{}"\n({})'), st.text("ABCDEFGH2345", min_size=16, max_size=16).map("AKIA".__add__)
    ),
    st.tuples(forms("aws_secret_access_key = {}"), st.text(ALNUM + "/+", min_size=40, max_size=40)),
    st.tuples(forms("using {} now\n{}"), alnum(36).map("ghp_".__add__)),
    st.tuples(forms("using {} now\n{}"), alnum(36).map("github_pat_".__add__)),
    st.tuples(forms("using {} now\n{}"), alnum(20).map("glpat-".__add__)),
    st.tuples(forms("using {} now\n{}"), alnum(24).map("xoxb-1234567890-".__add__)),
    st.tuples(forms("using {} now\n{}"), alnum(24).map("sk_live_".__add__)),
    st.tuples(forms("using {} now\n{}"), alnum(35).map("AIza".__add__)),
    st.tuples(forms("jwt {} now"), st.tuples(WORDS, WORDS, WORDS).map(lambda parts: "eyJ" + ".".join(parts))),
    st.tuples(
        forms(
            "Authorization: Bearer {}\n"
            '"authorization":"Bearer {}"\n'
            "Authorization: Basic {}\n"
            "'Authorization': 'token {}'\n"
            "authorization={}\n"
            'Authorization: Digest username="bob", response="{}"'
        ),
        WORDS,
    ),
    st.tuples(
        forms("postgres://app:{}@db.example.com/shop\nhttps://:{}@host:8080/x\namqp://u:{}@10.0.0.1"),
        WORDS,
    ),
    st.tuples(forms('Set-Cookie: id={}; Path=/\ncurl -H "Cookie: a=1; b={}"\nJSESSIONID={}\ncookie: {}'), WORDS),
    st.tuples(
        forms(
            "password={}\npasswd: {}\nDB_PASSWORD={};\nDB_PASS={}\n--password {} --x\n--token={}\nuserPassword={}\n"
            '"password": "{}"\n'
            "'pwd': '{}'\n"
            "client_secret={}&x=1\napi-key: {}\napiKey={},\nX-Api-Key: {}\nprivate_key={}\naccess key = {}\n"
            "credentials={})\nauth_token:{}\n<password>{}</password>\n"
            ':password=>"{}"\n'
            r"{{\"secret\":\"{}\",\"n\":1}}"
            "\n\x1b[36mtoken\x1b[0m=\x1b[35m{}\x1b[0m\n"
            'password="a b {} c"\n'
            "password='{}"
        ),
        WORDS,
    ),
    st.tuples(
        forms("from <{}>\n{}\nuser={},\nmail%20to%20{}\n{};"),
        st.tuples(WORDS, WORDS).map(lambda parts: f"{parts[0]}.x+y@{parts[1]}.example.org"),
    ),
    st.tuples(
        forms('card {} declined\npan={},\n"{}"\n{}.'),
        st.sampled_from(("4111 1111 1111 1111", "5500-0055-5555-5559", "378282246310005", "3782 822463 10005")),
    ),
)
WORDS_OF_LOGS = """
INFO
[main]
user=bob
Failed password for root from
GET /a?b=1&c=2 HTTP/1.1
http://host:8080/x?y=z
tokens=512
pid 1234
key=user:42
task-sk-1
took 35 ms
PWD=/root ; USER=root
password=null
<init>
root@localhost
sshd[4711]:
state=FROZEN
Foo@3f2a91
basic authentication
2>&1
secretary: no
token::next
Sending cookies.
a.hdfs.DataNode$PacketResponder:
da39a3ee5e6b4b0d3255bfef95601890afd80709
{'a': [1]}
Bearer authentication
""".strip().splitlines()
ORDINARY = st.one_of(
    st.sampled_from(WORDS_OF_LOGS),
    st.text("0123456789abcdef", min_size=8, max_size=64).map("x".__add__),
    st.uuids().map(str),
    st.datetimes().map(str),
    st.floats(allow_nan=False).map(str),
    st.integers(0, 10**11).map(str),
    st.integers(10**12, 2 * 10**12).map(str),  # milliseconds
    st.integers(-(10**18), 10**18).map("blk_{}".format),
    st.ip_addresses().map(str),
    st.lists(st.text("bcdfghlmnrtuvz", min_size=1, max_size=9), min_size=2, max_size=6).map("/".join),
)


@given(st.text())
def test_any_text_can_be_redacted_and_nothing_is_left_to_do(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(
    st.lists(st.one_of(AROUND, SECRETS.map(lambda s: s[0].format(s[1]))), max_size=5),
    st.sampled_from(["", " ", "=", '"', "@"]),
)
def test_redacting_twice_changes_nothing(parts: list[str], between: str) -> None:
    once = redact(between.join(parts))
    assert redact(once) == once


@given(st.lists(ORDINARY, max_size=12))
def test_ordinary_lines_stay_as_they_are(words: list[str]) -> None:
    assert redact(" ".join(words)) == " ".join(words)


@given(AROUND, SECRETS, AROUND)
def test_a_secret_disappears_wherever_it_stands(before: str, secret: tuple[str, str], after: str) -> None:
    form, text = secret
    shown = redact(f"{before} {form.format(text)} {after}")
    assert text not in shown
    assert re.search("<redacted [a-z ]+>", shown)
    assert shown.startswith(before[:-1])


def test_the_replacement_says_what_it_was() -> None:
    line = "bob@example.com pays with 4111111111111111, password=hunter2 token=abc"
    assert redact(line) == (
        "<redacted email> pays with <redacted card number>, password=<redacted password> token=<redacted token>"
    )


def test_long_numbers_that_are_no_cards_stay() -> None:
    for number in ("4111111111111112", "1466778400000", "blk_4111111111111111", "0.4111111111111111", "4" * 20):
        assert redact(f"id {number} done") == f"id {number} done"


def test_a_private_key_over_several_lines() -> None:
    key = [KEY_LINE, KEY_LINE[::-1], "c2hvcnQ="]
    log = ["a", "-----BEGIN RSA PRIVATE KEY-----", *key, "-----END RSA PRIVATE KEY-----", "b done"]
    shown = [text for _, text in redact_lines(enumerate(log, 1))]
    assert len(shown) == len(log)
    assert (shown[0], shown[-1]) == ("a", "b done")
    assert not any(part in text for part in key for text in shown)
    prefixed = [f"Mar 02 08:12:44 host app[1]: {text}" for text in log]
    shown = [text for _, text in redact_lines(enumerate(prefixed, 1))]
    assert not any(part in text for part in key for text in shown)
    assert all(text.startswith("Mar 02 08:12:44 host app[1]: ") for text in shown)
    assert shown[-1] == prefixed[-1]
    joined = json.dumps("\n".join(log))
    assert not any(part in redact(joined) for part in key)


@pytest.mark.parametrize("first", range(1, 4))
def test_a_part_of_a_private_key(first: int) -> None:
    log = ["-----BEGIN PRIVATE KEY-----", KEY_LINE, KEY_LINE[::-1], "c2hvcnQxMjM", "-----END PRIVATE KEY-----"]
    shown = [text for _, text in redact_lines(list(enumerate(log, 1))[first:])]
    assert not any(text in log[1:-1] for text in shown)


def a_line(number: int, text: str, template: str = "") -> Line:
    return Line("app.log", number, 0, 0.9, 1, template or text, text)


def a_finding(*lines: Line, **more: str) -> Finding:
    found = Finding("new", "never seen", 0.9, "app.log", lines[0].line, lines[-1].line, len(lines), lines, "signature")
    return replace(found, **more)  # type: ignore[arg-type]


def test_all_that_a_finding_says_is_clean_and_its_id_stays() -> None:
    line = a_line(3, "login password=hunter2secret of bob@example.com", "login password=hunter<*>secret of <*>")
    line = replace(line, raw=b"hunter2secret", expected=(("login password=hunter<*>secret", 0.5),))
    found = a_finding(
        line,
        reason="after “login password=hunter<*>secret of”: x",
        nearest="password hunter<*>secret",
        window="session hunter2secret",
    )
    shown = redacted(found)
    assert "hunter" not in repr(shown)
    assert "bob@" not in repr(shown)
    assert (shown.id, shown.lines[0].raw, shown.lines[0].line) == (found.id, None, 3)


def test_new_values_of_a_secret_are_not_told() -> None:
    reason = "hunter2, where 300 records had swordfish, letmein"
    found = a_finding(a_line(3, "login password: hunter2", "login password: <*>"), kind="value", reason=reason)
    assert not re.search("hunter2|swordfish|letmein", repr(redacted(found)))
    unread = a_finding(a_line(3, "", "login password: <*>"), kind="value", reason=reason)
    assert not re.search("hunter2|swordfish|letmein", repr(redacted(unread)))
    ordinary = a_finding(
        a_line(3, "state FROZEN", "state <*>"), kind="value", reason="FROZEN, where 9 records had OPEN"
    )
    assert redacted(ordinary) == ordinary


def test_a_private_key_that_begins_in_the_context() -> None:
    found = a_finding(a_line(2, "Abcd1234"), a_line(3, KEY_LINE))
    shown = redacted(
        found, {"app.log": {1: "-----BEGIN PRIVATE KEY-----", 4: "c2hvcnQ", 5: "-----END PRIVATE KEY-----"}}
    )
    assert not re.search("Abcd|MIIE", repr([line.text for line in shown.lines]))


@pytest.mark.parametrize(
    "seed",
    [
        *("a", " ", "4", "aA1/", "x@a.a.", "eyJ-", "://a:", 'password="', "token=a,", "api key ", "authorization: "),
        *("--a-", "<*>", "sk-a", "4111 ", "-----BEGIN PRIVATE KEY-----", "ghp_a<*>", "cookie:"),
    ],
)
def test_a_long_line_takes_no_time(seed: str) -> None:
    text = (seed * (300_000 // len(seed) + 1))[:300_000]
    start = time.process_time()
    list(redact_lines([(1, text)]))
    assert time.process_time() - start < 1  # quadratic work takes hours


SECRET = {
    "password": "hunter2tango",
    "token": "ghp_" + "a1B2" * 9,
    "mail": "carol.smith@example.org",
    "card": "4111 1111 1111 1111",
    "key": KEY_LINE,
}


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `app.log`, which holds all of SECRET in lines that do not belong."""
    ordinary = random.Random(1)
    rows = [f"INFO web: page {n} sent in {ordinary.randint(1, 9)} ms to user ann" for n in range(600)]
    rows[200] = f"ERROR db: cannot connect with password={SECRET['password']} as admin"
    rows[300] = f"ERROR git: push with {SECRET['token']} denied"
    rows[301] = f"WARN mail: no such user {SECRET['mail']}"
    rows[400] = f"ERROR pay: card {SECRET['card']} is not valid"
    rows[450:453] = ["ERROR tls: -----BEGIN PRIVATE KEY-----", SECRET["key"], "-----END PRIVATE KEY-----"]
    folder = tmp_path_factory.mktemp("leaky")
    lines = [f"2026-03-02 08:{n // 60:02}:{n % 60:02} {row}" if " " in row[:6] else row for n, row in enumerate(rows)]
    (folder / "app.log").write_text("".join(f"{line}\n" for line in lines))
    return folder


@pytest.fixture(scope="module")
def found(leaky: Path) -> Result:
    """What a scan finds in it."""
    return scan([str(leaky / "app.log")])


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_report_tells_a_secret(found: Result, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    stream = io.StringIO()
    report = open_report(name, Output(stream, context=3, read=read_again), redact=True)
    report.begin(Begin(found.sources, found.detector))
    for finding in found.findings:
        report.finding(finding, {s: fetch(s, lines) for s, lines in report.wants(finding).items()})
    report.end(Summary(600, 600, 1, len(found.findings), 0.1, (f"password={SECRET['password']}",)))
    told = "".join([stream.getvalue(), *(file.read_text() for file in tmp_path.iterdir())])
    assert not [secret for secret in SECRET.values() if secret in told]
    assert "redacted" in told


def test_no_secret_is_remembered(found: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    remember(map(redacted, found.findings))
    kept = (tmp_path / "logscan" / "findings.jsonl").read_text()
    assert found.findings[0].id in kept
    assert not [secret for secret in SECRET.values() if secret in kept]


@pytest.mark.slow
def test_what_was_redacted_can_be_accepted(leaky: Path) -> None:
    environ = {"XDG_STATE_HOME": str(leaky / "state")}
    plain, shown = (run(leaky, "scan", "app.log", "--json", *more, more=environ).out for more in ((), ("--redact",)))
    assert any(secret in plain for secret in SECRET.values())
    assert not any(secret in shown for secret in SECRET.values())
    ids = [[json.loads(row)["id"] for row in out.splitlines()[1:-1]] for out in (plain, shown)]
    assert ids[0] == ids[1]
    assert run(leaky, "accept", ids[0][0], "--file", "fine.jsonl", more=environ).status == 0
    again = run(leaky, "scan", "app.log", "--json", "--accepted", "fine.jsonl", more=environ).out
    assert ids[0][0] not in again


@pytest.mark.slow
def test_a_log_that_is_followed_is_redacted_too(leaky: Path) -> None:
    environ = {"XDG_STATE_HOME": str(leaky / "live")}
    log = (leaky / "app.log").read_bytes()
    good = b"".join(line for line in log.splitlines(keepends=True) if b" INFO " in line)
    (leaky / "good.log").write_bytes(good)
    follow = ["scan", "-", "--follow", "--from-start", "--baseline", "good.log", "--json", "-C", "2"]
    plain, shown = (run(leaky, *follow, *more, stdin=log, more=environ) for more in ((), ("--redact",)))
    assert all(secret in plain.out for secret in SECRET.values())
    kept = [file.read_text() for file in (leaky / "live").rglob("*.jsonl")]
    assert kept
    assert not [secret for secret in SECRET.values() if secret in "".join([shown.out, shown.err, *kept])]
    assert "<redacted card number>" in shown.out
