"""FastLogAD: a generator makes pseudo anomalies of normal windows, a discriminator learns to keep these away from the
normal ones; one pass of it judges a window, where masked language models need one for each key.

Source: Y. Lin, H. Deng and X. Li, "FastLogAD: Log Anomaly Detection with Mask-Guided Pseudo Anomaly Generation and
Discrimination", 2024.

    generator      a transformer that learns to fill masked keys of normal windows; what it draws for them makes pseudo
                   anomalies, which look right and are not
    discriminator  another one, whose vector of a window is to lie near the centre where the window is normal, and far
                   from it where it is a pseudo anomaly: d^2 and -ln(1 - exp(-d^2)), d being the distance

What was chosen: both are trained together; the share of a window's keys that is masked is drawn between `least` and
`most`; a share `unknown` of what is filled in is the key that stands for all new ones, so that the discriminator knows
it, too; a pseudo anomaly that came out as it was counts for nothing; the centre is the origin, and a window's vector
that of BEGIN; the losses are those of hypersphere classification (P. Liznerski et al., "Explainable Deep One-Class
Classification", 2021); what is longer than `context` keys is read in parts, and judged as its farthest one. The
threshold is put where a share of held-out normal windows exceeds it.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import orjson

from logscan.detectors.registry import loading
from logscan.detectors.sessions import Scores
from logscan.detectors.thresholds import exceeded_by, ratio
from logscan.networks.options import Training
from logscan.networks.rows import by_length, in_parts, padded
from logscan.networks.vocabulary import BEGIN, FIRST, PAD, UNKNOWN, Vocabulary
from logscan.settings import build
from logscan.windows.sessions import Floats, Ints, Windows

if TYPE_CHECKING:
    import torch

    from logscan.networks.run import Run

STATE = "detector.json"
WEIGHTS = "weights.safetensors"
EXPORTED = ("detector.int8.onnx", "detector.onnx")  # the first that is there is used
INPUTS = {"tokens": ("int64", "batch", "length")}
OUTPUTS = {"distances": ("float32", "batch")}
AT_ONCE = 16_384  # keys that are read at once
EPOCHS = ("training.epochs",)


@dataclass(frozen=True)
class Options:
    """layers, heads, hidden, intermediate, dropout: of generator and discriminator
    context: keys of a part of a window, at most
    least, most: share of keys that are masked; unknown: share of these that become a key that was never seen
    held_out: share of the normal windows that is kept from training, for the threshold
    false_positives: share of these that may be called anomalous
    """

    layers: int = 2
    heads: int = 4
    hidden: int = 256
    intermediate: int = 256
    dropout: float = 0.1
    context: int = 512
    least: float = 0.1
    most: float = 0.6
    unknown: float = 0.1
    training: Training = field(default_factory=lambda: Training(epochs=50))
    held_out: float = 0.2
    false_positives: float = 0.003

    def __post_init__(self) -> None:
        """Raises ValueError for a network that cannot be, or shares that are none."""
        if min(self.layers, self.heads, self.intermediate, self.context) < 1 or self.hidden < 2:
            raise ValueError("sizes should be at least 1")
        if self.hidden % self.heads or self.hidden % 2:
            raise ValueError("hidden should be even, and a multiple of heads")
        if not 0 < self.least <= self.most < 1 or not 0 <= self.dropout < 1 or not 0 <= self.unknown < 1:
            raise ValueError("least, most, dropout and unknown should be less than 1, and least not above most")
        if not 0 < self.held_out < 1 or not 0 < self.false_positives < 1:
            raise ValueError("held_out and false_positives should lie between 0 and 1")


PRESETS: dict[str, dict[str, Any]] = {"paper": {}, "small": {"hidden": 64, "intermediate": 128}}


class FastLogAD:
    """threshold_: distance above which a window is anomalous"""

    name = "fastlogad"
    supervised = False
    reads = None

    vocabulary: Vocabulary
    discriminator: Any  # networks.in_torch.InTorch or runtime.session.Network: `run(tokens)`
    threshold_: float
    _network: "torch.nn.Module"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    @property
    def provider(self) -> str:
        """What runs the network, in words."""
        return str(self.discriminator.provider)

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: "Run", anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Learn normal windows. Gives figures."""
        import torch

        from logscan.detectors.fastlogad_network import Both, learn
        from logscan.networks.in_torch import InTorch

        learnt, held_out = normal.parted(self.options.held_out, np.random.default_rng(run.seed))
        self.vocabulary = Vocabulary.learnt(learnt, hashes)
        first, _, counts = learnt.distinct()
        rows, owners = self._parts(learnt.take(first))
        torch.manual_seed(run.seed)
        both = Both(len(self.vocabulary), self.options)
        losses = learn(both, rows, counts[owners], self.options, run)
        self._network = both.discriminator
        self.discriminator = InTorch(self._network)
        self.threshold_ = exceeded_by(self.options.false_positives, self.distances(held_out))
        how = f"which {self.options.false_positives:.1%} of held-out normal windows exceed"
        return {
            "vocabulary": len(self.vocabulary),
            "parameters": sum(weights.numel() for weights in self._network.parameters()),
            "distinct_windows": len(first),
            "epochs": len(losses),
            "losses": losses,
            "threshold": {"distance": round(self.threshold_, 4), "how": how},
        }

    def _parts(self, windows: Windows) -> tuple[list[Ints], Ints]:
        """The tokens of windows in parts, and (parts,) which window each is of."""
        split = [
            in_parts(tokens[1:], self.options.context) for tokens in self.vocabulary.sequences(windows, ends=False)
        ]
        owners = np.repeat(np.arange(len(split)), [len(those) for those in split])
        return [np.concatenate([[BEGIN], part]) for those in split for part in those], owners

    def score(self, windows: Windows) -> Scores:
        """Scores of windows; an event has that of its window."""
        scores = ratio(self.distances(windows), self.threshold_)
        return Scores(scores, np.repeat(scores, windows.lengths))

    def distances(self, windows: Windows) -> Floats:
        """(n,) of each window from the centre; equal windows are read once."""
        first, inverse, _ = windows.distinct()
        rows, owners = self._parts(windows.take(first))
        found, distances = np.zeros(len(first)), np.zeros(len(rows))

        def read(batch: Ints) -> None:
            distances[batch] = self.discriminator.run(padded([rows[at] for at in batch])[0])

        with ThreadPoolExecutor(self.discriminator.at_once) as pool:
            list(pool.map(read, by_length([len(row) for row in rows], AT_ONCE)))
        np.maximum.at(found, owners, distances)
        return found[inverse]

    def save(self, folder: Path) -> None:
        """Write a JSON file and the discriminator's weights."""
        from logscan.networks.weights import save_weights

        state = {
            "options": asdict(self.options),
            "threshold": self.threshold_,
            "vocabulary": self.vocabulary.hashes,
        }
        (folder / STATE).write_bytes(orjson.dumps(state))
        save_weights(self._network.state_dict(), folder / WEIGHTS)

    @classmethod
    def load(cls, folder: Path, hashes: Sequence[str], exported: bool = True) -> Self:
        """What `save` wrote; runs on ONNX Runtime where it is exported, unless that is not wanted, else on torch.

        Raises ModelError where neither can be used, KeyError, TypeError or ValueError where it is damaged.
        """
        from logscan.runtime.session import open_traced

        state = orjson.loads((folder / STATE).read_bytes())
        detector = cls(build(Options, state["options"]))
        detector.threshold_ = float(state["threshold"])
        detector.vocabulary = Vocabulary(state["vocabulary"], hashes)
        paths = [folder / name for name in EXPORTED if exported and (folder / name).is_file()]
        with loading(folder):
            detector.discriminator = open_traced(paths[0], INPUTS, OUTPUTS) if paths else detector._restored(folder)
        return detector

    def _restored(self, folder: Path) -> Any:
        import torch

        from logscan.detectors.fastlogad_network import Discriminator
        from logscan.networks.in_torch import InTorch
        from logscan.networks.weights import check_weights, load_weights

        with torch.device("meta"):
            check_weights(Discriminator(len(self.vocabulary), self.options).state_dict(), folder / WEIGHTS)
        self._network = Discriminator(len(self.vocabulary), self.options)
        load_weights(self._network.state_dict(), folder / WEIGHTS)
        return InTorch(self._network)

    def export(self, folder: Path, windows: Windows) -> float:
        """Write the discriminator as ONNX. Gives the largest difference of the distances of windows like these.

        Raises ModelError where that is not small.
        """
        from logscan.runtime.traced import export_traced

        first, _, _ = windows.distinct()
        rows, _ = self._parts(windows.take(first))
        example = np.array([[BEGIN, UNKNOWN, FIRST], [BEGIN, UNKNOWN, PAD]])
        batches = [padded([rows[at] for at in batch])[:1] for batch in by_length([len(r) for r in rows], AT_ONCE)]
        return export_traced(self._network, INPUTS, OUTPUTS, folder / EXPORTED[-1], [(example,), *batches])

    def quantize(self, folder: Path) -> None:
        """Write the exported network with weights of eight bits, beside it."""
        from logscan.runtime.traced import round_weights

        round_weights(folder / EXPORTED[-1])
