"""`kitchen fetch` killed at random moments, again and again, while archives are re-issued."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.fake_exchange import Clock, FakeExchange
from kit.fetch_ground import DAY, archive_path, kitchen_for

DAYS = [DAY - dt.timedelta(days=n) for n in range(4)]


@pytest.mark.slow
def test_forty_kills_leave_published_files_alone(tmp_path: Path) -> None:
    """After each kill every visible zip is a published issue that its checksum, if there, names."""
    draw = random.Random(7)
    exchange = FakeExchange(Clock(time.time()))
    exchange.seconds_per_block = 0.02
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n")
    issues: dict[str, set[str]] = {str(day): set() for day in DAYS}
    seen = 0
    with exchange.serving():
        for kill in range(40):
            if kill % 8 == 0:
                for day in DAYS:
                    data = draw.randbytes(300_000)
                    exchange.put(archive_path(day), data)
                    issues[str(day)].add(hashlib.sha256(data).hexdigest())
            _killed(kitchen.file, draw.uniform(0.6, 3.0))
            seen += sum(_is_published(kitchen.raw, str(day), issues[str(day)]) for day in DAYS)
        ended = _started(kitchen.file).wait(120)

    assert ended == 0
    assert seen > 20
    for day in DAYS:
        name = f"binance/spot/BTCUSDT-1m-{day}.zip"
        assert (kitchen.raw / name).read_bytes() == exchange.files[archive_path(day)]
        assert (kitchen.raw / f"{name}.CHECKSUM").is_file()
    assert not list(kitchen.raw.rglob("*.part"))


def _started(configuration: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(Path(sys.executable).with_name("kitchen"), "fetch", "--recheck"),
            *("--date", str(DAY), "--days", str(len(DAYS))),
        ],
        env={"KITCHEN_CONFIG": str(configuration), "PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _killed(configuration: Path, after: float) -> None:
    program = _started(configuration)
    time.sleep(after)
    program.send_signal(signal.SIGKILL)
    program.wait()


def _is_published(raw: Path, day: str, issues: set[str]) -> bool:
    """Whether the day's zip is there; it must be one of its issues."""
    path = raw / f"binance/spot/BTCUSDT-1m-{day}.zip"
    if not path.exists():
        return False
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest in issues
    beside = path.with_name(f"{path.name}.CHECKSUM")
    assert not beside.exists() or digest in beside.read_text()
    return True
