"""Formats: every registered one reads its own examples; records, attributes, times, sessions, patterns."""

import re
from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.errors import OptionError
from logscan.formats import Format, Layout, detect, format_of, named, names, sessions, times
from logscan.native import digits_reduced
from logscan.templates.masks import mask

LINES = st.text(st.characters(exclude_characters="\n", codec="utf-8"))
WITHOUT_TIME = {"plain", "openstack-bare", "python-basic", "android-brief"}


def block(texts: list[str]) -> pl.DataFrame:
    """The lines of a block, as `sources` makes them."""
    sizes = [len(text.encode()) + 1 for text in texts]
    return pl.DataFrame(
        {
            "line": list(range(1, len(texts) + 1)),
            "offset": [sum(sizes[:i]) for i in range(len(texts))],
            "text": texts,
            "raw": [None] * len(texts),
        },
        schema={"line": pl.Int64, "offset": pl.Int64, "text": pl.String, "raw": pl.Binary},
    )


def texts(*lines: str) -> pl.Series:
    return pl.Series(lines, dtype=pl.String)


@pytest.fixture(params=names())
def form(request: pytest.FixtureRequest) -> Format:
    return format_of(request.param)


def test_a_format_reads_its_own_examples(form: Format) -> None:
    layout = Layout(form)
    records = layout.records(block(list(form.examples)))
    heads = records["text"].filter(records["text"].str.contains(form.header))
    assert len(heads) >= 5 or form.name == "plain"
    assert len(heads) == len(records)
    if form.name not in WITHOUT_TIME:
        assert records["time"].null_count() == 0
        assert set(records["time"].dt.year()) <= {2005, 2025, 2026}
    fields = layout.attributes(records["shape"])
    assert fields.columns == ["level", "component", "message", "label"]
    assert fields["message"].null_count() == 0
    assert fields["message"].str.len_chars().min() > 0  # type: ignore[operator]
    assert not fields["message"].str.contains("[1-9]").any()


def test_a_format_is_detected_in_its_own_examples(form: Format) -> None:
    assert len(form.examples) >= 5
    assert detect(pl.Series(form.examples)).format.name == form.name


def test_a_header_matches_a_line_and_its_shape_alike(form: Format) -> None:
    lines = pl.Series(form.examples)
    shapes = form.shape(lines).cast(pl.String)
    assert lines.str.contains(form.header).to_list() == shapes.str.contains(form.header).to_list()


def test_a_layout_survives_its_dictionary(form: Format) -> None:
    layout = Layout(form, session=r"id=(\d+)", kept=None)
    assert Layout.from_dict(layout.to_dict()) == layout


REDUCED = {
    "json": (
        '{"ts":"2026-01-31","trace_id":"0af3","LEVEL":"e2e","Message":"job0 \\"id\\":\\"a7\\"","user":"ann"}',
        '{"msg":"a\\\\","id":"x\\"y","tags":["a",":7","b\\"]"],"n":-1.5e-3,"x":null,"e":"","ok":true,"by":"bob"}',
        '{"msg" : "took 5 ms", "http" : {"path" : "/a/7", "method" : "GET"}, "log.level" : "warn", "name" : "x7"}',
        '{"event":":","a":":5","text":"x,\\"b\\":7","unit":"a2","message_id":"7f","b":[1,2,{"c":"d7"}],"e":{}}',
        '{"msg":"order 3fa81c22ab placed, see 123e4567-e89b-12d3-a456-426614174000","state":"lost"}',
        '{"msg":"caf\\u00e9 7","path":"C:\\\\7","severity":7,"unit":"u7","log":{"msg":"b7","x":"c7"}}',
        '{"level":30,"pid":7,"msg":"ünï","häuser":"ü7","long":"abcdefghijklmnopqrstuvwxyz"}',
        'panic at "size": 12, "user": "a7"',
        "",
    ),
    "logfmt": (
        'ts=2026-01-31 level=info msg="got id=a7 user=bob and \\"x\\" y=7" trace=0af3 user=ann path=/a/7 n=1.5',
        'msg="first, t=7" level=e2 caller=main.go:7 err="no, msg=7 \\"w=7\\"" text="a=7" state=lost e= q="word"',
        "caller=a.go:1 Level=warn message=done7 logger=shop.v2 x.msg=7 took=1.2s ok=true",
        'level=info msg="order 3fa81c22ab placed" id="x y" 7=7 by="bob"',
        '  continued msg="x y=7" z=7',
        "plain words with a=7 in them",
        "",
    ),
    "access": (
        '192.0.2.7 - ann [31/Jan/2026:01:02:03 +0100] "GET /a?b=7 HTTP/1.1" 200 10 "http://x/\\"7" "agent/7 (\\"y\\")"',
        '192.0.2.7 - - [31/Jan/2026:01:02:03 +0100] "get /a HTTP/1.1" 400 10',
        '192.0.2.7 - - [31/Jan/2026:01:02:03 +0100] "\\x16\\x03" 400 10 "-" "-"',
        '192.0.2.7 - - [yesterday] "GET /a HTTP/1.1" 200 10',
        "",
    ),
}


