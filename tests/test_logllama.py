"""LogLLaMA: its losses, and what it finds in sequences with planted faults."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from logscan.detectors.logllama.detector import LogLLaMA
from logscan.detectors.logllama.options import Language, Options, Reinforcement
from logscan.detectors.sessions import END as END_STEP
from logscan.errors import ModelError
from logscan.networks.run import Run
from logscan.networks.trees import Forest
from logscan.windows import Windows
from logscan.windows.sessions import Floats, Ints

torch = pytest.importorskip("torch", reason="needs logscan[train]")
torch.set_num_threads(1)

from logscan.detectors.logllama.language import mean_surprise, new_network, surprise  # noqa: E402
from logscan.detectors.logllama.reinforce import policy_loss, reinforce  # noqa: E402

WindowsOf = Callable[[Sequence[Sequence[int]]], Windows]

TINY = Language(
    layers=1,
    heads=2,
    hidden=8,
    head_dim=4,
    intermediate=16,
    context=32,
    overlap=8,
    epochs=40,
    batch=2,
    learning_rate=0.03,
)
OPTIONS = Options(lm=TINY, rl=Reinforcement(episodes=2), improbable=0.02, folds=0)
HASHES = [f"hash {n}" for n in (3, 1, 4, 0, 5, 9, 2, 6)]
OPEN, READ, CHECK, WRITE, SYNC, CLOSE, NEVER = range(7)
UNSEEN = 99
GOOD = [OPEN, READ, CHECK, WRITE, SYNC, CLOSE]
SWAPPED = [OPEN, READ, WRITE, CHECK, SYNC, CLOSE]
SHORT = [OPEN, READ, CHECK, WRITE]


def normal(seed: int, n: int = 300) -> list[list[int]]:
    """A cycle of keys, with a few reads and writes."""
    random = Random(seed)
    return [
        [OPEN, *[READ] * random.randint(1, 3), CHECK, *[WRITE] * random.randint(1, 3), SYNC, CLOSE] for _ in range(n)
    ]


def fitted(windows: Windows, options: Options = OPTIONS, ends: bool = True, seed: int = 0) -> LogLLaMA:
    detector = LogLLaMA(options)
    detector.fit(windows, HASHES, ends, Run(seed))
    return detector


@pytest.fixture(scope="module")
def detector(windows_of: WindowsOf) -> LogLLaMA:
    return fitted(windows_of(normal(1)))


def judged(windows_of: WindowsOf) -> Windows:
    return windows_of([*normal(2, 5), SWAPPED, SHORT, [OPEN, UNSEEN], [NEVER], GOOD * 12])


# The language model


def worst(detector: LogLLaMA, windows: Windows) -> Floats:
    """(n,) the surprise of each window's least probable step."""
    steps, ends = detector.surprise(windows)
    return np.array(
        [max(*steps[a:b], end) for a, b, end in zip(windows.starts[:-1], windows.starts[1:], ends, strict=True)]
    )


EVERY = np.array([0])  # of a forest of one tree


def forest_of(sequences: Sequence[Ints]) -> Forest:
    return Forest.of(sequences, TINY.context, TINY.overlap)


def test_weights_are_repetition() -> None:
    sequences = [np.array([1, 4, 5, 2]), np.array([1, 4, 5, 4, 6, 2])]
    network = new_network(8, TINY, 1)

    def loss(copies: Sequence[int], weights: Sequence[int]) -> float:
        forest = forest_of([sequences[n] for n in copies])
        nats, weight = surprise(network, forest, np.array(weights), EVERY)
        return float(((nats * weight).sum() / weight.sum()).detach())

    assert loss([0, 1], [3, 1]) == pytest.approx(loss([0, 0, 0, 1], [1, 1, 1, 1]), abs=1e-6)
    assert loss([0, 1], [3, 1]) != pytest.approx(loss([0, 1], [1, 1]), abs=1e-6)
    whole = mean_surprise(network, forest_of(sequences), np.array([3, 1]))
    assert whole == pytest.approx(loss([0, 1], [3, 1]), abs=1e-6)


