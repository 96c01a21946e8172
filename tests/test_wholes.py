"""Scans with a detector that judges windows as wholes, by the messages in them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.detectors.sessions import Scores
from logscan.detectors.wholes import LEAST, MOST, WindowDetector, shares
from logscan.models.bundle import load, save
from logscan.scan import Options, Result, Run, no_progress, with_texts
from logscan.sources import open_streams
from logscan.templates.messages import Input
from logscan.train import Options as Training
from logscan.train import train
from logscan.windows import Windows
from logscan.windows.sessions import Floats

Write = Callable[[str, Sequence[str]], str]
Farm = Callable[..., Any]  # `conftest.make_log`
Scanned = Callable[..., Result]

LOST, LATE = "INFO Worker: {} tile 7 lost", "INFO Worker: {} is late by 3 s"
USUAL = (LOST, LATE)  # to the profile: what is wrong with them only the detector knows


class Words:
    """A window is as anomalous as its worst message, a message as the worst of these words in it."""

    name = "words"
    reads: Input = "masked"
    provider = "numpy"

    def __init__(self, words: Mapping[str, float]) -> None:
        self.words = words
        self.texts: set[str] = set()

    def score(self, windows: Windows) -> Scores:
        assert windows.messages is not None
        texts = [windows.messages.texts[number] for number in windows.events["message"]]
        self.texts.update(texts)
        event = np.array([max([0.0, *(score for word, score in self.words.items() if word in text)]) for text in texts])
        return Scores(np.maximum.reduceat(event, windows.starts[:-1]), event)


class Blamer(Words):
    """Blames messages by other words."""

    def __init__(self, words: Mapping[str, float], blamed: Mapping[str, float]) -> None:
        super().__init__(words)
        self.blamed = blamed
        self.asked: list[Windows] = []

    def blame(self, windows: Windows) -> Floats:
        self.asked.append(windows)
        return Words(self.blamed).score(windows).event


class Longest:
    """Reads log keys; the longest window is anomalous, and each of its events as much as any other."""

    name = "longest"
    reads = None
    provider = "none"

    def score(self, windows: Windows) -> Scores:
        assert windows.messages is None
        assert "message" not in windows.events
        longest = (windows.lengths == windows.lengths.max()).astype(np.float64)
        return Scores(longest, np.repeat(longest, windows.lengths))


def job(name: str, at: float, *strange: str) -> list[tuple[float, str]]:
    """The events of a usual job that writes something more before it is done."""
    steps = [f"INFO Queue: {name} taken from ann", f"INFO Loader: {name} scene of 12 MB read"]
    steps += [f"INFO Worker: {name} tile 1 drawn", *(text.format(name) for text in strange)]
    steps += [f"INFO Joiner: {name} tiles put together", f"INFO Queue: {name} done"]
    return [(at + n / 2, step) for n, step in enumerate(steps)]


@pytest.fixture(scope="module", params=["session", "60s"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, farm: Farm) -> Path:
    """A bundle with the profile of a good day, for windows of each kind."""
    folder = tmp_path_factory.mktemp("model")
    good = farm(1).plus(*(event for n in range(60) for event in job(f"job-{7000000 + n}", 20 * n, *USUAL)))
    (folder / "good.log").write_text("\n".join(good.lines))
    learnt = train([str(folder / "good.log")], Training(window=request.param))
    save(folder / "model", learnt.profile, learnt.card | {"window": request.param})
    return folder / "model"


@pytest.fixture
def by_session(model: Path) -> bool:
    return bool(load(model).card["window"] == "session")


@pytest.fixture
def scanned(model: Path, write: Write) -> Scanned:
    """The result for a log of the bundle with this detector in it, and with more on its card."""

    def scan(log: Any, detector: WindowDetector, **card: Any) -> Result:
        bundle, result = load(model), Result()
        bundle = bundle._replace(card=bundle.card | card, detector=cast(Any, detector))
        run = Run(Options(), result, no_progress, lambda problem: None)
        reader, streams = run.reader_of(bundle), open_streams([write("app.log", log.lines)], lambda problem: None)
        found = [finding for stream in streams for finding in run.judge(stream, reader, bundle.profile)]
        result.findings = with_texts([f for f in found if f.kind == "window"], run.session_patterns)
        return result

    return scan


def said(result: Result) -> list[str]:
    """The texts of the lines to blame, without their time."""
    return [line.text[24:] for finding in result.findings for line in finding.lines]


def test_an_anomalous_window_is_a_finding(scanned: Scanned, farm: Farm, by_session: bool) -> None:
    detector = Words({"lost": 0.97, "late": 0.2})
    log = farm(2).plus(*job("job-1234567", 600, *USUAL))
    result = scanned(log, detector)
    (finding,) = result.findings
    assert said(result) == [LOST.format("job-1234567")]
    assert finding.reason == "1 window called anomalous by words (0.97), above all for: job-<*> tile <*> lost"
    assert finding.window == ("session job-1234567" if by_session else None)
    assert finding.score == finding.lines[0].score == pytest.approx(0.97)
    assert finding.count == 1
    assert result.detector == "words (numpy)"
    assert "job-<*> tile <*> lost" in detector.texts
    assert not any(character.isdigit() for text in detector.texts for character in text)
    assert result.windows == (
        len({line.split("job-")[1][:7] for line in log.lines if "job-" in line}) if by_session else 20
    )


def test_nothing_is_found_where_no_window_is_anomalous(scanned: Scanned, farm: Farm) -> None:
    log = farm(2).plus(*job("job-1234567", 600, *USUAL))
    assert scanned(log, Words({"lost": 0.49})).findings == []
    assert scanned(log, Blamer({"lost": 0.49}, {"lost": 1.0})).findings == []


@pytest.mark.parametrize(("certainty", "score"), [(0.6, 0.6), (0.8, 0.8), (1.0, 0.99999)])
def test_a_finding_is_as_sure_as_the_detector(scanned: Scanned, farm: Farm, certainty: float, score: float) -> None:
    (finding,) = scanned(farm(2).plus(*job("job-1234567", 600, LOST)), Words({"lost": certainty})).findings
    assert finding.score == pytest.approx(score, abs=1e-5)
    assert finding.score >= 0.5


def test_the_messages_that_are_blamed_most(scanned: Scanned, farm: Farm) -> None:
    detector = Blamer({"lost": 0.97}, {"late": 0.6, "lost": 0.31, "tiles put together": 0.29})
    (finding,) = scanned(farm(2).plus(*job("job-1234567", 600, *USUAL)), detector).findings
    assert finding.reason.endswith("by words (0.97), above all for: job-<*> is late by <*>")
    lost, late = finding.lines
    assert (lost.text[24:], late.text[24:]) == (LOST.format("job-1234567"), LATE.format("job-1234567"))
    assert late.score == pytest.approx(0.97)
    assert 0.5 < lost.score < 0.97


def test_no_more_than_five_lines_of_a_window_are_blamed(scanned: Scanned, farm: Farm) -> None:
    (finding,) = scanned(farm(2).plus(*job("job-1234567", 600, *[LOST] * 9)), Words({"lost": 0.9})).findings
    assert finding.count == len(finding.lines) == MOST


def test_one_message_is_blamed_where_none_made_the_window_anomalous(scanned: Scanned, farm: Farm) -> None:
    detector = Blamer({"lost": 0.9}, {})
    (finding,) = scanned(farm(2).plus(*job("job-1234567", 600, *USUAL)), detector).findings
    assert finding.count == 1


def test_blame_is_asked_once_for_equal_windows_and_for_anomalous_ones_alone(
    scanned: Scanned, farm: Farm, by_session: bool
) -> None:
    detector = Blamer({"lost": 0.9}, {"lost": 1.0})
    strange = [event for n in range(8) for event in job(f"job-{1234560 + n}", 300 + 60 * n, LOST)]
    result = scanned(farm(2).plus(*strange, *job("job-7654321", 900, LATE)), detector)
    (asked,) = detector.asked
    assert len(asked) == (1 if by_session else 8)
    assert result.findings[0].count == 8
    scanned(farm(2), detector)
    assert len(detector.asked) == 1


def test_windows_that_are_anomalous_for_one_kind_of_line_are_one_finding(scanned: Scanned, farm: Farm) -> None:
    lost = [event for n in range(5) for event in job(f"job-{1234560 + n}", 300 + 60 * n, LOST)]
    late = [event for n in range(3) for event in job(f"job-{1234570 + n}", 700 + 60 * n, LATE)]
    result = scanned(farm(2).plus(*lost, *late), Words({"lost": 0.9, "late": 0.8}))
    one, other = sorted(result.findings, key=lambda finding: -finding.score)
    assert one.reason == "5 windows called anomalous by words (0.90), above all for: job-<*> tile <*> lost"
    assert other.reason == "3 windows called anomalous by words (0.80), above all for: job-<*> is late by <*>"
    assert (one.count, other.count) == (5, 3)
    assert one.id != other.id


def test_an_id_says_what_is_blamed_most(scanned: Scanned, farm: Farm) -> None:
    words, blamed = {"lost": 0.9}, {"lost": 1.0, "late": 0.6}
    (one,) = scanned(farm(2).plus(*job("job-1234567", 600, *USUAL)), Blamer(words, blamed)).findings
    (other,) = scanned(farm(3).plus(*job("job-7654321", 900, LOST)), Words({"lost": 0.7})).findings
    assert {line.template for line in one.lines} > {line.template for line in other.lines}
    assert one.id == other.id


@pytest.mark.parametrize("at", [0, 1197])
def test_a_window_that_may_be_cut_is_not_told_of(scanned: Scanned, farm: Farm, at: float) -> None:
    log = farm(2).plus(*job("job-1234567", at, LOST))
    result = scanned(log, Words({"lost": 0.9}))
    assert result.findings == []
    (note,) = result.notes
    assert note.endswith(": 1 anomalous window is not told: the log may begin or end within")
    assert scanned(log, Words({"lost": 0.4})).notes == []


def test_the_card_says_over_how_many_lines_a_session_extends(scanned: Scanned, farm: Farm, by_session: bool) -> None:
    log = farm(2).plus(*job("job-1234567", 600, LOST))
    found = scanned(log, Words({"lost": 0.9}), span=len(log.lines)).findings
    assert len(found) == (0 if by_session else 1)


def test_a_detector_of_log_keys_has_no_messages(scanned: Scanned, farm: Farm) -> None:
    result = scanned(farm(2).plus(*job("job-1234567", 602, *[LOST] * 40)), Longest())
    (finding,) = result.findings
    assert finding.count == MOST
    assert finding.reason.startswith("1 window called anomalous by longest (1.00)")
    assert result.detector == "longest (none)"


@given(st.lists(st.lists(st.floats(-1, 1), min_size=1, max_size=12), min_size=1, max_size=8))
def test_blame_is_shared_among_few(blames: list[list[float]]) -> None:
    lengths = [len(blame) for blame in blames]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    windows = Windows(pl.DataFrame({"key": np.zeros(starts[-1], np.int32)}), starts)
    share = shares(np.concatenate(blames), windows)
    for blame, begin, end in zip(blames, starts, starts[1:], strict=False):
        mine = share[begin:end]
        assert mine.max() == mine[int(np.argmax(blame))] == 1
        assert 1 <= (mine > 0).sum() <= MOST
        assert (mine[mine > 0] >= LEAST).all()
        near = [n for n, value in enumerate(blame) if max(blame) > 0 and value >= max(blame) * LEAST]
        assert set(np.flatnonzero(mine)) <= {*near, int(np.argmax(blame))}
        assert len(near) > MOST or set(near) <= set(np.flatnonzero(mine))
