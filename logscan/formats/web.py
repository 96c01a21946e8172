"""Web servers: access logs, and the error logs of Apache and nginx."""

import polars as pl

from logscan.formats.format import Format

CLOCK = r"\d+/[A-Z][a-z][a-z]/\d+:\d+:\d+:\d+ [+-]\d+"


def _method(lines: pl.Series) -> pl.Series:
    """An access log's lines with nothing but the method of their request."""
    method = lines.str.extract(rf'^\S+ [^\["]*\[{CLOCK}\] "([A-Z]+) (?:[^"\\]|\\.)*" \d+ (?:\d+|-)')
    return '0 - - [0/Jan/0:0:0:0 +0] "' + method + ' " 0 0'


ACCESS = Format(
    name="access",
    about="Apache and nginx access logs, common and combined: the method is the message, the status is kept",
    examples=(
        '192.0.2.7 - - [31/Jan/2026:01:02:03 +0100] "GET /index.html HTTP/1.1" 200 1043',
        '192.0.2.7 - ann [31/Jan/2026:01:02:04 +0100] "POST /cart HTTP/1.1" 302 - "https://example.com/" "Mozilla/5.0"',
        '192.0.2.8 - - [31/Jan/2026:01:02:05 +0100] "GET /missing?id=7 HTTP/1.1" 404 209 "-" "curl/8.5.0"',
        '2001:db8::1 - - [31/Jan/2026:01:02:06 +0100] "HEAD / HTTP/2.0" 500 0 "-" "probe \\"x\\""',
        '192.0.2.9 - - [31/Jan/2026:01:02:07 +0100] "-" 408 - "-" "-"',
    ),
    header=rf'^(?P<host>\S+) [^\["]*\[(?P<time>{CLOCK})\] '
    r'"(?P<message>(?:[^"\\]|\\.)*)" \d+ (?:\d+|-)',
    times=("%d/%b/%Y:%H:%M:%S",),
    kept=r'" ([0-9]+) [0-9-]',
    payload=((r"^([A-Z]+) .*$", "${1}"), (r"^.*[^A-Z-].*$", "malformed request")),
    reduce=_method,
)

APACHE_ERROR = Format(
    name="apache-error",
    about="Apache error log, 2.2 and 2.4: `[time] [module:level] [pid n] [client ip] message`",
    examples=(
        "[Sat Jan 31 01:02:03 2026] [notice] caught SIGTERM, shutting down",
        "[Sat Jan 31 01:02:04 2026] [error] [client 192.0.2.7] File does not exist: /var/www/favicon.ico",
        "[Sat Jan 31 01:02:05.123456 2026] [core:notice] [pid 4711:tid 140] AH00094: Command line: 'apache2'",
        "[Sat Jan 31 01:02:06.123456 2026] [proxy:error] [pid 4711] [client 192.0.2.7:52000] AH00898: Error reading",
        "[Sat Jan 31 01:02:07.123456 2026] [mpm_event:notice] [pid 1:tid 2] AH00489: configured, resuming",
    ),
    header=r"^\[(?P<time>[A-Z][a-z][a-z] [A-Z][a-z][a-z]\s+\d+ \d+:\d+:\d+(?:\.\d+)? \d+)\] "
    r"\[(?:(?P<component>[\w-]*):)?(?P<level>\w+)\] (?:\[pid (?P<pid>\d+)(?::tid \d+)?\] )?"
    r"(?:\[client [^\]]*\] )?(?P<message>.*)$",
    times=("%a %b %d %H:%M:%S%.f %Y",),
    payload=((r", referer: .*$", ""),),
)

NGINX_ERROR = Format(
    name="nginx-error",
    about="nginx error log: `2026/01/31 01:02:03 [level] pid#tid: *connection message, client: ...`",
    examples=(
        "2026/01/31 01:02:03 [notice] 1#1: start worker process 29",
        '2026/01/31 01:02:04 [error] 29#29: *45 open() "/srv/www/favicon.ico" failed (2: No such file '
        "or directory), "
        'client: 192.0.2.7, server: example.com, request: "GET /favicon.ico HTTP/1.1", host: "example.com"',
        "2026/01/31 01:02:05 [warn] 29#29: *46 a client request body is buffered to a temporary file, "
        "client: 192.0.2.8",
        "2026/01/31 01:02:06 [crit] 29#29: *47 SSL_do_handshake() failed, client: 192.0.2.9, server: 0.0.0.0:443",
        "2026/01/31 01:02:07 [alert] 1#1: worker process 29 exited on signal 9",
    ),
    header=r"^(?P<time>\d+/\d+/\d+ \d+:\d+:\d+) \[(?P<level>\w+)\] (?P<pid>\d+)#\d+: (?:\*\d+ )?"
    r"(?P<message>.*)$",
    times=("%Y/%m/%d %H:%M:%S",),
    kept=r"(?:\(|signal |code )(\d+)(?:: |\)|$)",
    sessions=(r"#\d+: \*(\d+) ",),
    payload=((r", client: .*$", ""), (r'"/[^"]*"', "<*>")),
)
