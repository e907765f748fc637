"""The exit codes of `kitchen cron` that need a scheduler or a web hook, forced through the program.

0, 10, 20, 30, 35, 40 and 130 are forced in `test_cron_run.py`.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from kit.cron_ground import DUE, Run, cron, write_due
from kit.real_luigid import Luigid, serving
from kit.support import write_config
from pipeline.settings.config import PROJECT

KITCHEN = Path(sys.executable).with_name("kitchen")


SECRETS = {
    "KITCHEN_ALERT_URLS": "json://u:canary@127.0.0.1:9/canary",
    "AWS_SECRET_ACCESS_KEY": "canary",
    "HTTPS_PROXY": "http://u:canary@127.0.0.1:9",
}


@pytest.fixture
def due(tmp_path: Path) -> Path:
    """A kitchen with one day to build."""
    write_due(tmp_path, trades=300)
    return tmp_path


def said(run: Run) -> str:
    """The one problem that a run names."""
    (problem,) = json.loads(run.stdout)["problems"]
    return str(problem["what"])


def test_a_luigid_that_is_paused_is_twenty_five(due: Path) -> None:
    """Somebody pressed pause on its dashboard: it gives no work, three times, and no secret is shown."""
    server = Luigid(due / "configs/kitchen.yaml")
    settings = str(server.settings(due / "luigi.cfg"))
    with serving(server):
        httpx.post(f"{server.address}/api/pause", data={"data": "{}"}).raise_for_status()
        run = cron(due, "--json", LUIGI_CONFIG_PATH=settings, **SECRETS)
        known = httpx.get(f"{server.address}/api/task_list", params={"data": "{}"}).text

    assert run.returncode == 25, run.stdout
    assert f"{DUE} could not be built, exit 25: luigid on http://localhost:{server.port}" in said(
        run
    )
    assert f"Snapshot(date={DUE})" in known
    assert "canary" not in known


class _NoLuigid(BaseHTTPRequestHandler):
    """A web server that knows nothing of Luigi, and answers all the same."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<!doctype html>")

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.mark.slow
def test_another_server_on_the_port_of_luigid_is_twenty_five(due: Path) -> None:
    """One sentence that names the address, no traceback; nothing is published beside a scheduler."""
    server = HTTPServer(("127.0.0.1", 0), _NoLuigid)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        port = server.server_address[1]
        settings = Luigid(due / "configs/kitchen.yaml", port=port).settings(due / "luigi.cfg")
        run = cron(due, "--json", LUIGI_CONFIG_PATH=str(settings))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert run.returncode == 25, run.stdout
    assert f"http://localhost:{port} is no luigid" in said(run)
    assert "Traceback" not in (due / "data/prepared/.ops/cron.log").read_text()
    assert not (due / "snapshots" / str(DUE)).exists()


@pytest.mark.slow
def test_a_luigid_that_hangs_is_twenty_five_too(due: Path) -> None:
    """Its port takes connections and nobody answers: bounded by Luigi's own time limit, three times."""
    server = Luigid(due / "configs/kitchen.yaml")
    settings = str(server.settings(due / "luigi.cfg"))
    with serving(server):
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        run = cron(due, "--json", LUIGI_CONFIG_PATH=settings)

    assert run.returncode == 25, run.stdout
    assert f"http://localhost:{server.port} does not answer" in said(run)


class _Hook(BaseHTTPRequestHandler):
    """Takes web hooks."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.said.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def test_a_broken_configuration_is_forty_and_reaches_the_hook_of_the_environment(
    tmp_path: Path,
) -> None:
    """Nothing of the configuration is known, yet a person is told; the token is nowhere else."""
    path = write_config(tmp_path)
    path.write_text("paths: {raw: [")
    server = HTTPServer(("127.0.0.1", 0), _Hook)
    server.said = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        hook = f"json://127.0.0.1:{server.server_address[1]}/canary"
        given = {"KITCHEN_ALERT_URLS": hook, "XDG_CACHE_HOME": str(tmp_path / "cache")}
        runs = [cron(tmp_path, **given) for _ in range(2)]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert [run.returncode for run in runs] == [40, 40]
    (told,) = server.said  # type: ignore[attr-defined]
    assert told["title"] == "kitchen cron run: 1 problem"
    assert f"cron could not run: {path}, line 1, column" in told["message"]
    (log,) = (tmp_path / "cache").rglob("cron.log")
    assert "cron could not run" in log.read_text()
    assert not any(
        "canary" in p.read_text() for p in (tmp_path / "cache").rglob("*") if p.is_file()
    )
    assert "canary" not in runs[0].stdout + runs[0].stderr


def test_every_code_is_documented_alike() -> None:
    """The help and the runbook name the same codes."""
    runbook = (PROJECT / "docs/operations.md").read_text()
    table = runbook[runbook.index("| exit | `kitchen cron` means |") :].split("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]
    shown = subprocess.run([KITCHEN, "cron", "--help"], capture_output=True, text=True, check=True)
    codes = shown.stdout[shown.stdout.index("Exit codes:") : shown.stdout.index("Options:")]

    documented = {int(code) for row in rows for code in re.findall(r"\d+", row)}
    assert documented == {0, 10, 20, 25, 30, 35, 40, 130}
    assert {int(code) for code in re.findall(r"\b\d+\b", codes)} == documented
