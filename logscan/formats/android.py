"""Android's logcat in its usual layouts."""

from logscan.formats.format import Format

LEVELS = {"A": "FATAL"}  # "assert"

ANDROID = Format(
    name="android",
    about="logcat -v threadtime: `01-31 01:02:03.456 pid tid L tag: message`",
    examples=(
        "01-31 01:02:03.456  1702  2395 D WindowManager: rotation is 0",
        "01-31 01:02:03.500  1702  2395 I ActivityManager: Start proc 4711:com.example.app/u0a17",
        "01-31 01:02:04.001  4711  4711 W ziparchive: Unable to open 'base.dm'",
        "01-31 01:02:05.001  4711  4730 E AndroidRuntime: FATAL EXCEPTION: main",
        "01-31 01:02:06.001  1702  2395 V PhoneStatusBar: setLightsOn(true)",
    ),
    header=r"^(?P<time>\d+-\d+ \d+:\d+:\d+\.\d+)\s+(?P<pid>\d+)\s+\d+ (?P<level>[VDIWEFA]) "
    r"(?P<component>.*?)\s*: (?P<message>.*)$",
    times=("%m-%d %H:%M:%S%.f",),
    levels=LEVELS,
)

ANDROID_BRIEF = Format(
    name="android-brief",
    about="logcat -v brief or time: `[01-31 01:02:03.456] L/tag(pid): message`",
    examples=(
        "D/WindowManager( 1702): rotation is 0",
        "I/ActivityManager( 1702): Start proc 4711:com.example.app/u0a17",
        "W/ziparchive( 4711): Unable to open 'base.dm'",
        "01-31 01:02:05.001 E/AndroidRuntime( 4711): FATAL EXCEPTION: main",
        "V/PhoneStatusBar( 1702): setLightsOn(true)",
    ),
    header=r"^(?:(?P<time>\d+-\d+ \d+:\d+:\d+\.\d+) )?(?P<level>[VDIWEFA])/(?P<component>[^(]*?)\s*"
    r"\(\s*(?P<pid>\d+)\): (?P<message>.*)$",
    times=("%m-%d %H:%M:%S%.f",),
    levels=LEVELS,
)