def test_every_parameter_gets_a_gradient() -> None:
    network = new_network(8, replace(TINY, layers=2), 1)
    nats, weight = surprise(network, forest_of([np.array([1, 4, 5, 6, 7, 2])]), np.array([1]), EVERY, unknown=0.5)
    torch.autograd.backward((nats * weight).sum())
    assert [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_hidden_keys_are_still_to_be_predicted() -> None:
    network = new_network(8, TINY, 1)
    one = forest_of([np.array([1, *[4, 5, 6, 7] * 4, 2])]), np.array([1]), EVERY
    seen, weight = surprise(network, *one)
    torch.manual_seed(1)
    hidden, hidden_weight = surprise(network, *one, unknown=0.9)
    assert torch.equal(weight, hidden_weight)
    assert not torch.allclose(hidden, seen)


# The reinforcement

ONLY = Reinforcement(entropy=0.0, anchor=0.0)
TRUE = torch.tensor([0, 5, 0, 5])
LOGITS = torch.tensor([[3.0, 2.0, 1.0, 0.0, -1.0, -2.0]] * 4)  # 0 is in the Top-2, 5 is not
ONES = torch.ones(4)
NORMAL = torch.tensor([False] * 4)


@pytest.mark.parametrize(
    ("anomalous", "weight", "reward"),
    [
        ([False] * 4, [1, 0, 0, 0], 1),  # a hit
        ([False] * 4, [0, 1, 0, 0], -1),  # a miss
        ([True, True, False, False], [1, 0, 0, 0], 1),  # a hit in what is anomalous
        ([True, True, False, False], [0, 1, 0, 0], 1),  # a miss in what is anomalous
        ([True, True, False, False], [1, 1, 1, 1], 0.5),
        ([False] * 4, [3, 1, 0, 0], 0.5),
    ],
)
def test_rewards(anomalous: list[bool], weight: list[int], reward: float) -> None:
    given = (LOGITS, TRUE, torch.tensor(weight).float(), torch.tensor(anomalous), 2)
    assert policy_loss(*given, ONLY)[1]["reward"] == pytest.approx(reward)
    assert policy_loss(*given, replace(ONLY, clip=0.25))[1]["reward"] == pytest.approx(reward / 4)


def gradient(logits: Any, options: Reinforcement, true: Any = TRUE, anomalous: Any = NORMAL, k: int = 2) -> Any:
    given = logits.clone().requires_grad_()
    torch.autograd.backward(policy_loss(given, true, ONES, anomalous, k, options)[0])
    return given.grad


def test_the_entropy_bonus_raises_entropy() -> None:
    step = gradient(LOGITS, Reinforcement(entropy=1.0, anchor=0.0, clip=0.0))

    def entropy(logits: Any) -> Any:
        return -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1)

    assert (entropy(LOGITS - 0.1 * step) > entropy(LOGITS)).all()


def test_the_anchor_is_the_loss_on_normal_sequences() -> None:
    only = Reinforcement(entropy=0.0, clip=0.0)
    anomalous = torch.tensor([True, True, False, False])
    step = gradient(LOGITS, only, anomalous=anomalous)
    assert not step[:2].any()
    assert step[2:].any()
    loss, figures = policy_loss(LOGITS, TRUE, ONES, anomalous, 2, only)
    own = -LOGITS[2:].log_softmax(-1)[[0, 1], [0, 5]].mean()
    assert float(loss) == pytest.approx(float(own))
    assert figures["next-key loss"] == pytest.approx(float(own))
    assert not gradient(LOGITS, only, anomalous=torch.tensor([True] * 4)).any()


def test_the_expected_gradient_moves_mass_into_the_top_k() -> None:
    """As the docstring of `reinforce` derives it, by a sum over all that can be drawn."""
    logits, k = LOGITS[0].clone().requires_grad_(), 3
    log_policy = logits.log_softmax(-1)
    top = log_policy.topk(k).values
    drawn = top.exp().detach() / top.exp().sum().detach()
    (renormalised,) = torch.autograd.grad((drawn * top.log_softmax(-1)).sum(), logits, retain_graph=True)
    assert renormalised == pytest.approx(torch.zeros(6), abs=1e-6)
    (full,) = torch.autograd.grad((drawn * top).sum(), logits, retain_graph=True)
    (mass,) = torch.autograd.grad(top.exp().sum().log(), logits)
    assert full == pytest.approx(mass, abs=1e-6)
    assert full.abs().max() > 0.01

    torch.manual_seed(0)
    many = LOGITS[:1].repeat(20_000, 1).requires_grad_()
    hits = torch.zeros(20_000, dtype=torch.long)
    torch.autograd.backward(policy_loss(many, hits, torch.ones(20_000), hits > 0, k, ONLY)[0])
    assert -many.grad.sum(0) == pytest.approx(mass, abs=0.02)