@pytest.mark.parametrize("name", REDUCED)
def test_what_a_shape_leaves_out_is_in_no_field(name: str) -> None:
    form = format_of(name)
    assert form.reduce is not None
    whole = replace(form, reduce=None)
    lines = texts(*form.examples, *REDUCED[name])
    shapes, written = form.shape(lines), whole.shape(lines)
    length, full = (sum(map(len, column)) for column in (shapes, written))
    assert length < 0.8 * full
    kinds, expected = Layout(form).kinds(shapes), Layout(whole).kinds(written)
    assert [kind.to_list() for kind in kinds] == [kind.to_list() for kind in expected]
    masked = pl.col("message").map_batches(mask, return_dtype=pl.String)
    fields = Layout(form).attributes(shapes).with_columns(masked)
    assert fields.rows() == Layout(whole).attributes(written).with_columns(masked).rows()


@given(st.lists(st.lists(LINES | st.text("12 a\r")), min_size=1))
def test_a_shape_has_every_run_of_digits_reduced(blocks: list[list[str]]) -> None:
    chunks = pl.concat([pl.Series("text", block, pl.String) for block in blocks])
    assert digits_reduced(chunks).to_list() == [re.sub("[0-9]+", "0", line) for block in blocks for line in block]


@pytest.mark.parametrize("pattern", [r"\b(job\d|\d+)\b", r"(job\d|\d+)", r"\b(job\d)", r"id=(\w+)"])
def test_a_session_is_what_the_group_of_its_pattern_finds(pattern: str) -> None:
    texts = ["xjob1 x22 33", "job4", "id=job5", "none"]
    sessions = Layout(format_of("plain"), pattern).records(block(texts))["session"].to_list()
    assert sessions == [found[1] if (found := re.search(pattern, text)) else None for text in texts]


def test_lines_that_differ_in_data_have_one_shape() -> None:
    one = '{{"time":"2026-01-31T01:02:03Z","level":"info","msg":"order {0} placed","trace":"7{0}","ms":{1},"err":{2}}}'
    lines = texts(one.format("3fa81c22ab", 7, "null"), one.format("bbbbccccdd", 0.5, '"no 7"'))
    assert format_of("json").shape(lines).n_unique() == 1


def test_no_lines_are_no_records(form: Format) -> None:
    layout = Layout(form)
    records = layout.records(block([]))
    assert records.height == 0
    assert layout.attributes(records["shape"]).height == 0
    complete, rest = layout.split(block([]))
    assert complete.height == rest.height == 0


def test_nothing_at_all_is_plain() -> None:
    assert detect(texts()).format.name == "plain"


def test_a_jvm_trace_is_one_record_and_its_cause_is_in_the_shape() -> None:
    lines = [
        "2026-01-31 01:02:03,456 ERROR [main] a.b.Order: cannot place 12",
        "java.lang.IllegalStateException: no stock left of 99",
        "\tat a.b.Order.place(Order.java:42)",
        "Caused by: java.sql.SQLException: connection 7 closed",
        "\tat a.b.Pool.take(Pool.java:88)",
        "\t... 2 more",
        "2026-01-31 01:02:04,456 INFO [main] a.b.Order: done",
    ]
    layout = detect(pl.Series(lines))
    records = layout.records(block(lines))
    assert records.select("line", "last_line").rows() == [(1, 6), (7, 7)]
    head, cause = records["shape"][0].split("\n")
    assert head == "0-0-0 0:0:0,0 ERROR [main] a.b.Order: cannot place 0"
    assert cause == "Caused by: java.sql.SQLException: connection 0 closed"
    fields = layout.attributes(records["shape"])
    assert fields["message"][0] == f"cannot place 0 {cause}"
    assert fields["level"].to_list() == ["ERROR", "INFO"]
    assert fields["component"].to_list() == ["a.b.Order", "a.b.Order"]


