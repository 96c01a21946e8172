"""Reading a corpus by a protocol: keys from the training part alone, labels beside windows and lines."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest

from logscan.corpora import Corpus, open_corpus
from logscan.corpora.reading import Data, Labelled, ReadOptions, read
from logscan.errors import InputError, OptionError
from logscan.sources import Problem
from logscan.templates import Input, Messages

Write = Callable[[str, Sequence[str]], str]

STEPS = ("Receiving block {} src: /192.0.2.1:50010", "Stored block {} of size 1000", "PacketResponder for {} ends")
BAD = "Lost all copies of {} for good"


def hdfs_lines(blocks: int = 200, seed: int = 0) -> tuple[list[str], list[str]]:
    """Lines and labels of blocks that are written beside each other; every fifth is lost."""
    random = Random(seed)
    lines, labels = [], ["BlockId,Label"]
    for n in range(blocks):
        name, bad = f"blk_{10**9 + n}", n % 5 == 2
        labels.append(f"{name},{'Anomaly' if bad else 'Normal'}")
        steps = [*STEPS[: random.randint(2, 3)], *([BAD] if bad else [])]
        lines += [(n + random.random() * 4, step.format(name)) for step in steps]
    texts = [text for _, text in sorted(lines)]
    return [f"260131 06{n // 60:02}{n % 60:02} 17 INFO dfs.Node: {text}" for n, text in enumerate(texts)], labels


@pytest.fixture
def hdfs(write: Write) -> Corpus:
    """200 blocks, 40 of them anomalous."""
    lines, labels = hdfs_lines()
    write("hdfs/anomaly_label.csv", labels)
    return open_corpus([str(Path(write("hdfs/HDFS.log", lines)).parent)])


def bgl_lines(n: int, alerts: Sequence[int] = (), first: int = 0) -> list[str]:
    """Lines of a large machine, one every three seconds, some of them alerts."""
    texts = ["data cache line corrected", "generating core.{}", "total of {} ddr errors detected", "tree ready"]
    lines = []
    for at in range(first, first + n):
        label, text = ("KERNDTLB", "data TLB error") if at in alerts else ("-", texts[at % 4].format(at))
        lines.append(
            f"{label} {1117838580 + 3 * at} 2005.06.03 R01 2005-06-03-15.{at // 60 % 60:02}.{at % 60:02}.123456 R01 "
            f"RAS KERNEL INFO {text}"
        )
    return lines


@pytest.fixture
def bgl(write: Write) -> Corpus:
    """An hour and a half in two logs, with alerts here and there."""
    alerts = range(7, 1800, 290)
    return open_corpus([write("BGL-a.log", bgl_lines(1000, alerts)), write("BGL-b.log", bgl_lines(800, alerts, 1000))])


def check(data: Data) -> None:
    """What holds for every corpus under every protocol."""
    table = data.split.table
    for ids, part in ((data.split.train, data.train), (data.split.test, data.test)):
        assert sorted(part.windows.ids.tolist()) == sorted(ids.to_list())
        rows = pl.DataFrame({"window": part.windows.ids}).join(table, on="window", maintain_order="left")
        assert part.windows.lengths.tolist() == rows["records"].to_list()
        assert part.anomalous.tolist() == rows["anomalous"].to_list()
        if part.events is not None:
            assert len(part.events) == len(part.windows.events)
            starts = part.windows.starts[:-1]
            assert np.logical_or.reduceat(part.events, starts).tolist() == part.anomalous.tolist()
    both = pl.concat([data.train.windows.events, data.test.windows.events])
    assert both.select("source", "line").is_unique().all()
    assert data.lines == len(data.test.windows.events)
    keys = data.reader.keys
    assert normal_keys(data.train) == set(range(keys.known))
    assert data.profile.records == int(data.train.windows.lengths[~data.train.anomalous].sum())


def normal_keys(part: Labelled) -> set[int]:
    normal = part.windows.take(np.flatnonzero(~part.anomalous))
    return set(normal.keys.tolist())


@pytest.mark.parametrize(
    ("protocol", "learnt", "held_out"),
    [("logllama", (16, 0), (144, 40)), ("logllm", None, None), ("time", None, None)],
)
def test_sessions(hdfs: Corpus, protocol: str, learnt: Any, held_out: Any) -> None:
    data = read(hdfs, ReadOptions(protocol))
    check(data)
    sizes = [(int((~part.anomalous).sum()), int(part.anomalous.sum())) for part in (data.train, data.test)]
    assert data.split.window == "session"
    assert protocol != "logllama" or sizes == [learnt, held_out]
    assert protocol != "logllm" or len(data.train.windows) == 160
    assert data.test.events is None
    assert protocol == "logllama" or data.train.anomalous.any()


@pytest.mark.parametrize(("protocol", "window"), [("logllama", "60s"), ("logllm", "100"), ("time", "60s")])
def test_labelled_lines(bgl: Corpus, protocol: str, window: str) -> None:
    data = read(bgl, ReadOptions(protocol, train_share=0.5))
    check(data)
    assert data.split.window == window
    assert len(data.split.table) == (90 if window == "60s" else 18)
    assert data.test.events is not None
    assert 0 < data.test.events.sum() <= 7


def test_what_only_the_test_says_is_not_learnt(hdfs: Corpus) -> None:
    for protocol in ("logllama", "logllm", "time"):
        data = read(hdfs, ReadOptions(protocol))
        keys = data.reader.keys
        assert not any("Lost all" in keys.template(key) for key in range(keys.known))
        lost = {key for key in range(keys.known, len(keys)) if "Lost all" in keys.template(key)}
        assert len(lost) == 1
        bad = data.test.windows.take(np.flatnonzero(data.test.anomalous))
        assert np.isin(bad.keys, list(lost)).sum() == len(bad)
        assert lost.isdisjoint(normal_keys(data.test))


def test_the_seed_draws_what_is_learnt(hdfs: Corpus) -> None:
    one, same, other = (read(hdfs, ReadOptions(seed=seed)) for seed in (1, 1, 2))
    assert one.train.windows.events.equals(same.train.windows.events)
    assert one.test.windows.events.equals(same.test.windows.events)
    assert sorted(one.split.train) != sorted(other.split.train)


def texts_of(part: Labelled) -> list[str]:
    """What each event says, as it is read."""
    messages = part.windows.messages
    assert messages is not None
    return [messages.texts[number] for number in part.windows.events["message"]]


@pytest.mark.slow
@pytest.mark.parametrize("reads", ["masked", "raw", "template", "template-id"])
@pytest.mark.parametrize("by_line", [False, True])
def test_messages_of_all_parts_are_in_one_table(hdfs: Corpus, bgl: Corpus, reads: Input, by_line: bool) -> None:
    corpus, options = bgl if by_line else hdfs, ReadOptions("logllm", train_share=0.5)
    messages = Messages(reads)
    data = read(corpus, options, messages=messages)
    check(data)
    plain = read(corpus, options)
    for part, other in ((data.train, plain.train), (data.test, plain.test)):
        assert part.windows.events.drop("message").equals(other.windows.events)
        assert other.windows.messages is None
        normal, anomalous = part.by_label()
        assert anomalous is not None
        assert part.windows.messages is normal.messages is anomalous.messages is messages
        keys = data.reader.keys
        texts, events = texts_of(part), part.windows.keys.tolist()
        if reads == "template":
            assert texts == [keys.template(key) for key in events]
        elif reads == "template-id":
            assert texts == [f"E{key}" for key in events]
        else:
            lost = "data TLB error" if by_line else "Lost all copies of"
            lines = [lost in keys.template(key) for key in events]
            assert [text.startswith(lost) for text in texts] == lines
        assert any(re.search("[1-9]", text) for text in texts) == (reads in ("raw", "template-id"))
    assert len(messages.texts) == len(set(messages.texts)) <= 7 or reads == "raw"


def test_the_user_s_masks_hold_for_messages_too(hdfs: Corpus) -> None:
    masks = (r"size .*",)
    data = read(hdfs, ReadOptions(masks=masks), messages=Messages("masked", masks))
    assert "Stored block blk_<*> of <*>" in texts_of(data.test)


def test_the_user_s_window_goes_before(hdfs: Corpus, bgl: Corpus) -> None:
    by_count = read(hdfs, ReadOptions(window="4"))
    check(by_count)
    assert set(by_count.test.windows.lengths[:-1]) == {4}
    assert read(bgl, ReadOptions(window="5m", train_share=0.3)).split.table["records"].max() == 100
    assert read(hdfs, ReadOptions(window="auto")).split.window == "session"


def test_a_trial_with_few_windows(hdfs: Corpus, bgl: Corpus) -> None:
    data = read(hdfs, ReadOptions(limit=50))
    check(data)
    assert int(data.split.table["anomalous"].sum()) == 10
    assert len(data.train.windows) + len(data.test.windows) == 50
    first = read(bgl, ReadOptions("time", limit=30)).split.table
    assert first["last"].max() < 700  # type: ignore[operator]
    with pytest.raises(OptionError, match="--limit 1"):
        read(hdfs, ReadOptions(limit=1))


@pytest.mark.slow
def test_files_and_applications(write: Write, tmp_path: Path) -> None:
    line = "2026-01-31 06:{:02}:{:02},000 INFO [main] org.apache.hadoop.Task: {}"
    listed = ["Normal:", *(f"+ application_1_{n}" for n in range(8)), "Disk full:", "+ application_1_8"]
    for n in range(10):
        text = "Disk is full" if n == 8 else "Started"
        for container in range(2):
            path = f"application_1_{n}/container_{container}.log"
            write(path, [line.format(n, second, text) for second in range(3)])
    write("abnormal_label.txt", listed)
    corpus = open_corpus([str(tmp_path)])
    data = read(corpus, ReadOptions(train_share=0.5, log_format="log4j"))
    check(data)
    assert (data.split.window, len(data.split.table)) == ("session", 9)
    assert set(data.test.windows.lengths) == {6}
    assert data.test.anomalous.sum() == 1
    by_time = read(corpus, ReadOptions(window="60s", train_share=0.5, log_format="log4j"))
    assert len(by_time.split.table) == 18  # a window ends with its log


def test_logs_without_times_are_cut_by_count(write: Write, tmp_path: Path) -> None:
    write("normal/a.log", [f"task {n % 3} goes on" for n in range(1000)])
    write("abnormal/b.log", [f"task {n % 3} breaks down" for n in range(300)])
    for protocol in ("logllama", "logllm"):
        options = ReadOptions(protocol, train_share=0.5)
        data = read(open_corpus([str(tmp_path)]), options)
        assert data.split.window == "100"
        assert len(data.split.table) == 13
        check(data)


def test_the_fingerprint_is_that_of_the_corpus_wherever_it_lies(write: Write) -> None:
    lines, labels = hdfs_lines()

    def fingerprint(name: str, options: ReadOptions, lines: list[str] = lines, labels: list[str] = labels) -> str:
        write(f"{name}/anomaly_label.csv", labels)
        return read(open_corpus([str(Path(write(f"{name}/HDFS.log", lines)).parent)]), options).fingerprint

    one = fingerprint("one", ReadOptions())
    assert one == fingerprint("other", ReadOptions("logllm", seed=3, window="3"))
    assert one != fingerprint("longer", ReadOptions(), [*lines, lines[-1]])
    assert one != fingerprint("relabelled", ReadOptions(), labels=[*labels[:-1], labels[-1].replace("Normal", "1")])


def test_problems_are_said_once(write: Write) -> None:
    write("x/normal/a.log", [f"task {n % 3} goes on" for n in range(1000)])
    write("x/normal/empty.log", [])
    folder = Path(write("x/abnormal/b.log", ["broken"] * 100)).parents[1]
    said: list[Problem] = []
    doing: list[str] = []
    read(open_corpus([str(folder)]), ReadOptions(), lambda what, read, size: doing.append(what), said.append)
    assert [problem.message for problem in said] == ["is empty"]
    assert list(dict.fromkeys(doing)) == ["reading the labels", "learning", "reading the test part"]


@pytest.mark.slow
def test_what_cannot_be_read_by_a_protocol(hdfs: Corpus, bgl: Corpus, write: Write, tmp_path: Path) -> None:
    def complaint(corpus: Corpus, options: ReadOptions | None = None) -> str:
        with pytest.raises(InputError) as error:
            read(corpus, options)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "has no labels" in complaint(open_corpus([write("plain.log", ["one", "two"])]))
    assert "holds nothing to read" in complaint(open_corpus([str(tmp_path / "none.log")]))
    assert "holds nothing to read" in complaint(replace(hdfs, paths=(write("empty.log", []),)))
    assert "labels name 'blk_1000000000', the log shows no session" in complaint(replace(hdfs, paths=bgl.paths))
    write("lines/a.log", ["one", "two"])
    write("lines/labels.csv", ["line_no,label", "7,1"])
    assert "labels name line 7, the log has 2 records" in complaint(open_corpus([str(tmp_path / "lines")]))
    assert "no session (see --session)" in complaint(bgl, ReadOptions(window="session"))
    untimed = open_corpus([str(tmp_path / "lines")])
    assert "show no time; --window 100" in complaint(untimed, ReadOptions(window="60s"))
    assert "one class only: none of 3 windows is anomalous" in complaint(open_corpus([write("BGL.log", bgl_lines(60))]))
    with pytest.raises(OptionError, match="no protocol"):
        read(bgl, ReadOptions("soon"))


def test_hdfs_of_loghub(data: Path) -> None:
    found = read(open_corpus([str(data / "hdfs")]))
    check(found)
    assert len(found.train.windows) == 1058
    assert (len(found.test.windows), int(found.test.anomalous.sum())) == (9525 + 4000, 4000)


@pytest.mark.slow
@pytest.mark.parametrize(("reads", "most"), [("masked", 60), ("template", 60), ("raw", 300_000)])
def test_messages_of_hdfs(data: Path, reads: Input, most: int) -> None:
    found = read(open_corpus([str(data / "hdfs")]), ReadOptions("logllm"), messages=Messages(reads))
    check(found)
    texts = set(texts_of(found.train)) | set(texts_of(found.test))
    assert 20 < len(texts) <= most
    first, _, counts = found.train.windows.by_message().distinct()
    assert counts.sum() == len(found.train.windows)
    assert (len(first) < 0.2 * counts.sum()) == (reads != "raw")


@pytest.mark.parametrize("protocol", ["logllama", "logllm", "time"])
@pytest.mark.parametrize("corpus", ["bgl/BGL.log", "thunderbird/Thunderbird.log"])
def test_real_logs_with_labelled_lines(data: Path, corpus: str, protocol: str) -> None:
    """Only the first half of the Thunderbird sample has windows without an alert."""
    found = read(open_corpus([str(data / corpus)]), ReadOptions(protocol, train_share=0.3))
    check(found)
    assert 0 < found.test.anomalous.sum() < len(found.test.windows)
