"""Database servers: PostgreSQL, MySQL and MariaDB, Redis."""

from logscan.formats.format import Format

POSTGRESQL = Format(
    name="postgresql",
    about="PostgreSQL: `time zone [pid] user@database LEVEL:  message`; of a statement only the verb is read",
    examples=(
        "2026-01-31 01:02:03.456 UTC [4711] LOG:  checkpoint starting: time",
        "2026-01-31 01:02:04.001 UTC [4712] shop@orders LOG:  duration: 12.3 ms  statement: SELECT *",
        "\tFROM carts WHERE id = 7",
        '2026-01-31 01:02:05.001 UTC [4712] shop@orders ERROR:  relation "cart" does not exist at character 15',
        "2026-01-31 01:02:05.001 UTC [4712] shop@orders STATEMENT:  SELECT * FROM cart",
        '2026-01-31 01:02:06.001 UTC [4713] shop@orders FATAL:  password authentication failed for user "shop"',
        "2026-01-31 01:02:06.001 UTC [4713] shop@orders DETAIL:  Connection matched pg_hba.conf line 95",
    ),
    header=r"^(?P<time>\d+-\d+-\d+ \d+:\d+:\d+(?:\.\d+)?)(?: [A-Z]+| [+-]\d+)? \[(?P<pid>\d+)(?:-\d+)?\]:? "
    r"(?:[^\s:]+ ){0,3}?(?P<level>LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|DEBUG\d?|STATEMENT|DETAIL|HINT"
    r"|CONTEXT|QUERY|LOCATION):\s+(?P<message>.*)$",
    levels={"LOG": "INFO", "DEBUG0": "DEBUG"},
    sessions=(r"^[^\[]*\[(\d+)[\d-]*\]",),
    payload=(
        (r"\b(statement|execute [^\s:]*|parse [^\s:]*|bind [^\s:]*): (\w+).*$", "${1}: ${2} <*>"),
        (r"^(?i:(select|insert|update|delete|copy|create|alter|drop|with|call|vacuum))\b.*$", "${1} <*>"),
        (r"\b(parameters|Parameters): .*$", "${1}: <*>"),
    ),
)

MYSQL = Format(
    name="mysql",
    about="MySQL and MariaDB error logs: `time thread [Level] [code] [subsystem] message`",
    examples=(
        "2026-01-31T01:02:03.456789Z 0 [System] [MY-010116] [Server] mysqld (mysqld 8.0.36) starting as process 1",
        "2026-01-31T01:02:04.000001Z 1 [Warning] [MY-013360] [InnoDB] Plugin is deprecated",
        "2026-01-31T01:02:05.000001Z 12 [Note] Access denied for user 'shop'@'192.0.2.7' (using password: YES)",
        "2026-01-31  1:02:06 0 [Note] InnoDB: Buffer pool(s) load completed",
        "2026-01-31  1:02:07 0 [ERROR] Aborting",
    ),
    header=r"^(?P<time>\d+-\d+-\d+[T ]\s?\d+:\d+:\d+(?:\.\d+)?(?:Z|[+-]\d+:\d+)?) (?P<pid>\d+) \["
    r"(?P<level>\w+)\] "
    r"(?:\[MY-\d+\] )?(?:\[(?P<component>\w+)\] )?(?P<message>.*)$",
    levels={"SYSTEM": "INFO"},
)

REDIS = Format(
    name="redis",
    about="Redis: `pid:role 31 Jan 2026 01:02:03.456 sign message`; the sign is the level, the role the component",
    examples=(
        "4711:C 31 Jan 2026 01:02:03.456 # Configuration loaded",
        "4711:M 31 Jan 2026 01:02:03.500 * Ready to accept connections",
        "4711:M 31 Jan 2026 01:02:04.001 - Accepted 192.0.2.7:52672",
        "4711:M 31 Jan 2026 01:02:05.001 . DB 0: 17 keys (3 volatile) in 32 slots HT.",
        "4720:S 31 Jan 2026 01:02:06.001 # Error condition on socket for SYNC: Connection refused",
    ),
    header=r"^(?P<pid>\d+):(?P<component>[A-Z]) (?P<time>\d+ [A-Z][a-z][a-z] \d+ \d+:\d+:\d+(?:\.\d+)?) "
    r"(?P<level>[.*#-]) (?P<message>.*)$",
    times=("%d %b %Y %H:%M:%S%.f",),
    levels={".": "DEBUG", "-": "VERBOSE", "*": "NOTICE", "#": "WARN"},
    sessions=(r"^(\d+:[A-Z]) ",),
)
