"""OpenStack of loghub: logs whose names say normal or abnormal, such as `openstack_abnormal.log`: labels by file.

Logs that say neither are left out.
"""

from pathlib import Path

from logscan.corpora.corpus import Corpus
from logscan.corpora.labels import NO_LOGS, by_file


def find(folder: Path) -> Corpus | None:
    """The corpus in a folder, None unless logs there say both."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.suffix not in NO_LOGS)
    abnormal = [str(folder / name) for name in names if "abnormal" in name.lower()]
    normal = [str(folder / name) for name in names if "normal" in name.lower() and "abnormal" not in name.lower()]
    if not normal or not abnormal:
        return None
    return Corpus(
        name=folder.name,
        paths=(*normal, *abnormal),
        layout="OpenStack",
        anomalous=by_file(normal, abnormal),
        by="file",
        example=Path(abnormal[0]).name,
    )
