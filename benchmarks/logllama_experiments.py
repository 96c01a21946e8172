"""The experiments behind docs/results-logllama.md, which `logllama.py` runs and writes: figures that JSON can hold.

Networks are trained once, with checkpoints, and kept as bundles; what differs between variants of one network is its
rule, see `LogLLaMA.with_rule`.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import orjson
import torch
from processes import seconds

from logscan.corpora import open_corpus
from logscan.corpora.reading import Data, ReadOptions, read
from logscan.detectors.counts import CountVectors
from logscan.detectors.logllama.detector import LogLLaMA
from logscan.detectors.logllama.options import PRESETS, Options
from logscan.detectors.next_key import FLOAT, INT8
from logscan.evaluation import compare
from logscan.evaluation.contestants import ByProfile, Contestant
from logscan.evaluation.metrics import measure
from logscan.evaluation.results import STUDENT, Result, over_seeds
from logscan.models.bundle import load, load_held_out, read_card, save
from logscan.models.export import export
from logscan.models.held_out import HeldOut
from logscan.networks.batches import batch, by_length, chunks
from logscan.networks.judging import UNSEEN, Judge
from logscan.networks.run import Run
from logscan.runtime.session import open_session
from logscan.scan import no_progress
from logscan.settings import build, merged
from logscan.train.options import Options as TrainOptions
from logscan.train.options import card_of, measured
from logscan.windows import Windows

Figures = dict[str, Any]

SMALL, WITHOUT, UNREWARDED, PAPER = "small", "small without RL", "small without reward", "paper"
NETWORKS: dict[str, dict[str, Any]] = {
    SMALL: PRESETS["small"],
    WITHOUT: merged(PRESETS["small"], {"rl": {"episodes": 0}}),
    UNREWARDED: merged(PRESETS["small"], {"rl": {"clip": 0.0}}),  # the anchor and the entropy bonus alone
    PAPER: {"lm": {"patience": 0}},
}
SURPRISE, TOP_K, COUNTS = Options(), Options(rule="top-k"), Options(combine="counts")
SHARES = {"10 %": None, "half": 0.5}  # of the normal sessions; None: the protocol's own
TURNS = 5  # of what is timed in turn
ALONE = 200  # windows that are timed one by one
BATCH = 64  # windows that torch reads at once as they come
WHOLE = 2_048  # tokens of windows that torch reads at once as it reads most in a second
QUICK = {"windows": 1_500, "epochs": 2}


@dataclass(frozen=True)
class Trained:
    """figures: of the training, with its seconds; folder: a bundle, not exported."""

    detector: LogLLaMA
    figures: Figures
    folder: Path


class Lab:
    """What the experiments share: corpora that are read and networks that are trained once."""

    def __init__(self, data: Path, work: Path, quick: bool) -> None:
        self.data, self.work, self.quick = data, work, quick
        self.seeds = (0,) if quick else (0, 1, 2)
        self.limit = QUICK["windows"] if quick else None
        self._read: dict[tuple[float | None, int], Data] = {}

    def hdfs(self, share: float | None, seed: int) -> Data:
        """The HDFS sample, split."""
        if (share, seed) not in self._read:
            options = ReadOptions(train_share=share, seed=seed, limit=self.limit)
            self._read[share, seed] = read(open_corpus([str(self.data / "hdfs")]), options)
        return self._read[share, seed]

    def settings(self, name: str) -> dict[str, Any]:
        """Of a network."""
        return merged(NETWORKS[name], {"lm": {"epochs": QUICK["epochs"]}} if self.quick else {})

    def trained(self, name: str, share: float | None, seed: int) -> Trained:
        """A network of NETWORKS on the HDFS sample, from the folder of work if it is there."""
        data, at = self.hdfs(share, seed), f"{share or 'protocol'}-{seed}"
        called = f"{name.replace(' ', '-')}-{at}"
        folder, checkpoints = self.work / "networks" / called, self.work / "checkpoints" / called
        if name in (SMALL, UNREWARDED) and not folder.is_dir() and not checkpoints.is_dir():
            self.trained(WITHOUT, share, seed)  # its language model is the same: reinforcement goes on from there
            without = checkpoints.with_name(f"{WITHOUT.replace(' ', '-')}-{at}")
            if without.is_dir():
                shutil.copytree(without, checkpoints)
        held_out = folder / "held_out.npz"  # what the rules are calibrated on, which a bundle does not hold
        if not held_out.is_file():
            with resumable(called, checkpoints) as (run, taken):
                detector = LogLLaMA(build(Options, self.settings(name)))
                figures = detector.fit(normal_of(data), data.reader.keys.hashes(), True, run(seed))
            card = card_for(data, TrainOptions(share, seed, detector="logllama", settings=self.settings(name)))
            scores, anomalous = detector.score(data.test.windows).window, data.test.anomalous
            card |= measured(scores, anomalous, data.corpus.prevalence) | {"training": figures | taken()}
            save(folder, data.profile, card, detector, HeldOut.of(data.test.windows, anomalous))
            worst, seen = (np.concatenate(parts) for parts in zip(*detector.held_out_, strict=True))
            np.savez(held_out, worst=worst, seen=seen)
            if name != WITHOUT:
                shutil.rmtree(checkpoints)
        detector = LogLLaMA.load(folder, data.reader.keys.hashes())
        with np.load(held_out) as arrays:
            detector.held_out_ = [(arrays["worst"], arrays["seen"])]
        return Trained(detector, dict(read_card(folder)["training"]), folder)

    def ruled(self, name: str, share: float | None, seed: int, rule: Options, label: str) -> Result:
        """A trained network by a rule, on the test part."""
        trained, data = self.trained(name, share, seed), self.hdfs(share, seed)
        detector = trained.detector.with_rule(rule)
        return result_of(label, detector, data, seed, trained.figures["processor_seconds"])


@contextmanager
def resumable(called: str, checkpoints: Path) -> Iterator[tuple[Callable[[int], Run], Callable[[], dict[str, float]]]]:
    """A training that goes on where it was cut, and its seconds by the clock and by the processor, those before the cut
    included."""
    checkpoints.mkdir(parents=True, exist_ok=True)
    path, clocks = checkpoints / "seconds.json", {"seconds": perf_counter, "processor_seconds": process_time}
    began = {name: clock() for name, clock in clocks.items()}
    before = orjson.loads(path.read_bytes()) if path.is_file() else dict.fromkeys(clocks, 0.0)

    def taken() -> dict[str, float]:
        return {name: before[name] + clock() - began[name] for name, clock in clocks.items()}

    def ended(stage: str, epoch: int, epochs: int, figures: dict[str, float], /) -> None:
        path.write_bytes(orjson.dumps(taken()))
        if epoch % 10 == 0:
            print(f"{called}: {stage} {epoch}/{epochs}, {taken()['seconds']:,.0f} s", file=sys.stderr)

    yield lambda seed: Run(seed, checkpoints, ended), taken


def normal_of(data: Data) -> Windows:
    """What is learnt from."""
    return data.train.windows.take(np.flatnonzero(~data.train.anomalous))


def card_for(data: Data, options: TrainOptions) -> Figures:
    """Of a bundle that can be scanned with."""
    card = card_of(data.corpus, data.profile, data.reader, options)
    return card | {"fingerprint": data.fingerprint, "window": data.split.window}


def result_of(label: str, detector: LogLLaMA, data: Data, seed: int, train: float) -> Result:
    """What is measured of a detector on the test part."""
    contestant = Contestant(
        label, lambda windows: detector.score(windows).window, ranking=detector, seed=seed, train=train
    )
    return contestant.measured(data.test, data.corpus.prevalence)[0]


def frame_of(data: Data) -> Figures:
    """What the figures stand on."""
    return {
        "learnt": len(normal_of(data)),
        "distinct": len(normal_of(data).distinct()[0]),
        "keys": data.reader.keys.known,
        "tested": len(data.test.windows),
        "anomalous": int(data.test.anomalous.sum()),
    }


def detectors(lab: Lab) -> Figures:
    """All detectors on the HDFS sample."""
    variants = {
        "logllama small": (SMALL, SURPRISE),
        "logllama small, combine=counts": (SMALL, COUNTS),
        "logllama small, rule=top-k": (SMALL, TOP_K),
        "logllama small, rl.episodes=0": (WITHOUT, SURPRISE),
        "logllama small, rl.episodes=0, rule=top-k": (WITHOUT, TOP_K),
    }
    found = {}
    for title, share in SHARES.items():
        runs = []
        for seed in lab.seeds:
            data = lab.hdfs(share, seed)
            baseline = ByProfile(data.profile, data.reader, data.corpus, True, no_progress).contestant()
            table = CountVectors()
            began = perf_counter()
            table.fit(normal_of(data), data.reader.keys.hashes(), True, Run(seed))
            counts = Contestant("counts", score_of(table), train=perf_counter() - began)
            plain = [
                replace(one, seed=seed).measured(data.test, data.corpus.prevalence)[0] for one in (baseline, counts)
            ]
            runs.append(
                [*plain, *(lab.ruled(name, share, seed, rule, label) for label, (name, rule) in variants.items())]
            )
        rows = [over_seeds(alike).to_json() for alike in zip(*runs, strict=True)]
        errors = [errors_with_counts(lab, share, seed) for seed in lab.seeds]
        found[title] = {**frame_of(lab.hdfs(share, lab.seeds[0])), "rows": rows, "errors": errors}
    return found


def errors_with_counts(lab: Lab, share: float | None, seed: int) -> Figures:
    """What `small` gets wrong with counts.

    new: normal windows with new counts; false: those that it finds, unseen: with keys that were never seen; missed:
    anomalous windows that it does not find, known: with known counts; threshold, and least: the surprise of the least
    surprising anomalous window with new counts, nats
    """
    test, detector = lab.hdfs(share, seed).test, lab.trained(SMALL, share, seed).detector.with_rule(COUNTS)
    worst, known = detector.judge.judge(test.windows).worst_nats(test.windows), detector.seen(test.windows.vectors)
    found = detector.score(test.windows).window > 0.5
    false, missed = found & ~test.anomalous, ~found & test.anomalous
    return {
        "seed": seed,
        "threshold": detector.threshold_,
        "new": int((~known & ~test.anomalous).sum()),
        "false": int(false.sum()),
        "unseen": int((worst[false] == UNSEEN).sum()),
        "missed": int(missed.sum()),
        "known": int((missed & known).sum()),
        "least": float(worst[test.anomalous & ~known].min()),
    }


def score_of(table: CountVectors) -> Callable[[Windows], Any]:
    """Its scores of windows."""
    return lambda windows: table.score(windows).window


def top_k(lab: Lab) -> Figures:
    """The Top-K rule for every K."""
    found = {}
    for title, share in SHARES.items():
        data, steps = lab.hdfs(share, 0), {}
        for name in (SMALL, WITHOUT):
            detector = lab.trained(name, share, 0).detector
            ranks = detector.judge.judge(data.test.windows).worst_ranks(data.test.windows).astype(np.float64)
            keys = len(detector.judge.vocabulary.hashes)
            ks = np.union1d(np.geomspace(1, keys, 25).round().astype(int), detector.k_).tolist()
            steps[name] = [
                {"k": k, **asdict(measure(ranks, data.test.anomalous, k - 0.5, data.corpus.prevalence))} for k in ks
            ]
        found[title] = {"k": detector.k_, "keys": keys, "steps": steps}
    return found


def ablation(lab: Lab) -> Figures:
    """With reinforcement, without, and with all of it but its reward."""
    found = {}
    for title, share in SHARES.items():
        rules = {"surprise": SURPRISE, "top-k": TOP_K}
        results = {
            (name, rule): [lab.ruled(name, share, seed, options, name) for seed in lab.seeds]
            for name in (SMALL, UNREWARDED, WITHOUT)
            for rule, options in rules.items()
        }
        rows = [{"network": name, "rule": rule, **over_seeds(of).to_json()} for (name, rule), of in results.items()]
        gains = {
            rule: {name: gain(results[name, rule], results[WITHOUT, rule]) for name in (SMALL, UNREWARDED)}
            for rule in rules
        }
        rewards = np.array([lab.trained(SMALL, share, seed).figures["rewards"] for seed in lab.seeds]).mean(0)
        found[title] = {
            "rows": rows,
            "gains": gains,
            "rewards": rewards.tolist(),
            "hits": {name: hits(lab, name, share) for name in (WITHOUT, SMALL)},
        }
    return found


def gain(with_rl: Sequence[Result], without: Sequence[Result]) -> Figures:
    """The mean difference in F1, seed by seed, with Student's 95 % interval where there are several seeds."""
    pairs = [(a.at_prevalence, b.at_prevalence) for a, b in zip(with_rl, without, strict=True)]
    differences = np.array([a.f1 - b.f1 for a, b in pairs if a and b])
    mean, n = float(differences.mean()), len(differences)
    half = float(STUDENT[n - 2] * differences.std(ddof=1) / np.sqrt(n)) if n > 1 else None
    return {"mean": mean, "interval": None if half is None else [mean - half, mean + half]}