def test_a_python_trace_is_one_record_and_ends_in_its_exception() -> None:
    lines = [
        "INFO:root:starting",
        "ERROR:shop:cannot place order 12",
        "Traceback (most recent call last):",
        '  File "orders.py", line 42, in place',
        "    raise KeyError(article)",
        "KeyError: 99",
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        "Traceback (most recent call last):",
        '  File "orders.py", line 44, in place',
        "shop.errors.OutOfStock: article 99",
        "INFO:root:stopping",
    ]
    records = detect(pl.Series(lines)).records(block(lines))
    assert records.select("line", "last_line").rows() == [(1, 1), (2, 12), (13, 13)]
    assert records["shape"][1].endswith("\nshop.errors.OutOfStock: article 0")


def test_a_line_without_header_is_a_record_with_the_time_before() -> None:
    lines = ["2026-01-31 01:02:03 INFO a: b", "segmentation fault", "2026-01-31 01:02:04 INFO a: c"]
    layout = named("generic", pl.Series(lines))
    records = layout.records(block(lines))
    assert len(records) == 3
    assert records["time"][1] == datetime(2026, 1, 31, 1, 2, 3)
    assert layout.attributes(records["shape"])["message"][1] == "segmentation fault"


def test_plain_lines_join_by_indentation_only_beside_lines_without() -> None:
    assert len(named("plain", texts("a", " b", "c")).records(block(["a", " b", "c"]))) == 2
    assert len(named("plain", texts(" a", " b")).records(block([" a", " b"]))) == 2


@settings(deadline=None)
@given(
    st.sampled_from(names()),
    st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"])), max_size=12),
    st.lists(st.integers(0, 11)),
)
def test_any_lines_make_records_that_partition_them(name: str, lines: list[str], examples: list[int]) -> None:
    form = format_of(name)
    for at in examples:  # among lines that have the header
        lines.insert(at, form.examples[at % len(form.examples)])
    layout = named(name, pl.Series(lines, dtype=pl.String))
    table = block(lines)
    records = layout.records(table)
    first, last = records["line"].to_list(), records["last_line"].to_list()
    assert [n for a, b in zip(first, last, strict=True) for n in range(a, b + 1)] == table["line"].to_list()
    fields = layout.attributes(records["shape"])
    assert len(fields) == len(records)
    assert fields["message"].null_count() == 0
    complete, rest = layout.split(table)
    assert pl.concat([complete, rest]).equals(table)
    assert rest.is_empty() or rest["line"][0] in first


@settings(max_examples=20, deadline=None)  # each tries every format
@given(st.lists(LINES, min_size=1, max_size=20))
def test_any_sample_has_a_layout(lines: list[str]) -> None:
    layout = detect(pl.Series(lines))
    assert layout.format.name in names()


