"""Corpora: which logs there are, and what is known of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from logscan.corpora import open_corpus
from logscan.errors import InputError

Write = Callable[[str, Sequence[str]], str]


def test_a_folder_with_labels_by_session(tmp_path: Path, write: Write) -> None:
    log = write("hdfs/HDFS.log", ["a line"])
    write("hdfs/anomaly_label.csv", ["BlockId,Label", "blk_1,Normal", "blk_-2,Anomaly"])
    corpus = open_corpus([str(tmp_path / "hdfs")])
    assert corpus.name == "hdfs"
    assert corpus.paths == (log,)
    assert corpus.sessions is not None
    assert corpus.sessions.rows() == [("blk_1", False), ("blk_-2", True)]


def test_logs_without_labels(tmp_path: Path, write: Write) -> None:
    paths = [write("a.log", ["a line"]), str(tmp_path / "none.log"), str(tmp_path)]
    corpus = open_corpus(paths)
    assert corpus.paths == tuple(paths)
    assert corpus.sessions is None


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (["Block,Label", "blk_1,Normal"], "BlockId,Label; it has Block,Label"),
        (["BlockId,Label", "blk_1,normal", "blk_2,Anomaly"], "it says 'normal'"),
        (["BlockId,Label", "blk_1,"], "Normal or Anomaly"),
        ([], "no table"),
    ],
)
def test_labels_that_cannot_be_read(tmp_path: Path, write: Write, labels: list[str], complaint: str) -> None:
    write("HDFS.log", ["a line"])
    write("anomaly_label.csv", labels)
    with pytest.raises(InputError, match=complaint):
        open_corpus([str(tmp_path)])


def test_labels_without_a_log(tmp_path: Path, write: Write) -> None:
    write("anomaly_label.csv", ["BlockId,Label", "blk_1,Normal"])
    with pytest.raises(InputError, match="no log"):
        open_corpus([str(tmp_path)])


def test_labels_of_one_of_several_folders(tmp_path: Path, write: Write) -> None:
    write("a/x.log", ["a line"])
    write("a/anomaly_label.csv", ["BlockId,Label", "blk_1,Normal"])
    with pytest.raises(InputError, match="that folder alone"):
        open_corpus([str(tmp_path / "a"), str(tmp_path)])
