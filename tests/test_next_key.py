"""DeepLog, LogAnomaly and LogBERT: what they read, what they find in sequences with planted faults, and their files."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from logscan.detectors import deeplog, loganomaly, logbert
from logscan.detectors.baseline import SequenceDetector
from logscan.detectors.deeplog import DeepLog
from logscan.detectors.key_network import KeyNetwork
from logscan.detectors.loganomaly import LogAnomaly
from logscan.detectors.logbert import LogBERT, MaskJudge, hidden_in_turns
from logscan.detectors.registry import Exportable, Saved, detector_class
from logscan.detectors.sessions import END as END_STEP
from logscan.errors import ModelError
from logscan.networks.batches import by_length
from logscan.networks.histories import HistoryJudge, Steps
from logscan.networks.run import Run
from logscan.networks.vocabulary import BEGIN, END, FIRST, UNKNOWN, Vocabulary
from logscan.windows import Windows
from logscan.windows.sessions import Ints

pytestmark = pytest.mark.slow  # networks are trained

WindowsOf = Callable[[Sequence[Sequence[int]]], Windows]

HASHES = [f"hash {n}" for n in (3, 1, 4, 0, 5, 9, 2, 6)]
OPEN, READ, CHECK, WRITE, SYNC, CLOSE, NEVER = range(7)
UNSEEN = 99
GOOD = [OPEN, READ, CHECK, WRITE, SYNC, CLOSE]
SWAPPED = [OPEN, READ, WRITE, CHECK, SYNC, CLOSE]
SHORT = [OPEN, READ, CHECK, WRITE]
FAULTS = [SWAPPED, SHORT, [OPEN, UNSEEN], [NEVER], GOOD * 4]

SMALL: dict[str, Any] = {"batch": 2, "learning_rate": 0.03, "improbable": 0.04, "folds": 0}
LSTM: dict[str, Any] = {**SMALL, "history": 3, "layers": 1, "hidden": 12, "epochs": 12}
BERT: dict[str, Any] = {"layers": 1, "heads": 2, "hidden": 16, "dropout": 0.0, "context": 16, "overlap": 4}
OPTIONS: dict[type[KeyNetwork], Any] = {
    DeepLog: deeplog.Options(**LSTM),
    LogAnomaly: loganomaly.Options(**LSTM),
    LogBERT: logbert.Options(**{**SMALL, **BERT, "batch": 1, "learning_rate": 0.01}, masked=0.25, epochs=40),
}
ALL = pytest.mark.parametrize("cls", list(OPTIONS), ids=lambda cls: cls.name)


def normal(seed: int, n: int) -> list[list[int]]:
    """A cycle of keys, with a few reads and writes."""
    random = Random(seed)
    return [
        [OPEN, *[READ] * random.randint(1, 3), CHECK, *[WRITE] * random.randint(1, 3), SYNC, CLOSE] for _ in range(n)
    ]


# What is read


def test_histories_once_with_how_often_each_step_was() -> None:
    a, b, c = range(FIRST, FIRST + 3)
    sequences = [np.array([BEGIN, a, b, END]), np.array([BEGIN, a, b, a, b, c])]
    steps = Steps.of(sequences, np.array([10, 1]), 2)
    found = {
        (*steps.histories[which].tolist(), token): count
        for which, token, count in zip(steps.which, steps.tokens.tolist(), steps.counts.tolist(), strict=True)
    }
    assert found == {
        (BEGIN, BEGIN, a): 11,
        (BEGIN, a, b): 11,
        (a, b, END): 10,
        (a, b, a): 1,
        (b, a, b): 1,
        (a, b, c): 1,
    }
    assert len(steps.histories) == 4
    assert (np.diff(steps.which) >= 0).all()
    assert steps.tokens[steps.inverse].tolist() == [a, b, END, a, b, a, b, c]


class Table:
    """A scorer that looks a history up: the next key is as probable as the sum of what was read."""

    provider = "a table"
    at_once = 2
    tree = 0

    def __init__(self, vocabulary: int) -> None:
        self.vocabulary, self.read = vocabulary, 0

    def log_probs(self, tokens: Ints, stops: Ints | None = None) -> Any:
        self.read += len(tokens)
        odds = -(((tokens * [1, 3, 9]).sum(1)[:, None] + 7 * np.arange(self.vocabulary)) % 11).astype(np.float32)
        return odds - np.logaddexp.reduce(odds, -1, keepdims=True)


@pytest.mark.parametrize("ends", [True, False])
def test_each_step_is_judged_by_its_history(windows_of: WindowsOf, ends: bool) -> None:
    windows = windows_of([*normal(2, 5), *FAULTS])
    vocabulary = Vocabulary(HASHES[:6], HASHES)
    table = Table(len(vocabulary))
    judged = HistoryJudge(table, vocabulary, 3, 0, ends).judge(windows)
    assert table.read < len(windows.events)
    for n, sequence in enumerate(vocabulary.sequences(windows, ends)):
        nats = [*judged.nats[windows.starts[n] : windows.starts[n + 1]], *judged.end_nats[[n]][: int(ends)]]
        ranks = [*judged.ranks[windows.starts[n] : windows.starts[n + 1]], *judged.end_ranks[[n]][: int(ends)]]
        for at in range(1, len(sequence)):
            history = np.array([[BEGIN, BEGIN, *sequence[:at]][-3:]])
            log_probs = table.log_probs(history)[0]
            if sequence[at] == UNKNOWN:
                assert (nats[at - 1], ranks[at - 1]) == (50, len(vocabulary))
            else:
                assert nats[at - 1] == pytest.approx(-log_probs[sequence[at]], abs=1e-6)
                assert ranks[at - 1] == (log_probs > log_probs[sequence[at]]).sum()


def test_each_token_is_hidden_once() -> None:
    sequences = [np.array([BEGIN, *range(FIRST, FIRST + n)]) for n in (2, 9, 30)]
    for turns in (2, 3):
        for batch in by_length(sequences, 12, 4, 64):
            hidden = np.sum(list(hidden_in_turns(batch, turns)), 0)
            np.testing.assert_array_equal(hidden, batch.targets)


# The detectors


@pytest.fixture(scope="module")
def detectors(windows_of: WindowsOf) -> dict[type[KeyNetwork], KeyNetwork]:
    torch = pytest.importorskip("torch", reason="needs logscan[train]")
    torch.set_num_threads(1)
    windows = windows_of(normal(1, 200))
    found: dict[type[KeyNetwork], KeyNetwork] = {}
    for cls, options in OPTIONS.items():
        found[cls] = cls(options)
        found[cls].fit(windows, HASHES, True, Run(0))
    return found


@ALL
def test_planted_faults_are_found(cls: type[KeyNetwork], detectors: Any, windows_of: WindowsOf) -> None:
    detector = detectors[cls]
    windows = windows_of([*normal(2, 50), *FAULTS])
    scores = detector.score(windows)
    assert scores.window.tolist() == pytest.approx(detector.score(windows_of([*normal(2, 50), *FAULTS])).window)
    assert (scores.window[:50] < 0.5).mean() > 0.9
    found = scores.window[50:] > 0.5
    assert np.delete(found, 1).all()
    assert found[1] or cls is LogBERT  # what is missing at the end leaves little to guess
    assert ((scores.event >= 0) & (scores.event <= 1)).all()
    assert isinstance(detector, SequenceDetector)
    steps, ends = detector.surprise(windows)
    worst = np.maximum(np.maximum.reduceat(steps, windows.starts[:-1]), ends)
    np.testing.assert_array_equal(worst > detector.thresholds(windows), scores.window > 0.5)
    assert detector.seen(windows.vectors)[-5:].tolist() == [True, False, False, False, False]


@ALL
def test_by_the_rule_of_the_paper(cls: type[KeyNetwork], detectors: Any, windows_of: WindowsOf) -> None:
    detector = detectors[cls]
    detector.options, before = replace(detector.options, rule="top-k"), detector.options
    detector.k_, k = 2, detector.k_
    windows = windows_of([*normal(2, 20), *FAULTS])
    scores = detector.score(windows).window
    judged = detector.judge.judge(windows)
    np.testing.assert_array_equal(scores > 0.5, judged.worst_ranks(windows) >= 2)
    steps, ends = detector.surprise(windows)
    worst = np.maximum(np.maximum.reduceat(steps, windows.starts[:-1]), ends)
    np.testing.assert_array_equal(worst > detector.thresholds(windows), scores > 0.5)
    detector.options, detector.k_ = before, k


def test_odd_keys_that_are_allowed(detectors: Any, windows_of: WindowsOf) -> None:
    found = detectors[LogBERT]
    detector = LogBERT(replace(found.options, rule="top-k", misses=2))
    detector.judge, detector.k_ = found.judge, 2
    two, three = [OPEN, UNSEEN, UNSEEN, CHECK], [OPEN, UNSEEN, UNSEEN, UNSEEN]
    windows = windows_of([GOOD, two, three])
    odd = (detector.judge.judge(windows).ranks[windows.starts[1] :] >= 2)[:4].sum()
    scores = detector.score(windows).window
    assert scores[0] < 0.5 < scores[2]
    assert (scores[1] > 0.5) == (odd + (detector.judge.judge(windows).end_ranks[1] >= 2) > 2)
    steps, _ = detector.surprise(windows)
    assert steps[: len(GOOD)].max() == 0


@ALL
def test_what_was_expected(cls: type[KeyNetwork], detectors: Any, windows_of: WindowsOf) -> None:
    windows = windows_of([SWAPPED, SHORT, GOOD * 8])
    rows, at_end = np.array([2, 9, 10]), np.array([False, True, False])
    swapped, short, first = detectors[cls].expected(windows, rows, at_end)
    assert all(0 <= p <= 1 for _, p in (*swapped, *short, *first))
    assert first[0][0] == OPEN
    assert {key for key, _ in short} <= {*range(6), END_STEP}
    if cls is not LogBERT:  # which sees what follows, too
        assert {key for key, _ in swapped[:2]} == {READ, CHECK}
        assert {key for key, _ in short[:2]} == {WRITE, SYNC}


@ALL
def test_learnt_again_it_is_the_same(cls: type[KeyNetwork], windows_of: WindowsOf) -> None:
    pytest.importorskip("torch", reason="needs logscan[train]")
    windows, options = windows_of(normal(1, 20)), replace(OPTIONS[cls], epochs=1, folds=2)
    scores = []
    for _ in range(2):
        detector = cls(options)
        figures = detector.fit(windows, HASHES, True, Run(3))
        scores.append(detector.score(windows).window)
    np.testing.assert_array_equal(scores[0], scores[1])
    assert figures["threshold"]["nats"] == round(detector.threshold_, 3)
    assert figures["keys"] == 6


@ALL
def test_nothing_and_a_single_window(cls: type[KeyNetwork], detectors: Any, windows_of: WindowsOf) -> None:
    assert len(detectors[cls].score(windows_of([])).window) == 0
    assert detectors[cls].score(windows_of([GOOD])).window.shape == (1,)


@ALL
def test_saved_and_loaded_for_other_numbers_of_keys(
    cls: type[KeyNetwork], detectors: Any, windows_of: WindowsOf, tmp_path: Path
) -> None:
    detector = detectors[cls]
    detector.save(tmp_path)
    turned = [*reversed(HASHES)]
    loaded = cls.load(tmp_path, turned)
    assert detector_class(cls.name) is cls
    assert isinstance(loaded, Saved)
    assert isinstance(loaded, Exportable)
    assert loaded.provider == "torch"
    sequences = [*normal(2, 5), *FAULTS]
    renamed = [[7 - key if key < 8 else key for key in sequence] for sequence in sequences]
    found, expected = (it.score(windows_of(of)) for it, of in ((loaded, renamed), (detector, sequences)))
    np.testing.assert_allclose(found.window, expected.window, atol=1e-6)
    np.testing.assert_allclose(found.event, expected.event, atol=1e-6)

    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-20])
    with pytest.raises(ModelError, match="is damaged"):
        cls.load(tmp_path, HASHES)


@ALL
def test_exported(cls: type[KeyNetwork], detectors: Any, windows_of: WindowsOf, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs logscan[train]")
    detector, windows = detectors[cls], windows_of([*normal(2, 30), *FAULTS, GOOD * 20])
    detector.save(tmp_path)
    assert detector.export(tmp_path, windows) < 1e-4
    exported, expected = cls.load(tmp_path, HASHES), detector.score(windows)
    assert exported.provider.startswith("ONNX Runtime")
    np.testing.assert_allclose(exported.score(windows).window, expected.window, atol=1e-4)
    detector.quantize(tmp_path)
    small = cls.load(tmp_path, HASHES)
    assert (tmp_path / "detector.int8.onnx").stat().st_size < (tmp_path / "detector.onnx").stat().st_size
    np.testing.assert_array_equal(small.score(windows).window > 0.5, expected.window > 0.5)
    assert isinstance(small.judge, MaskJudge if cls is LogBERT else HistoryJudge)
    other = [*HASHES, "one more"]
    with pytest.raises(ValueError, match="no key"):
        cls.load(tmp_path, other[1:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (lambda: deeplog.Options(history=0), "history"),
        (lambda: deeplog.Options(candidates=0), "candidates"),
        (lambda: loganomaly.Options(held_out=1.0), "held_out"),
        (lambda: logbert.Options(masked=0.7), "masked"),
        (lambda: logbert.Options(hidden=30), "hidden"),
        (lambda: logbert.Options(overlap=512), "overlap"),
        (lambda: logbert.Options(learning_rate=0.0), "learning_rate"),
    ],
)
def test_options_that_cannot_be(options: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        options()
