"""Ranges built by several hosts of one network into a bucket on another one; hosts die, cables are cut.

The cluster's bytes are held against those of one process that publishes into a folder.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit import object_server, ranges
from kit.netns import Hosts, hosts
from kit.ranges import KITCHEN, published
from kit.support import write_config
from pipeline.sample.generate import SampleRequest, write_sample

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7_200)]

SYMBOLS = ("ADAUSDT", "BNBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
PORT = 9000
BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 40


@dataclass
class Site:
    """A driver with luigid and a Dask scheduler on `ctl`, workers on `w1` and `w2`, a bucket on `st`."""

    net: Hosts
    root: Path
    days: list[dt.date]

    @property
    def environ(self) -> dict[str, str]:
        """What all programs of the site are given."""
        return {
            **object_server.ENVIRONMENT,
            "KITCHEN_CONFIG": str(self.root / "configs/kitchen.yaml"),
            "XDG_CACHE_HOME": str(self.root / "cache"),
            "PYTHONUNBUFFERED": "1",
            # A worker that is not heard of is given up after so long: five minutes, as Dask has it.
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "20s",
        }

    def start(self) -> None:
        """All but the driver."""
        net, ctl, st = self.net, self.net.address("ctl"), self.net.address("st")
        net.serve("st", *object_server.command(st, PORT), **self.environ)
        self.luigid = net.serve("ctl", f"{BIN}/luigid", "--address", ctl, "--port", "8082")
        scheduler = ("--host", ctl, "--port", "8786", "--no-dashboard")
        net.serve("ctl", f"{BIN}/dask", "scheduler", *scheduler, **self.environ)
        for name in ("w1", "w2"):
            own = ("--host", net.address(name), "--nworkers", "1", "--nthreads", "1")
            words = ("worker", f"tcp://{ctl}:8786", "--no-dashboard", *own)
            net.serve(name, f"{BIN}/dask", *words, **self.environ)
        made = (
            "import sys; sys.path.insert(0, sys.argv[2]); from kit import object_server as s;"
            "s.await_answer(9000, sys.argv[1]);"
            "s.client(f'http://{sys.argv[1]}:9000').create_bucket(Bucket=s.BUCKET)"
        )
        tests = str(Path(__file__).parents[1])
        done = net.run("ctl", sys.executable, "-c", made, st, tests, **self.environ)
        assert done.returncode == 0, done.stdout

    def command(self) -> list[str]:
        """The driver's."""
        ctl = self.net.address("ctl")
        return [
            *(str(KITCHEN), "backfill", "--scheduler", f"http://{ctl}:8082"),
            *("--start", str(self.days[0]), "--stop", str(self.days[-1])),
            *("--executor", f"dask:tcp://{ctl}:8786"),
        ]

    def built(self) -> int:
        """How many symbols' days have a first file."""
        return len(list((self.root / "data/prepared").glob("date=*/*/receipts.json")))

    def copied(self, out: Path) -> Path:
        """What the bucket has, in a folder of a root."""
        words = ("copy", "--from", bucket(self.net, self.root.name), "--to", f"{out}/snapshots")
        done = self.net.run("ctl", str(KITCHEN), *words, **self.environ)
        assert done.returncode == 0, done.stdout
        return out


def bucket(net: Hosts, name: str) -> str:
    """A kitchen's place."""
    return f"s3://{object_server.BUCKET}/{name}"


@contextmanager
def site(root: Path, raw: Path, symbols: tuple[str, ...], days: list[dt.date]) -> Iterator[Site]:
    """Four hosts, and a kitchen that publishes into the bucket of one of them."""
    with hosts("ctl", "w1", "w2", "st") as net:
        config = kitchen(root, raw, symbols)
        text = config.read_text().replace(
            "snapshots: snapshots", f"snapshots: '{bucket(net, root.name)}'"
        )
        endpoint = f"http://{net.address('st')}:{PORT}"
        config.write_text(
            f"{text}store: {{endpoint: '{endpoint}', patience_seconds: {PATIENCE_SECONDS}}}\n"
            f"workers: {{shard_symbols: 3, patience_seconds: {PATIENCE_SECONDS}}}\n"
            "release: {adopt: auto}\n"
        )
        found = Site(net, root, days)
        found.start()
        yield found


def kitchen(root: Path, raw: Path, symbols: tuple[str, ...]) -> Path:
    """A kitchen's configuration beside its exports."""
    shutil.copytree(raw, root / "data/raw", copy_function=os.link)
    return write_config(root, dict.fromkeys(symbols, "{market: futures_um}"), "simulated: true\n")


