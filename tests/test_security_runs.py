"""As `test_security.py`: what holds while programs run, seen from outside."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.support import kitchen_at, luigi, write_config
from pipeline.publishing import locks
from pipeline.runs.state_folder import Places
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import PROJECT
from pipeline.tasks.program import DEFAULTS
from pipeline.unattended import watch

KITCHEN = Path(sys.executable).with_name("kitchen")


# -- 4. luigid ---------------------------------------------------------------------------------------


def test_luigid_listens_on_the_loopback_address_alone(tmp_path: Path) -> None:
    """As `kitchen watch` starts it; the kernel's table of listeners says so."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configured = write_config(tmp_path)
    work = watch.works(kitchen_at(tmp_path).operations.watch)[0]
    command = tuple(str(port) if part == "8082" else part for part in work.command)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    spawn = watch.spawner({**environ, "KITCHEN_CONFIG": str(configured)}, {})
    kept = watch.Watch([watch.Work(name="luigid", command=command)], spawn)
    kept.step(0)
    try:
        listeners = _listeners(port)
    finally:
        kept.stop()

    assert listeners == {"0100007F"}
    state = Places.of(kitchen_at(tmp_path).prepared).root
    assert state.stat().st_mode & 0o777 == 0o700


def _listeners(port: int) -> set[str]:
    """The local addresses, in the kernel's hexadecimal, that listen on a port."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        rows = [
            line.split()
            for name in ("tcp", "tcp6")
            if (table := Path("/proc/net") / name).exists()
            for line in table.read_text().splitlines()[1:]
        ]
        local = [row[1].split(":") for row in rows if row[3] == "0A"]
        found = {address for address, number in local if int(number, 16) == port}
        if found:
            return found
        time.sleep(0.1)
    return set()


def test_no_shipped_text_opens_luigid_or_lends_its_worker() -> None:
    """Neither units nor documents nor the Makefile bind it elsewhere, or start an open assistant."""
    paths = [PROJECT / "Makefile", PROJECT / "luigi.cfg", *(PROJECT / "configs").rglob("*")]
    text = "\n".join(path.read_text() for path in paths if path.is_file())

    assert "0.0.0.0" not in text  # noqa: S104 - looked for
    assert "--assistant" not in text


def test_luigi_keeps_no_lock_in_a_shared_temporary_folder() -> None:
    """Its own would lie under a name that anybody can guess, in a folder that anybody may write to."""
    assert "no_lock=true" in (PROJECT / "luigi.cfg").read_text()
    assert DEFAULTS["core"]["no_lock"] == "true"


# -- 6. secrets --------------------------------------------------------------------------------------


def test_no_secret_of_the_environment_reaches_an_output_a_log_or_a_task(tmp_path: Path) -> None:
    """Canaries in the usual variables; a published day, its reports and logs have none of them."""
    day = "2025-01-02"
    config = write_config(tmp_path, f"{{market: futures_um, until: {day}}}")
    assert write_sample(
        SampleRequest(
            out=tmp_path / "data/raw", first=dt.date(2025, 1, 2), trades_per_day=500, ticks=False
        )
    )
    secrets = {
        name: f"canary-{number}"
        for number, name in enumerate(
            ("AWS_SECRET_ACCESS_KEY", "KITCHEN_ALERT_URLS", "HTTPS_PROXY", "DATABASE_PASSWORD")
        )
    }
    secrets["KITCHEN_ALERT_URLS"] = "json://u:canary-1@127.0.0.1:9/canary-1"

    built = luigi(tmp_path, "Snapshot", "--date", day, "--local-scheduler", **secrets)
    cron = subprocess.run(
        [KITCHEN, "cron", "--json"],
        env={"KITCHEN_CONFIG": str(config), **secrets},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert built.returncode == 0, built.stderr
    for text in (built.stdout, built.stderr, cron.stdout, cron.stderr):
        assert "canary" not in text
    for path in (*(tmp_path / "snapshots").rglob("*"), *(tmp_path / "data").rglob("*")):
        assert "canary" not in path.name
        if path.is_file():
            assert b"canary" not in path.read_bytes(), path


# -- 8. permissions ----------------------------------------------------------------------------------


def test_a_lock_or_a_memory_of_ours_is_never_reached_through_a_link(tmp_path: Path) -> None:
    """A link in the folder of the locks is refused, and what it names is not touched."""
    places = Places.of(kitchen_at(tmp_path).prepared)
    (tmp_path / "victim").write_text("mine")
    places.lock("cron").symlink_to(tmp_path / "victim")

    with pytest.raises(OSError, match="symbolic links"), places.locked("cron"):
        pass

    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"), locks.held(tmp_path / "lock"):
        pass

    assert (tmp_path / "victim").read_text() == "mine"
    assert places.root.stat().st_mode & 0o777 == 0o700


def test_nobody_else_may_write_to_what_a_run_makes(tmp_path: Path) -> None:
    """Locks, logs, raw and prepared files, even under umask 000 (a file of the world is a door)."""
    config = write_config(tmp_path, "{market: futures_um, since: 2025-01-01}")
    command = f'umask 000; exec "{KITCHEN}" cron --look-back 1'

    run = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"KITCHEN_CONFIG": str(config), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert run.returncode == 20, run.stdout + run.stderr
    made = [p for p in (tmp_path / "data").rglob("*") if not p.is_symlink()]
    assert made
    outside = [p for p in made if ".ops" not in p.parts]
    assert not [p for p in outside if p.stat().st_mode & 0o002]
    assert (tmp_path / "data/prepared/.ops").stat().st_mode & 0o777 == 0o700


# -- 9. nothing is imported or configured from the working folder --------------------------------------


def test_cron_obeys_no_file_of_the_folder_it_is_started_in(tmp_path: Path) -> None:
    """A luigi.cfg, a package of our name and a sitecustomize lie in wait there."""
    trap, root = tmp_path / "trap", tmp_path / "root"
    (trap / "pipeline").mkdir(parents=True)
    for name in ("pipeline/__init__.py", "luigi.py", "sitecustomize.py", "yaml.py"):
        (trap / name).write_text(f"open({str(tmp_path / 'pwned')!r}, 'w').write('x')\n")
    (trap / "luigi.cfg").write_text("[retcode]\ntask_failed=0\nmissing_data=0\n")
    config = write_config(root, "{market: futures_um, since: 2025-01-01}")

    run = subprocess.run(
        [KITCHEN, "cron", "--look-back", "1"],
        env={"KITCHEN_CONFIG": str(config)},
        cwd=trap,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert run.returncode == 20, run.stdout + run.stderr
    assert not (tmp_path / "pwned").exists()
