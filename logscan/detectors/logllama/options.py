"""Every knob of LogLLaMA, with the paper's value as default where it gives one."""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Language:
    """The network and its training on next keys.

    layers, heads, hidden: the paper's 18, 12 and 60
    head_dim: the paper's 60 / 12 = 5 is odd, which rotary position embedding cannot be
    intermediate: of the feed-forward part, 8/3 of `hidden` as in LLaMA
    context, overlap: tokens read at once; a longer sequence is read in chunks that share `overlap` tokens
    epochs: 100 in the paper; patience: epochs without a better held-out loss after which it ends early, 0 for never
    batch: distinct sequences that make one step, about so many, as those that begin alike stay together
    unknown: share of keys that are hidden from the network in training, so that it learns to go on after a new one
    """

    layers: int = 18
    heads: int = 12
    hidden: int = 60
    head_dim: int = 6
    intermediate: int = 160
    context: int = 512
    overlap: int = 128
    epochs: int = 100
    patience: int = 20
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    unknown: float = 0.01

    def __post_init__(self) -> None:
        """Raises ValueError for a network that cannot be."""
        if self.head_dim % 2:
            raise ValueError("head_dim should be even: rotary position embedding turns pairs")
        if not 1 <= self.overlap < self.context:
            raise ValueError("overlap should be at least 1 and less than context")
        if min(self.layers, self.heads, self.hidden, self.head_dim, self.intermediate, self.epochs, self.batch) < 1:
            raise ValueError("sizes, epochs and batch should be at least 1")
        if self.hidden % self.heads:
            raise ValueError("hidden should be a multiple of heads")
        if not (self.learning_rate > 0 and self.weight_decay >= 0 and self.patience >= 0):
            raise ValueError("learning_rate should be above 0, weight_decay and patience not below")
        if not 0 <= self.unknown < 1:
            raise ValueError("unknown should be at least 0 and less than 1")


@dataclass(frozen=True)
class Reinforcement:
    """REINFORCE on Top-K prediction. episodes: 10 in the paper, 0 turns it off;
    entropy: weight of the entropy bonus; clip: rewards beyond are cut;
    anchor: weight of the language model's loss, so that it does not forget."""

    episodes: int = 10
    learning_rate: float = 1e-4
    entropy: float = 0.01
    clip: float = 1.0
    anchor: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        if not (self.learning_rate > 0 and self.entropy >= 0 and self.clip >= 0 and self.anchor >= 0):
            raise ValueError("learning_rate should be above 0; entropy, clip and anchor not below")
        if self.episodes < 0:
            raise ValueError("episodes should be at least 0")


@dataclass(frozen=True)
class Options:
    """rule: `top-k` is the paper's, a true next key outside the Top-K is an anomaly; `surprise` has a threshold on the
    least probable key, calibrated on held-out normal windows
    top_k: K as a share of the keys seen in training, 0.5 in the paper
    combine: `counts` asks in addition that no normal window had the same event counts
    held_out: share of the normal windows that are kept from training, for early stopping
    folds: networks trained beside the one that is kept, each without another part of the normal windows, which it
    judges for the threshold; 0: the threshold is found on those of `held_out`, which is as many times faster
    false_positives: share of held-out normal windows that may be called anomalous
    improbable: a probability of a key above which it is never surprising
    false_positives_counts, improbable_counts: the same with `counts`; there a key less probable than `improbable` is
    always surprising, as in the baseline
    """

    lm: Language = field(default_factory=Language)
    rl: Reinforcement = field(default_factory=Reinforcement)
    rule: Literal["surprise", "top-k"] = "surprise"
    top_k: float = 0.5
    combine: Literal["nothing", "counts"] = "nothing"
    held_out: float = 0.1
    folds: int = 4
    false_positives: float = 0.003
    improbable: float = 0.001
    false_positives_counts: float = 0.001
    improbable_counts: float = 0.005

    def __post_init__(self) -> None:
        """Raises ValueError for shares that are none."""
        shares = ("top_k", "held_out", "false_positives", "improbable", "false_positives_counts", "improbable_counts")
        for name in shares:
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} should lie between 0 and 1")
        if self.folds not in (0, *range(2, 100)):
            raise ValueError("folds should be 0, or at least 2")


EPOCHS = ("lm.epochs",)
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "small": {
        "lm": {
            "layers": 4,
            "heads": 4,
            "hidden": 64,
            "head_dim": 16,
            "intermediate": 176,
            "epochs": 34,
            "patience": 10,
            "learning_rate": 2e-3,
        }
    },
}
