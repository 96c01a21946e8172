"""The formats by name. A format of another package comes through the entry point group `logscan.formats`."""

import difflib
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from logscan.errors import OptionError
from logscan.formats.custom import custom
from logscan.formats.format import Format

# Where two formats match a log equally well the first is taken: the special stand before the general.
BUILT_IN = {
    "journald": "structured:JOURNALD",
    "docker": "structured:DOCKER",
    "json": "structured:JSON",
    "bgl": "supercomputers:BGL",
    "thunderbird": "supercomputers:THUNDERBIRD",
    "hdfs": "hdfs:HDFS",
    "zookeeper": "java:ZOOKEEPER",
    "kafka": "java:KAFKA",
    "spark": "java:SPARK",
    "openstack": "openstack:OPENSTACK",
    "openstack-bare": "openstack:OPENSTACK_BARE",
    "python": "python:PYTHON",
    "python-basic": "python:PYTHON_BASIC",
    "log4j": "java:LOG4J",
    "log4j-level-first": "java:LOG4J_LEVEL_FIRST",
    "access": "web:ACCESS",
    "apache-error": "web:APACHE_ERROR",
    "nginx-error": "web:NGINX_ERROR",
    "postgresql": "databases:POSTGRESQL",
    "mysql": "databases:MYSQL",
    "redis": "databases:REDIS",
    "cri": "kubernetes:CRI",
    "klog": "kubernetes:KLOG",
    "android": "android:ANDROID",
    "android-brief": "android:ANDROID_BRIEF",
    "windows-cbs": "windows:WINDOWS_CBS",
    "syslog-5424": "syslog:SYSLOG_5424",
    "syslog-iso": "syslog:SYSLOG_ISO",
    "syslog": "syslog:SYSLOG",
    "logfmt": "structured:LOGFMT",
    "generic": "generic:GENERIC",
    "epoch": "generic:EPOCH_HEAD",
    "plain": "generic:PLAIN",
}


@cache
def names() -> tuple[str, ...]:
    """All names, those of other packages first."""
    foreign = [entry.name for entry in entry_points(group="logscan.formats") if entry.name not in BUILT_IN]
    return (*sorted(set(foreign)), *BUILT_IN)


@cache
def format_of(name: str) -> Format:
    """The format of a name, loaded on first use, or made of a pattern (see `custom`).

    Raises OptionError with the nearest known name, or with what is wrong in the pattern.
    """
    if name in BUILT_IN:
        module, attribute = BUILT_IN[name].split(":")
        found: Format = getattr(import_module(f"logscan.formats.{module}"), attribute)
        return found
    for entry in entry_points(group="logscan.formats", name=name):
        found = entry.load()
        return found
    if "<" in name:
        return custom(name)
    near = difflib.get_close_matches(name, names(), n=1, cutoff=0.0)
    raise OptionError(
        f"no log format {name!r}, the nearest is {near[0]!r}; "
        "a layout may be given instead, such as '<time> <level> <component>: <message>'"
    )
