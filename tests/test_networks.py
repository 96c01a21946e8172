"""Log keys as tokens, batches of chunks, and how a network judges windows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.detectors.logllama.options import Language
from logscan.detectors.sessions import END as END_STEP
from logscan.networks import judging
from logscan.networks.batches import Batch, batch, by_length, chunks, shuffled
from logscan.networks.judging import UNSEEN, Judge, LogProbs, Scorer
from logscan.networks.vocabulary import BEGIN, END, FIRST, PAD, UNKNOWN, Vocabulary
from logscan.windows import Windows
from logscan.windows.sessions import Ints

torch = pytest.importorskip("torch", reason="needs logscan[train]")
torch.set_num_threads(1)

from logscan.detectors.logllama.language import TorchScorer, new_network  # noqa: E402

WindowsOf = Callable[[Sequence[Sequence[int]]], Windows]

HASHES = ["c", "a", "d", "b", "e"]
TINY = Language(layers=2, heads=2, hidden=8, head_dim=4, intermediate=16, context=12, overlap=4)


def test_tokens_do_not_depend_on_how_keys_are_numbered(windows_of: WindowsOf) -> None:
    first = Vocabulary(["d", "a", "c"], HASHES)
    other = Vocabulary(["a", "c", "d"], HASHES[::-1])
    tokens = first.sequences(windows_of([[0, 1, 2], [3, 4, 0]]), ends=True)
    renumbered = other.sequences(windows_of([[4, 3, 2], [1, 0, 4]]), ends=True)
    assert [t.tolist() for t in tokens] == [t.tolist() for t in renumbered]
    assert tokens[0].tolist() == [BEGIN, FIRST + 1, FIRST, FIRST + 2, END]
    assert tokens[1].tolist() == [BEGIN, UNKNOWN, UNKNOWN, FIRST + 1, END]
    assert first.keys.tolist() == [1, 0, 2]
    assert other.keys.tolist() == [3, 4, 2]
    assert len(first) == FIRST + 3


def test_new_keys_are_unknown(windows_of: WindowsOf) -> None:
    learnt = Vocabulary.learnt(windows_of([[0, 1], [1, 99]]), HASHES)
    assert learnt.hashes == ["a", "c"]
    assert learnt.sequences(windows_of([[1, 5, 99, 4]]), ends=False)[0].tolist() == [BEGIN, FIRST, *[UNKNOWN] * 3]
    assert learnt.sequences(windows_of([]), ends=True) == []


def test_a_vocabulary_of_keys_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="no key x"):
        Vocabulary(["a", "x"], HASHES)


lengths = st.lists(st.integers(1, 60), max_size=12)
shapes = st.integers(2, 20).flatmap(lambda context: st.tuples(st.just(context), st.integers(1, context - 1)))


@given(lengths, shapes)
def test_every_token_but_the_first_is_predicted_once(given_: list[int], shape: tuple[int, int]) -> None:
    context, overlap = shape
    predicted = [np.zeros(length, int) for length in given_]
    for sequence, begin, fresh, stop in chunks(np.array(given_, np.int64), context, overlap):
        assert 0 <= begin < fresh <= stop <= begin + context
        assert fresh - begin >= (overlap if begin else 1)
        predicted[sequence][fresh:stop] += 1
    for times in predicted:
        assert times[0] == 0
        assert (times[1:] == 1).all()


def sequences_of(given_: list[int]) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    return [FIRST + np.arange(length) + 100 * n for n, length in enumerate(given_)]


def targets_of(batches: Sequence[Batch]) -> list[int]:
    """All tokens that are to be predicted; checks what holds for each batch."""
    found = []
    for one in batches:
        longest = max(chunk.stop - chunk.begin for chunk in one.chunks)
        assert one.tokens.shape == one.targets.shape == (len(one.chunks), longest)
        for row, (_, begin, _, stop) in enumerate(one.chunks):
            assert (one.tokens[row, stop - begin :] == PAD).all()
            assert (one.tokens[row, : stop - begin] != PAD).all()
        assert not one.targets[:, 0].any()
        assert not one.targets[one.tokens == PAD].any()
        assert one.weights.tolist() == [chunk.sequence + 1 for chunk in one.chunks]
        found += one.tokens[one.targets].tolist()
    return sorted(found)


@given(lengths, shapes, st.integers(1, 5), st.integers(1, 100))
def test_batches_hold_every_chunk_once(given_: list[int], shape: tuple[int, int], size: int, tokens: int) -> None:
    sequences, weights = sequences_of(given_), 1 + np.arange(len(given_))
    whole = sorted(np.concatenate([np.zeros(0, int), *(sequence[1:] for sequence in sequences)]).tolist())
    cut = chunks(np.array(given_, np.int64), *shape)
    random = shuffled(sequences, weights, cut, size, np.random.default_rng(1))
    assert targets_of(random) == whole
    assert all(len(one.chunks) <= size for one in random)
    again = shuffled(sequences, weights, cut, size, np.random.default_rng(1))
    assert [list(one.chunks) for one in random] == [list(one.chunks) for one in again]
    sized = list(by_length(sequences, *shape, tokens, weights))
    assert targets_of(sized) == whole
    assert all(len(one.chunks) == 1 or one.tokens.size <= tokens for one in sized)
    for kind in (random, sized):
        assert sorted(chunk for one in kind for chunk in one.chunks) == sorted(cut)


@pytest.fixture(scope="module")
def judge() -> Judge:
    """With random weights, of which large ones make keys differ."""
    vocabulary = Vocabulary(["a", "b", "c", "d"], HASHES)
    network = new_network(len(vocabulary), TINY, 3)
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(8 if weights.dim() > 1 else 1)
    return Judge(TorchScorer(network), vocabulary, TINY.context, TINY.overlap, ends=True)


def plainly(judge: Judge, keys: Sequence[int], windows_of: WindowsOf) -> tuple[list[float], list[int]]:
    """Nats and ranks of a window, and of its end where that is meant, each chunk being read alone and whole."""
    (tokens,) = judge.vocabulary.sequences(windows_of([keys]), judge.ends)
    nats, ranks = [], []
    for _, begin, fresh, stop in chunks(np.array([len(tokens)]), judge.context, judge.overlap):
        log_probs = judge.scorer.log_probs(tokens[None, begin:stop])[0, fresh - begin - 1 : -1]
        true = tokens[fresh:stop]
        own = log_probs[np.arange(len(true)), true]
        nats += np.where(true == UNKNOWN, UNSEEN, -own).tolist()
        ranks += np.where(true == UNKNOWN, len(judge.vocabulary), (log_probs > own[:, None]).sum(1)).tolist()
    return nats, ranks


keys_of = st.lists(st.integers(0, 5), min_size=1, max_size=30)  # of which the last two are unknown
cut_at = st.lists(st.tuples(st.integers(1, 30), st.lists(st.integers(0, 5), max_size=6)), max_size=6)


@settings(deadline=None, max_examples=40)
@given(keys_of, cut_at, st.booleans())
def test_a_window_is_judged_as_if_it_were_alone(
    windows_of: WindowsOf, judge: Judge, keys: list[int], cut: list[tuple[int, list[int]]], ends: bool
) -> None:
    judge = replace(judge, ends=ends)
    given_ = [[*keys[:length], *others] for length, others in cut]
    windows = windows_of([*given_, *given_])
    judged = judge.judge(windows)
    assert judged.nats.shape == judged.ranks.shape == (len(windows.events),)
    assert judged.end_nats.shape == judged.end_ranks.shape == (len(windows),)
    for n, window in enumerate([*given_, *given_]):
        own = slice(windows.starts[n], windows.starts[n + 1])
        nats, ranks = plainly(judge, window, windows_of)
        assert [*judged.nats[own], *judged.end_nats[[n] * ends]] == pytest.approx(nats, abs=1e-5)
        assert [*judged.ranks[own], *judged.end_ranks[[n] * ends]] == ranks
        assert judged.worst_nats(windows)[n] == pytest.approx(max(nats), abs=1e-5)
        assert judged.worst_ranks(windows)[n] == max(ranks)
    half = len(given_)
    assert (judged.end_nats[:half] == judged.end_nats[half:]).all()
    events = sum(map(len, given_))
    assert (judged.nats[:events] == judged.nats[events:]).all()


@dataclass
class Counted:
    """A network, and how many batches it read."""

    network: Scorer
    provider: str = "torch"
    at_once: int = 1
    tree: int = 64
    batches: int = 0

    def log_probs(self, tokens: Ints, stops: Ints | None = None) -> LogProbs:
        self.batches += 1
        return self.network.log_probs(tokens, stops)


def test_what_was_read_before_is_not_read_again(
    windows_of: WindowsOf, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = windows_of([[0, 1, 2], [0, 5], [3]])
    other, at_end = windows_of([[3], [2, 2, 2], [0, 1, 2]]), np.array([False, True])
    network = Counted(judge.scorer)
    counted = replace(judge, scorer=network)
    first, again = counted.judge_more(windows), counted.judge_more(windows)
    assert network.batches == 1
    assert (again.nats == first.nats).all()
    assert (again.end_ranks == first.end_ranks).all()
    mixed = counted.judge_more(other)
    assert network.batches == 2
    alone = judge.judge(other)
    assert mixed.nats == pytest.approx(alone.nats, abs=1e-5)
    assert mixed.end_nats == pytest.approx(alone.end_nats, abs=1e-5)
    asked = windows, np.array([1, 4]), at_end
    assert counted.expected(*asked) == counted.expected(*asked)
    assert network.batches == 2
    monkeypatch.setattr(judging, "REMEMBERED", 3)
    assert counted.judge_more(windows).nats == pytest.approx(first.nats, abs=1e-5)
    assert network.batches == 3
    unread = windows_of([[0, 1, 2, 3]])
    assert counted.expected(unread, np.array([3]), at_end[1:]) == judge.expected(unread, np.array([3]), at_end[1:])
    assert network.batches == 4


def test_what_was_expected_is_what_was_most_probable(windows_of: WindowsOf, judge: Judge) -> None:
    keys = [[0, 1, 2, 3, 1, 1], [0, 1, 3], [2]]
    windows = windows_of(keys)
    rows = np.arange(len(windows.events)).repeat(2)
    at_end = np.arange(len(rows)) % 2 == 1
    found = judge.expected(windows, rows, at_end)
    tokens = judge.vocabulary.sequences(windows, ends=False)
    places = [(n, place) for n, window in enumerate(keys) for place in range(1, len(window) + 1)]
    for (n, place), *both in zip(places, found[::2], found[1::2], strict=True):
        log_probs = judge.scorer.log_probs(tokens[n][None])[0]
        for expected, at in zip(both, (place - 1, place), strict=True):
            best = [step for step in np.argsort(-log_probs[at]).tolist() if step >= FIRST or step == END][:3]
            names = [END_STEP if step == END else int(judge.vocabulary.keys[step - FIRST]) for step in best]
            assert [key for key, _ in expected] == names
            assert [p for _, p in expected] == pytest.approx(np.exp(log_probs[at, best]).tolist(), abs=1e-5)


def test_a_window_longer_than_the_context(windows_of: WindowsOf, judge: Judge) -> None:
    keys = [0, 1, 2, 3, 1, 1, 0, 2] * 4
    judged = judge.judge(windows_of([keys]))
    first = TINY.context - 1  # events of the first chunk
    assert judged.nats[:first] == pytest.approx(plainly(judge, keys[:first], windows_of)[0][:-1], abs=1e-4)
    (tokens,) = judge.vocabulary.sequences(windows_of([keys]), ends=True)
    step = TINY.context - TINY.overlap
    begin = range(step, len(tokens) - TINY.overlap, step)
    found = {0: 0.0}
    for at in begin:
        part = tokens[at : at + TINY.context]
        log_probs = judge.scorer.log_probs(part[None])[0]
        for n in range(TINY.overlap, len(part)):
            found[at + n] = -float(log_probs[n - 1, part[n]])
    assert max(found) == len(tokens) - 1
    whole = [*judged.nats, judged.end_nats[0]]
    assert whole[first:] == pytest.approx([found[n] for n in range(first + 1, len(tokens))], abs=1e-4)
    assert (judged.nats > 0).all()


def test_unseen_keys_and_windows_without_ends(windows_of: WindowsOf, judge: Judge) -> None:
    windows = windows_of([[0, 4, 1], [99], [2]])
    cut = Judge(judge.scorer, judge.vocabulary, judge.context, judge.overlap, ends=False)
    judged = cut.judge(windows)
    assert judged.nats[[1, 3]].tolist() == [UNSEEN, UNSEEN]
    assert judged.ranks[[1, 3]].tolist() == [len(judge.vocabulary)] * 2
    assert (judged.nats[[0, 2, 4]] < UNSEEN).all()
    assert not judged.end_nats.any()
    assert not judged.end_ranks.any()
    assert judged.worst_ranks(windows).tolist()[:2] == [len(judge.vocabulary)] * 2
    with_ends = judge.judge(windows)
    assert with_ends.nats == pytest.approx(judged.nats, abs=1e-4)
    assert (with_ends.end_nats > 0).all()


def test_no_windows(windows_of: WindowsOf, judge: Judge) -> None:
    none = windows_of([])
    judged = judge.judge(none)
    assert judged.nats.shape == judged.end_nats.shape == judged.worst_nats(none).shape == (0,)
    assert judge.expected(none, np.zeros(0, np.int64), np.zeros(0, bool)) == []


def test_padding_changes_no_value(judge: Judge) -> None:
    short, long = np.array([BEGIN, 4, 5]), np.array([BEGIN, 6, 7, 4, 5, END])
    cut = chunks(np.array([3, 6]), TINY.context, TINY.overlap)
    both = judge.scorer.log_probs(batch([short, long], np.ones(2, np.int64), cut).tokens)
    assert both[0, :3] == pytest.approx(judge.scorer.log_probs(short[None])[0], abs=1e-5)


def test_what_was_expected(windows_of: WindowsOf, judge: Judge) -> None:
    windows = windows_of([[0, 1, 2], [3, 99]])
    rows, at_end = np.array([0, 2, 2, 4]), np.array([False, False, True, False])
    tokens = judge.vocabulary.sequences(windows, ends=False)
    before = [tokens[0][:1], tokens[0][:3], tokens[0], tokens[1][:2]]
    for found, shown in zip(judge.expected(windows, rows, at_end), before, strict=True):
        p = np.exp(judge.scorer.log_probs(shown[None])[0, -1])
        of = {END_STEP: p[END], **{key: p[FIRST + n] for n, key in enumerate(judge.vocabulary.keys.tolist())}}
        best = sorted(of, key=lambda key: -of[key])[:3]
        assert [key for key, _ in found] == best
        assert [p for _, p in found] == pytest.approx([of[key] for key in best], abs=1e-5)
        assert sum(p for _, p in found) <= 1.0001


def test_no_end_is_expected_where_none_is_meant(windows_of: WindowsOf) -> None:
    vocabulary = Vocabulary(["a"], HASHES)
    scorer = TorchScorer(new_network(len(vocabulary), TINY, 1))
    for ends in (True, False):
        judge = Judge(scorer, vocabulary, TINY.context, TINY.overlap, ends)
        ((*found,),) = judge.expected(windows_of([[1, 1]]), np.array([1]), np.array([ends]))
        assert {key for key, _ in found} == ({1, END_STEP} if ends else {1})