def test_split_cuts_before_the_last_record() -> None:
    lines = ["2026-01-31 01:02:03 a", "  b", "2026-01-31 01:02:04 c", "  d"]
    layout = named("generic", pl.Series(lines))
    complete, rest = layout.split(block(lines))
    assert (complete["line"].to_list(), rest["line"].to_list()) == ([1, 2], [3, 4])
    long = block([lines[0], *["  x"] * 3000])
    complete, rest = layout.split(long)
    assert (complete.height, rest.height) == (3001, 0)


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-01-31T01:02:03.456Z", datetime(2026, 1, 31, 1, 2, 3, 456000)),
        ("2026-01-31 01:02:03,456", datetime(2026, 1, 31, 1, 2, 3, 456000)),
        ("2026-01-31T01:02:03.5+02:00", datetime(2026, 1, 30, 23, 2, 3, 500000)),
        ("2026-01-31T01:02:03-0330", datetime(2026, 1, 31, 4, 32, 3)),
        ("2026/01/31 01:02:03", datetime(2026, 1, 31, 1, 2, 3)),
        ("31/Jan/2026:01:02:03 +0100", datetime(2026, 1, 31, 0, 2, 3)),
        ("Sat Jan 31 01:02:03 2026", datetime(2026, 1, 31, 1, 2, 3)),
        ("Jan  3 01:02:03", datetime(2026, 1, 3, 1, 2, 3)),
        ("Mar  3 01:02:03", datetime(2025, 3, 3, 1, 2, 3)),
        ("20260131-1:2:3", datetime(2026, 1, 31, 1, 2, 3)),
        ("17/06/09 20:10:40", datetime(2017, 6, 9, 20, 10, 40)),
        ("2026-01-31-01.02.03.456789", datetime(2026, 1, 31, 1, 2, 3, 456789)),
        ("1769821323", datetime(2026, 1, 31, 1, 2, 3)),
        ("1769821323.25", datetime(2026, 1, 31, 1, 2, 3, 250000)),
        ("1769821323456", datetime(2026, 1, 31, 1, 2, 3, 456000)),
        ("1769821323456789", datetime(2026, 1, 31, 1, 2, 3, 456789)),
        ("1769821323456789012", datetime(2026, 1, 31, 1, 2, 3, 456789)),
        ("Saturday, 31. January 2026 01:02:03", datetime(2026, 1, 31, 1, 2, 3)),
        ("no time at all", None),
    ],
)
def test_times(stamp: str, expected: datetime | None) -> None:
    patterns = (*format_of("generic").times, *format_of("epoch").times)
    assert times.parse(texts(stamp), patterns, now=datetime(2026, 2, 1)).to_list() == [expected]


def test_times_without_a_year_go_on_over_new_year() -> None:
    read = times.parse(
        texts("Dec 31 23:59:59", "Jan  1 00:00:01", "Feb 29 00:00:00"),
        ("%b %d %H:%M:%S",),
        now=datetime(2024, 5, 1),
    )
    assert read.to_list() == [
        datetime(2023, 12, 31, 23, 59, 59),
        datetime(2024, 1, 1, 0, 0, 1),
        datetime(2024, 2, 29),
    ]


def test_stamps_of_unequal_length_keep_their_fraction() -> None:
    lines = ["2026-01-31 01:02:03.5 x"] * 300 + ["2026-01-31 01:02:03.75 x", "2026-01-31 01:02:03.755 x"]
    read = Layout(format_of("generic")).records(block(lines))["time"]
    assert [time.microsecond for time in read[-3:]] == [500_000, 750_000, 755_000]


STAMP = "2026-01-31 01:02:03"
ACCESS = '::1 - - [31/Jan/2026:01:02:03 +0100] "%s" %d 9'
WRAPPED = f'{{"log":"{STAMP} ERROR web: down 7\\n","stream":"stderr","time":"2026-01-31T01:02:03Z"}}'
FIELDS = [  # format, line, its level, component, message and kept number
    ("syslog", "Jan 31 01:02:03 h sshd(pam)[7]: closed 5", None, "sshd(pam)", "closed 0", None),
    ("syslog-5424", "<11>1 2026-01-31T01:02:03Z h app 7 - - went 5", "ERROR", "app", "went 0", None),
    ("redis", "7:M 31 Jan 2026 01:02:03.456 # low on 5 MB", "WARN", "M", "low on 0 MB", None),
    ("access", ACCESS % ("GET /a?b=7 HTTP/1.1", 404), None, None, "GET", "404"),
    ("access", ACCESS % ("\\x16\\x03", 400), None, None, "malformed request", "400"),
    ("postgresql", f"{STAMP} UTC [7] a@b STATEMENT:  SELECT 1", "STATEMENT", None, "SELECT <*>", None),
    ("nginx-error", "2026/01/31 01:02:03 [warn] 7#7: *1 a 7, client: ::1, b", "WARN", None, "a 0", None),
    ("journald", '{"__REALTIME_TIMESTAMP":"1","PRIORITY":"3","MESSAGE":"x 7"}', "ERROR", None, "x 0", None),
    ("json", '{"level":40,"msg":"caf\\u00e9","user":"ann","at":"a b"}', "WARN", None, "caf? user=ann", None),
    ("json", '{"severity":"Info","logger":"a.b","event":"up","status":503}', "INFO", "a.b", "up", "503"),
    ("logfmt", 'ts=1 level=warn msg="slow 7" table=carts took=7ms', "WARN", None, "slow 0 table=carts", None),
    ("logfmt", 'Level=warn took=7ms Msg="put a=b c=7" table=carts', "WARN", None, "put a=b c=0 table=carts", None),
    ("docker", WRAPPED, "ERROR", "web", "down 0", None),
    ("cri", '2026-01-31T01:02:03Z stdout F {"level":"info","msg":"up 7"}', "INFO", "stdout", "up 0", None),
    ("generic", f"{STAMP}.456 | INFO     | shop.cart: added 7", "INFO", "shop.cart", "added 0", None),
    ("generic", "[2026-01-31T01:02:03,456][INFO ][o.e.Node] [n-1] up", "INFO", "o.e.Node", "[n-0] up", None),
    ("plain", "worker 7 ended with exit code 3", None, None, "worker 0 ended with exit code 0", "3"),
]


