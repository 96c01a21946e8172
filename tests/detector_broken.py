"""A detector of another package that fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from logscan.detectors.sessions import Scores
from logscan.errors import ModelError
from logscan.networks.run import Run
from logscan.windows import Windows


@dataclass(frozen=True)
class Options:
    """message: what is wrong; nothing for a mistake in the program."""

    message: str = "bad luck"


class Broken:
    """Learns nothing."""

    name = "broken"
    supervised = False
    reads = None

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: Run, anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Fail."""
        if self.options.message:
            raise ModelError(self.options.message)
        return {"share": 1 / len(self.options.message)}

    def score(self, windows: Windows) -> Scores:
        """Never asked for."""
        raise AssertionError