def hits(lab: Lab, name: str, share: float | None) -> Figures:
    """The share of steps in the Top-K, the ends of sessions included, over all seeds."""
    shares = []
    for seed in lab.seeds:
        data, detector = lab.hdfs(share, seed), lab.trained(name, share, seed).detector
        judged = detector.judge.judge(data.test.windows)
        of_window = np.repeat(data.test.anomalous, data.test.windows.lengths)
        inside = np.concatenate([judged.ranks, judged.end_ranks]) < detector.k_
        anomalous = np.concatenate([of_window, data.test.anomalous])
        shares.append((inside[~anomalous].mean(), inside[anomalous].mean()))
    normal, bad = np.mean(shares, axis=0).tolist()
    return {"normal": normal, "anomalous": bad}


def paper_size(lab: Lab) -> Figures:
    """18 layers, 12 heads, 60 dimensions, to the last of 100 epochs, beside the small network."""
    rows = []
    for name in (PAPER, SMALL):
        figures = [lab.trained(name, None, seed).figures for seed in lab.seeds]
        means = ("seconds", "processor_seconds", "epochs")
        training = figures[0] | {of: float(np.mean([one[of] for one in figures])) for of in means}
        for rule, options in (("calibrated", SURPRISE), ("top-k", TOP_K)):
            results = [lab.ruled(name, None, seed, options, name) for seed in lab.seeds]
            rows.append({"network": name, "rule": rule, "training": training, **over_seeds(results).to_json()})
    return {**frame_of(lab.hdfs(None, lab.seeds[0])), "rows": rows}


