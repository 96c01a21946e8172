"""Sequences that begin alike, read as trees: by torch and exported as each of them alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.networks.batches import chunks
from logscan.networks.trees import OPEN, Forest, grow
from logscan.networks.vocabulary import BEGIN

torch = pytest.importorskip("torch", reason="needs logscan[train]")
torch.set_num_threads(1)

from logscan.detectors.logllama.language import TorchScorer, new_network  # noqa: E402
from logscan.detectors.logllama.options import Language  # noqa: E402
from logscan.networks.judging import Scorer  # noqa: E402
from logscan.runtime.export import export  # noqa: E402
from logscan.runtime.rows import AT_ONCE, WIDTHS, Rows  # noqa: E402
from logscan.runtime.session import open_session  # noqa: E402

Sequences = list[list[int]]

few = st.lists(st.integers(0, 1), max_size=6) | st.lists(st.integers(0, 300), max_size=4)


@given(st.lists(few, max_size=20), st.integers(1, 12))
def test_every_sequence_is_a_branch(given_: Sequences, most: int) -> None:
    trees, places = grow([np.array(tokens, np.int64) for tokens in given_], most)
    inside: list[Sequences] = [[] for _ in trees]
    for tokens, (number, at) in zip(given_, places, strict=True):
        tree = trees[number]
        inside[number].append(tokens)
        assert [tree.tokens[place] for place in at] == tokens
        for end, place in enumerate(at, 1):  # each follows on those before it, and on no other
            assert [j for j in range(place + 1) if place < tree.stops[j]] == at[:end]
    for tree, sequences in zip(trees, inside, strict=True):
        beginnings = {tuple(tokens[:n]) for tokens in sequences for n in range(1, len(tokens) + 1)}
        assert len(tree.tokens) == len(tree.stops) == len(beginnings)
        assert len(beginnings) <= max(most, *map(len, sequences))


@given(st.lists(st.lists(st.integers(0, 2), max_size=60), min_size=1, max_size=40), st.integers(1, 300))
def test_in_rows_each_token_looks_at_those_that_it_follows_on(given_: Sequences, most: int) -> None:
    trees, _ = grow([np.array(tokens, np.int64) for tokens in given_], most)
    length = max(1, *(len(tree.tokens) for tree in trees))
    tokens, stops = np.zeros((len(trees), length), np.int64), np.full((len(trees), length), OPEN)
    for n, tree in enumerate(trees):
        tokens[n, : len(tree.tokens)], stops[n, : len(tree.tokens)] = tree
    rows = Rows.of(tokens, stops)
    assert rows.seen.shape == rows.until.shape
    assert rows.seen.shape[1] % AT_ONCE == 0
    assert rows.tokens.shape[1] <= max(WIDTHS)
    assert (rows.tokens.flat[rows.numbers] == tokens).all()
    looked_at = []  # of each number
    for number in range(rows.tokens.size):
        seen, until = (of[number // rows.tokens.shape[1]] for of in (rows.seen, rows.until))
        looked_at.append(np.sort(seen[(seen <= number) & (number < until)]).tolist())
    for tree, numbers in zip(trees, rows.numbers.tolist(), strict=True):
        for i, number in enumerate(numbers[: len(tree.tokens)]):
            assert looked_at[number] == [numbers[j] for j in range(i + 1) if i < tree.stops[j]]
    assert all(looked_at)  # what is padded has something to look at, else it would be no number


@pytest.fixture(scope="module")
def scorers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scorer, Scorer]:
    """A network in torch, and exported."""
    network = new_network(9, Language(layers=2, heads=2, hidden=8, head_dim=4, intermediate=16), 3)
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(8 if weights.dim() > 1 else 1)
    path = tmp_path_factory.mktemp("trees") / "detector.onnx"
    export(network, path)
    return TorchScorer(network), open_session(path)


branches = st.lists(st.lists(st.integers(1, 8), min_size=1, max_size=12), min_size=1, max_size=40)


@settings(deadline=None, max_examples=40)
@given(branches, st.integers(3, 12), st.sampled_from([1, 64, 512]))
def test_a_forest_is_read_as_its_sequences(
    scorers: tuple[Scorer, Scorer], given_: Sequences, context: int, most: int
) -> None:
    sequences = [np.array([BEGIN, *tokens], np.int64) for tokens in given_]
    forest, overlap = Forest.of(sequences, context, 2, most), 2
    assert forest.tokens.tolist() == np.concatenate(sequences).tolist()
    alone = np.full((len(forest.tokens), 9), np.nan)  # of each token, the network's word on what is in its place
    starts = np.cumsum([0, *map(len, sequences)])
    for number, begin, fresh, stop in chunks(np.array([len(sequence) for sequence in sequences]), context, overlap):
        log_probs = scorers[0].log_probs(sequences[number][None, begin:stop])[0]
        alone[starts[number] + fresh : starts[number] + stop] = log_probs[fresh - begin - 1 : -1]
    for scorer in scorers:
        found = np.full_like(alone, np.nan)
        for chosen in np.array_split(np.arange(len(forest.trees)), -(-len(forest.trees) // 3)):
            steps = forest.steps(chosen)
            found[steps.at] = scorer.log_probs(steps.tokens, steps.stops).reshape(-1, 9)[steps.places]
        np.testing.assert_allclose(found, alone, atol=1e-5)
