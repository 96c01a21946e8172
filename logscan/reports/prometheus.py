"""The counters of a scan that follows logs, for Prometheus: as a text file, or at an address of its own.

    metrics = Metrics("/var/lib/node_exporter/logscan.prom")    # for the textfile collector of node_exporter
    metrics = Metrics(":9105")                                  # http://127.0.0.1:9105/metrics
    metrics.update({"lines": 120000, "findings": {"new": 3}})   # what stands in METRICS; the rest stays as it was
    metrics.close()

An address without a host is only reached from this machine. The values hold no text of a log.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, get_args

from prometheus_client import CollectorRegistry, start_http_server, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from logscan import __version__
from logscan.errors import OptionError
from logscan.findings.finding import Kind

LOOPBACK = "127.0.0.1"
SUFFIX = ".prom"  # node_exporter reads no other files

Value = float | Mapping[str, float]  # or one for each kind


class Meaning(NamedTuple):
    """How a counter of ours is told; a gauge may go down, too."""

    name: str
    help: str
    gauge: bool = False


METRICS = {
    "lines": Meaning("lines", "Lines that were read."),
    "bytes": Meaning("bytes", "Bytes that were read."),
    "records": Meaning("records", "Records that were judged."),
    "windows": Meaning("windows", "Windows that were judged."),
    "findings": Meaning("findings", "Findings that were told, by kind."),
    "errors": Meaning("errors", "Problems with sources."),
    "sources": Meaning("sources", "Sources that are followed.", gauge=True),
    "last_finding": Meaning("last_finding_timestamp_seconds", "When the last finding was told.", gauge=True),
    "last_line": Meaning("last_line_timestamp_seconds", "When the last line was read.", gauge=True),
}
NONE = dict.fromkeys(get_args(Kind), 0.0)  # findings of each kind, so that the first one is a rise


class Metrics:
    """target: a path that ends in `.prom`, or `HOST:PORT`, `:PORT`, `PORT`. Raises OptionError for one that cannot be
    written or listened at."""

    def __init__(self, target: str) -> None:
        known = (name for name in METRICS if not name.startswith("last_"))  # no time is told before there is one
        self.values: Mapping[str, Value] = {**dict.fromkeys(known, 0.0), "findings": NONE}
        self.registry = CollectorRegistry()
        self.registry.register(_Values(self))
        self.file = target if target.endswith(SUFFIX) else None
        self.address: tuple[str, int] | None = None
        try:
            if self.file is not None:
                write_to_textfile(self.file, self.registry)
            else:
                host, port = _parse(target)
                self.server, self.thread = start_http_server(port, host, self.registry)
                self.address = host, self.server.server_port
        except OSError as error:
            raise OptionError(f"--metrics {target} cannot be used: {error.strerror or error}") from None

    def update(self, counters: Mapping[str, Value]) -> None:
        """New values of what stands in METRICS, times in seconds since 1970. A file that cannot be written now, as on a
        full disk, stays old: its age tells."""
        findings = counters.get("findings")
        told = {"findings": {**NONE, **findings}} if isinstance(findings, Mapping) else {}
        self.values = {**self.values, **counters, **told}
        if self.file is not None:
            try:
                write_to_textfile(self.file, self.registry)
            except OSError:
                return

    def close(self) -> None:
        """Listen no more; a file stays with its last values."""
        if self.address is not None:
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()


class _Values(Collector):
    """The values as they are when somebody asks."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("logscan_build", "The version that runs.", value={"version": __version__})
        for name, value in self.metrics.values.items():
            meaning = METRICS[name]
            family = GaugeMetricFamily if meaning.gauge else CounterMetricFamily
            if isinstance(value, Mapping):
                metric = family(f"logscan_{meaning.name}", meaning.help, labels=["kind"])
                for kind, number in value.items():
                    metric.add_metric([kind], number)
                yield metric
            else:
                yield family(f"logscan_{meaning.name}", meaning.help, value=value)


def _parse(target: str) -> tuple[str, int]:
    """Host and port. Raises OptionError."""
    host, _, port = target.rpartition(":")
    if not port.isdecimal() or not port.isascii() or int(port) > 65535:
        raise OptionError(f"--metrics {target}: name a file that ends in {SUFFIX}, or HOST:PORT such as :9105")
    return host.removeprefix("[").removesuffix("]") or LOOPBACK, int(port)
