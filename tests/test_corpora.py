"""Corpora: which logs there are, and what their labels say of each record."""

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.corpora import Corpus, open_corpus
from logscan.corpora.corpus import BUILT_IN
from logscan.corpora.labels import anomalous_in
from logscan.corpora.listed import _holds
from logscan.errors import InputError
from logscan.records import Reader
from logscan.sources import open_streams
from logscan.templates.keys import Keys

Write = Callable[[str, Sequence[str]], str]

BLOCKS = [f"260131 0600{n:02} 17 INFO dfs.DataNode: Receiving block blk_{n}00000 from afar" for n in range(5)]


def labels(corpus: Corpus, session: str | None = None) -> list[bool | None]:
    """The label of each record in the order of reading."""
    reader = Reader(Keys(), lambda problem: None, session=session, anomalous=corpus.anomalous)
    streams = open_streams(corpus.paths, lambda problem: None)
    return [label for stream in streams for records, _ in reader.unkeyed(stream) for label in records["anomalous"]]


def groups(corpus: Corpus) -> list[int | None]:
    """The window of each record in the order of reading, where files say it."""
    reader = Reader(Keys(), lambda problem: None, group=corpus.group)
    streams = open_streams(corpus.paths, lambda problem: None)
    return [group for stream in streams for records, _ in reader.unkeyed(stream) for group in records["session"]]


@pytest.mark.parametrize("place", ["", "preprocessed/"])
def test_a_folder_with_labels_by_session(tmp_path: Path, write: Write, place: str) -> None:
    log = write("hdfs/HDFS.log", BLOCKS)
    write("hdfs/README.md", ["about it"])
    write(f"hdfs/{place}anomaly_label.csv", ["BlockId,Label", "blk_000000,Normal", "blk_300000,Anomaly"])
    corpus = open_corpus([str(tmp_path / "hdfs")])
    assert (corpus.name, corpus.layout, corpus.by, corpus.prevalence) == ("hdfs", "HDFS", "session", 0.0293)
    assert corpus.paths == (log,)
    assert labels(corpus, "blk_[0-9]+") == [False, None, None, True, None]


def test_hadoop_applications(tmp_path: Path, write: Write) -> None:
    line = "2015-10-17 15:37:56,547 INFO [main] org.apache.hadoop.Task: Started"
    for container, n in (("1/container_1.log", 1), ("1/container_2.log", 2), ("2/container_1.log", 1), ("3/c.log", 1)):
        write(f"hadoop/application_144_000{container}", [line] * n)
    write(
        "hadoop/abnormal_label.txt",
        [
            *("### WordCount", "Normal:", "+ application_144_0001", "Machine down:", "+ application_144_0002", ""),
            *("### PageRank", "Disk full:", "+ application_144_0009"),
        ],
    )
    corpus = open_corpus([str(tmp_path / "hadoop")])
    assert (corpus.layout, corpus.by) == ("Hadoop", "file")
    assert labels(corpus) == [False] * 3 + [True, None]
    assert groups(corpus) == [0, 0, 0, 1, 2]


def test_folders_of_normal_and_abnormal_logs(tmp_path: Path, write: Write) -> None:
    write("app/normal/a.log", ["one", "two"])
    write("app/normal/deeper/abnormal.log", ["three"])
    write("app/abnormal/a.log", ["four"])
    corpus = open_corpus([str(tmp_path / "app")])
    assert (corpus.layout, corpus.by) == ("folders", "file")
    assert labels(corpus) == [False] * 3 + [True]


def test_logs_whose_names_say_normal_or_abnormal(tmp_path: Path, write: Write) -> None:
    names = ["openstack_normal1.log", "openstack_normal2.log", "openstack_abnormal.log"]
    paths = [write(name, [name]) for name in names]
    write("anomaly_labels.txt", ["instances with anomalies:"])
    corpus = open_corpus([str(tmp_path)])
    assert (corpus.layout, corpus.by) == ("OpenStack", "file")
    assert corpus.paths == tuple(paths)
    assert labels(corpus) == [False, False, True]


