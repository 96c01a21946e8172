"""Messages to log keys: grouping, freezing, novelty, slots, and the table as JSON."""

import json
import os
import re
import string
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.errors import ModelError, OptionError
from logscan.templates import Templates
from logscan.templates.masks import MASKS, Mask, mask
from logscan.templates.mining import LIMIT, Miner
from logscan.templates.patterns import LONGEST, words

USERS = ["ann", "bob", "cleo", "dan", "eve", "finn"]
CORPUS = [
    *(f"session opened for user {user} by 0.0.0.0" for user in USERS),
    *(f"session closed for user {user}" for user in USERS),
    *(f"quota of user {user} is used up to 0 %" for user in USERS[:2]),
    *(f"pump {state} after 0 ms" for state in ("started", "stopped", "failed")),
    "read 0 bytes from /var/lib/tank/level in 0.0 s",
    "read 0 KB from /srv/tank in 0 ms",
    "valve v0 is open",
    "valve v0 is shut",
]


def column(*messages: str) -> pl.Series:
    return pl.Series(messages, dtype=pl.String)


def learnt(messages: list[str] = CORPUS) -> Templates:
    templates = Templates()
    templates.keys(column(*messages))
    templates.freeze()
    return templates


def kinds(messages: list[str] = CORPUS) -> list[str]:
    templates = learnt(messages)
    return sorted({templates.template(key) for key in templates.keys(column(*messages)).tolist()})


def test_groups() -> None:
    assert kinds() == [
        "pump failed after <*>",
        "pump started after <*>",
        "pump stopped after <*>",
        "quota of user <*> is used up to <*> %",  # two users only, but known as names from elsewhere
        "read 0 bytes from <*> in <*>".replace("0 bytes", "<*>"),
        "session closed for user <*>",
        "session opened for user <*> by <*>",
        "valve v<*> is open",
        "valve v<*> is shut",
    ]


def test_a_name_is_one_only_behind_the_word_that_it_stood_behind() -> None:
    messages = [f"login of guest {name} failed" for name in [*USERS, "user"]]
    assert "no such user found here" in kinds([*messages, "no such user found here"])


def test_keys_are_int32_and_one_a_message() -> None:
    templates = Templates()
    keys = templates.keys(column("a 0", "b", "a 0"))
    assert keys.dtype == np.int32
    assert keys.tolist() == [0, 1, 0]
    assert templates.keys(column()).shape == (0,)
    assert templates.keys(pl.Series([None, ""], dtype=pl.String)).tolist() == [2, 2]


def test_keys_stay_while_templates_grow() -> None:
    templates = Templates()
    parts = [CORPUS[at : at + 2] for at in range(0, len(CORPUS), 2)]
    given_keys = {}
    for part in parts:
        for message, key in zip(part, templates.keys(column(*part)).tolist(), strict=True):
            given_keys[message] = key
        assert templates.known == len(templates)
    for message, key in given_keys.items():  # whatever was learnt since, the key still stands for the message
        shown = re.escape(templates.template(key)).replace(re.escape("<*>"), ".+")
        assert re.fullmatch(shown, mask(column(message)).item())


def test_states_that_prove_to_be_names_are_one_template_once_frozen() -> None:
    templates = Templates()
    for user in USERS:
        templates.keys(column(f"session closed for user {user}"))
    templates.freeze()
    keys = templates.keys(column(*(f"session closed for user {user}" for user in [*USERS, "new"])))
    assert len(set(keys.tolist())) == 1
    assert keys[0] < templates.known


def test_frozen_keys_are_those_of_one_call() -> None:
    templates = Templates()
    keys = templates.keys(column(*CORPUS))
    known = len(templates)
    templates.freeze()
    assert templates.keys(column(*CORPUS)).tolist() == keys.tolist()
    assert len(templates) == templates.known == known


def test_novel_messages_get_keys_of_their_own() -> None:
    templates = learnt()
    first, second, again, known = templates.keys(
        column("disk 0 is on fire", "who are you?", "disk 0 is on fire", "valve v0 is open")
    ).tolist()
    assert first == again == templates.known
    assert second == templates.known + 1
    assert known < templates.known
    assert templates.keys(column("disk 0 is on fire")).tolist() == [first]
    assert templates.template(first) == "disk <*> is on fire"
    many = templates.keys(column(*(f"nobody knows the name {name} around here" for name in USERS)))
    assert len(set(many.tolist())) == 1
    assert templates.known == len(learnt())


def test_nearest() -> None:
    templates = learnt()
    near, far, short = templates.keys(
        column("pump exploded after 0 ms", "something else happened", "session closed for user ann and bob")
    ).tolist()
    assert templates.template(templates.nearest(near) or 0).startswith("pump")
    assert templates.nearest(far) is None
    assert templates.template(templates.nearest(short) or 0) == "session closed for user <*>"
    assert templates.nearest(0) is None


def test_slots() -> None:
    templates = learnt()
    messages = column("session opened for user zoe by 0.0.0.0", "pump started after 0 ms")
    keys = pl.Series(templates.keys(messages))
    assert list(templates.slots(messages, keys)) == [(0, 4, "zoe")]  # not the address, which a mask found


def test_own_masks() -> None:
    templates = Templates([r"order-[A-Z]+"])
    assert len(set(templates.keys(column("sent order-ABC", "sent order-XYZ")).tolist())) == 1
    with pytest.raises(OptionError, match="no regular expression"):
        Templates(["("])


