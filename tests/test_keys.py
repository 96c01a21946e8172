"""Log keys: a template with its level and number; templates that differ only in a name are one family."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.templates.families import words_of
from logscan.templates.keys import Keys

USERS = ("ann", "bob", "cleo", "dan")  # few enough that the miner takes them for states
Kind = tuple[str, str | None, str | None]


def kinds(*rows: Kind) -> pl.DataFrame:
    schema = {"message": pl.String, "level": pl.String, "kept": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def messages(*texts: str) -> pl.DataFrame:
    return kinds(*((text, None, None) for text in texts))


def learnt(*texts: str) -> Keys:
    keys = Keys()
    keys.of(messages(*texts))
    keys.freeze()
    return keys


def key(keys: Keys, message: str, level: str | None = None, kept: str | None = None) -> int:
    return int(keys.of(kinds((message, level, kept)))["key"][0])


def test_level_and_number_tell_keys_apart() -> None:
    keys = Keys()
    rows = [("GET /", None, "200"), ("GET /", None, "503"), ("GET /", "WARN", "200"), ("GET /", None, "200")]
    found = keys.of(kinds(*rows))["key"].to_list()
    assert found == [0, 1, 2, 0]
    assert [keys.template(n) for n in range(3)] == ["200 GET /", "503 GET /", "200 GET /"]
    assert keys.of(kinds(*rows))["template"].n_unique() == 1


def test_what_is_new_after_freezing_comes_behind_what_is_known() -> None:
    keys = learnt("valve is open", "valve is shut", "pump has stopped")
    assert keys.known == 3
    assert [key(keys, text) for text in ("valve is open", "pump has stopped")] == [0, 2]
    assert key(keys, "pump has stopped", "ERROR") == 3
    assert key(keys, "boiler on fire in hall 0") == 4
    assert key(keys, "boiler on fire in hall 0") == 4
    assert keys.nearest(key(keys, "pump has started")) == "pump has stopped"
    assert keys.nearest(4) is None


def test_freezing_says_which_key_stands_for_each() -> None:
    keys = Keys()
    rows = [(f"quota of {user} is {what}", None, None) for what in ("full", "low") for user in (*USERS, "eve", "finn")]
    before = keys.of(kinds(*rows))["key"].to_numpy()
    stands_for = keys.freeze()
    assert (stands_for[before] == keys.of(kinds(*rows))["key"].to_numpy()).all()
    assert set(stands_for) == set(range(keys.known))


def test_names_that_tell_two_kinds_of_line_apart_are_one_family() -> None:
    texts = [f"{user} {what}" for user in USERS for what in ("came in by the gate", "went out by the gate")]
    keys = learnt(*texts)
    assert keys.known == 2
    found = keys.of(messages(*texts, "eve came in by the gate"))
    assert found["key"].n_unique() == 2
    assert found["key"][-1] == found["key"][0]  # a fifth name is no new kind of line
    assert found["name"].to_list()[-1] == "eve"


def test_states_are_no_family() -> None:
    texts = [f"pump {state} after 0 ms" for state in ("started", "stopped", "failed")]
    keys = learnt(*texts, "valve opened after 0 ms", "valve closed after 0 ms")
    assert keys.known == 5
    assert key(keys, "pump exploded after 0 ms") >= keys.known


def test_words_made_with_a_number_are_one() -> None:
    keys = learnt("node web-0 joined", "node db-0 joined", "node cache_0a joined")
    assert keys.known == 1
    assert key(keys, "node mail-0 joined") == 0
    assert words_of("node web-<*> joined v<*>b") == ("node", "<*>", "joined", "<*>")


def test_json_keeps_every_key() -> None:
    keys = Keys(masks=["secret-[a-z]+"])
    texts = [f"{user} {what}" for user in USERS for what in ("came in by the gate", "went out by the gate")]
    keys.of(
        kinds(("GET secret-abc", "INFO", "200"), ("GET secret-abc", "INFO", "404"), *((t, None, None) for t in texts))
    )
    keys.freeze()
    read = Keys.from_json(json.loads(json.dumps(keys.to_json())))
    judged = kinds(
        ("GET secret-x", "INFO", "404"),
        ("GET secret-x", "WARN", "404"),
        ("eve came in by the gate", None, None),
        ("nothing of the kind", None, None),
    )
    assert read.known == keys.known
    assert read.of(judged).equals(keys.of(judged))
    assert [read.template(n) for n in range(len(read))] == [keys.template(n) for n in range(len(keys))]
    assert read.to_json() == keys.to_json()


def test_hashes_do_not_depend_on_when_a_key_was_met() -> None:
    rows = [("GET /", None, "404"), ("404 GET /", None, None), ("GET /", "WARN", "404"), ("GET /", "None", "404")]
    found = []
    for order in (rows, rows[::-1]):
        keys = Keys()
        keys.of(kinds(*order))
        keys.freeze()
        hashes = keys.hashes()
        assert len(set(hashes)) == len(hashes) == keys.known == 4
        assert Keys.from_json(json.loads(json.dumps(keys.to_json()))).hashes() == hashes
        key(keys, "a new one")
        assert keys.hashes() == hashes  # of known keys only
        found.append([hashes[key(keys, *row)] for row in rows])
    assert found[0] == found[1]


@pytest.mark.parametrize("broken", [{}, {"templates": {"masks": [], "templates": []}, "keys": [[0, None, None]]}])
def test_json_that_is_none(broken: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Keys.from_json(broken)


word = st.sampled_from(["pump", "valve", "open", "shut", "ann", "bob", "cleo", "dan", "web-0", "0", "by"])
texts = st.lists(st.lists(word, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=25)


@settings(deadline=None, max_examples=60)
@given(texts, texts)
def test_a_frozen_table_knows_what_it_learnt_and_survives_json(known: list[str], new: list[str]) -> None:
    keys = learnt(*known)
    found = keys.of(messages(*known))["key"].to_numpy()
    assert found.dtype == np.int32
    assert (found < keys.known).all()
    assert len(set(keys.hashes())) == keys.known
    read = Keys.from_json(json.loads(json.dumps(keys.to_json())))
    assert read.hashes() == keys.hashes()
    assert read.of(messages(*known, *new)).equals(keys.of(messages(*known, *new)))
    assert (keys.of(messages(*known))["key"].to_numpy() == found).all()