def other_samples(lab: Lab) -> Figures:
    """BGL and Thunderbird by windows of 60 seconds."""
    found = {}
    for name, folder in (("BGL", "bgl"), ("Thunderbird", "thunderbird")):
        options = compare.Options(
            detectors=("baseline", "counts", "logllama"),
            settings={"lm": lab.settings(SMALL)["lm"]},
            seeds=lab.seeds,
        )
        compared = compare.evaluate([str(lab.data / folder)], options)
        found[name] = compared.evaluation.to_json()
    return found


def exported(lab: Lab) -> Figures:
    """ONNX Runtime against torch, and scanning with an exported network against scanning with the baseline."""
    data, folders, rows = lab.hdfs(None, 0), {"baseline": lab.work / "exported" / "baseline"}, []
    save(folders["baseline"], data.profile, card_for(data, TrainOptions(seed=0)))
    for name in (SMALL, PAPER):
        trained, folder = lab.trained(name, None, 0), lab.work / "exported" / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(trained.folder, folder)
        card = export(folder, int8=True)["export"]
        rounded = shutil.copytree(folder, lab.work / "exported" / f"{name}-int8", dirs_exist_ok=True)
        (folder / INT8).unlink()  # it would be scanned with
        folders |= {name: folder, f"{name}, int8": rounded}
        torch_detector = load(trained.folder).detector
        assert isinstance(torch_detector, LogLLaMA)
        judge, windows = torch_detector.judge, load_held_out(folder).windows
        rows.append({"network": name, "export": card, **rates(judge, folder / FLOAT, windows)})
    return {"rows": rows, "scan": scans(lab, folders)}


