"""The detector of strange sessions: strange in what they hold and in how they go."""

import json
from collections.abc import Callable, Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.detectors.sessions import BEGIN, END, SessionDetector
from logscan.windows import Windows

WindowsOf = Callable[[Sequence[Sequence[int]]], Windows]

OPEN, READ, WRITE, SYNC, CLOSE, LEFT, RIGHT = range(7)
UNSEEN = 99


def normal(seed: int, n: int = 400) -> list[list[int]]:
    """Sessions that open, read once to five times, do two things side by side, and close."""
    random = Random(seed)
    found = []
    for _ in range(n):
        strands = [[LEFT] * random.randint(2, 4), [RIGHT] * random.randint(2, 4)]
        beside = []
        while any(strands):
            beside.append(random.choice([strand for strand in strands if strand]).pop())
        found.append([OPEN, *[READ] * random.randint(1, 5), *beside, WRITE, SYNC, CLOSE])
    return found


@pytest.fixture(scope="module")
def detector(windows_of: WindowsOf) -> SessionDetector:
    return SessionDetector().fit(windows_of(normal(1)))


def score(detector: SessionDetector, windows_of: WindowsOf, *keys: int) -> float:
    return float(detector.score(windows_of([keys])).window[0])


def test_harmless_repetition_and_interleaving_are_normal(detector: SessionDetector, windows_of: WindowsOf) -> None:
    held_out = detector.score(windows_of(normal(2))).window
    assert (held_out > 0.5).sum() <= 1
    strands = [LEFT, RIGHT, RIGHT, LEFT, LEFT, RIGHT, LEFT, RIGHT]
    assert score(detector, windows_of, OPEN, READ, *strands, WRITE, SYNC, CLOSE) < 0.5
    assert score(detector, windows_of, OPEN, *[READ] * 7, *strands, WRITE, SYNC, CLOSE) < 0.5


@pytest.mark.parametrize(
    ("keys", "at"),
    [
        ([OPEN, READ, LEFT, LEFT, RIGHT, RIGHT, SYNC, WRITE, CLOSE], 6),  # two steps swapped
        ([OPEN, READ, LEFT, LEFT, RIGHT, RIGHT, WRITE, CLOSE], 7),  # a step missing
        ([OPEN, READ, LEFT, LEFT, RIGHT, RIGHT, WRITE, SYNC], 7),  # the end missing
        ([READ, LEFT, LEFT, RIGHT, RIGHT, WRITE, SYNC, CLOSE], 0),  # the beginning missing
        ([OPEN, READ, LEFT, LEFT, RIGHT, RIGHT, WRITE, SYNC, SYNC, CLOSE], 8),  # repeated what never is
        ([OPEN, READ, LEFT, LEFT, RIGHT, RIGHT, WRITE, UNSEEN, SYNC, CLOSE], 7),  # an unseen key
        ([UNSEEN], 0),
        ([OPEN], 0),
    ],
)
def test_a_strange_session_is_found_and_its_step_blamed(
    detector: SessionDetector, windows_of: WindowsOf, keys: list[int], at: int
) -> None:
    scores = detector.score(windows_of([*normal(3, 20), keys, *normal(4, 20)]))
    assert scores.window.argmax() == 20
    assert scores.window[20] > 0.5
    events = scores.event[-sum(map(len, normal(4, 20))) - len(keys) :][: len(keys)]
    assert events[at] > 0.5
    assert events[:at].max(initial=0) <= 0.5


def test_the_same_input_has_the_same_scores(detector: SessionDetector, windows_of: WindowsOf) -> None:
    windows = windows_of(normal(1))
    keys = windows.keys.copy()
    again = SessionDetector().fit(windows)
    assert (windows.keys == keys).all()
    judged = windows_of([*normal(5), [OPEN, CLOSE], [UNSEEN]])
    for refitted in (again, again.fit(windows), SessionDetector().fit(windows_of(normal(7))).fit(windows)):
        assert (refitted.score(judged).window == detector.score(judged).window).all()
        assert (refitted.score(judged).event == detector.score(judged).event).all()


def test_equal_sessions_with_their_number_are_as_good_as_all_of_them(windows_of: WindowsOf) -> None:
    windows = windows_of(normal(1))
    first, _, counts = windows.distinct()
    judged = windows_of([*normal(5), [OPEN, CLOSE]])
    whole = SessionDetector().fit(windows).score(judged).window
    assert (SessionDetector().fit(windows.take(first), counts).score(judged).window == whole).all()