BGL = "{} 1117838570 2005.06.03 R01 2005-06-03-15.42.50.123456 R01 RAS KERNEL INFO cache line corrected"
THUNDERBIRD = "{} 1131566461 2005.11.09 cn228 Nov 9 12:01:01 cn228/cn228 crond[2916]: (root) CMD (run-parts)"
LIBERTY = "{} 1102809600 2004.12.12 lnode1 Dec 12 00:00:00 src@ladmin2 pbs_mom: task started"
SPIRIT = "{} 1104566461 2005.01.01 snode9 Jan 1 00:01:01 snode9/snode9 kernel: hda: drive not ready"


@pytest.mark.parametrize("line", [BGL, THUNDERBIRD, LIBERTY, SPIRIT])
def test_logs_whose_first_column_is_the_label(write: Write, line: str) -> None:
    lines = [line.format(label) for label in ("-", "R_HDA_1", "-")]
    corpus = open_corpus([write("a/one.log", lines), write("b/two.log", lines[1:])])
    assert (corpus.name, corpus.layout, corpus.by) == ("one.log, two.log", "lines", "line")
    assert labels(corpus) == [False, True, False, True, False]


def test_a_layout_with_a_label_that_the_user_describes(write: Write) -> None:
    path = write("own.log", ["- ; started", "BAD ; stopped"])
    assert open_corpus([path]).anomalous is None
    corpus = open_corpus([path], "<label> ; <message>")
    assert corpus.by == "line"


def test_a_table_of_sessions(tmp_path: Path, write: Write) -> None:
    write("HDFS.log", BLOCKS)
    write("labels.csv", ["session,why,label", "000000,x,normal", "200000,x,1", "200000,x,0", "300000,x,-"])
    corpus = open_corpus([str(tmp_path)])
    assert (corpus.layout, corpus.by, corpus.example) == ("labels.csv", "session", "000000")
    assert labels(corpus, r"blk_\d(\d+)") == [None] * 5
    assert labels(corpus, r"blk_(?:0|)([0-9]+)") == [None, None, True, False, None]


def test_a_table_of_files(tmp_path: Path, write: Write) -> None:
    for name in ("a.log", "deep/b.log", "deep/c.log", "d.log"):
        write(name, [name])
    write("labels.csv", ["file,label", "a.log,NORMAL", "deep/b.log,Abnormal", "c.log,anomalous", "gone.log,1"])
    corpus = open_corpus([str(tmp_path)])
    assert corpus.by == "file"
    assert labels(corpus) == [False, None, True, True]


def test_a_table_of_lines(tmp_path: Path, write: Write) -> None:
    write("only.log", ["one", "two", "three"])
    write("labels.csv", ["line_no,label,fault", "1,0,", "2,1,crash"])
    corpus = open_corpus([str(tmp_path)])
    assert (corpus.by, corpus.example) == ("line", "line 1")
    assert labels(corpus) == [False, True, None]


def test_a_table_of_lines_of_the_test_log(tmp_path: Path, write: Write) -> None:
    write("train.log", ["one", "two"])
    write("test.log", ["three", "four"])
    write("soft.csv", ["line_no,label"])
    write("labels.csv", ["line_no,label", "2,1", "1,0"])
    corpus = open_corpus([str(tmp_path)])
    assert [Path(path).name for path in corpus.paths] == ["test.log", "train.log"]
    assert labels(corpus) == [False, True, False, False]


def test_a_table_of_lines_of_several_logs(tmp_path: Path, write: Write) -> None:
    write("a.log", ["one", "two"])
    write("b.log", ["three", "four"])
    write("labels.csv", ["file,line_no,label", "a.log,2,1", "b.log,1,0"])
    assert labels(open_corpus([str(tmp_path)])) == [None, True, False, None]


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), max_size=6), st.integers(1, 30), st.integers(0, 9))
def test_a_record_is_labelled_by_all_of_its_lines(lines: list[int], first: int, more: int) -> None:
    record = pl.DataFrame({"line": [first], "last_line": [first + more]})
    found = record.select(_holds(pl.Series(lines, dtype=pl.Int64))).item()
    assert found == any(first <= line <= first + more for line in lines)


