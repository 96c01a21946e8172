"""How good a detector is: `metrics` and `curves` of scores, `results` that gather them, and three ways to show these.

metrics  scores, labels -> precision, recall and the like, with bootstrap intervals, also at another prevalence
curves   scores, labels -> ROC, precision over recall, sweeps of the threshold and of K
results  -> one evaluation: a corpus, a protocol, the results of its detectors; JSON
tables   an evaluation -> a terminal, Markdown
plots    an evaluation -> SVG and PNG (needs matplotlib)
page     an evaluation -> one HTML page
"""

from logscan.evaluation.metrics import Metrics, measure

__all__ = ["Metrics", "measure"]
