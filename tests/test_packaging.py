"""What others install logscan with, and run it by: the wheel, the systemd unit, the container, the workflow."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from logscan import __version__
from logscan.cli import app

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "packaging" / "logscan@.service"
WORKFLOW = ROOT / "examples" / "github-actions.yml"
OPTIONS: dict[str, Any] = {
    name: param
    for param in typer.main.get_command(app).commands["scan"].params  # type: ignore[attr-defined]
    for name in param.opts
}
LIVE = {"--follow", "--state", "--metrics"}


def steps() -> list[dict[str, Any]]:
    """Of the example's only job."""
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    (job,) = jobs.values()
    return list(job["steps"])


def scripts() -> list[str]:
    return [str(step["run"]) for step in steps() if "run" in step]


def test_the_workflow_pins_major_versions_of_the_actions() -> None:
    actions = [step["uses"] for step in steps() if "uses" in step]
    assert actions
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in actions)


def test_the_workflow_is_valid_bash(tmp_path: Path) -> None:
    for script in scripts():
        assert "${{" not in script  # nothing that others can name is pasted into a script
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_the_workflow_keeps_the_log_that_it_fetches() -> None:
    (kept,) = [step["with"] for step in steps() if "upload-artifact" in step.get("uses", "")]
    together = "\n".join(scripts())
    assert f"--name {kept['name']} --dir known-good" in together
    assert f"known-good/{kept['path']}" in together
    assert f"logscan-{__version__}-py3-none-linux_x86_64.whl" in together


@pytest.mark.slow
@pytest.mark.parametrize("known_good", [True, False])
def test_the_workflow_finds_what_is_new_in_a_build(tmp_path: Path, known_good: bool) -> None:
    """Its own lines, with this logscan in the place of the installed one."""
    lines = [f"[{n}/600] compiling module_{n}.c" for n in range(1, 601)]
    (tmp_path / "build.log").write_text(
        "".join(f"{line}\n" for line in [*lines[:300], "warning: ld: rpath lost", *lines[300:]])
    )
    if known_good:
        (tmp_path / "known-good").mkdir()
        (tmp_path / "known-good" / "build.log").write_text("".join(f"{line}\n" for line in lines))
    (script,) = [script for script in scripts() if "logscan scan" in script]
    stand_in = f'pipx() {{ :; }}; logscan() {{ "{sys.executable}" -m logscan "$@"; }}\n'
    env = {**os.environ, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "HOME": str(tmp_path)}
    command = ["bash", "-e", "-c", stand_in + script]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == int(known_good)
    assert re.search(r"^::(error|warning|notice) file=build.log,line=301,.*rpath lost", done.stdout, flags=re.MULTILINE)
    assert "rpath" in (tmp_path / "summary.md").read_text()


def test_the_unit_uses_options_that_there_are() -> None:
    (command,) = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(), flags=re.MULTILINE)
    used = set(re.findall(r"--[a-z-]+", command))
    assert used >= {"--follow", "--state", "--redact"}
    assert used - LIVE <= set(OPTIONS)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_unit_and_finds_it_safe(tmp_path: Path) -> None:
    unit = tmp_path / "logscan@shop.service"
    unit.write_text(UNIT.read_text().replace("/usr/bin/logscan", sys.executable))
    verify = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)]
    done = subprocess.run(security, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-200:]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a protection of Linux")
def test_a_scan_needs_no_memory_that_is_writable_and_executable(tmp_path: Path) -> None:
    """As the unit denies it, by the kernel's own switch for it."""
    assert "POLARS_SKIP_CPU_CHECK=1" in UNIT.read_text()
    code = (
        "import ctypes, os, sys\n"
        "if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0): sys.exit(77)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'logscan', 'scan', '-', '--json', '--redact'])"
    )
    log = "".join(f"2026-03-02 08:00:{n % 60:02} INFO page {n} sent\n" for n in range(300))
    env = {**os.environ, "POLARS_SKIP_CPU_CHECK": "1", "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], input=log, env=env, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("a kernel before 6.3")
    assert done.returncode == 0, done.stderr


def test_the_container_copies_what_there_is_and_runs_as_nobody() -> None:
    text = (ROOT / "packaging" / "Containerfile").read_text()
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "ENTRYPOINT", "CMD"}
    assert {line[0] for line in lines} == known
    copied = [name for line in lines if line[0] == "COPY" and "--" not in line[1] for name in line[1:-1]]
    assert copied
    assert all((ROOT / name).exists() for name in copied)
    assert [line[1] for line in lines if line[0] == "USER"] == ["65532:65532"]
    assert 'ENTRYPOINT ["logscan"]' in text
    assert text.count("FROM python:3.12-slim") == 2


@pytest.mark.slow
def test_the_wheel_installs_and_scans(tmp_path: Path) -> None:
    """In an environment of its own, with what it depends on taken from this one."""
    source, dist, venv = tmp_path / "source", tmp_path / "dist", tmp_path / "venv"
    for name in ("logscan", "completions", "man", "pyproject.toml", "setup.py", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        source.mkdir(exist_ok=True)
        copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = dist.iterdir()
    assert wheel.name.startswith(f"logscan-{__version__}-py3-none-")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"logscan/py.typed", "logscan/native/liblogscan.so"} <= set(names)
    parts = {"logscan", f"logscan-{__version__}.data", f"logscan-{__version__}.dist-info"}
    assert {name.split("/")[0] for name in names} == parts
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    outer = getattr(sys, "_base_executable", sys.executable)  # `make` gives no pip to its environment
    pip = [outer, "-m", "pip", "--python", str(venv / "bin" / "python"), "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"HOME": str(tmp_path)}
    logscan = [str(venv / "bin" / "logscan")]
    said = subprocess.check_output([*logscan, "--version"], env=env, text=True)
    assert __version__ in said
    where = subprocess.check_output(
        [venv / "bin" / "python", "-c", "import logscan; print(logscan.__file__)"], env=env, cwd=tmp_path
    )
    assert where.decode().startswith(str(packages))
    scan = [*logscan, "scan", str(ROOT / "examples" / "shop.log"), "--baseline", str(ROOT / "examples" / "good.log")]
    done = subprocess.run(scan, env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "9 findings" in done.stderr