def rates(judge: Judge, exported: Path, windows: Windows) -> Figures:
    """Windows per second, all of them and one by one: the median of turns taken one after the other."""
    default = torch.get_num_threads()
    onnx = replace(judge, scorer=open_session(exported))
    ways: dict[str, tuple[Callable[[Windows], object], int]] = {
        "ONNX Runtime": (onnx.judge, default),
        "torch, 1 thread": (judge.judge, 1),
        f"torch, its default ({default})": (judge.judge, default),
        "torch, 1 thread, each window whole": (read_whole(judge), 1),
        f"torch, its default ({default}), each window whole": (read_whole(judge), default),
        f"torch, its default ({default}), as they come": (read_as_they_come(judge), default),
    }
    single = [windows.take(np.array([at])) for at in np.linspace(0, len(windows) - 1, ALONE).astype(int)]
    together: dict[str, list[float]] = {name: [] for name in ways}
    alone: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(TURNS + 1):
        for name, (way, threads) in ways.items():
            torch.set_num_threads(threads)
            began = perf_counter()
            way(windows)
            then = perf_counter()
            for window in single:
                way(window)
            if turn:  # the first warms up
                together[name].append(len(windows) / (then - began))
                alone[name].append(len(single) / (perf_counter() - then))
    torch.set_num_threads(default)
    return {
        "windows": len(windows),
        "together": {name: median(found) for name, found in together.items()},
        "alone": {name: median(found) for name, found in alone.items()},
    }