def exports(out: Path, symbols: tuple[str, ...], days: list[dt.date]) -> Path:
    """Klines and bars of a simulated market."""
    write_sample(
        SampleRequest(
            out=out, symbols=symbols, first=days[0], days=len(days),
            trades_per_day=1_000, ticks=False, simplified=False,
        )
    )  # fmt: skip
    return out


def test_a_worker_host_and_luigid_die_while_a_month_of_six_symbols_is_built(tmp_path: Path) -> None:
    """Exit 0, and in the bucket the bytes that one machine publishes into a folder."""
    days = days_from(dt.date(2025, 1, 15), 30)
    raw = exports(tmp_path / "raw", SYMBOLS, days)
    alone = tmp_path / "alone"
    kitchen(alone, raw, SYMBOLS)
    assert ranges.backfill(alone, days).returncode == 0

    with site(tmp_path / "cluster", raw, SYMBOLS, days) as cluster:
        driver = cluster.net.begin("ctl", *cluster.command(), **cluster.environ)
        _until(cluster, 30)
        cluster.net.kill("w1")
        _until(cluster, 90)
        cluster.luigid.kill()
        said, _ = driver.communicate(timeout=3_600)

        assert driver.returncode == 0, said
        assert published(cluster.copied(tmp_path / "copy")) == published(alone)
        assert list((cluster.root / "data/prepared").rglob("*.tmp")) == []


def _until(cluster: Site, wanted: int) -> None:
    until = time.monotonic() + 900
    while cluster.built() < wanted:
        assert time.monotonic() < until
        time.sleep(0.05)


@dataclass
class Ground:
    """Exports of two symbols, and what one machine publishes of them into a folder."""

    folder: Path
    days: list[dt.date]

    def __post_init__(self) -> None:
        """Makes them."""
        self.symbols = SYMBOLS[2:4]
        self.raw = exports(self.folder / "raw", self.symbols, self.days)
        kitchen(self.folder / "alone", self.raw, self.symbols)
        assert ranges.backfill(self.folder / "alone", self.days).returncode == 0
        self.wanted = published(self.folder / "alone")

    def site(self, name: str = "cluster") -> AbstractContextManager[Site]:
        """Four hosts that have nothing of it yet."""
        return site(self.folder / name, self.raw, self.symbols, self.days)


def days_from(first: dt.date, count: int) -> list[dt.date]:
    """So many days."""
    return [first + dt.timedelta(days=n) for n in range(count)]


def test_a_cable_that_is_cut_for_a_while_costs_time_alone(tmp_path: Path) -> None:
    """Whichever host it is of, at any moment: exit 0, same bytes, nothing half-made in the bucket."""
    ground, chance = Ground(tmp_path, days_from(dt.date(2025, 1, 31), 2)), random.Random(20250131)
    for number, name in enumerate(("w1", "st") * 5):
        with ground.site(f"cut{number}") as cluster:
            driver = cluster.net.begin("ctl", *cluster.command(), **cluster.environ)
            time.sleep(chance.uniform(2, 12))
            cluster.net.cut(name)
            time.sleep(chance.uniform(1, 15))
            cluster.net.mend(name)
            said, _ = driver.communicate(timeout=600)

            assert driver.returncode == 0, f"{number} {name}: {said}"
            assert published(cluster.copied(tmp_path / f"copy{number}")) == ground.wanted


def test_a_worker_that_is_cut_off_for_good_is_made_up_for(tmp_path: Path) -> None:
    """It may go on computing where it is; its symbol's month is built by the other one."""
    ground = Ground(tmp_path, days_from(dt.date(2025, 1, 31), 6))
    with ground.site() as cluster:
        driver = cluster.net.begin("ctl", *cluster.command(), **cluster.environ)
        _until(cluster, 1)
        cluster.net.cut("w1")
        said, _ = driver.communicate(timeout=600)

        assert driver.returncode == 0, said
        assert published(cluster.copied(tmp_path / "copy")) == ground.wanted


def test_a_bucket_that_stays_away_ends_the_run_in_bounded_time(tmp_path: Path) -> None:
    """One sentence and 30; what was computed stays, and the same command goes on when it is back."""
    ground = Ground(tmp_path, days_from(dt.date(2025, 1, 31), 2))
    with ground.site() as cluster:
        driver = cluster.net.begin("ctl", *cluster.command(), **cluster.environ)
        _until(cluster, 1)
        cluster.net.cut("st")
        began = time.monotonic()
        said, _ = driver.communicate(timeout=600)

        assert driver.returncode == 30, said
        assert time.monotonic() - began < 6 * PATIENCE_SECONDS
        assert "Traceback" not in said
        assert cluster.built() == 4
        cluster.net.mend("st")
        again = cluster.net.run("ctl", *cluster.command(), **cluster.environ)
        assert again.returncode == 0, again.stdout
        assert published(cluster.copied(tmp_path / "copy")) == ground.wanted
