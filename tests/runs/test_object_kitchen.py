"""A whole kitchen that publishes to objects, by its commands: the same files as one with a folder."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kit import object_server
from kit import snapshots as kit
from kit.object_server import Answer, Door, Pass, Request, is_claim
from kit.support import luigi, write_config
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.opening import open_store
from pipeline.publishing.seal import publish
from pipeline.publishing.store import Store
from pipeline.reader import files, load
from pipeline.sample.generate import SampleRequest, write_sample

DAYS = [dt.date(2025, 1, 2), dt.date(2025, 1, 3), dt.date(2025, 1, 4)]
FIRST, LAST = (day.isoformat() for day in (DAYS[0], DAYS[-1]))
EVERY = ("available", "degraded", "missing")
KITCHEN = Path(sys.executable).with_name("kitchen")


class Kitchen:
    """Raw exports of three days below `root`, and what is published where the configuration says."""

    def __init__(self, root: Path, snapshots: str) -> None:
        self.root, self.snapshots = root, snapshots
        config = write_config(root, dict.fromkeys(("BTCUSDT", "ETHUSDT"), "{market: futures_um}"))
        text = config.read_text().replace("snapshots: snapshots", f'snapshots: "{snapshots}"')
        config.write_text(f"{text}simulated: true\n")
        write_sample(
            SampleRequest(
                out=root / "data/raw",
                symbols=("BTCUSDT", "ETHUSDT"),
                first=DAYS[0],
                days=3,
                trades_per_day=2000,
                ticks=False,
                simplified=False,
            )
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        """A command of the kitchen; what it prints."""
        environ = os.environ | {"KITCHEN_CONFIG": str(self.root / "configs/kitchen.yaml")}
        done = subprocess.run(
            [KITCHEN, *arguments],
            cwd=self.root,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    def correct(self) -> None:
        """Another export of the first day's bars comes."""
        [file] = (self.root / "data/raw").rglob("BTCUSDT-1m-2025-01-02.zip")
        file.unlink()
        sums = file.with_name(f"{file.name}.CHECKSUM")
        sums.unlink(missing_ok=True)
        write_sample(
            SampleRequest(
                out=self.root / "other",
                symbols=("BTCUSDT",),
                first=DAYS[0],
                trades_per_day=2500,
                seed=99,
                ticks=False,
                simplified=False,
            )
        )
        [other] = (self.root / "other").rglob("BTCUSDT-1m-2025-01-02.zip")
        file.write_bytes(other.read_bytes())


def content(store: Store) -> dict[str, dict[str, bytes]]:
    """Revision -> its files, but for the paper of when and by whom."""
    found = {}
    for day in store.days():
        for number in store.standing(day):
            with store.anew(day, number) as path:
                assert path is not None
                found[f"{day}.r{number}"] = kit.contents(path)
                del found[f"{day}.r{number}"]["publication.json"]
    return found


def test_a_kitchen_on_objects_publishes_what_one_in_a_folder_does(
    endpoint: str, tmp_path: Path
) -> None:
    """A backfill, a correction, a rollback, and every command that reads what they made."""
    place = object_server.address(endpoint)
    there, here = Kitchen(tmp_path / "there", str(place)), Kitchen(tmp_path / "here", "snapshots")
    store, folder = open_store(place), FolderStore(tmp_path / "here/snapshots")
    for kitchen in (there, here):
        kitchen.run("backfill", "--start", FIRST, "--stop", LAST, "--scheduler", "local")
        kitchen.correct()
        ran = luigi(kitchen.root, "Snapshot", "--date", FIRST, "--local-scheduler")
        assert ran.returncode == 0, ran.stderr
        kitchen.run("rollback", FIRST, "r1", "--reason", "wrong export")

    assert sorted(content(folder)) == [f"{FIRST}.r1", f"{FIRST}.r2", f"{FIRST}.r3"] + [
        f"{day}.r1" for day in DAYS[1:]
    ]
    assert content(store) == content(folder)
    assert not (tmp_path / "there/snapshots").exists()
    for command in (
        ["status", "--start", FIRST, "--stop", LAST],
        ["plan", "--start", FIRST, "--stop", LAST],
        ["diff", f"{FIRST}.r1", f"{FIRST}.r2"],
        ["gc", "--keep", "1"],
        ["index"],
    ):
        said = [json.loads(kitchen.run(*command, "--json")) for kitchen in (there, here)]
        for each in said:
            for item in each.get("items", ()):
                del item["bytes"]  # a folder has the publication beside the objects
            for name in ("file", "seconds"):
                each.pop(name, None)
        assert said[0] == said[1], command