def test_json_keeps_every_score(detector: SessionDetector, windows_of: WindowsOf) -> None:
    read = SessionDetector.from_json(json.loads(json.dumps(detector.to_json())))
    judged = windows_of([*normal(5), [OPEN, CLOSE], [UNSEEN], [READ, UNSEEN, SYNC]])
    assert (read.score(judged).window == detector.score(judged).window).all()
    assert (read.score(judged).event == detector.score(judged).event).all()
    assert read.to_json() == detector.to_json()
    assert read.steps_.expected(WRITE) == detector.steps_.expected(WRITE)


def test_no_windows_have_no_scores(detector: SessionDetector, windows_of: WindowsOf) -> None:
    scores = detector.score(windows_of([]))
    assert scores.window.shape == scores.event.shape == (0,)


def test_one_window_and_none_can_be_learnt_from(windows_of: WindowsOf) -> None:
    one = SessionDetector().fit(windows_of([[OPEN, CLOSE]]))
    scores = one.score(windows_of([[OPEN, CLOSE], [CLOSE, OPEN]])).window
    assert scores[0] < 0.5
    assert scores[0] < scores[1]
    none = SessionDetector().fit(windows_of([])).score(windows_of([[OPEN]]))
    assert np.isfinite(none.window).all()
    assert np.isfinite(none.event).all()


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 6) | st.just(UNSEEN), min_size=1, max_size=8), min_size=1, max_size=12),
    st.lists(st.lists(st.integers(0, 6) | st.just(UNSEEN), min_size=1, max_size=8), max_size=12),
)
def test_scores_lie_between_0_and_1(windows_of: WindowsOf, good: list[list[int]], judged: list[list[int]]) -> None:
    scores = SessionDetector().fit(windows_of(good)).score(windows_of(judged))
    assert scores.window.shape == (len(judged),)
    assert scores.event.shape == (sum(map(len, judged)),)
    for values in (scores.window, scores.event):
        assert ((values >= 0) & (values <= 1)).all()
    at = 0
    for window, keys in zip(scores.window, judged, strict=True):
        assert window == pytest.approx(scores.event[at : at + len(keys)].max())
        at += len(keys)


def test_what_was_expected(detector: SessionDetector) -> None:
    assert detector.steps_.expected(BEGIN) == [(OPEN, 1.0)]
    assert detector.steps_.expected(CLOSE) == [(END, 1.0)]
    after = detector.steps_.expected(READ)
    assert {key for key, _ in after} == {READ, LEFT, RIGHT}
    assert sum(p for _, p in after) == pytest.approx(1)
    assert detector.steps_.expected(UNSEEN) == []


def test_what_was_expected_in_the_place_of_an_event(detector: SessionDetector, windows_of: WindowsOf) -> None:
    windows = windows_of([[OPEN, READ, CLOSE], [UNSEEN, WRITE], [READ]])
    rows = np.array([0, 2, 2, 3, 4, 5, 1])
    at_end = np.array([False, False, True, False, False, False, True])
    before = [BEGIN, READ, CLOSE, BEGIN, UNSEEN, BEGIN, READ]
    assert detector.expected(windows, rows, at_end) == [detector.steps_.expected(key) for key in before]
    assert detector.expected(windows, rows[:0], at_end[:0]) == []
    assert detector.expected(windows_of([]), rows[:0], at_end[:0]) == []


def test_the_span_of_long_windows(windows_of: WindowsOf) -> None:
    assert windows_of([]).span() == 0
    assert windows_of([[OPEN]]).span() == 0
    assert windows_of([[OPEN] * 5] * 3).span() == 4  # lines from the first to the last
    assert windows_of([[OPEN]] * 999 + [[OPEN] * 50]).span() == 0  # one is not many


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5), min_size=1, max_size=10), st.integers(-1, 4))
def test_the_probabilities_of_all_next_events_sum_to_1(
    windows_of: WindowsOf, good: list[list[int]], before: int
) -> None:
    detector = SessionDetector().fit(windows_of(good))
    seen = sorted({key for keys in good for key in keys})
    after = np.array([*seen, END, UNSEEN])
    p = np.exp(-detector.steps_.surprise(np.full(len(after), before), after))
    assert p.sum() == pytest.approx(1)
