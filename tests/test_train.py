"""Training: on sessions with labels, on lines with labels, and on logs without any."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from logscan.errors import InputError, OptionError
from logscan.models.bundle import save
from logscan.scan import Options as ScanOptions
from logscan.scan import scan
from logscan.train import Options, train

Write = Callable[[str, Sequence[str]], str]
Farm = Callable[..., Any]  # `conftest.make_log`

CRASH = "`_by_line` gives the reader new keys, which it does not look up anew: IndexError"
HEADER = "260131 {:06} 17 INFO"


def block(random: Random, name: str, anomalous: bool) -> list[str]:
    """The lines of one block: opened, written to three places beside each other, closed; or not."""
    receive = [f"dfs.DataNode$DataXceiver: Receiving block {name} src: /192.0.2.{n}:50010" for n in range(3)]
    stored = [f"dfs.FSNamesystem: BLOCK* addStoredBlock: blockMap updated: {name} size {random.randrange(10**7)}"] * 3
    steps = [f"dfs.FSNamesystem: BLOCK* NameSystem.allocateBlock: /user/a.part. {name}", *receive]
    ended = [f"dfs.DataNode$PacketResponder: PacketResponder {n} for block {name} ends" for n in range(3)]
    steps += random.sample([*stored, *ended], 6)
    steps.append(f"dfs.FSDataset: Deleting block {name} file /data/{name}")
    if anomalous:
        steps = random.choice([[*steps[:4], steps[-1]], steps[:3], steps[1:], [steps[0], steps[-1], *steps[1:-1]]])
    return steps


@pytest.fixture(scope="module")
def hdfs() -> tuple[list[str], dict[str, str]]:
    """The lines of 600 blocks, twenty open at a time, every tenth anomalous; and their labels."""
    random = Random(1)
    names = [f"blk_{random.choice(('', '-'))}{random.randrange(10**17, 10**18)}" for _ in range(600)]
    waiting = [block(random, name, n % 10 == 3) for n, name in enumerate(names)]
    lines: list[str] = []
    beside, waiting = waiting[:20], waiting[20:]
    while beside:
        at = random.randrange(len(beside))
        lines.append(f"{HEADER.format(len(lines))} {beside[at].pop(0)}")
        if not beside[at]:
            beside[at : at + 1] = [waiting.pop(0)] if waiting else []
    return lines, {name: "Anomaly" if n % 10 == 3 else "Normal" for n, name in enumerate(names)}


def corpus(write: Write, lines: Sequence[str], labels: dict[str, str]) -> str:
    write("hdfs/anomaly_label.csv", ["BlockId,Label", *(f"{name},{label}" for name, label in labels.items())])
    return str(Path(write("hdfs/HDFS.log", lines)).parent)


def test_sessions_that_were_held_out_are_judged(write: Write, hdfs: tuple[list[str], dict[str, str]]) -> None:
    lines, labels = hdfs
    done: list[str] = []
    model = train(
        [corpus(write, lines, labels)],
        Options(train_share=0.7, prevalence=0.0293),
        lambda doing, read, size: done.append(doing),
    )
    card = model.card
    assert card["corpus"] == "hdfs"
    assert card["sessions"] == 378
    assert card["held_out"] == {"sessions": 222, "anomalous": 60, "normal_sessions_learnt": 378}
    assert card["metrics"]["prevalence"] == pytest.approx(60 / 222)
    assert card["metrics"]["f1"] > 0.9
    assert card["metrics"]["auroc"] > 0.95
    assert card["at_prevalence"]["prevalence"] == 0.0293
    assert card["at_prevalence"]["recall"] == card["metrics"]["recall"]
    assert card["at_prevalence"]["precision"] <= card["metrics"]["precision"]
    assert card["threshold"]["nats"] > 0
    assert "blk_" in card["layouts"][0]["session"]
    assert set(done) == {"reading the labels", "learning", "judging what was held out"}


def test_what_anomalous_sessions_say_is_not_learnt(write: Write, hdfs: tuple[list[str], dict[str, str]]) -> None:
    lines, labels = hdfs
    bad = next(name for name, label in labels.items() if label == "Anomaly")
    extra = f"{HEADER.format(0)} dfs.DataNode: Lost all copies of {bad} for good"
    model = train([corpus(write, [*lines[:50], extra, *lines[50:]], labels)])
    keys = model.profile.keys
    assert not any("Lost all" in keys.template(key) for key in range(keys.known))


def test_the_seed_draws_what_is_learnt(write: Write, hdfs: tuple[list[str], dict[str, str]]) -> None:
    folder = corpus(write, *hdfs)
    one, same, other = (train([folder], Options(seed=seed)) for seed in (1, 1, 2))
    assert one.card == same.card
    assert one.profile.to_json() == same.profile.to_json() != other.profile.to_json()
    assert one.card["fingerprint"] == other.card["fingerprint"]


def test_labels_of_one_class_have_no_metrics(write: Write, hdfs: tuple[list[str], dict[str, str]]) -> None:
    lines, labels = hdfs
    model = train([corpus(write, lines, dict.fromkeys(labels, "Normal"))])
    assert model.card["held_out"]["anomalous"] == 0
    assert "metrics" not in model.card


def test_labels_without_a_normal_one(write: Write, hdfs: tuple[list[str], dict[str, str]]) -> None:
    lines, labels = hdfs
    with pytest.raises(InputError):
        train([corpus(write, lines, dict.fromkeys(labels, "Anomaly"))])


def test_labels_that_match_nothing_are_said_with_both_sides(
    write: Write, hdfs: tuple[list[str], dict[str, str]]
) -> None:
    lines, labels = hdfs
    with pytest.raises(InputError, match=r"no label matches.*'task_blk_.*sessions by .*blk_"):
        train([corpus(write, lines, {f"task_{name}": label for name, label in labels.items()})])
    with pytest.raises(InputError, match=r"the labels name 'blk_.*the log shows no session"):
        train([corpus(write, ["a line without any id"] * 100, labels)])


def test_too_few_sessions(write: Write, hdfs: tuple[list[str], dict[str, str]]) -> None:
    with pytest.raises(InputError, match="too few"):
        train([corpus(write, *hdfs)], Options(train_share=0.05))


def test_a_model_of_sessions_finds_strange_ones(
    tmp_path: Path, write: Write, hdfs: tuple[list[str], dict[str, str]]
) -> None:
    lines, labels = hdfs
    model = train([corpus(write, lines, labels)])
    save(tmp_path / "model", model.profile, model.card)
    result = scan([str(tmp_path / "hdfs" / "HDFS.log")], ScanOptions(model=tmp_path / "model", budget=1000))
    found = {f"blk_{line.text.split('blk_')[1].split()[0]}" for finding in result.findings for line in finding.lines}
    bad = {name for name, label in labels.items() if label == "Anomaly"}
    assert len(found & bad) > 0.9 * len(bad)
    assert len(found - bad) < 0.02 * len(labels)


def bgl(n: int, alerts: Sequence[int] = ()) -> list[str]:
    """Lines of a large machine, some of them alerts."""
    texts = [
        "data cache line corrected",
        "generating core.{}",
        "total of {} ddr errors detected",
        "tree receiver ready",
    ]
    lines = []
    for at in range(n):
        label, level, text = "-", "INFO", texts[at % 4].format(at)
        if at in alerts:
            label, level, text = "KERNDTLB", "FATAL", "data TLB error interrupt"
        stamp = f"2005-06-03-15.{at // 60 % 60:02}.{at % 60:02}.123456"
        lines.append(f"{label} {1117838570 + at} 2005.06.03 R01-M0-N1 {stamp} R01-M0-N1 RAS KERNEL {level} {text}")
    return lines


def test_labelled_lines(write: Write) -> None:
    alerts = [*range(100, 140), *range(900, 940)]
    model = train([write("BGL.log", bgl(1000, alerts))], Options(prevalence=0.01))
    assert model.profile.records == 800 - 40
    assert model.card["held_out"] == {"lines": 200, "anomalous": 40, "normal_lines_learnt": 760}
    assert model.card["metrics"]["f1"] == 1
    assert model.card["metrics"]["auroc"] == 1
    assert model.card["at_prevalence"]["prevalence"] == 0.01
    keys = model.profile.keys
    assert not any("TLB" in keys.template(key) for key in range(keys.known))


def test_labelled_lines_of_several_files(write: Write) -> None:
    paths = [write("one.log", bgl(500, [480])), write("other.log", bgl(300, [10, 299]))]
    model = train(paths)
    assert model.card["held_out"] == {"lines": 160, "anomalous": 2, "normal_lines_learnt": 639}
    assert model.card["metrics"]["recall"] == 1


def test_a_rotated_log_is_cut_once_as_a_whole(write: Write) -> None:
    lines = bgl(1000, [*range(100, 140), *range(900, 940)])
    older, newer = write("BGL.log.1", lines[:600]), write("BGL.log", lines[600:])
    model = train([older, newer])
    assert model.card["held_out"] == {"lines": 200, "anomalous": 40, "normal_lines_learnt": 760}


def test_labelled_lines_of_one_class(write: Write) -> None:
    model = train([write("BGL.log", bgl(500))])
    assert model.card["held_out"]["anomalous"] == 0
    assert "metrics" not in model.card
    with pytest.raises(InputError, match="labelled normal"):
        train([write("BGL.log", bgl(500, range(500)))])


def test_logs_without_labels(write: Write, farm: Farm) -> None:
    one, other = farm(1), farm(2)
    folder = Path(write("good/one.log", one.lines)).parent
    write("good/deeper/other.log", other.lines)
    card = train([str(folder)]).card
    assert card["records"] == len(one.events) + len(other.events)
    assert card["sessions"] > 100
    assert "held_out" not in card
    assert "metrics" not in card


def test_options_are_on_the_card(write: Write, farm: Farm) -> None:
    path = write("good.log", farm(1, 200).lines)
    card = train([path], Options(log_format="log4j", window="20", masks=("ann|bob",))).card
    assert card["options"]["window"] == "20"
    assert card["options"]["masks"] == ("ann|bob",)
    assert card["layouts"][0]["format"] == "log4j"
    with pytest.raises(OptionError):
        train([path], Options(window="soon"))


def test_nothing_to_learn_from(write: Write, tmp_path: Path) -> None:
    for paths in ([], [str(tmp_path / "none.log")], [write("empty.log", [])]):
        with pytest.raises(InputError, match="nothing to learn from"):
            train(paths)
