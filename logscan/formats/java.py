"""Logs of the Java world: log4j and logback layouts, and those of Hadoop, Spark, ZooKeeper and Kafka."""

from logscan.formats.format import ISO, Format

LEVEL = r"(?P<level>TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|SEVERE)"
THREAD = r"\[(?:[^\[\]]|\[[^\]]*\])*\]"  # [main], [Thread[main,5,main]]

LOG4J = Format(
    name="log4j",
    about="log4j, logback, Spring Boot and Hadoop: time, level and [thread] in either order, logger, message",
    examples=(
        "2026-01-31 01:02:03,456 INFO [main] com.example.shop.Cart: added 3 items",
        "2026-01-31 01:02:03,789 WARN [pool-1-thread-2] com.example.shop.Stock: article 99 is low",
        "2026-01-31 01:02:04.001 [main] ERROR c.example.shop.Order - cannot place order 12",
        "java.lang.IllegalStateException: no stock left",
        "\tat com.example.shop.Order.place(Order.java:42)",
        "\tat com.example.shop.Main.main(Main.java:7)",
        "Caused by: java.sql.SQLException: connection closed",
        "\tat com.example.db.Pool.take(Pool.java:88)",
        "\t... 2 more",
        "2026-01-31 01:02:05.001  INFO 4711 --- [           main] c.example.shop.Main : started in 3.2 seconds",
        "2026-01-31 01:02:06,001 INFO  Main:31 - stopped",
    ),
    header=rf"^(?P<time>{ISO})\s+(?:{THREAD}\s+)?{LEVEL}\s+(?:\d+\s+---\s+)?(?:{THREAD}\s+)*"
    r"(?P<component>[\w.$/-]+)(?::\d+)?\s*(?: - |: )\s*(?P<message>.*)$",
)

LOG4J_LEVEL_FIRST = Format(
    name="log4j-level-first",
    about="log4j and logback with the level in front, as Cassandra has it: `LEVEL [thread] time file - text`",
    examples=(
        "INFO  [main] 2026-01-31 01:02:03,456 StorageService.java:600 - Loading persisted ring state",
        "INFO  [GossipStage:1] 2026-01-31 01:02:04,456 Gossiper.java:1060 - Node /192.0.2.7 is now UP",
        "WARN  [main] 2026-01-31 01:02:05,456 NativeLibrary.java:187 - Unable to lock JVM memory",
        "ERROR [ReadStage-3] 2026-01-31 01:02:06,456 CassandraDaemon.java:228 - Exception in thread",
        "java.lang.RuntimeException: Last written key is larger",
        "\tat org.example.Reader.read(Reader.java:17)",
        "DEBUG [main] 2026-01-31 01:02:07,456 Gossiper.java:99 - Attempting to connect",
    ),
    header=rf"^{LEVEL}\s+{THREAD} (?P<time>{ISO}) (?P<component>[\w.$-]+)(?::\d+)? - (?P<message>.*)$",
)

SPARK = Format(
    name="spark",
    about="Spark: `26/01/31 01:02:03 INFO scheduler.DAGScheduler: message`",
    examples=(
        "26/01/31 01:02:03 INFO scheduler.DAGScheduler: Submitting 4 missing tasks from stage 2",
        "26/01/31 01:02:04 INFO executor.Executor: Running task 1.0 in stage 2.0 (TID 9)",
        "26/01/31 01:02:05 WARN util.Utils: Service 'sparkDriver' could not bind on port 7077",
        "26/01/31 01:02:06 ERROR executor.Executor: Exception in task 1.0 in stage 2.0 (TID 9)",
        "java.lang.OutOfMemoryError: Java heap space",
        "\tat java.util.Arrays.copyOf(Arrays.java:3332)",
        "26/01/31 01:02:07 INFO executor.Executor: Running task 2.0 in stage 2.0 (TID 10)",
    ),
    header=rf"^(?P<time>\d+/\d+/\d+ \d+:\d+:\d+(?:[.,]\d+)?)\s+{LEVEL}\s+(?P<component>[\w.$-]+): "
    rf"(?P<message>.*)$",
    times=("%y/%m/%d %H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f"),
)

ZOOKEEPER = Format(
    name="zookeeper",
    about="ZooKeeper: `time - LEVEL  [thread:Class@line] - message`",
    examples=(
        "2026-01-31 01:02:03,456 - INFO  [main:QuorumPeerConfig@101] - Reading configuration from: zoo.cfg",
        "2026-01-31 01:02:04,001 - INFO  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@84] - Closed socket",
        "2026-01-31 01:02:05,001 [myid:3] - WARN  [QuorumPeer[myid=3]/0:0:0:0:0:0:0:0:2181:Follower@89] - no leader",
        "2026-01-31 01:02:06,001 - INFO  [SessionTracker:ZooKeeperServer@325] - Expiring session 0x14f05578bd80001",
        "2026-01-31 01:02:07,001 - ERROR [main:QuorumPeer@180] - Unexpected exception",
    ),
    header=rf"^(?P<time>{ISO}) (?:\[myid:[^\]]*\] )?- {LEVEL}\s+\[(?:.*:)?"
    rf"(?P<component>[\w.$]+)@\d+\] - (?P<message>.*)$",
)

KAFKA = Format(
    name="kafka",
    about="Kafka: `[time] LEVEL message (logger)`",
    examples=(
        "[2026-01-31 01:02:03,456] INFO [KafkaServer id=1] started (kafka.server.KafkaServer)",
        "[2026-01-31 01:02:04,001] INFO Rolled new log segment for 'orders-3' in 12 ms. (kafka.log.Log)",
        "[2026-01-31 01:02:05,001] WARN Attempting to send response via channel 7 (kafka.network.Processor)",
        "[2026-01-31 01:02:06,001] ERROR Error while reading checkpoint (kafka.server.LogDirFailureChannel)",
        "java.io.IOException: No space left on device",
        "\tat java.io.FileOutputStream.write(FileOutputStream.java:326)",
        "[2026-01-31 01:02:07,001] INFO [KafkaServer id=1] shutting down (kafka.server.KafkaServer)",
    ),
    header=rf"^\[(?P<time>{ISO})\] {LEVEL} (?P<message>.*?)(?: \((?P<component>[\w.$-]+)\))?\s*$",
)