def test_every_command_works_on_objects(endpoint: str, tmp_path: Path) -> None:
    """What a person does with a store, in the order in which one would."""
    place = object_server.address(endpoint)
    kitchen = Kitchen(tmp_path / "there", str(place))
    ran = luigi(kitchen.root, "Snapshot", "--date", FIRST, "--local-scheduler")
    assert ran.returncode == 0, ran.stderr
    assert f"  folder  {place}/objects/{FIRST}/" in ran.stdout
    opens = ran.stdout.partition('-c "')[2].rstrip().rstrip('"')
    shown = subprocess.run(
        [sys.executable, "-c", opens], capture_output=True, text=True, check=False
    )
    assert "[2880 rows x" in shown.stdout, shown.stderr

    again = luigi(kitchen.root, "Snapshot", "--date", FIRST, "--local-scheduler")
    assert "nothing to do" in again.stdout
    assert "good" in kitchen.run("verify", "--all")
    assert "2025-01-02.r1" in kitchen.run("pin", FIRST, "--note", "paper")
    assert f"{place}/index.json: 1 days" in kitchen.run("index")
    assert f"{place}/index.html" in kitchen.run("calendar")
    assert b"BTCUSDT" in (open_store(place).read("index.html") or b"")
    assert "nothing is pinned" not in kitchen.run("pin")
    kitchen.run("why", FIRST)
    assert "/central-data-kitchen/stores/" in kitchen.run(
        "cron", "install", "--print", "--user", "me"
    )
    kitchen.run("show", FIRST, "BTCUSDT", "--out", "day.html")
    kitchen.run("site", "public")
    assert b"BTCUSDT" in (kitchen.root / "day.html").read_bytes()
    assert list((kitchen.root / "public").rglob("*report*"))
    assert load("bars_1m", FIRST, FIRST, allow=EVERY, root=str(place)).num_rows == 2880
    assert len(files("bars_1m", FIRST, FIRST, allow=EVERY, root=str(place))) == 1


@pytest.mark.parametrize("has_stamps", [True, False])
def test_a_host_without_copies_or_stamps_has_nothing_to_do(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_stamps: bool
) -> None:
    """Another machine's run, with a cache of its own, asks and publishes nothing."""
    place = object_server.address(endpoint)
    kitchen = Kitchen(tmp_path / "there", str(place))
    luigi(kitchen.root, "Snapshot", "--date", FIRST, "--local-scheduler")
    before = object_server.contents(place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    if not has_stamps:
        for stamp in kitchen.root.rglob(".stamp.json"):
            stamp.unlink()

    ran = luigi(kitchen.root, "Snapshot", "--date", FIRST, "--local-scheduler")

    assert (ran.returncode, object_server.contents(place)) == (0, before)


def test_a_backfill_that_was_overtaken_takes_no_other_number(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another host publishes other content just before the claim: 10, and its revision stays the newest."""
    place, once = object_server.address(endpoint), threading.Lock()
    other = kit.draft(tmp_path / "other", DAYS[0], price=123.0)

    def overtaken(request: Request, go: Pass) -> Answer:
        if is_claim(request) and once.acquire(blocking=False):
            publish(other, open_store(place))
        return go(request)

    kitchen = Kitchen(tmp_path / "there", str(place))
    with Door(endpoint, overtaken).open() as door:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", door)
        kitchen.run("backfill", "--start", FIRST, "--stop", FIRST, "--scheduler", "local", code=10)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)

    assert open_store(place).numbers(DAYS[0]) == [1]
    table = load("bars_1m", FIRST, FIRST, columns=["close"], root=str(place))
    assert set(table["close"].to_pylist()) == {123.0}


def test_a_range_with_nothing_to_do_costs_one_listing(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many days it has; its status costs the index more."""
    place, door, days = (
        object_server.address(endpoint),
        Door(endpoint),
        ("--start", FIRST, "--stop", LAST),
    )
    kitchen = Kitchen(tmp_path / "there", str(place))
    with door.open() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)
        kitchen.run("backfill", *days, "--scheduler", "local")
        asked = []
        for command in (("backfill", *days, "--scheduler", "local"), ("status", *days)):
            door.seen.clear()
            kitchen.run(*command)
            asked.append(["list" if "list-type" in r.path else r.path[-10:] for r in door.seen])

    assert [sorted(names) for names in asked] == [["list"], ["index.json", "list", "list"]]
