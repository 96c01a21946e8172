"""Windows' own text logs."""

from logscan.formats.format import Format

WINDOWS_CBS = Format(
    name="windows-cbs",
    about="Windows servicing (CBS, DISM): `2026-01-31 01:02:03, Level    Component    message`",
    examples=(
        "2026-01-31 01:02:03, Info                  CBS    Starting TrustedInstaller initialization.",
        "2026-01-31 01:02:04, Info                  CSI    00000017@2026/1/31:01:02:04.123 CSI Store initialized",
        "2026-01-31 01:02:05, Warning               DISM   Failed to load the provider",
        "2026-01-31 01:02:06, Error                 CBS    Failed to get next element [HRESULT = 0x800f080d]",
        "2026-01-31 01:02:07, Info                  CBS    Ending TrustedInstaller finalization.",
    ),
    header=r"^(?P<time>\d+-\d+-\d+ \d+:\d+:\d+), (?P<level>[A-Z][a-z]+)\s+(?P<component>[A-Z]\w*)\s+"
    r"(?P<message>.*)$",
)