def read_as_they_come(judge: Judge) -> Callable[[Windows], object]:
    """As a network is used that nothing is known of: so many windows in their order, padded to the longest of them."""

    def read(windows: Windows) -> None:
        sequences = judge.vocabulary.sequences(windows, judge.ends)
        found = chunks(np.array([len(sequence) for sequence in sequences]), judge.context, judge.overlap)
        for first in range(0, len(found), BATCH):
            some = found[first : first + BATCH]
            judge.scorer.log_probs(batch(sequences, np.ones(len(sequences), np.int64), some).tokens)

    return read


def read_whole(judge: Judge) -> Callable[[Windows], object]:
    """The same with windows of about the same length together: little is padded."""

    def read(windows: Windows) -> None:
        sequences = judge.vocabulary.sequences(windows, judge.ends)
        for some in by_length(sequences, judge.context, judge.overlap, WHOLE):
            judge.scorer.log_probs(some.tokens)

    return read


def scans(lab: Lab, folders: dict[str, Path]) -> dict[str, float]:
    """Seconds of whole processes of `logscan scan HDFS.log`, by model."""
    command = [sys.executable, "-m", "logscan", "scan", str(lab.data / "hdfs" / "HDFS.log"), "--json", "--model"]
    found: dict[str, list[float]] = {name: [] for name in folders}
    for _ in range(1 if lab.quick else TURNS):
        for name, folder in folders.items():
            found[name].append(seconds([*command, str(folder)]))
    return {name: median(times) for name, times in found.items()}


class Cut(Exception):
    """Ends a training in the middle."""


def resumed(lab: Lab) -> Figures:
    """A training that is cut at half of its epochs and goes on, against one that is not."""
    data, options = lab.hdfs(None, 0), build(Options, lab.settings(SMALL))
    half, checkpoints = options.lm.epochs // 2, lab.work / "checkpoints" / "resumed"
    shutil.rmtree(checkpoints, ignore_errors=True)
    checkpoints.mkdir(parents=True)

    def cut(stage: str, epoch: int, epochs: int, figures: dict[str, float], /) -> None:
        if (stage, epoch) == ("language model", half):
            raise Cut

    began, hashes = perf_counter(), data.reader.keys.hashes()
    with suppress(Cut):
        LogLLaMA(options).fit(normal_of(data), hashes, True, Run(0, checkpoints, cut))
    detector = LogLLaMA(options)
    detector.fit(normal_of(data), hashes, True, Run(0, checkpoints))
    again = result_of("cut and resumed", detector, data, 0, perf_counter() - began)
    whole = lab.ruled(SMALL, None, 0, SURPRISE, "uninterrupted")
    return {"half": half, "rows": [whole.to_json(), again.to_json()]}