def test_no_episodes_leave_the_weights_alone() -> None:
    network = new_network(8, TINY, 1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    sequences = [np.array([1, 4, 5, 2])], np.array([1])
    none: tuple[list[Ints], Ints] = [], np.zeros(0, np.int64)
    assert reinforce(network, sequences, none, 1, TINY, Reinforcement(episodes=0), Run()) == []
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    (figures,) = reinforce(network, sequences, sequences, 1, TINY, Reinforcement(episodes=1), Run())
    assert -1 <= figures["reward"] <= 1
    assert not all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


# The whole


def test_planted_faults_are_found(detector: LogLLaMA, windows_of: WindowsOf) -> None:
    assert (detector.score(windows_of(normal(3))).window > 0.5).mean() <= 0.02
    windows = windows_of([SWAPPED, SHORT, [*GOOD[:3], UNSEEN, *GOOD[3:]], [NEVER], GOOD, GOOD * 12])
    scores = detector.score(windows)
    assert (scores.window > 0.5).tolist() == [True, True, True, True, False, True]
    assert (scores.event[: len(SWAPPED)] > 0.5).tolist()[:3] == [False, False, True]  # the key that came too early
    assert (worst(detector, windows) > detector.thresholds(windows)).tolist() == (scores.window > 0.5).tolist()
    found = detector.expected(windows, np.array([2, 9]), np.array([False, True]))
    assert found[0][0][0] in (READ, CHECK)
    assert WRITE not in [key for key, p in found[0] if p > 0.1]
    assert {key for key, p in found[1] if p > 0.1} <= {WRITE, SYNC}
    assert detector.expected(windows, np.array([5]), np.array([True]))[0][0][0] == END_STEP


@pytest.mark.slow
def test_the_end_of_a_cut_window_means_nothing(windows_of: WindowsOf) -> None:
    flow = [key for keys in normal(1) for key in keys]
    detector = fitted(windows_of([flow[n : n + 10] for n in range(0, len(flow), 10)]), ends=False)
    scores = detector.score(windows_of([GOOD, [*GOOD, *SHORT], [*GOOD, *SWAPPED], [*GOOD, UNSEEN]])).window
    assert (scores > 0.5).tolist() == [False, False, True, True]


@pytest.mark.parametrize("changes", [{"rule": "top-k"}, {"combine": "counts"}, {"rule": "top-k", "combine": "counts"}])
def test_the_other_rules(windows_of: WindowsOf, changes: dict[str, Any]) -> None:
    detector = fitted(windows_of(normal(1)), replace(OPTIONS, **changes))
    windows = windows_of([[*GOOD[:3], UNSEEN, *GOOD[3:]], GOOD, SHORT, SWAPPED])
    scores = detector.score(windows).window
    assert (scores > 0.5).tolist()[:2] == [True, False]
    assert (worst(detector, windows) > detector.thresholds(windows)).tolist() == (scores > 0.5).tolist()
    if "combine" in changes:
        assert scores[3] <= 0.5  # it has the counts of a good one
    if "rule" in changes:
        assert detector.k_ == 3
        ranks = detector.judge.judge(windows).worst_ranks(windows)
        excused = detector.seen(windows.vectors) & ("combine" in changes)
        assert (scores > 0.5).tolist() == ((ranks >= 3) & ~excused).tolist()


def test_scores_lie_between_0_and_1_and_the_threshold_at_half(detector: LogLLaMA, windows_of: WindowsOf) -> None:
    windows = judged(windows_of)
    scores = detector.score(windows)
    assert scores.window.shape == (len(windows),)
    assert scores.event.shape == (len(windows.events),)
    for values in (scores.window, scores.event):
        assert ((values >= 0) & (values <= 1)).all()
    other = LogLLaMA(OPTIONS)
    other.judge, other.vectors_ = detector.judge, detector.vectors_
    other.threshold_ = float(worst(detector, windows)[0])
    assert other.score(windows).window[0] == 0.5


def test_a_window_has_the_score_of_its_strangest_event(detector: LogLLaMA, windows_of: WindowsOf) -> None:
    windows = judged(windows_of)
    scores = detector.score(windows)
    assert np.maximum.reduceat(scores.event, windows.starts[:-1]) == pytest.approx(scores.window)


@pytest.mark.slow
def test_the_same_seed_has_the_same_scores(detector: LogLLaMA, windows_of: WindowsOf) -> None:
    windows, judged_ = windows_of(normal(1)), judged(windows_of)
    again = fitted(windows)
    scores = detector.score(judged_)
    for _ in range(2):
        assert (again.score(judged_).window == scores.window).all()
        assert (again.score(judged_).event == scores.event).all()
        again.fit(windows, HASHES, True, Run(0))


def test_what_is_saved_scores_the_same(detector: LogLLaMA, windows_of: WindowsOf, tmp_path: Path) -> None:
    windows = judged(windows_of)
    detector.save(tmp_path)
    scores = detector.score(windows)
    read = LogLLaMA.load(tmp_path, HASHES)
    assert read.provider == "torch"
    assert read.options == detector.options
    assert (read.threshold_, read.k_, read.sessions_) == (detector.threshold_, detector.k_, detector.sessions_)
    assert (read.score(windows).window == scores.window).all()
    assert (read.score(windows).event == scores.event).all()

    order = np.random.default_rng(1).permutation(len(HASHES))  # of keys numbered otherwise
    numbers = np.append(np.argsort(order), [UNSEEN] * UNSEEN).astype(np.int32)
    other = LogLLaMA.load(tmp_path, [HASHES[n] for n in order])
    assert (other.score(windows.renamed(numbers)).event == scores.event).all()
    rows, at_end = np.array([2]), np.array([False])
    expected = other.expected(windows.renamed(numbers), rows, at_end)
    assert [[(int(numbers[key]), p) for key, p in read.expected(windows, rows, at_end)[0]]] == expected
    with pytest.raises(ValueError, match="no key"):
        LogLLaMA.load(tmp_path, HASHES[1:])


@pytest.mark.parametrize("sizes", [{"layers": 1 << 40}, {"hidden": 1 << 40}, {"intermediate": 17}, {"heads": 4}])
def test_no_network_is_built_that_is_larger_than_its_weights(
    detector: LogLLaMA, tmp_path: Path, sizes: dict[str, int]
) -> None:
    detector.save(tmp_path)
    state = json.loads((tmp_path / "detector.json").read_text())
    state["options"]["lm"].update(sizes)
    (tmp_path / "detector.json").write_text(json.dumps(state))
    with pytest.raises(ModelError, match=r"not of the size that the options ask for.*train it again"):
        LogLLaMA.load(tmp_path, HASHES)


def test_export_replaces_what_was_exported(detector: LogLLaMA, windows_of: WindowsOf, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    windows = judged(windows_of)
    detector.save(tmp_path)
    assert 0 < detector.export(tmp_path, windows) < 1e-4
    detector.quantize(tmp_path)
    assert {path.name for path in tmp_path.glob("*.onnx*")} == {"detector.onnx", "detector.int8.onnx"}
    assert "ONNX Runtime" in LogLLaMA.load(tmp_path, HASHES).provider
    assert LogLLaMA.load(tmp_path, HASHES, exported=False).provider == "torch"
    detector.export(tmp_path, windows)
    assert {path.name for path in tmp_path.glob("*.onnx*")} == {"detector.onnx"}
    read = LogLLaMA.load(tmp_path, HASHES)
    assert read.score(windows).window == pytest.approx(detector.score(windows).window, abs=1e-4)


def test_damaged_weights_are_one_line(detector: LogLLaMA, tmp_path: Path) -> None:
    detector.save(tmp_path)
    path = tmp_path / "weights.safetensors"
    content = path.read_bytes()
    for broken in (b"", content[:100], content[:-10], b"{}" * 100):
        path.write_bytes(broken)
        with pytest.raises(ModelError, match=r"weights\.safetensors is damaged") as raised:
            LogLLaMA.load(tmp_path, HASHES)
        assert "\n" not in str(raised.value)
    path.unlink()
    with pytest.raises(ModelError, match=r"weights\.safetensors is damaged"):
        LogLLaMA.load(tmp_path, HASHES)
    path.write_bytes(content)
    state = json.loads((tmp_path / "detector.json").read_bytes())
    state["options"]["lm"]["hidden"] = 16  # weights of another size
    (tmp_path / "detector.json").write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(ModelError, match=r"weights\.safetensors is damaged"):
        LogLLaMA.load(tmp_path, HASHES)


@pytest.mark.parametrize("number", [1, 2])
def test_one_window_can_be_learnt_from(windows_of: WindowsOf, number: int) -> None:
    few = replace(OPTIONS, lm=replace(TINY, epochs=2), held_out=0.9)
    detector = fitted(windows_of([GOOD] * number), few)
    assert (detector.score(windows_of([GOOD, [UNSEEN]])).window > 0.5).tolist() == [False, True]


def test_no_windows_have_no_scores(detector: LogLLaMA, windows_of: WindowsOf) -> None:
    none = windows_of([])
    scores = detector.score(none)
    assert scores.window.shape == scores.event.shape == worst(detector, none).shape == (0,)
    assert detector.thresholds(none).shape == (0,)
    assert detector.expected(none, np.zeros(0, np.int64), np.zeros(0, bool)) == []


def test_labelled_windows_with_keys_of_their_own(windows_of: WindowsOf) -> None:
    short = LogLLaMA(replace(OPTIONS, lm=replace(TINY, epochs=3)))
    bad = windows_of([[OPEN, UNSEEN, CLOSE], SWAPPED])
    figures = short.fit(windows_of(normal(1, 50)), HASHES, True, Run(), bad)
    assert len(figures["rewards"]) == 2
    assert figures["keys"] == 6
    assert np.isfinite(short.score(bad).window).all()


# The threshold


def test_every_window_is_judged_by_a_network_that_did_not_learn_from_it(windows_of: WindowsOf, tmp_path: Path) -> None:
    windows = windows_of(normal(3, 60))
    stages = []
    run = Run(0, tmp_path, lambda stage, epoch, epochs, figures: stages.append(stage))
    detector = LogLLaMA(replace(OPTIONS, folds=3, lm=replace(TINY, epochs=2)))
    detector.fit(windows, HASHES, True, run)
    assert [len(nats) for nats, _ in detector.held_out_] == [20, 20, 20]
    assert sum("calibration" in stage for stage in stages) == 3 * (2 + 2)
    assert (tmp_path / "calibration 3 of 3" / "language model.pt").is_file()
    everything = np.concatenate([nats for nats, _ in detector.held_out_])
    assert (everything > detector.threshold_).mean() <= OPTIONS.false_positives


def test_another_rule_is_what_would_have_been_fitted(windows_of: WindowsOf, detector: LogLLaMA) -> None:
    windows = judged(windows_of)
    for changed in (replace(OPTIONS, combine="counts"), replace(OPTIONS, rule="top-k")):
        fresh = fitted(windows_of(normal(1)), changed)
        other = detector.with_rule(changed)
        assert other.threshold_ == fresh.threshold_
        assert other.score(windows).window.tolist() == fresh.score(windows).window.tolist()


@pytest.mark.parametrize(
    ("nats", "threshold"), [([9.0] * 10, -log(0.005)), ([9.0] * 10 + [6.0], 6.0), ([9.0] * 11, -log(0.001))]
)
def test_with_counts_the_threshold_stays_between_two_probabilities(nats: list[float], threshold: float) -> None:
    """Of 10,000 held-out windows ten may be anomalous, and those with known counts never are."""
    detector = LogLLaMA(Options(combine="counts"))
    known = np.full(10_000 - len(nats), 20.0)
    detector.held_out_ = [(np.append(nats, known), np.arange(10_000) >= len(nats))]
    detector.calibrate()
    assert detector.threshold_ == threshold


def test_too_few_windows_for_parts_are_judged_by_the_held_out_alone(windows_of: WindowsOf) -> None:
    detector = fitted(windows_of(normal(1, 5)), replace(OPTIONS, folds=4))
    assert [len(nats) for nats, _ in detector.held_out_] == [1]
