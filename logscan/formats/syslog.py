"""Syslog as daemons write it to files and to the network."""

from logscan.formats.format import Format

# sshd[123]:  sshd(pam_unix)[123]:  kernel:
TAG = r"(?P<component>[^\s\[\]:]+)(?:\[(?P<pid>\d+)\])?:"
SESSION = r"\s([^\s\[\]:]+\[\d+\]):"  # the process that serves one connection

SYSLOG = Format(
    name="syslog",
    about="syslog as in RFC 3164: `Jan 31 01:02:03 host program[pid]: message`",
    examples=(
        "Jan 31 01:02:03 mail01 postfix/smtpd[4711]: connect from unknown[192.0.2.7]",
        "Jan 31 01:02:03 mail01 postfix/smtpd[4711]: disconnect from unknown[192.0.2.7]",
        "Jan 31 01:02:04 mail01 login(pam_unix)[812]: session opened for user ann by (uid=0)",
        "Feb  1 01:02:05 mail01 kernel: eth0: link up, 1000 Mbps",
        "<34>Feb  1 01:02:06 mail01 su[5]: 'su root' failed for ann on /dev/pts/8",
    ),
    header=r"^(?:<\d+>)?(?P<time>[A-Z][a-z][a-z]\s+\d+\s+(?:\d+\s+)?\d+:\d+:\d+(?:\.\d+)?)\s+(?P<host>\S+)\s+"
    rf"(?:{TAG}\s*)?(?P<message>.*)$",
    times=("%b %d %H:%M:%S%.f", "%b %d %Y %H:%M:%S%.f"),
    sessions=(SESSION,),
)

SYSLOG_ISO = Format(
    name="syslog-iso",
    about="syslog with ISO time stamps, as rsyslog writes it: `2026-01-31T01:02:03.4+01:00 host program[pid]: message`",
    examples=(
        "2026-01-31T01:02:03.456789+01:00 web02 systemd[1]: Started Daily rotation of log files.",
        "2026-01-31T01:02:03.500001+01:00 web02 cron[991]: (root) CMD (run-parts /etc/cron.hourly)",
        "2026-01-31T01:02:04.100002+01:00 web02 kernel: Out of memory: Killed process 4242 (java)",
        "2026-01-31T01:02:05.100002+01:00 web02 sudo: pam_unix(sudo:session): session opened for user root",
        "2026-01-31T01:02:06Z web02 cron[992]: (root) CMD (backup)",
    ),
    header=r"^(?:<\d+>)?(?P<time>\d+-\d+-\d+T\d+:\d+:\d+(?:\.\d+)?(?:Z|[+-]\d+(?::?\d+)?)?)\s+"
    r"(?P<host>[\w.-]+)\s+"
    rf"{TAG}\s*(?P<message>.*)$",
    sessions=(SESSION,),
)

_SEVERITY = ("EMERG", "ALERT", "CRITICAL", "ERROR", "WARN", "NOTICE", "INFO", "DEBUG")

SYSLOG_5424 = Format(
    name="syslog-5424",
    about="syslog as in RFC 5424: `<34>1 2026-01-31T01:02:03Z host app pid id [data] message`",
    examples=(
        "<34>1 2026-01-31T01:02:03.003Z gate.example.com su 77 ID47 - 'su root' failed on /dev/pts/8",
        '<165>1 2026-01-31T01:02:04.003Z gate app 4711 ID47 [origin ip="192.0.2.1"] Application started',
        "<30>1 2026-01-31T01:02:05.003+01:00 gate dhcpd 812 - - DHCPACK on 192.0.2.9 to 00:53:00:11:22:33",
        "<30>1 2026-01-31T01:02:06.003+01:00 gate dhcpd 812 - - DHCPDISCOVER from 00:53:00:11:22:33",
        "<27>1 2026-01-31T01:02:07.003+01:00 gate dhcpd 812 - - no free leases",
    ),
    header=r"^<(?P<level>\w+)>\d+ (?P<time>\S+) (?P<host>\S+) (?P<component>\S+) (?P<pid>\S+) \S+ "
    r'(?:-|(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])+) ?(?P<message>.*)$',
    spelled={f"<{pri}>1 ": f"<{_SEVERITY[pri % 8]}>1 " for pri in range(192)},
    sessions=(r"^<\d+>\d+ \S+ \S+ (\S+ \d+) ",),
)
