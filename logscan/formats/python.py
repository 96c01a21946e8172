"""Python's logging module: the layout of its manual and that of `basicConfig`."""

from logscan.formats.format import ISO, Format

LEVEL = "(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)"

PYTHON = Format(
    name="python",
    about="Python logging: `time - logger - LEVEL - message`",
    examples=(
        "2026-01-31 01:02:03,456 - shop.cart - INFO - added 3 items",
        "2026-01-31 01:02:03,789 - shop.cart - DEBUG - total is 12.50",
        "2026-01-31 01:02:04,001 - shop.orders - ERROR - cannot place order 12",
        "Traceback (most recent call last):",
        '  File "orders.py", line 42, in place',
        "    raise ValueError(article)",
        "ValueError: article 99 is unknown",
        "2026-01-31 01:02:05,001 - shop.orders - WARNING - retry 1 of 3",
        "2026-01-31 01:02:06,001 - shop.orders - CRITICAL - giving up",
    ),
    header=rf"^(?P<time>{ISO}) - (?P<component>[\w.-]+) - {LEVEL} - (?P<message>.*)$",
)

PYTHON_BASIC = Format(
    name="python-basic",
    about="Python logging without set-up: `LEVEL:logger:message`",
    examples=(
        "INFO:root:starting",
        "DEBUG:shop.cart:total is 12.50",
        "WARNING:shop.stock:article 99 is low",
        "ERROR:shop.orders:cannot place order 12",
        "Traceback (most recent call last):",
        '  File "orders.py", line 42, in place',
        "KeyError: 99",
        "INFO:root:stopping",
    ),
    header=rf"^{LEVEL}:(?P<component>[\w.-]+):(?P<message>.*)$",
    times=(),
)
