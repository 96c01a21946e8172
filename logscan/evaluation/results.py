"""What an evaluation found: one corpus, one protocol, any number of detectors.

result = Result.of("logllama", scores, anomalous, prevalence=0.0293, cost=Cost(train=14.2, score=0.8))
Evaluation("HDFS", "HDFS", "logllama", "session", 1058, 13525, 4000, 250_000, (result,)).to_json()
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from logscan.evaluation.curves import Step, threshold_sweep
from logscan.evaluation.metrics import (
    NAMES,
    Bools,
    Confusion,
    Floats,
    Intervals,
    Metrics,
    confusion,
    intervals,
    measure,
)

VERSION = 1

# the 0.975 quantiles of Student's t with 1, 2, ... degrees of freedom; beyond the last they hardly fall
STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)


@dataclass(frozen=True)
class Cost:
    """train, score: seconds; latency: milliseconds for one window alone; size: bytes of the model. None: not known."""

    train: float | None = None
    score: float | None = None
    windows_per_second: float | None = None
    lines_per_second: float | None = None
    latency: float | None = None
    size: float | None = None


@dataclass(frozen=True)
class Result:
    """A detector on the test windows.

    thresholds, top_k: sweeps at the other prevalence where there is one, the latter only of what has a K;
    intervals: 95 %, by bootstrap of the test windows, or over the seeds where there are several;
    notes: what a reader should know about the figures, such as that a sample was judged.
    """

    detector: str
    metrics: Metrics
    confusion: Confusion
    intervals: Intervals
    at_prevalence: Metrics | None = None
    at_prevalence_intervals: Intervals = field(default_factory=dict)
    thresholds: tuple[Step, ...] = ()
    top_k: tuple[Step, ...] = ()
    cost: Cost = Cost()
    options: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        detector: str,
        scores: Floats,
        anomalous: Bools,
        threshold: float = 0.5,
        prevalence: float | None = None,
        **known: Any,
    ) -> "Result":
        """Judged by (n,) scores; `known` are the fields that do not follow from them. Raises ValueError unless there
        are some of both classes."""
        if prevalence is not None:
            known["at_prevalence"] = measure(scores, anomalous, threshold, prevalence)
            known["at_prevalence_intervals"] = intervals(scores, anomalous, threshold, prevalence)
        return cls(
            detector,
            measure(scores, anomalous, threshold),
            confusion(scores, anomalous, threshold),
            intervals(scores, anomalous, threshold),
            thresholds=threshold_sweep(scores, anomalous, threshold, prevalence),
            **known,
        )

    def to_json(self) -> dict[str, Any]:
        """As in `evaluate --format json`."""
        cost = self.cost
        return {
            "detector": self.detector,
            "options": dict(self.options),
            "seeds": list(self.seeds),
            "metrics": asdict(self.metrics),
            "intervals": {name: list(ends) for name, ends in self.intervals.items()},
            "confusion": asdict(self.confusion),
            "at_prevalence": self.at_prevalence and asdict(self.at_prevalence),
            "at_prevalence_intervals": {name: list(ends) for name, ends in self.at_prevalence_intervals.items()},
            "seconds": {"train": cost.train, "score": cost.score},
            "rates": {"windows_per_second": cost.windows_per_second, "lines_per_second": cost.lines_per_second},
            "latency_ms": cost.latency,
            "size_bytes": cost.size,
            "sweeps": {
                "prevalence": (self.at_prevalence or self.metrics).prevalence,
                "threshold": [{"threshold": step.value, **_figures(step)} for step in self.thresholds],
                "top_k": [{"k": int(step.value), **_figures(step)} for step in self.top_k],
            },
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Evaluation:
    """layout: of the corpus; window: how its records were cut; train, test, anomalous: windows learnt from, judged,
    and of those judged anomalous; lines: in the windows judged; results: in the order in which they are shown;
    left_out: names of detectors that could not be measured, and why."""

    corpus: str
    layout: str
    protocol: str
    window: str
    train: int
    test: int
    anomalous: int
    lines: int
    results: tuple[Result, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """A name a result: the detector's, with the options that tell it from others of that name."""
        alike = {
            r.detector: [other.options for other in self.results if other.detector == r.detector] for r in self.results
        }
        return tuple(
            " ".join(
                [
                    r.detector,
                    *(
                        f"{name}={value}"
                        for name, value in r.options.items()
                        if any(other.get(name) != value for other in alike[r.detector])
                    ),
                ]
            )
            for r in self.results
        )

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of all results."""
        return tuple(sorted({seed for result in self.results for seed in result.seeds}))

    @property
    def prevalence(self) -> float | None:
        """The other share of anomalies that results are given for, if there is one."""
        return next((r.at_prevalence.prevalence for r in self.results if r.at_prevalence is not None), None)

    def to_json(self) -> dict[str, Any]:
        """As in `evaluate --format json`."""
        return {
            "version": VERSION,
            "corpus": self.corpus,
            "layout": self.layout,
            "protocol": self.protocol,
            "window": self.window,
            "seeds": list(self.seeds),
            "windows": {"train": self.train, "test": self.test, "anomalous": self.anomalous},
            "lines": self.lines,
            "results": [result.to_json() for result in self.results],
            "left_out": [{"detector": name, "why": why} for name, why in self.left_out],
        }


def over_seeds(results: Sequence[Result]) -> Result:
    """The mean of one detector with several seeds, with Student's 95 % intervals, cut at what a metric can be.

    The confusion matrix and the sweeps, of which there is no mean, are those of the first. One alone stays as it is.
    """
    first = results[0]
    if len(results) == 1:
        return first
    metrics, ends = _mean([result.metrics for result in results])
    rated = [result.at_prevalence for result in results if result.at_prevalence is not None]
    at_prevalence, at_ends = _mean(rated) if len(rated) == len(results) else (None, {})
    seeds = tuple(seed for result in results for seed in result.seeds)
    note = (
        f"mean over the seeds {', '.join(map(str, seeds))}, with Student's 95 % intervals; "
        f"confusion matrix, sweeps and curves of seed {seeds[0]}"
    )
    return replace(
        first,
        metrics=metrics,
        intervals=ends,
        at_prevalence=at_prevalence,
        at_prevalence_intervals=at_ends,
        cost=Cost(**{name: _mean_known([asdict(r.cost)[name] for r in results]) for name in asdict(first.cost)}),
        seeds=seeds,
        notes=(*dict.fromkeys(known for result in results for known in result.notes), note),
    )


def _mean(metrics: Sequence[Metrics]) -> tuple[Metrics, Intervals]:
    """Means and their intervals, by name."""
    found = {name: np.array([asdict(m)[name] for m in metrics]) for name in (*NAMES, "prevalence")}
    half = STUDENT[min(len(metrics) - 1, len(STUDENT)) - 1] / np.sqrt(len(metrics))
    ends = {}
    for name in NAMES:
        middle, spread = found[name].mean(), half * found[name].std(ddof=1)
        ends[name] = (max(float(middle - spread), -1.0 if name == "mcc" else 0.0), min(float(middle + spread), 1.0))
    return Metrics(**{name: float(values.mean()) for name, values in found.items()}), ends


def _mean_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _figures(step: Step) -> dict[str, Any]:
    return {name: value for name, value in asdict(step).items() if name != "value"}
