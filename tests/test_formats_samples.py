"""Formats on real logs, where they are present: the expected format, session and share of times of each."""

import os
from pathlib import Path

import polars as pl
import pytest

from logscan.formats import detect

DATA = Path(os.environ.get("LOGSCAN_DATA", Path(__file__).parents[2] / "shared" / "data"))
PROCESS = r"\s([^\s\[\]:]+\[\d+\]):"
EXPECTED = {  # file: (format, what the session pattern contains)
    "hdfs/HDFS.log": ("hdfs", "blk_"),
    "bgl/BGL.log": ("bgl", None),
    "thunderbird/Thunderbird.log": ("thunderbird", None),
    "openstack/nova-sample.log": ("openstack-bare", "instance:"),
    "openstack/vm-destroy.log": ("openstack-bare", "[0-9a-fA-F]{12}"),
    "kafka/server.log": ("kafka", None),
    "kafka/controller.log": ("kafka", None),
    "kafka/state-change.log": ("kafka", None),
    "kafka/log-cleaner.log": ("kafka", None),
    "kafka/kafkaServer-gc.log": ("generic", None),
    "web/apache_access.log": ("access", None),
    "servers/redis/train.log": ("redis", None),
    "servers/redis/test.log": ("redis", None),
    "servers/sshd/train.log": ("syslog-iso", PROCESS),
    "servers/sshd/test.log": ("syslog-iso", PROCESS),
    "loghub_2k/Android_2k.log": ("android", None),
    "loghub_2k/Apache_2k.log": ("apache-error", None),
    "loghub_2k/BGL_2k.log": ("bgl", None),
    "loghub_2k/HDFS_2k.log": ("hdfs", None),  # lines drawn from the whole log: one a block
    "loghub_2k/HPC_2k.log": ("plain", None),
    "loghub_2k/Hadoop_2k.log": ("log4j", None),
    "loghub_2k/HealthApp_2k.log": ("generic", None),
    "loghub_2k/Linux_2k.log": ("syslog", None),
    "loghub_2k/Mac_2k.log": ("syslog", None),
    "loghub_2k/OpenSSH_2k.log": ("syslog", PROCESS),
    "loghub_2k/OpenStack_2k.log": ("openstack", "instance:"),
    "loghub_2k/Proxifier_2k.log": ("generic", None),
    "loghub_2k/Spark_2k.log": ("spark", None),
    "loghub_2k/Thunderbird_2k.log": ("thunderbird", None),
    "loghub_2k/Windows_2k.log": ("windows-cbs", None),
    "loghub_2k/Zookeeper_2k.log": ("zookeeper", None),
}
TIMELESS = {"plain", "openstack-bare"}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_log(name: str) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no sample log {path}; set LOGSCAN_DATA")
    with path.open(encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        texts = [line.rstrip("\r\n") for line, _ in zip(file, range(5000), strict=False)]
    lines = pl.DataFrame({"text": texts}).with_row_index("line", 1).cast({"line": pl.Int64})
    lines = lines.with_columns(offset=pl.lit(0, pl.Int64), raw=pl.lit(None, pl.Binary))

    layout = detect(lines["text"].head(2000))
    form, session = EXPECTED[name]
    assert layout.format.name == form
    assert (layout.session is None) == (session is None)
    assert session is None or session in str(layout.session)

    records = layout.records(lines)
    assert records["time"].null_count() <= (len(records) if form in TIMELESS else 0.02 * len(records))
    fields = layout.attributes(records["shape"].unique())
    assert fields["message"].null_count() == 0
    heads = records["text"].str.contains(layout.format.header)
    assert heads.mean() > 0.9  # type: ignore[operator]
