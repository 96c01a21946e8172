"""How good a detector is."""

from logscan.evaluation.metrics import Metrics, measure

__all__ = ["Metrics", "measure"]
