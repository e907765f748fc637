"""Whoever builds the pieces of a span, the published bytes are the same; and how each end is told."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit import ranges
from kit.dask_site import Site, left_over, when_built
from kit.ranges import published
from kit.real_luigid import Luigid, free_port, serving
from pipeline.freshness.identity import Identity
from pipeline.locations import PROJECT
from pipeline.tasks.crew import Crew
from pipeline.tasks.executors import Processes
from pipeline.tasks.pieces import Built, Piece

DAYS = [dt.date(2025, 1, 31) + dt.timedelta(days=n) for n in range(2)]
"""The last of a month, and the first of the next."""

NOBODY = Identity(code="", python="", libraries="", governance="", settings="")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw exports of two symbols, with a day before the first."""
    before, small = DAYS[0] - dt.timedelta(days=1), {"ticks": False, "simplified": False}
    out = tmp_path_factory.mktemp("raw")
    return ranges.write_raw(out, [before, *DAYS], trades_per_day=1000, **small)


@pytest.fixture(scope="module")
def wanted(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process publishes."""
    root = ranges.kitchen(tmp_path_factory.mktemp("here"), raw)
    run = ranges.backfill(root, DAYS)
    assert run.returncode == 0, run.stderr
    return published(root)


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A scheduler without workers."""
    made = Site(tmp_path_factory.mktemp("dask"))
    yield made
    made.end()


def children(pid: int) -> list[int]:
    """Processes that were begun afresh to build."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    found = [int(p) for thread in threads for p in (thread / "children").read_text().split()]
    return [p for p in found if b"spawn_main" in Path(f"/proc/{p}/cmdline").read_bytes()]


def test_two_processes_publish_the_bytes_of_one(
    raw: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    """As configured; every part is told as if it was built here."""
    root = ranges.kitchen(tmp_path, raw, "workers: {executor: 'processes:2'}\n")

    run = ranges.backfill(root, DAYS)

    assert run.returncode == 0, run.stderr
    assert published(root) == wanted
    assert "ETHUSDT 2025-02-01: " in run.stderr


def test_a_cluster_publishes_the_bytes_of_one_process(
    raw: Path, wanted: dict[str, bytes], tmp_path: Path, site: Site
) -> None:
    """Two workers, named on the command line."""
    root = ranges.kitchen(tmp_path, raw)
    site.worker()
    site.worker()

    run = ranges.backfill(root, DAYS, "--executor", site.address)

    assert run.returncode == 0, run.stderr
    assert published(root) == wanted


def test_luigis_dashboard_shows_spans_and_dates(raw: Path, tmp_path: Path, site: Site) -> None:
    """With how far each is, and a link to Dask's own."""
    root = ranges.kitchen(tmp_path, raw)
    site.worker()
    with serving(Luigid(root / "configs/kitchen.yaml")) as luigid:
        how = ("--scheduler", luigid.address, "--executor", site.address)
        run = ranges.backfill(root, DAYS, *how)
        done = luigid.ask("task_list", status="DONE", upstream_status="").values()

    assert run.returncode == 0, run.stderr
    spans = [task for task in done if task["name"] == "Span"]
    assert {task["name"] for task in done} >= {"Groundwork", "PublishedDate"}
    assert len(spans) == len({day.month for day in DAYS})
    for span in spans:
        assert span["tracking_url"] == f"http://{site.dashboard}/status"
        assert span["progress_percentage"] == 100
        assert span["status_message"] == "done"


def test_a_killed_luigid_is_gone_on_without(
    raw: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    """It showed what was done, and decided nothing."""
    root = ranges.kitchen(tmp_path, raw)
    with serving(Luigid(root / "configs/kitchen.yaml")) as luigid:
        how = ("--scheduler", luigid.address, "--executor", "processes:2")
        began = ranges.begin(root, DAYS, *how)
        when_built(root, luigid.kill)
        run = ranges.ended(began)

    assert run.returncode == 0, run.stderr
    assert "goes on without luigid" in run.stderr
    assert published(root) == wanted


@pytest.mark.parametrize("processes", [True, False])
def test_a_cluster_in_the_drivers_process_does_too(
    raw: Path, wanted: dict[str, bytes], tmp_path: Path, processes: bool
) -> None:
    """Dask's own local cluster, of two processes or of two threads of one."""
    root = ranges.kitchen(tmp_path, raw)
    program = (
        "import sys\n"
        "from distributed import LocalCluster\n"
        "from pipeline.cli.main import main\n"
        "if __name__ == '__main__':\n"
        f"    with LocalCluster(n_workers=2 if {processes} else 1, processes={processes},\n"
        f"            threads_per_worker=1 if {processes} else 2, protocol='tcp',\n"
        "            dashboard_address=None) as cluster:\n"
        "        main([*sys.argv[1:], '--executor', f'dask:{cluster.scheduler_address}'])\n"
    )
    file = tmp_path / "program.py"
    file.write_text(program)
    span = ["--start", DAYS[0].isoformat(), "--stop", DAYS[-1].isoformat()]
    run = subprocess.run(
        [sys.executable, file, "backfill", *span, "--scheduler", "local"],
        env={**os.environ, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert published(root) == wanted


def test_a_killed_worker_of_a_cluster_is_made_up_for(
    raw: Path, wanted: dict[str, bytes], tmp_path: Path, site: Site
) -> None:
    """Its piece is built by the other one; no temporary file is left."""
    root = ranges.kitchen(tmp_path, raw)
    victim = site.worker()
    run = ranges.begin(root, DAYS, "--executor", site.address)
    when_built(root, victim.kill)
    site.worker()

    assert ranges.ended(run).returncode == 0
    assert published(root) == wanted
    assert left_over(root) == []


def test_a_killed_process_is_made_up_for(
    raw: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    """By a new one."""
    root = ranges.kitchen(tmp_path, raw)
    run = ranges.begin(root, DAYS, "--executor", "processes:2")
    when_built(root, lambda: os.kill(children(run.pid)[0], signal.SIGKILL))

    assert ranges.ended(run).returncode == 0
    assert published(root) == wanted
    assert left_over(root) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_the_one_that_began_them(
    raw: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Whoever is killed leaves no orphan that goes on writing."""
    root = ranges.kitchen(tmp_path, raw)
    run = ranges.begin(root, DAYS, "--executor", "processes:2")
    begun: list[int] = []
    when_built(root, lambda: begun.extend(children(run.pid)))
    run.send_signal(number)
    run.communicate(timeout=30)

    until = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in begun) and time.monotonic() < until:
        time.sleep(0.05)
    assert begun
    assert [pid for pid in begun if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.parametrize("release", ["changed", "without the module", "none"])
def test_a_worker_of_another_release_builds_nothing(
    raw: Path, tmp_path: Path, site: Site, release: str
) -> None:
    """One sentence and exit 40, before it reads anything."""
    root, other = ranges.kitchen(tmp_path / "kitchen", raw), tmp_path / "other"
    if release == "none":
        other.mkdir()
        (other / "pipeline.py").touch()
    else:
        for part in ("pipeline", "governance", "configs"):
            shutil.copytree(PROJECT / part, other / part)
    if release == "changed":
        with open(other / "pipeline/bars/footprint.py", "a") as module:
            module.write("ANOTHER = 1\n")
    elif release == "without the module":
        (other / "pipeline/tasks/pieces.py").unlink()
    site.worker(PYTHONPATH=str(other))

    run = ranges.backfill(root, DAYS, "--executor", site.address)

    said = run.stderr.splitlines()[-1]
    assert run.returncode == 40, run.stderr
    assert said.startswith("kitchen: ")
    assert ("code is " in said and ", wanted " in said) == (release == "changed")
    assert "Traceback" not in run.stderr
    assert not list((root / "data/prepared").glob("date=*"))


def test_a_worker_whose_rules_changed_since_it_began_builds_nothing(
    raw: Path, tmp_path: Path, site: Site
) -> None:
    """What it has in memory is older than what driver and disk have."""
    root = ranges.kitchen(tmp_path, raw)
    shutil.copytree(PROJECT / "governance", root / "governance")
    site.worker()
    assert ranges.backfill(root, DAYS[:1], "--executor", site.address).returncode == 0
    rules = root / "governance/CONTROL_kitchen.yaml"
    text = rules.read_text()
    rules.write_text(text.replace("row_minutes_max: 15", "row_minutes_max: 16", 1))
    assert rules.read_text() != text

    run = ranges.backfill(root, DAYS[1:], "--executor", site.address)

    assert run.returncode == 40, run.stderr
    assert "changed since it began" in run.stderr.splitlines()[-1]


PATIENCE = "workers: {patience_seconds: 2}\n"


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """The block takes no longer."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


@pytest.mark.parametrize("where", ["dask:tcp://127.0.0.1:{port}", "dask-file:{folder}/none.json"])
def test_a_scheduler_that_is_not_there_is_one_sentence(
    raw: Path, tmp_path: Path, where: str
) -> None:
    """Exit 30 after the patience."""
    root = ranges.kitchen(tmp_path, raw, PATIENCE)
    place = where.format(port=free_port(), folder=tmp_path)

    with at_most(30):
        run = ranges.backfill(root, DAYS, "--executor", place)

    assert run.returncode == 30
    assert f"{place}: no Dask scheduler answers after 2 s" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_cluster_without_workers_is_one_sentence(raw: Path, tmp_path: Path, site: Site) -> None:
    """Exit 30 after the patience, not a night of waiting."""
    root = ranges.kitchen(tmp_path, raw, PATIENCE)

    with at_most(40):
        run = ranges.backfill(root, DAYS, "--executor", site.address)

    assert run.returncode == 30
    assert run.stderr.splitlines()[-1].startswith(
        f"kitchen: {site.address}: the Dask cluster has no worker;"
    )


def test_a_scheduler_that_is_killed_ends_the_run_and_nothing_that_was_built(
    raw: Path, wanted: dict[str, bytes], tmp_path: Path, site: Site
) -> None:
    """Exit 30 and one sentence; the next run, elsewhere, goes on there."""
    root = ranges.kitchen(tmp_path, raw, PATIENCE)
    site.worker()
    began = ranges.begin(root, DAYS, "--executor", site.address)
    when_built(root, site.scheduler.kill)
    with at_most(40):
        run = ranges.ended(began)
    kept = set((root / "data/prepared").glob("date=*/*/*.zip"))

    assert run.returncode == 30
    assert "the Dask scheduler" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
    assert kept
    assert ranges.backfill(root, DAYS).returncode == 0
    assert published(root) == wanted


def piece(symbol: str, month: int) -> Piece:
    """One that nobody reads."""
    day = dt.date(2025, month, 1)
    return Piece(config="", kind="Span", symbol=symbol, start=day, stop=day, wanted=NOBODY)


def test_pieces_of_several_spans_are_built_at_once() -> None:
    """Four at a time of spans of two, though one span is waited for after the other."""
    at_work, most, lock = 0, 0, threading.Lock()

    def sleep(given: Piece) -> Built:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.05)
        with lock:
            at_work -= 1
        return Built()

    with ThreadPoolExecutor(4) as pool:
        crew = Crew(submit=lambda p: pool.submit(sleep, p), width=lambda: 4, patience_seconds=1)
        spans = [[piece("A", month), piece("B", month)] for month in range(1, 7)]
        for span in spans:
            for each in span:
                crew.hand_ahead(piece(each.symbol, 12), [each])
        found = [each for span in spans for each, _ in crew.built(span)]

    assert sorted(map(str, found)) == sorted(str(each) for span in spans for each in span)
    assert most == 4


def test_what_stands_on_a_piece_is_begun_after_it() -> None:
    """Each piece once, the first one first."""
    order: list[str] = []

    def note(given: Piece) -> Built:
        time.sleep(0.05)
        order.append(str(given))
        return Built()

    first, then = piece("A", 1), [piece("A", month) for month in (2, 3)]
    with ThreadPoolExecutor(4) as pool:
        crew = Crew(submit=lambda p: pool.submit(note, p), width=lambda: 4, patience_seconds=1)
        crew.hand_ahead(first, then)
        list(crew.built([first]))
        list(crew.built(then))

    assert order[0] == str(first)
    assert sorted(order) == sorted(map(str, [first, *then]))


def test_a_call_whose_process_dies_each_time_is_given_up() -> None:
    """After the retries, as the standard library's executor says it."""
    from concurrent.futures.process import BrokenProcessPool

    with Processes(1, retries=1) as executor:
        with pytest.raises(BrokenProcessPool):
            executor.submit(os.abort).result(timeout=60)
        assert executor.submit(abs, -1).result(timeout=60) == 1


def test_a_piece_that_nobody_could_build_holds_up_no_other() -> None:
    """It is told with its reason, and the others are built."""

    def build(given: Piece) -> Built:
        if given.symbol == "B":
            raise MemoryError("of the worker")
        return Built()

    wanted = [piece(symbol, 1) for symbol in "ABC"]
    with ThreadPoolExecutor(1) as pool:
        crew = Crew(submit=lambda p: pool.submit(build, p), width=lambda: 1, patience_seconds=1)
        found = dict(crew.built(wanted))

    assert sorted(each.symbol for each in found) == ["A", "B", "C"]
    assert [made.failed for made in found[wanted[1]].made] == ["of the worker"]
    assert crew.is_ready([wanted[0], wanted[2]]) is True
    assert crew.is_ready(wanted) is None
