"""Counters for Prometheus: what a real request gets, what a file holds, what cannot be used."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from logscan import __version__
from logscan.errors import OptionError
from logscan.reports.prometheus import Metrics

Samples = dict[tuple[str, str], float]


def samples(text: str) -> Samples:
    """(name, kind or version) -> value."""
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def asked(metrics: Metrics) -> Samples:
    assert metrics.address is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics.address[1]}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return samples(answer.read().decode())


@pytest.fixture
def endpoint() -> Iterator[Metrics]:
    metrics = Metrics("127.0.0.1:0")
    yield metrics
    metrics.close()


def test_an_endpoint_gives_what_was_told_last(endpoint: Metrics) -> None:
    first = asked(endpoint)
    assert first["logscan_build_info", __version__] == 1
    assert (first["logscan_lines_total", ""], first["logscan_findings_total", "order"]) == (0, 0)
    assert ("logscan_last_finding_timestamp_seconds", "") not in first
    now = time.time()
    endpoint.update({"lines": 10, "records": 9, "windows": 2, "sources": 3, "bytes": 512, "errors": 1})
    endpoint.update({"lines": 20, "findings": {"new": 3}, "last_finding": now, "last_line": now})
    told = asked(endpoint)
    assert told["logscan_lines_total", ""] == 20
    assert told["logscan_records_total", ""] == 9
    assert told["logscan_windows_total", ""] == 2
    assert told["logscan_bytes_total", ""] == 512
    assert told["logscan_errors_total", ""] == 1
    assert told["logscan_sources", ""] == 3
    assert told["logscan_findings_total", "new"] == 3
    assert told["logscan_findings_total", "burst"] == 0
    assert told["logscan_last_finding_timestamp_seconds", ""] == pytest.approx(now)
    assert told["logscan_last_line_timestamp_seconds", ""] == pytest.approx(now)


def test_a_closed_endpoint_frees_its_port() -> None:
    metrics = Metrics("127.0.0.1:0")
    assert metrics.address is not None
    host, port = metrics.address
    metrics.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=1)
    Metrics(f"{host}:{port}").close()


@pytest.mark.parametrize("form", [":{}", "{}", "localhost:{}"])
def test_without_a_host_it_is_only_reached_from_here(form: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    metrics = Metrics(form.format(port))
    assert metrics.server.server_address[0] in ("127.0.0.1", "::1")
    metrics.close()


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    place = tmp_path / "logscan.prom"
    metrics = Metrics(str(place))
    before = place.stat().st_ino
    with place.open() as reader:
        metrics.update({"lines": 7, "findings": {"new": 1}})
        assert samples(reader.read())["logscan_lines_total", ""] == 0  # who reads it now reads all of the old one
    metrics.close()
    told = samples(place.read_text())
    assert (told["logscan_lines_total", ""], told["logscan_findings_total", "new"]) == (7, 1)
    assert place.stat().st_ino != before
    assert list(tmp_path.iterdir()) == [place]


def test_a_file_that_can_no_longer_be_written_does_not_end_the_scan(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    metrics = Metrics(str(folder / "logscan.prom"))
    (folder / "logscan.prom").unlink()
    folder.rmdir()
    metrics.update({"lines": 7})


@pytest.mark.parametrize("target", ["app", ":http", "host:70000", "", ":", "/var/lib/metrics.txt"])
def test_a_target_that_means_nothing_is_one_line(target: str) -> None:
    with pytest.raises(OptionError, match=r"^--metrics .*: name a file that ends in \.prom, or HOST:PORT"):
        Metrics(target)


def test_a_target_that_cannot_be_used_is_one_line(tmp_path: Path, endpoint: Metrics) -> None:
    assert endpoint.address is not None
    for target in (str(tmp_path / "none" / "x.prom"), f"127.0.0.1:{endpoint.address[1]}"):
        with pytest.raises(OptionError, match="cannot be used"):
            Metrics(target)
