"""Detectors that read what messages say: they find planted faults, and survive saving, loading and export."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from logscan.detectors import cnn, fastlogad, logrobust, neurallog, plelog, rapid
from logscan.errors import InputError, ModelError, OptionError
from logscan.networks.options import Size, Training
from logscan.networks.run import Run
from logscan.templates.messages import Messages
from logscan.windows import Sessions, Windows
from logscan.windows.sessions import EVENTS

pytestmark = pytest.mark.slow  # networks are trained

torch = pytest.importorskip("torch", reason="needs logscan[train]")
torch.set_num_threads(1)

from logscan.networks.layers import Bidirectional, Block  # noqa: E402

TEXTS = ["job <*> taken", "scene of <*> MB read", "tile <*> drawn", "job <*> done", "disk of <*> failed", "heat in <*>"]
FAILED, NEW = 4, 5
HASHES = [f"hash {n}" for n in range(len(TEXTS))]
SIZES: dict[str, Any] = {
    "size": Size(layers=1, heads=2, hidden=32, intermediate=64, vocabulary=400, length=128),
    "tokens": 16,
}
SMALL = {**SIZES, "messages": 16, "training": Training(epochs=30, batch=16, learning_rate=1e-2)}
SUPERVISED: list[Any] = [
    logrobust.LogRobust(logrobust.Options(**SMALL, hidden=8)),
    cnn.Cnn(cnn.Options(**SMALL, filters=8)),
    neurallog.NeuralLog(neurallog.Options(**SMALL, heads=2, hidden=16, intermediate=32)),
]
UNSUPERVISED: list[Any] = [
    plelog.PLELog(plelog.Options(**SMALL, hidden=8, components=4, false_positives=0.05)),
    rapid.Rapid(rapid.Options(**SIZES, context=64, false_positives=0.05)),
    fastlogad.FastLogAD(
        fastlogad.Options(
            layers=1,
            heads=2,
            hidden=16,
            intermediate=32,
            context=16,
            training=Training(epochs=60, batch=16, learning_rate=2e-2),
            false_positives=0.05,
        )
    ),
]
ALL = [*SUPERVISED, *UNSUPERVISED]


def windows(sequences: Sequence[Sequence[int]], texts: Sequence[str] = TEXTS) -> Windows:
    """Sequences of messages, by number, with keys of the same numbers."""
    messages = Messages.restored(texts, "masked")
    rows = [(n, number) for n, numbers in enumerate(sequences) for number in numbers]
    table = pl.DataFrame(rows, schema={"window": pl.UInt64, "message": pl.Int32}, orient="row")
    lines = table.with_columns(line=pl.int_range(1, pl.len() + 1), source=0, offset=0, time=None, key="message")
    sessions = Sessions(messages=messages)
    known = [pl.col(name).cast(kind) for name, kind in EVENTS.schema.items()]
    list(sessions.add(lines.select(*known, "message")))
    return sessions.close()


def drawn(n: int, bad: bool, seed: int = 0) -> Windows:
    """Jobs of some tiles, with a failed disk somewhere in each of the bad ones."""
    rng = np.random.default_rng([seed, bad])
    sequences = []
    for tiles in rng.integers(1, 6, n):
        messages = [0, 1, *[2] * int(tiles), 3]
        if bad:
            messages[int(rng.integers(1, len(messages)))] = FAILED
        sequences.append(messages)
    return windows(sequences)


def name(detector: Any) -> str:
    return str(detector.name)


def fitted(detector: Any, seed: int = 0, anomalous: Windows | None = None) -> Any:
    new = type(detector)(detector.options)
    new.fit(drawn(80, False), HASHES, True, Run(seed), anomalous)
    return new


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    """Each of them, once: those that are supervised have seen failed disks."""
    bad = drawn(30, True)
    return {d.name: fitted(d, anomalous=bad if d.supervised or d.name == "plelog" else None) for d in ALL}


@pytest.mark.parametrize("detector", ALL, ids=name)
def test_a_planted_fault_is_found(trained: dict[str, Any], detector: Any) -> None:
    found = trained[detector.name]
    good, bad = (found.score(drawn(40, kind, seed=1)).window for kind in (False, True))
    assert (bad > 0.5).mean() > 0.9
    assert (good > 0.5).mean() < 0.1


@pytest.mark.parametrize("detector", ALL, ids=name)
def test_scores_are_of_windows_alone(trained: dict[str, Any], detector: Any) -> None:
    found, some = trained[detector.name], windows([[0, 1, 2, 3], [2], [0, NEW, 3], [0, 1, *[2] * 40, 3], [0, 1, 2, 3]])
    scores = found.score(some)
    assert scores.window.shape == (5,)
    assert scores.event.shape == (len(some.events),)
    assert ((scores.window >= 0) & (scores.window <= 1)).all()
    for at in range(5):
        alone = found.score(some.take(np.array([at]))).window[0]
        assert alone == pytest.approx(scores.window[at], abs=1e-5)
    none = found.score(some.take(np.array([], np.int64)))
    assert len(none.window) == len(none.event) == 0


@pytest.mark.parametrize("detector", ALL, ids=name)
def test_what_was_saved_scores_the_same_among_other_numbers(
    trained: dict[str, Any], detector: Any, tmp_path: Path
) -> None:
    found = trained[detector.name]
    found.save(tmp_path)
    turned = [*range(1, len(TEXTS)), 0]  # the place of each text in another table
    texts, hashes = [""] * len(TEXTS), [""] * len(TEXTS)
    for at, place in enumerate(turned):
        texts[place], hashes[place] = TEXTS[at], HASHES[at]
    loaded = type(found).load(tmp_path, hashes)
    sequences = [[0, 1, 2, 3], [0, FAILED, 2, 3], [NEW, 1]]
    other = windows([[turned[at] for at in row] for row in sequences], texts)
    np.testing.assert_allclose(loaded.score(other).window, found.score(windows(sequences)).window, atol=1e-6)
    assert loaded.provider == "torch"


@pytest.mark.parametrize("detector", ALL, ids=name)
def test_the_same_seed_gives_the_same_scores(trained: dict[str, Any], detector: Any) -> None:
    bad = drawn(30, True) if detector.supervised or detector.name == "plelog" else None
    some = drawn(10, True, seed=2)
    again = fitted(detector, anomalous=bad).score(some).window
    np.testing.assert_allclose(again, trained[detector.name].score(some).window, atol=1e-6)


@pytest.mark.parametrize("detector", SUPERVISED, ids=name)
def test_without_anomalies_the_supervised_say_so(detector: Any) -> None:
    with pytest.raises(InputError, match=f"{detector.name} learns from anomalous windows too"):
        fitted(detector)


@pytest.mark.parametrize("detector", SUPERVISED, ids=name)
def test_the_failed_disk_is_to_blame(trained: dict[str, Any], detector: Any) -> None:
    some = windows([[0, 1, FAILED, 2, 3], [FAILED]])
    blame = trained[detector.name].blame(some)
    assert blame[:5].argmax() == 2
    assert np.isfinite(blame).all()


def test_rapid_knows_the_message(trained: dict[str, Any]) -> None:
    scores = trained["rapid"].score(windows([[0, 1, FAILED, 2, 3]]))
    assert scores.event.argmax() == 2
    assert scores.event.max() == scores.window[0]


def test_what_rapid_remembers_is_no_anomaly(trained: dict[str, Any]) -> None:
    known = trained["rapid"]
    assert not known.distances(windows([[0, 1, 2, 2, 3]])).any()
    long = windows([[0, 1, *[2] * 100, 3]])  # more than its context
    assert len(known.distances(long)) == 103


def test_plelog_learns_from_known_good_windows_alone() -> None:
    found = fitted(UNSUPERVISED[0])
    assert (found.score(drawn(40, False, seed=1)).window > 0.5).mean() < 0.1


def test_damaged_and_foreign_files_are_refused(trained: dict[str, Any], tmp_path: Path) -> None:
    trained["rapid"].save(tmp_path)
    memory = tmp_path / "memory.npz"
    memory.write_bytes(memory.read_bytes()[:100])
    with pytest.raises(ModelError, match="damaged"):
        rapid.Rapid.load(tmp_path, HASHES)
    other = tmp_path / "other"
    other.mkdir()
    trained["fastlogad"].save(other)
    state = json.loads((other / "detector.json").read_bytes())
    state["options"]["hidden"] = 1 << 16
    (other / "detector.json").write_text(json.dumps(state))
    with pytest.raises(ModelError, match="not as it should be"):
        fastlogad.FastLogAD.load(other, HASHES)


def test_options_that_mean_nothing() -> None:
    wrong: list[Any] = [
        lambda: Training(epochs=0),
        lambda: Training(learning_rate=0.0),
        lambda: logrobust.Options(hidden=0),
        lambda: cnn.Options(dropout=1.0),
        lambda: neurallog.Options(heads=5),
        lambda: plelog.Options(known=1.0),
        lambda: rapid.Options(context=10),
        lambda: fastlogad.Options(least=0.5, most=0.4),
        lambda: logrobust.Options(held_out=0.0),
    ]
    for options in wrong:
        with pytest.raises(ValueError):  # noqa: PT011 - each has its own message
            options()
    with pytest.raises(OptionError, match="--set context=128"):
        fitted(rapid.Rapid(replace(UNSUPERVISED[1].options, context=129)))


@pytest.mark.parametrize("kind", [torch.nn.LSTM, torch.nn.GRU, None])
def test_padding_changes_nothing(kind: Any) -> None:
    torch.manual_seed(0)
    layer: Any = (Block(8, 2, 16, 0.1) if kind is None else Bidirectional(kind, 8, 4)).eval()
    x = torch.randn(2, 5, 8)
    real = torch.ones(2, 5, dtype=torch.bool)
    padded = torch.cat([x, torch.randn(2, 3, 8)], 1)
    more = torch.cat([real, torch.zeros(2, 3, dtype=torch.bool)], 1)
    torch.testing.assert_close(layer(padded, more)[:, :5], layer(x, real))
    turned = layer(x.flip(1), real)
    if kind is not None:  # the way back of one is the way forth of the other, with other weights
        layer.forth, layer.back = layer.back, layer.forth
        torch.testing.assert_close(layer(x, real).flip(1).roll(4, -1), turned)


WITHOUT_TORCH = """
import sys
from importlib import import_module
from pathlib import Path
sys.modules |= dict.fromkeys(("torch", "transformers", "accelerate", "safetensors", "onnx", "sklearn"))
detector = getattr(import_module({module!r}), {name!r}).load(Path({folder!r}), [f"hash {{n}}" for n in range(6)])
print(detector.provider)
"""


@pytest.mark.parametrize("detector", ALL, ids=name)
def test_an_exported_one_scores_the_same(trained: dict[str, Any], detector: Any, tmp_path: Path) -> None:
    found, some = trained[detector.name], drawn(40, True, seed=1)
    found.save(tmp_path)
    loaded = type(found).load(tmp_path, HASHES, exported=False)
    assert loaded.export(tmp_path, some) < 1e-4
    exported = type(found).load(tmp_path, HASHES)
    assert exported.provider.startswith("ONNX Runtime")
    np.testing.assert_allclose(exported.score(some).window, found.score(some).window, atol=1e-4)
    exported.quantize(tmp_path)
    small = type(found).load(tmp_path, HASHES).score(some).window
    assert ((small > 0.5) == (found.score(some).window > 0.5)).mean() > 0.8
    script = WITHOUT_TORCH.format(module=type(found).__module__, name=type(found).__name__, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout.startswith("ONNX Runtime")
