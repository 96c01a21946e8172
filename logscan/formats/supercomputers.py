"""Logs of large machines as the USENIX CFDR publishes them, with an alert label in front: `-` is normal."""

from logscan.formats.format import EPOCH, Format

BGL = Format(
    name="bgl",
    about="Blue Gene/L: `label epoch date node time node RAS component LEVEL message`",
    examples=(
        "- 1117838570 2005.06.03 R01-M0-N1-C:J02-U11 2005-06-03-15.42.50.123456 R01-M0-N1-C:J02-U11 "
        "RAS KERNEL INFO data cache line corrected",
        "- 1117838571 2005.06.03 R01-M0-N1-C:J02-U11 2005-06-03-15.42.51.123456 R01-M0-N1-C:J02-U11 "
        "RAS KERNEL INFO generating core.17",
        "APPREAD 1117838572 2005.06.03 R12-M1-N0-I:J18-U01 2005-06-03-15.42.52.100000 R12-M1-N0-I:J18-U01 "
        "RAS APP FATAL ciod: failed to read a message prefix",
        "- 1117838573 2005.06.03 NULL 2005-06-03-15.42.53.100000 NULL RAS MMCS ERROR idoproxydb hit an assertion",
        "- 1117838574 2005.06.03 R01-M0-N1-C:J02-U11 2005-06-03-15.42.54.100000 R01-M0-N1-C:J02-U11 "
        "RAS KERNEL INFO generating core.18",
    ),
    header=r"^(?P<label>\S+) (?P<time>\d+) \d+\.\d+\.\d+ (?P<host>\S+) \d+-\d+-\d+-\d+\.\d+\.\d+\.\d+ \S+ "
    r"\S+ (?P<component>\S+) (?P<level>[A-Z]+)\s*(?P<message>.*)$",
    times=(EPOCH,),
)

THUNDERBIRD = Format(
    name="thunderbird",
    about="Thunderbird, Liberty, Spirit: `label epoch date host syslog-line`",
    examples=(
        "- 1131566461 2005.11.09 cn228 Nov 9 12:01:01 cn228/cn228 crond[2916]: (root) CMD (run-parts hourly)",
        "- 1131566462 2005.11.09 admin1 Nov 9 12:01:02 local@admin1 ntpd[88]: synchronized to 192.0.2.1, stratum 3",
        "- 1131566463 2005.11.09 admin1 Nov 9 12:01:03 local@admin1 kernel: eth0: link up",
        "DISK 1131566464 2005.11.09 cn230 Nov 9 12:01:04 cn230/cn230 kernel: sda: rejecting I/O to dead device",
        "- 1131566465 2005.11.09 cn231 Nov 9 12:01:05 cn231/cn231 sshd[71]: Accepted publickey for ann",
        "- 1109635267 2005.03.01 lnode7 Mar 1 00:01:07 src@ladmin1 pbs_mom: task started",
        "R_DISK_NR 1104566468 2005.01.01 snode3 Jan 1 08:01:08 snode3/snode3 kernel: hda: drive not ready",
    ),
    header=r"^(?P<label>\S+) (?P<time>\d+) \d+\.\d+\.\d+ (?P<host>\S+) [A-Z][a-z][a-z]\s+\d+ \d+:\d+:\d+ \S+ "
    r"(?:(?P<component>[^\s\[\]:]+)(?:\[(?P<pid>\d+)\])?:\s*)?(?P<message>.*)$",
    times=(EPOCH,),
    sessions=(r"\s([^\s\[\]:]+\[\d+\]):",),
)
