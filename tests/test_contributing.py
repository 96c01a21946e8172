"""The detector that CONTRIBUTING.md shows is one: a file, and a line of the registry."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from logscan.corpora.reading import ReadOptions
from logscan.detectors import registry
from logscan.evaluation.compare import Options, evaluate

SHOWN = Path(__file__).parents[1] / "CONTRIBUTING.md"


def test_the_detector_that_is_shown(
    write: Callable[[str, Sequence[str]], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, rest = SHOWN.read_text(encoding="utf-8").partition("```python\n")
    code, _, _ = rest.partition("```\n")
    (tmp_path / "longer.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(registry.BUILT_IN, "longer", "longer:Longer")
    lines, labels = [], ["BlockId,Label"]
    for n in range(60):
        name = f"blk_{10**15 + n}"
        labels.append(f"{name},{'Anomaly' if n % 6 == 5 else 'Normal'}")
        steps = 9 if n % 6 == 5 else 2 + n % 3
        lines += [f"260302 {80000 + 9 * n + at:06} 31 INFO farm.Worker: {name} step done" for at in range(steps)]
    write("farm/anomaly_label.csv", labels)
    folder = Path(write("farm/HDFS.log", lines)).parent
    (result,) = evaluate(
        [str(folder)], Options(detectors=("longer",), read=ReadOptions(train_share=0.5))
    ).evaluation.results
    assert (result.detector, result.metrics.f1) == ("longer", 1.0)