def test_json() -> None:
    templates = learnt()
    data = json.loads(json.dumps(templates.to_json()))
    other = Templates.from_json(data)
    assert other.to_json() == data
    assert other.known == templates.known
    messages = column(*CORPUS, "session closed for user zoe", "something new", "valve v0 is stuck")
    assert other.keys(messages).tolist() == templates.keys(messages).tolist()
    assert not any(user in json.dumps(data) for user in USERS)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"masks": [], "templates": {}},
        {"masks": [0], "templates": []},
        {"masks": ["("], "templates": []},
        {"masks": [], "templates": ["a"]},
        {"masks": [], "templates": [["a b"]]},
        {"masks": [], "templates": [[0]]},
        {"masks": [], "templates": [["a"] * (LONGEST + 1)]},
        {"masks": [], "templates": [[]] * (LIMIT + 2)},
    ],
)
def test_json_of_something_else(data: object) -> None:
    with pytest.raises(ModelError):
        Templates.from_json(data)


def test_unknown_key() -> None:
    with pytest.raises(IndexError):
        learnt().template(1000)


def test_limit() -> None:
    miner = Miner(limit=3)
    messages = [words(text) for text in ("one", "two", "three", "four", "five")]
    assert miner.add(messages) == [0, 1, 2, 3, 3]
    assert miner.full
    assert miner.add([words("six"), words("two")]) == [3, 1]
    assert len(miner) == 4


def test_a_very_long_message_is_cut() -> None:
    templates = Templates()
    long = " ".join(["tick tock"] * 100_000)
    assert templates.keys(column(long, long + " boom")).tolist() == [0, 0]
    assert templates.template(0).count(" ") == LONGEST - 1


@pytest.mark.parametrize("each", MASKS, ids=lambda each: each.what)
def test_masks_mean_the_same_in_python_and_need_what_they_say(each: Mask) -> None:
    examples = [*CORPUS, *(mask.what.split(": ", 1)[-1] for mask in MASKS), "a=-0,b=+0.0 c(0x0f):0"]
    examples = [re.sub("[0-9]+", "0", example) for example in examples]
    in_python = [re.sub(each.pattern, each.by.replace("${1}", r"\g<1>"), example) for example in examples]
    assert column(*examples).str.replace_all(each.pattern, each.by).to_list() == in_python
    assert all(each.needs in example for example in examples if re.search(each.pattern, example))


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("from 10.0.0.1:80 to [fe80::1b:2]:443", "from <*> to [<*>]:<*>"),
        ("mac 00:1b:44:11:3a:b7 up", "mac <*> up"),
        ("request 6f1f7d5e-93b2-4a08-8b0e-6a3c2a4b5c6d done", "request <*> done"),
        ("at 2026-01-02T03:04:05.678Z and Fri Jul 01 08:16:53 2005", "at <*> and <*>"),
        ("GET https://example.org/a?b=1 by joe@example.org", "GET <*> by <*>"),
        ("open /etc/passwd: Permission denied", "open <*>: Permission denied"),
        (r"open C:\Temp\x.log failed", "open <*> failed"),
        ("sent 1293 bytes (1.26 KB) in 3 ms", "sent <*> in <*>"),
        ("key SHA256:5jfO8bPLQO8djzrRBu7uOu+Aflk= ok", "key <*> ok"),
        ("task attempt_14_0020_m_000000_0 on node-12", "task attempt_<*> on node-<*>"),
        ("irq 3 4 5 6, ids 1, 2, 3", "irq <*>, ids <*>"),
        ("peer mail.example.org:25 lost", "peer <*> lost"),
        ("java.net.SocketException: reset", "java.net.SocketException: reset"),
        ("level=warn ok=true state=READ_ONLY std::vector face cafe", None),
    ],
)
def test_masks(message: str, masked: str | None) -> None:
    assert mask(column(re.sub("[0-9]+", "0", message))).item() == (masked or message)


def test_sample_logs() -> None:
    root = Path(__file__).parents[1]
    folder = Path(os.environ.get("LOGSCAN_DATA", root / "../shared/data")) / "loghub_2k"
    if not folder.is_dir():
        pytest.skip(f"the loghub samples are not in {folder}")
    command = [sys.executable, str(root / "benchmarks/parsing.py"), str(folder), "--json"]
    assert json.loads(subprocess.check_output(command))["ga"] >= 0.95


text = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "up",
                "down",
                "ann",
                "user",
                "on",
                "a=0",
                "b=c,",
                "0.0.0.0",
                "v0",
                "<0>",
                "(0)",
                "x_0_y_0",
                "<*>",
            ]
        ),
        st.text(string.ascii_letters + "0-_.:/=", max_size=12),
    ),
    max_size=8,
).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(text, max_size=40), st.lists(text, max_size=10))
def test_same_message_same_key_and_json_keeps_it(known: list[str], other: list[str]) -> None:
    templates = Templates()
    first = templates.keys(column(*known))
    templates.freeze()
    assert templates.keys(column(*known)).tolist() == first.tolist()
    copy = Templates.from_json(templates.to_json())
    mixed = column(*other, *known, *other)
    keys = templates.keys(mixed)
    assert copy.keys(mixed).tolist() == keys.tolist()
    by_message = dict(zip(mixed, keys.tolist(), strict=True))
    assert [by_message[message] for message in mixed] == keys.tolist()
    assert ((keys >= 0) & (keys < len(templates))).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*CORPUS, *USERS, "0af0b", "x@y.org", "task_0_m_0", "-0", "a.b.com:0"]), max_size=6))
def test_masking_twice_is_masking_once(parts: list[str]) -> None:
    once = mask(column(" ".join(parts)))
    assert mask(once).item() == once.item()