def test_label_words() -> None:
    words = pl.Series(["normal", "Normal ", "-", "0", "ANOMALY", "anomalous", "Abnormal", "1"])
    assert anomalous_in(words, Path("x.csv")).to_list() == [False] * 4 + [True] * 4


def test_logs_without_labels(tmp_path: Path, write: Write) -> None:
    paths = [write("a.log", ["a line"]), str(tmp_path / "none.log"), str(tmp_path)]
    corpus = open_corpus(paths)
    assert corpus.paths == tuple(paths)
    assert (corpus.layout, corpus.anomalous) == ("", None)
    assert open_corpus([str(tmp_path)]).name == tmp_path.name


COLUMNS = "session,label or file,label or line_no,label"


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("anomaly_label.csv", ["Block,Label", "blk_1,Normal"], "BlockId,Label; it has Block,Label"),
        ("anomaly_label.csv", ["BlockId,Label", "blk_1,Normal", "blk_2,bad"], "it says 'bad'"),
        ("anomaly_label.csv", ["BlockId,Label", "blk_1,"], "it says 'None'"),
        ("anomaly_label.csv", ["BlockId,Label"], "labels nothing"),
        ("anomaly_label.csv", [], "no table"),
        ("labels.csv", [], "no table"),
        ("labels.csv", ["session,label"], "labels nothing"),
        ("labels.csv", ["block,label", "1,0"], f"{COLUMNS}; it has block,label"),
        ("labels.csv", ["session,kind", "1,0"], f"{COLUMNS}; it has session,kind"),
        ("labels.csv", ["session,label", "1,2"], "it says '2'"),
        ("labels.csv", ["line_no,label", "one,0"], "numbers of lines; it has 'one'"),
        ("labels.csv", ["file,label", "gone.log,0"], "matches no log: it names gone.log, there is HDFS.log"),
        ("abnormal_label.txt", ["Normal:"], "names no application"),
        ("abnormal_label.txt", ["+ application_1_1"], "Normal: or a fault"),
    ],
)
def test_labels_that_cannot_be_read(tmp_path: Path, write: Write, name: str, text: list[str], complaint: str) -> None:
    write("HDFS.log", ["a line"])
    write(name, text)
    with pytest.raises(InputError, match=complaint) as error:
        open_corpus([str(tmp_path)])
    assert "\n" not in str(error.value)


def test_applications_that_are_not_there(tmp_path: Path, write: Write) -> None:
    write("application_1_1/container_1.log", ["a line"])
    write("abnormal_label.txt", ["Normal:", "+ application_1_2"])
    with pytest.raises(InputError, match=r"matches no folder: it names application_1_2, there is .*application_1_1"):
        open_corpus([str(tmp_path)])


def test_lines_of_one_of_several_logs(tmp_path: Path, write: Write) -> None:
    write("a.log", ["a line"])
    write("b.log", ["a line"])
    write("labels.csv", ["line_no,label", "1,0"])
    with pytest.raises(InputError, match="column `file` which of 2 logs"):
        open_corpus([str(tmp_path)])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("anomaly_label.csv", ["BlockId,Label", "blk_1,Normal"]),
        ("labels.csv", ["session,label", "1,0"]),
        ("abnormal_label.txt", ["Normal:", "+ application_1_1"]),
        ("abnormal/.hidden", []),
    ],
)
def test_labels_without_a_log(tmp_path: Path, write: Write, name: str, text: list[str]) -> None:
    write(name, text)
    with pytest.raises(InputError, match="no log"):
        open_corpus([str(tmp_path)])


def test_a_labelled_folder_beside_another(tmp_path: Path, write: Write) -> None:
    write("a/x.log", ["a line"])
    write("a/anomaly_label.csv", ["BlockId,Label", "blk_1,Normal"])
    with pytest.raises(InputError, match="that folder alone"):
        open_corpus([str(tmp_path / "a"), str(tmp_path)])


def test_a_layout_is_a_file_and_a_line_in_the_registry() -> None:
    folder = Path(open_corpus.__code__.co_filename).parent
    assert all((folder / f"{module}.py").is_file() for module in BUILT_IN.values())
