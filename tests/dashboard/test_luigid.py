"""luigid with the kitchen's extras: pages, figures, history, and a state that survives a kill."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kit.support import kitchen_at, luigi, write_config
from pipeline.clock import parse_day
from pipeline.dashboard import luigid
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.sample.generate import SampleRequest, write_sample


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A running `kitchen luigid` of a root with a day of exports, and its address."""
    root = tmp_path_factory.mktemp("luigid")
    write_config(root)
    write_sample(
        SampleRequest(out=root / "data/raw", first=dt.date(2025, 1, 3), trades_per_day=3000)
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = subprocess.Popen(
        [Path(sys.executable).with_name("kitchen"), "luigid", "--port", str(port)],
        env={**os.environ, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(150):
        try:
            get(f"{url}/healthz")
            break
        except OSError:
            time.sleep(0.1)
    yield url, root
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=20) == 0


def get(url: str) -> str:
    """The text of a page."""
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own server
        return str(answer.read().decode())


def add_task(url: str, family: str, status: str) -> None:
    """Tells luigid of a task, as a worker does."""
    task = {"worker": "w", "task_id": f"{family}_{status}", "family": family, "status": status}
    get(f"{url}/api/add_task?data={urllib.parse.quote(json.dumps(task))}")


def figures(url: str) -> list[tuple[str, dict[str, str], float]]:
    """Name, labels and value of each figure, as Prometheus reads them."""
    families = text_string_to_metric_families(get(f"{url}/metrics"))
    return [(s.name, s.labels, s.value) for family in families for s in family.samples]


def test_it_serves_the_dashboard_the_history_and_its_health(server: tuple[str, Path]) -> None:
    """Luigi's own pages are there, the history works with the installed SQLAlchemy."""
    url, _ = server

    assert get(f"{url}/healthz") == "ok\n"
    assert "Luigi" in get(f"{url}/static/visualiser/index.html")
    assert "<table" in get(f"{url}/history")


def test_its_home_is_the_site_which_leads_to_the_tasks_and_back(server: tuple[str, Path]) -> None:
    """Nothing is loaded from elsewhere: the dashboard's style asks for no font."""
    url, _ = server

    home, tasks = get(f"{url}/"), get(f"{url}/static/visualiser/index.html")
    style = get(f"{url}/static/visualiser/lib/AdminLTE/css/AdminLTE.min.css")
    assert 'href="./static/visualiser/index.html">Tasks' in home
    assert '<a class="logo" href="../../">All days</a>' in tasks
    assert "@import" not in style
    assert ".skin-green-light" in get(
        f"{url}/static/visualiser/lib/AdminLTE/css/skin-green-light.min.css"
    )


def test_a_failure_of_a_task_that_never_ran_is_counted(server: tuple[str, Path]) -> None:
    """Reported to Luigi's own collector it answers with 500."""
    url, _ = server

    add_task(url, "Odd", "FAILED")

    assert ("kitchen_runs_total", {"step": "Odd", "result": "failed"}, 1) in figures(url)


def test_prometheus_reads_every_figure(server: tuple[str, Path]) -> None:
    """Names, types and labels, by its own parser; dashboards and alerts of people go by them.

    Those of feeds are `test_feed_metrics.py`'s.
    """
    url, _ = server
    for status in ("PENDING", "DONE"):
        add_task(url, "Read", status)

    with urllib.request.urlopen(f"{url}/metrics", timeout=20) as answer:  # noqa: S310 - our own
        form, text = answer.headers["Content-Type"], answer.read().decode()
    families = text_string_to_metric_families(text)

    assert form == "text/plain; version=0.0.4; charset=utf-8"
    own = [f for f in families if not f.name.startswith("kitchen_feed_")]
    assert {(s.name, f.type, *sorted(s.labels)) for f in own for s in f.samples} == {
        ("kitchen_runs_total", "counter", "result", "step"),
        ("kitchen_last_success_timestamp_seconds", "gauge", "step"),
        ("kitchen_tasks", "gauge", "state", "step"),
        ("kitchen_days_published", "gauge"),
        ("kitchen_days_stale", "gauge"),
        ("kitchen_days_newest", "gauge"),
        ("kitchen_exporter_age_seconds", "gauge", "exporter", "sign", "symbol"),
    }


@pytest.mark.parametrize("name", ["qc/2024-06-02/BTCUSDT", "qc/2025-13-02", "qc/2025-01-02/..%2f"])
def test_a_report_that_is_not_there_is_404(server: tuple[str, Path], name: str) -> None:
    """So is a name that is no date, and one that would lead elsewhere."""
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"{server[0]}/{name}")


def test_the_report_of_a_prepared_day_is_served(server: tuple[str, Path]) -> None:
    """The page of the last Verdict, for a script it has no leave."""
    url, root = server
    day = parse_day("2025-01-02")
    file = graph.file(kitchen_at(root), Unit("Verdict", day, "BTCUSDT"))
    file.parent.mkdir(parents=True)
    with zipfile.ZipFile(file, "w") as pack:
        pack.writestr("calibration_report.html", "<p>verdict")

    assert get(f"{url}/qc/2025-01-02/BTCUSDT") == "<p>verdict"
    assert "BTCUSDT" in get(f"{url}/qc/2025-01-02")


def test_the_calendar_of_all_days_links_to_reports_that_are_served(
    server: tuple[str, Path],
) -> None:
    """Each cell's link leads to the page of that symbol and day."""
    url, root = server
    assert luigi(root, "Snapshot", "--date", "2025-01-03").returncode == 0

    page = get(f"{url}/qc")
    (link,) = set(re.findall(r'href="([^"#]+report[^"]*)"', page))

    assert "available" in page
    assert "2025-01-03" in get(f"{url}/qc/{link}")
    for path in ("/qc/2025-01-03", "/qc/2025-01-03/"):
        assert "calibration_report" in get(f"{url}{path}")


def test_the_age_of_an_exporters_heartbeat_is_a_figure(server: tuple[str, Path]) -> None:
    """Seconds since the stamp in the file; the ages of its newest file and row stand beside it."""
    url, root = server
    path = root / "data/raw/atas/_heartbeats/Bar1mExporter/BTCUSDT/heartbeat.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
    path.write_text(stamp.strftime("%Y-%m-%dT%H:%M:%S.0000000Z") + "\n")

    ages = {
        labels["sign"]: seconds
        for name, labels, seconds in figures(url)
        if name == "kitchen_exporter_age_seconds"
    }

    assert 299 <= ages["heartbeat"] < 420
    assert sorted(ages) == ["file", "heartbeat", "row"]


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.MovedIn20Warning")
def test_the_state_is_kept_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    """A scheduler that starts anew knows the tasks of the one that was killed."""
    first = luigid.make_scheduler(tmp_path)
    first.add_task(worker="w", task_id="Kept_1", family="Kept")
    luigid.dump(first, tmp_path)
    second = luigid.make_scheduler(tmp_path)
    second.load()

    assert "Kept_1" in second.task_list("", "")
    assert luigid.state_file(tmp_path).stat().st_mode & 0o777 == 0o600
