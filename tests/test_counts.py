"""The table of seen count vectors, and the registry that finds it."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.detectors.counts import CountVectors, Options
from logscan.detectors.registry import BASELINE, detector_class, names, options_of, presets_of, training
from logscan.errors import LogscanError, OptionError
from logscan.networks.run import Run
from logscan.windows import Windows

WindowsOf = Callable[[Sequence[Sequence[int]]], Windows]
SEQUENCES = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=5), min_size=1, max_size=12)


@given(normal=SEQUENCES, others=SEQUENCES)
def test_a_window_is_strange_if_its_counts_are_new(
    windows_of: WindowsOf, normal: list[list[int]], others: list[list[int]]
) -> None:
    detector = CountVectors()
    figures = detector.fit(windows_of(normal), ["a"] * 5, True, Run())
    seen = {tuple(sorted(keys)) for keys in normal}
    scores = detector.score(windows_of(others))
    assert figures == {"vectors": len(seen)}
    assert scores.window.tolist() == [float(tuple(sorted(keys)) not in seen) for keys in others]
    assert scores.event.tolist() == np.repeat(scores.window, [len(keys) for keys in others]).tolist()


def test_detectors_by_name() -> None:
    assert names()[:2] == [BASELINE, "counts"]
    assert detector_class(BASELINE) is None
    assert detector_class("counts") is CountVectors
    assert options_of(CountVectors) is Options
    assert not presets_of(CountVectors)
    network = detector_class("logllama")
    assert network is not None
    assert set(presets_of(network)) == {"paper", "small"}


@pytest.mark.parametrize(("name", "said"), [("logllma", "did you mean logllama"), ("x", "there are baseline, counts")])
def test_an_unknown_detector(name: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        detector_class(name)


def test_a_missing_extra_is_one_line() -> None:
    with (
        pytest.raises(LogscanError, match=r"logllama trains with torch: pip install 'logscan\[train\]'"),
        training("logllama"),
    ):
        raise ModuleNotFoundError("No module named 'torch'", name="torch.nn")
    with pytest.raises(ModuleNotFoundError), training("logllama"):
        raise ModuleNotFoundError("No module named 'mine'", name="mine")
