"""The Hadoop file system in its old, compact layout."""

from logscan.formats.format import Format

HDFS = Format(
    name="hdfs",
    about="HDFS: `260131 010203 thread LEVEL component: message`",
    examples=(
        "260131 010203 17 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_4711 terminating",
        "260131 010203 18 INFO dfs.DataNode$DataXceiver: Receiving block blk_-4712 src: /192.0.2.1:50010",
        "260131 010204 18 WARN dfs.DataNode$DataXceiver: Got exception while serving blk_-4712 to /192.0.2.9:",
        "260131 010205 19 INFO dfs.FSDataset: Deleting block blk_4711 file /data/current/blk_4711",
        "260131 010206 19 INFO dfs.FSDataset: Deleting block blk_4712 file /data/current/blk_4712",
    ),
    header=r"^(?P<time>\d+ \d+) (?P<pid>\d+) (?P<level>[A-Z]+) (?P<component>[^\s:]+): (?P<message>.*)$",
    times=("%y%m%d %H%M%S",),
)
