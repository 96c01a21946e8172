"""Event traces: their names, how they are cut and written as pairs, and the two detectors that read them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from logscan.detectors.bert import PRESETS as BERT_PRESETS
from logscan.detectors.bert import Bert
from logscan.detectors.bert import Options as BertOptions
from logscan.detectors.llama_prompt import PRESETS as LLAMA_PRESETS
from logscan.detectors.llama_prompt import LlamaPrompt
from logscan.detectors.llama_prompt import Options as LlamaOptions
from logscan.detectors.pairs import LABELS, prompt_of, read_pairs, write_pairs
from logscan.detectors.traces import Events, Labelled
from logscan.errors import InputError, ModelError, OptionError
from logscan.networks.options import SCRATCH, Lora, Size
from logscan.networks.run import Run
from logscan.settings import build
from logscan.windows import Windows

torch = pytest.importorskip("torch", reason="needs logscan[train]")
torch.set_num_threads(1)

from small_models import save_decoder, save_encoder  # noqa: E402

from logscan.detectors.classifying import Examples, validated  # noqa: E402

WindowsOf = Callable[[Sequence[Sequence[int]]], Windows]

HASHES = [f"hash {n}" for n in (3, 1, 4, 0, 5)]
OPEN, READ, WRITE, CLOSE, FAIL, NEW = range(6)
TINY = Size(layers=1, heads=2, hidden=16, intermediate=32, length=64)
COMMON: dict[str, Any] = {
    "size": TINY,
    "adapters": "full",
    "epochs": 12,
    "learning_rate": 0.01,
    "batch": 8,
    "at_once": 8,
    "events": 24,
    "held_out": 0.2,
    "checkpointing": False,
}
BERT = BertOptions(encoder=SCRATCH, **COMMON)
LLAMA = LlamaOptions(llm=SCRATCH, **COMMON)
KINDS = [pytest.param(Bert, BERT, id="bert"), pytest.param(LlamaPrompt, LLAMA, id="llama-prompt")]
FIGURES = {
    "loss",
    "held-out loss",
    "held-out nats",
    "accuracy",
    "precision",
    "recall",
    "f1",
    "auroc",
    "tp",
    "fp",
    "tn",
    "fn",
}

Kind = type[Bert] | type[LlamaPrompt]


def sequences(seed: int, n: int = 60) -> list[list[int]]:
    """Files that are opened, read or written a few times, and closed."""
    random = Random(seed)
    return [[OPEN, *random.choices([READ, WRITE], k=random.randint(1, 4)), CLOSE] for _ in range(n)]


def failed(seed: int, n: int = 30) -> list[list[int]]:
    """The same, and something goes wrong."""
    random = Random(seed)
    return [[*keys[:-1], random.choice([FAIL, NEW]), CLOSE] for keys in sequences(seed, n)]


@pytest.fixture(scope="module")
def learnt(windows_of: WindowsOf) -> dict[Kind, tuple[Any, dict[str, Any], list[Any]]]:
    """Each detector, its figures, and what it said while it learnt."""
    found: dict[Kind, tuple[Any, dict[str, Any], list[Any]]] = {}
    detectors: tuple[Bert | LlamaPrompt, ...] = (Bert(BERT), LlamaPrompt(LLAMA))
    for detector in detectors:
        told: list[Any] = []
        run = Run(0, None, lambda *said, told=told: told.append(said))
        figures = detector.fit(windows_of(sequences(1)), HASHES, True, run, windows_of(failed(2)))
        found[type(detector)] = detector, figures, told
    return found


# Events and pairs


def test_events_are_named_as_they_are_met(windows_of: WindowsOf) -> None:
    events = Events.learnt([windows_of([[CLOSE, OPEN], [CLOSE, READ]]), windows_of([[NEW, FAIL]])], HASHES)
    assert events.hashes == [HASHES[key] for key in (CLOSE, OPEN, READ, FAIL)]
    numbered = events.numbered(windows_of([[OPEN, CLOSE, NEW, WRITE, NEW + 7]]))
    assert events.text(numbered.keys) == "E2 E1 E0 E0 E0"
    other = Events(events.hashes, HASHES[::-1])  # the same keys under other numbers
    assert other.text(other.numbered(windows_of([[4 - FAIL, 4 - CLOSE]])).keys) == "E4 E1"
    with pytest.raises(ValueError, match="no key hash 9"):
        Events(["hash 9"], HASHES)


def test_equal_traces_count_and_long_ones_are_cut_in_equal_parts(windows_of: WindowsOf) -> None:
    good = windows_of([[OPEN, READ], [OPEN] * 7, [OPEN, READ], [NEW, READ], [NEW + 1, READ]])
    found = Labelled.of(good, windows_of([[FAIL]]), Events(HASHES, HASHES), 3)
    counted = {
        (tuple(trace.tolist()), int(count), bool(bad))
        for trace, count, bad in zip(found.traces, found.counts, found.anomalous, strict=True)
    }
    assert counted == {
        ((1, 2), 2, False),
        ((1, 1, 1), 1, False),
        ((1, 1), 1, False),
        ((0, 2), 2, False),
        ((5,), 1, True),
    }
    assert [len(trace) for trace in found.traces if (trace == 1).all()] == [3, 2, 2]


def test_pairs_are_read_as_they_were_written(windows_of: WindowsOf, tmp_path: Path) -> None:
    events, path = Events(HASHES, HASHES), tmp_path / "pairs.jsonl"
    assert write_pairs(path, windows_of([[OPEN, CLOSE], [OPEN, CLOSE]]), windows_of([[NEW, FAIL]]), events) == 3
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [
        *[{"prompt": "Log trace: E1 E4\n", "completion": "Label: Normal"}] * 2,
        {"prompt": "Log trace: E0 E5\n", "completion": "Label: Anomaly"},
    ]
    normal, anomalous = read_pairs(path, events)
    assert (normal.keys.tolist(), normal.lengths.tolist()) == ([OPEN, CLOSE] * 2, [2, 2])
    assert (anomalous.keys.tolist(), len(anomalous)) == ([NEW, FAIL], 1)
    assert normal.events.schema == windows_of([[1]]).events.schema


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no JSON", 'pairs.jsonl:1 should be {"prompt": "Log trace: E1 E2", "completion": "Label: Normal"}'),
        ('{"prompt": "E1 E2", "completion": "Label: Normal"}', "pairs.jsonl:1 should be"),
        ('{"prompt": ["Log trace: "], "completion": 1}', "pairs.jsonl:1 should be"),
        ("[1]", "pairs.jsonl:1 should be"),
        ('{"prompt": "Log trace: E9", "completion": "Label: Normal"}', "pairs.jsonl:1: this corpus has no event E9"),
        ('{"prompt": "Log trace: E1", "completion": "fine"}', "the completion should be 'Label: Normal' or"),
    ],
)
def test_what_is_no_pair(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(line)
    with pytest.raises(InputError) as found:
        read_pairs(path, Events(HASHES, HASHES))
    assert message in str(found.value)


# Both detectors


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_faults_are_told_from_what_is_normal(kind: Kind, options: Any, learnt: Any, windows_of: WindowsOf) -> None:
    detector, figures, told = learnt[kind]
    windows = windows_of([*sequences(5, 20), *failed(6, 20)])
    scores = detector.score(windows)
    assert (scores.window > 0.5).tolist() == [False] * 20 + [True] * 20
    assert np.array_equal(scores.event, np.repeat(scores.window, windows.lengths))
    assert (figures["epochs"], figures["keys"], len(figures["validated"])) == (12, 5, 12)
    assert all(set(epoch) == FIGURES for epoch in figures["validated"])
    assert [set(said[3]) for said in told] == [FIGURES] * 12
    best = min(figures["validated"], key=lambda epoch: epoch["held-out loss"])
    assert figures["held_out_loss"] == best["held-out loss"]
    assert (best["tp"] + best["fn"], best["tn"] + best["fp"]) == (6, 12)


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_what_went_wrong_is_to_blame(kind: Kind, options: Any, learnt: Any, windows_of: WindowsOf) -> None:
    detector, *_ = learnt[kind]
    blame = detector.blame(windows_of([[OPEN, READ, FAIL, CLOSE], [OPEN, NEW, CLOSE], [FAIL]]))
    assert (int(blame[:4].argmax()), int(blame[4:7].argmax()), len(blame)) == (2, 1, 8)
    assert detector.blame(windows_of([])).tolist() == []
    assert detector.score(windows_of([])).window.tolist() == []


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_a_long_trace_is_as_anomalous_as_its_worst_part(
    kind: Kind, options: Any, learnt: Any, windows_of: WindowsOf
) -> None:
    detector, *_ = learnt[kind]
    long = [OPEN, *[READ] * 20, FAIL, *[READ] * 20, CLOSE]
    parts = [long[:22], long[22:]]
    odds = detector.judge.log_odds(windows_of([long, *parts]))
    assert odds[0] == pytest.approx(odds[1:].max(), abs=1e-5)


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_kept_and_exported_it_judges_the_same(
    kind: Kind, options: Any, learnt: Any, windows_of: WindowsOf, tmp_path: Path
) -> None:
    detector, *_ = learnt[kind]
    windows = windows_of([*sequences(5, 10), *failed(6, 10), [NEW] * 3])
    detector.save(tmp_path)
    renumbered = windows.renamed(np.array([*range(4, -1, -1), NEW], np.int32))  # other numbers, the same hashes
    read = kind.load(tmp_path, HASHES[::-1])
    assert (read.options, read.provider) == (options, "torch")
    expected = detector.score(windows).window
    assert np.allclose(read.score(renumbered).window, expected, atol=1e-6)
    assert read.export(tmp_path, renumbered) < 1e-4
    exported = kind.load(tmp_path, HASHES)
    assert exported.provider.startswith("ONNX Runtime")
    assert np.allclose(exported.score(windows).window, expected, atol=1e-4)
    exported.quantize(tmp_path)
    assert np.allclose(kind.load(tmp_path, HASHES).score(windows).window, expected, atol=0.2)
    assert kind.load(tmp_path, HASHES, exported=False).provider == "torch"
    with pytest.raises(ValueError, match="no key hash 3"):
        kind.load(tmp_path, HASHES[1:])
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    with pytest.raises(ModelError, match="damaged"):
        kind.load(tmp_path, HASHES, exported=False)


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_the_same_seed_gives_the_same_network(kind: Kind, options: Any, windows_of: WindowsOf) -> None:
    good, bad, once = windows_of(sequences(1, 20)), windows_of(failed(2, 8)), replace(options, epochs=1)

    def odds(seed: int) -> list[float]:
        detector = kind(once)
        detector.fit(good, HASHES, True, Run(seed), bad)
        return detector.judge.log_odds(bad).tolist()  # type: ignore[no-any-return]

    assert odds(1) == odds(1) != odds(2)


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_what_cannot_be_learnt_from(kind: Kind, options: Any, windows_of: WindowsOf) -> None:
    good, bad = windows_of(sequences(1, 10)), windows_of(failed(1, 5))
    for few in (None, windows_of([[FAIL]])):
        with pytest.raises(InputError, match=f"{kind.name} learns from anomalous windows too"):
            kind(options).fit(good, HASHES, True, Run(), few)
    with pytest.raises(OptionError, match="scratch reads 64 tokens at most: --set events="):
        kind(replace(options, events=64)).fit(good, HASHES, True, Run(), bad)


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_every_parameter_that_is_trained_gets_a_gradient(
    kind: Kind, options: Any, learnt: Any, windows_of: WindowsOf
) -> None:
    network = learnt[kind][0].network
    network.zero_grad()
    tokens = torch.tensor([[1, 4, 5, 6, 7, 2], [1, 5, 4, 2, 0, 0]])
    network(tokens, torch.tensor([6, 4]), torch.tensor([True, False])).sum().backward()
    assert [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()] == []


@pytest.mark.parametrize("options", [BertOptions, LlamaOptions])
@pytest.mark.parametrize("given", [{"epochs": 0}, {"batch": 6}, {"learning_rate": 0}, {"held_out": 1}, {"events": 0}])
def test_options_that_mean_nothing(options: Any, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="should"):
        options(**{"at_once": 4, **given})


def test_small_networks_are_from_scratch_and_read_all_that_they_say() -> None:
    small = build(BertOptions, BERT_PRESETS["small"]), build(LlamaOptions, LLAMA_PRESETS["small"])
    assert (small[0].encoder, small[1].llm) == (SCRATCH, SCRATCH)
    assert all(options.size.length > options.events for options in small)


def test_figures_of_an_epoch() -> None:
    examples = Examples([], np.array([3, 1, 2]), np.array([False, False, True]))
    found = validated(np.array([-1.0, 1.0, 2.0]), examples)
    assert (found["tp"], found["fp"], found["tn"], found["fn"]) == (2, 1, 3, 0)
    assert (found["accuracy"], found["precision"], found["recall"]) == pytest.approx((5 / 6, 2 / 3, 1))
    assert found["auroc"] == 1


# Pretrained bases

ADAPTERS = [pytest.param("qlora", marks=pytest.mark.slow), pytest.param("lora", marks=pytest.mark.slow), "full"]


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_a_pretrained_bert_is_tuned(adapters: Any, windows_of: WindowsOf, tmp_path: Path) -> None:
    path = save_encoder(tmp_path / "bert", ["E1 E2 E3 E4 E5", "E0 E1 E2"])
    options = replace(BERT, encoder=str(path), adapters=adapters, lora=Lora(r=2), epochs=1)
    same_when_kept(Bert(options), windows_of, tmp_path / "model")


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_a_pretrained_llama_is_tuned(adapters: Any, windows_of: WindowsOf, tmp_path: Path) -> None:
    path = save_decoder(tmp_path / "llama")
    options = replace(LLAMA, llm=str(path), adapters=adapters, lora=Lora(r=2), epochs=1, checkpointing=True)
    same_when_kept(LlamaPrompt(options), windows_of, tmp_path / "model")


def same_when_kept(detector: Any, windows_of: WindowsOf, folder: Path) -> None:
    good, bad = windows_of(sequences(1, 12)), windows_of(failed(2, 6))
    figures = detector.fit(good, HASHES, True, Run(), bad)
    assert (figures["trained_parameters"] < figures["parameters"]) == (detector.options.adapters != "full")
    folder.mkdir()
    detector.save(folder)
    read = type(detector).load(folder, HASHES)
    assert np.allclose(read.judge.log_odds(bad), detector.judge.log_odds(bad), atol=1e-5)
    assert read.export(folder, bad) < 1e-4


# The question


def test_loss_is_of_the_completion_alone(learnt: Any) -> None:
    detector = learnt[LlamaPrompt][0]
    network, tokenizer = detector.network.eval(), detector.base.tokenizer
    (row,) = detector.judge.rows(["E1 E2"])
    assert tokenizer.decode(row.tolist(), skip_special_tokens=False) == "<s> Log trace: E1 E2 Label:"
    nats, odds = [], []
    for label in LABELS:
        answer = [*tokenizer.encode(label).ids, detector.base.eos]
        whole = torch.tensor([[detector.base.bos, *tokenizer.encode(prompt_of("E1 E2")).ids, *answer]])
        log_probs = torch.log_softmax(detector.base.model(input_ids=whole).logits[0].float(), -1)
        said = [log_probs[whole.shape[1] - len(answer) - 1 + at, token].item() for at, token in enumerate(answer)]
        nats.append(-sum(said) / len(said))
        odds.append(said[1])  # "Normal" or "Anomaly"
    tokens = torch.tensor([[*row, 0], [*row, 0]])  # padded
    found = network(tokens, torch.tensor([len(row)] * 2), torch.tensor([False, True]))
    assert found.tolist() == pytest.approx(nats, abs=1e-5)
    assert network.log_odds(tokens, torch.tensor([len(row)] * 2))[0].item() == pytest.approx(
        odds[1] - odds[0], abs=1e-5
    )


@pytest.mark.slow
def test_pairs_of_a_file_are_learnt_in_the_place_of_windows(windows_of: WindowsOf, tmp_path: Path) -> None:
    good, bad, path = windows_of(sequences(1)), windows_of(failed(2)), tmp_path / "pairs.jsonl"
    events = Events.learnt([good, bad], HASHES)
    write_pairs(path, windows_of(failed(2)), windows_of(sequences(1)), events)  # turned around
    detector = LlamaPrompt(replace(LLAMA, pairs=str(path)))
    detector.fit(good, HASHES, True, Run(), bad)
    assert (detector.score(windows_of([*sequences(5, 9), *failed(6, 9)])).window > 0.5).tolist() == [True] * 9 + [
        False
    ] * 9
    assert detector.judge.events.hashes == events.hashes
    path.write_text("")
    with pytest.raises(InputError, match="0 normal and 0 anomalous pairs are too few"):
        detector.fit(good, HASHES, True, Run(), bad)