@pytest.mark.parametrize(("name", "line", "expected"), [(row[0], row[1], row[2:]) for row in FIELDS])
def test_fields_of_a_line(name: str, line: str, expected: tuple[str | None, ...]) -> None:
    layout = named(name, texts(line))
    records = layout.records(block([line]))
    fields = layout.attributes(records["shape"])
    assert (*fields.select("level", "component", "message").row(0), records["kept"][0]) == expected


def test_a_label_is_a_column() -> None:
    layout = Layout(format_of("bgl"))
    labels = layout.attributes(layout.records(block(list(format_of("bgl").examples)))["shape"])["label"]
    assert labels.to_list() == ["-", "-", "APPREAD", "-", "-"]


def sessions_of(lines: list[str]) -> list[str | None]:
    layout = detect(pl.Series(lines))
    return layout.records(block(lines))["session"].to_list()


def test_ids_that_come_and_go_are_sessions() -> None:
    steps = ("begin", "read", "write", "end")
    lines = [f"2026-01-31 01:02:03 {step} job_{100_000 + n} on node 7" for n in range(50) for step in steps]
    assert sessions_of(lines)[::4] == [f"job_{100_000 + n}" for n in range(50)]
    keyed = [f'{{"msg":"{step}","requestId":"r{n}x","user":"u{n % 3}"}}' for n in range(50) for step in steps]
    assert sessions_of(keyed)[::4] == [f"r{n}x" for n in range(50)]
    served = [f"Jan 31 01:02:03 h ftpd[{4000 + n}]: {step}" for n in range(50) for step in steps]
    assert sessions_of(served)[::4] == [f"ftpd[{4000 + n}]" for n in range(50)]


def test_a_pid_or_a_user_that_stays_is_no_session() -> None:
    daemons = [f"Jan 31 01:02:03 h {name}: x" for _ in range(100) for name in ("a[1]", "b[2]", "c[3]")]
    assert set(sessions_of(daemons)) == {None}
    users = [f"2026-01-31 01:02:03 login user_id={n % 11}" for n in range(500)]
    assert set(sessions_of(users)) == {None}
    assert sessions.find(texts(), format_of("plain")) is None


LAYOUT = "<level> <date> <time> [<thread>] <component>: <message>"
REGEX = r"^(?P<level>\w+) (?P<time>\d{4}-\d\d-[0-9]{2} [\d:,]+) \[\w+\] (?P<component>\S+): (?P<message>.*)$"


@pytest.mark.parametrize("pattern", [LAYOUT, REGEX])
def test_a_layout_of_the_users_own(pattern: str) -> None:
    line = "WARN 2026-01-31 01:02:03,456 [web7] shop.cart: added 7"
    layout = named(pattern, texts(line))
    records = layout.records(block([line]))
    assert records["time"][0] == datetime(2026, 1, 31, 1, 2, 3, 456000)
    assert layout.attributes(records["shape"]).row(0) == ("WARN", "shop.cart", "added 0", None)
    assert Layout.from_dict(layout.to_dict()) == layout


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("kafak", "'kafka'"), ("(?P<time>", "no regular expression"), ("a < b", "names no field")],
)
def test_a_wrong_name_or_pattern_is_said(pattern: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        named(pattern, texts("x"))
