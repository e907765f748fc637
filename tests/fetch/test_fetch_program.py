"""`kitchen fetch` as a process, and what of it a reader of the raw folder can see."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from kit.fake_exchange import Clock, FakeExchange, Fault
from kit.fetch_ground import (
    AFTERNOON,
    DAY,
    archive_path,
    kitchen_for,
    minutes,
    publish,
    visible,
    zipped,
)
from kit.support import write_config
from pipeline.errors import ConfigError, LockedError, ParameterError
from pipeline.fetch.plan import Request
from pipeline.fetch.run import fetch
from pipeline.publishing import locks
from pipeline.settings import config

ZIP = "binance/spot/BTCUSDT-1m-2025-01-02.zip"


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with FakeExchange(Clock(time.time())).serving() as exchange:
        yield exchange


def environment(root: Path) -> dict[str, str]:
    """Nothing but the configuration."""
    return {"KITCHEN_CONFIG": str(root / "configs/kitchen.yaml"), "PATH": os.environ["PATH"]}


def kitchen_fetch(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the program from `/`."""
    return subprocess.run(
        [Path(sys.executable).with_name("kitchen"), "fetch", *arguments],
        env=environment(root),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_exit_codes_and_lines_of_the_program(tmp_path: Path, exchange: FakeExchange) -> None:
    """0 all there, 20 yesterday is not published, 30 an old day is missing; one line a file, or JSON."""
    kitchen_for(tmp_path, exchange, more="  use: [archive]\n")
    publish(exchange, DAY)

    done = kitchen_fetch(tmp_path, "--date", "2025-01-02", "--recheck")
    pending = kitchen_fetch(tmp_path, "--json")
    missing = kitchen_fetch(tmp_path, "--date", "2025-01-03", "--days", "2")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(
        f"1/1 BTCUSDT binance_1m 2025-01-02 fetched archive {ZIP}"
    )
    assert json.loads(pending.stdout)["counts"] == {"pending": 1}
    assert pending.returncode == 20
    assert missing.returncode == 30
    assert missing.stdout.splitlines()[-1] == "1 missing, 1 unchanged"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--date", "2025-01-02/../../x"], "is not a date"),
        (["--date", "２０２５-01-02"], "is not a date"),
        (["--date", "2285-01-01"], "days that have begun"),
        (["--symbols", "../../etc/passwd"], "is no symbol"),
        (["--symbols", "BTCUSDT\x00"], "is no symbol"),
        (["--symbols", "ETHUSDT"], "is not configured"),
        (["--use", "ftp"], "--use"),
    ],
)
def test_wrong_values_touch_nothing(
    tmp_path: Path, exchange: FakeExchange, arguments: list[str], says: str
) -> None:
    """One sentence; no request, no file."""
    from click.testing import CliRunner

    from pipeline.cli import main as program

    kitchen = kitchen_for(tmp_path, exchange)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KITCHEN_CONFIG", str(kitchen.file))
        result = CliRunner().invoke(program.cli, ["fetch", *arguments])

    assert isinstance(result.exception, ParameterError)
    assert says in str(result.exception)
    assert exchange.asked == []
    assert not kitchen.raw.exists()


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("archive: 'http://data.binance.vision'", "is not https"),
        ("archive: 'file:///etc'", "is not https"),
        ("archive: 'https://user:secret@data.binance.vision'", "is no plain address"),
        ("archive: 'https://169.254.169.254'", "link-local"),
        (
            "{archive: 'https://mirror.example', hosts: [data.binance.vision]}",
            "not on an allowed host",
        ),
        ("archive: 'https://'", "has no host"),
        ("archive: 'https:///data'", "has no host"),
        ("archive: 'https://a..b'", "has no host"),
        ("archive: 'https://*.binance.vision'", "has no host"),
        ("archive: 'https://2852039166'", "has no host"),
        ("archive: 'https://0xA9FEA9FE'", "has no host"),
        ("archive: 'https://data.binance.vision:99999'", "is no address"),
        ("archive: 'https://data.binance.vision:x'", "is no address"),
        ("archive: 'https://['", "is no address"),
        ("archive: 'https://[::ffff:169.254.169.254]'", "link-local"),
        ("archive: 'https://[::]'", "link-local"),
        ("archive: 'https://data.binance.vision?x='", "query or fragment"),
        ("archive: data.binance.vision", "is not https"),
        ("rest: {spot: 'https://'}", "fetch.rest.spot: 'https://' has no host"),
        ("rest: {futures_cm: 'https://x:99999'}", "fetch.rest.futures_cm"),
        ("hosts: ['']", "fetch.hosts: '' is no host"),
        ("hosts: ['https://data.binance.vision']", "is no host"),
        ("hosts: [data.binance.vision/x]", "is no host"),
        ("hosts: [Data.Binance.Vision]", "is no host"),
        ("hosts: ['*.binance.vision']", "is no host"),
        ("hosts: ['data.binance.vision:443']", "is no host"),
        ("hosts: ['user@data.binance.vision']", "is no host"),
        ("hosts: [169.254.169.254]", "is no host"),
        ("hosts: ['[::1']", "is no host"),
        ("use: [command]", "there is no fetch.command"),
        ("use: [ftp]", "fetch.use"),
        ("weight_per_minute: {spot: 100000}", "weight_per_minute"),
    ],
)
def test_an_address_that_may_not_be_asked_is_refused_at_the_door(
    tmp_path: Path, section: str, says: str
) -> None:
    """Before any request."""
    body = section if section.startswith("{") else f"{{{section}}}"
    path = write_config(tmp_path, extra=f"fetch: {body}\n")

    with pytest.raises(ConfigError, match=re.escape(says)) as caught:
        config._load(path)

    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "section",
    [
        "archive: 'https://mirror.example:8443/binance/'",
        "archive: 'http://[::1]:8080'",
        "archive: 'https://10.0.0.5'",
        "{hosts: [data.binance.vision, data-api.binance.vision, fapi.binance.com, dapi.binance.com]}",
    ],
)
def test_a_mirror_of_ones_own_may_be_asked(tmp_path: Path, section: str) -> None:
    """With a port and a path, on this machine, in the own network, or with the list spelt out."""
    body = section if section.startswith("{") else f"{{{section}}}"

    kitchen = config._load(write_config(tmp_path, extra=f"fetch: {body}\n"))

    assert len(kitchen.fetch.hosts) == 4


def test_two_runs_do_not_mix(tmp_path: Path, exchange: FakeExchange, monkeypatch: Any) -> None:
    """The second says so and ends with 10."""
    kitchen = kitchen_for(tmp_path, exchange)
    kitchen.raw.mkdir(parents=True)
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.05)

    with locks.held(kitchen.raw / ".fetch.lock"), pytest.raises(LockedError) as caught:
        fetch(kitchen, Request(first=DAY, last=DAY))

    assert caught.value.exit_code == 10


def test_a_killed_download_goes_on_and_was_never_seen(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """Kill -9 in the middle: no raw file; the next run asks for the rest and has the whole file."""
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n")
    name = archive_path(DAY)
    exchange.put(name, os.urandom(1 << 20))
    exchange.faults = [Fault(r"\.zip$", "stall")]
    program = subprocess.Popen(
        [Path(sys.executable).with_name("kitchen"), "fetch", "--date", "2025-01-02"],
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    part = _await_part(kitchen.raw)
    program.send_signal(signal.SIGKILL)
    program.wait()
    exchange.go_on.set()
    seen, have = visible(kitchen.raw), part.stat().st_size

    run = kitchen_fetch(tmp_path, "--date", "2025-01-02")

    assert seen == []
    assert run.returncode == 0, run.stdout
    assert exchange.asked[-1] == (name, f"bytes={have}-")
    assert (kitchen.raw / ZIP).read_bytes() == exchange.files[name]


def _await_part(raw: Path) -> Path:
    """The part, once there is something in it."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for part in raw.rglob("*.part"):
            if part.stat().st_size:
                return part
        time.sleep(0.01)
    raise TimeoutError(raw)


@contextmanager
def watched(raw: Path, whole: dict[str, set[str]]) -> Iterator[list[str]]:
    """Looks at the raw folder all the while; collects what no reader may ever see."""
    wrong: list[str] = []
    end = threading.Event()

    def look() -> None:
        while not end.is_set():
            for path in raw.rglob("*.zip") if raw.is_dir() else ():
                if not path.name.startswith("."):
                    with suppress(FileNotFoundError):
                        wrong.extend(_faults(path, whole))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield wrong
    finally:
        end.set()
        watcher.join()


def _faults(path: Path, whole: dict[str, set[str]]) -> Iterator[str]:
    beside = path.with_name(f"{path.name}.CHECKSUM")
    before = beside.read_bytes() if beside.exists() else b""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    after = beside.read_bytes() if beside.exists() else b""
    if digest not in whole[path.name]:
        yield f"{path.name} is none of the published files"
    if before == after != b"" and digest not in before.decode():
        yield f"{path.name} stands beside the checksum of another"


FAULTS = (
    ("status", "500"),
    ("status", "503:1"),
    ("status", "429:2"),
    ("close", ""),
    ("garbage", ""),
    ("cut", ""),
    ("short", ""),
    ("flip", ""),
    ("other_range", ""),
)


@pytest.mark.parametrize("seed", range(4))
def test_a_storm_of_faults_ends_with_every_file_right(tmp_path: Path, seed: int) -> None:
    """Half of all requests fail in some way, files are re-issued between runs, and one has no end to it.

    Whoever looks at the raw folder sees published files alone; at the end each is the newest issue, or
    reported.
    """
    draw = random.Random(seed)
    exchange = FakeExchange(Clock(AFTERNOON))
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n  attempts: 6\n")
    days = [DAY - dt.timedelta(days=n) for n in range(6)]
    whole: dict[str, set[str]] = {f"BTCUSDT-1m-{day}.zip": set() for day in days}
    request = Request(first=days[-1], last=days[0])
    with exchange.serving(), watched(kitchen.raw, whole) as wrong:
        for issue in range(3):
            for day in days:
                data = publish(exchange, day, price=1000.0 * (issue + 1))
                whole[f"BTCUSDT-1m-{day}.zip"].add(hashlib.sha256(data).hexdigest())
            exchange.fault_for = lambda path: _stormy(draw, path)  # type: ignore[method-assign]
            stormy = fetch(kitchen, request, waiting=exchange.clock.waiting)
            for outcome in stormy:
                raw = kitchen.raw / f"binance/spot/BTCUSDT-1m-{outcome.period}.zip"
                if outcome.status != "failed":
                    assert raw.read_bytes() == exchange.files[archive_path(outcome.period)]
        del exchange.fault_for
        calm = fetch(kitchen, request, waiting=exchange.clock.waiting)

    assert wrong == []
    assert {o.status for o in calm} <= {"fetched", "unchanged", "reissued"}
    for day in days:
        name = f"binance/spot/BTCUSDT-1m-{day}.zip"
        assert (kitchen.raw / name).read_bytes() == exchange.files[archive_path(day)]
        assert (kitchen.raw / f"{name}.CHECKSUM").is_file()
    assert not list(kitchen.raw.rglob("*.part"))


def _stormy(draw: random.Random, path: str) -> Fault | None:
    if draw.random() < 0.5:
        return None
    what, value = draw.choice(FAULTS)
    return Fault("", what, value) if path.endswith(".zip") or what in ("status", "close") else None


def test_a_host_that_refuses_is_one_sentence_for_all_files(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """Not a line a file; JSON keeps each with the host that it waits for."""
    kitchen_for(tmp_path, exchange, more="  attempts: 2\n  backoff_seconds: 0.1\n")
    host = _nobody_there(tmp_path, exchange)

    said = kitchen_fetch(tmp_path, "--date", "2025-01-12", "--days", "12")
    facts = json.loads(
        kitchen_fetch(tmp_path, "--date", "2025-01-03", "--days", "2", "--json").stdout
    )

    assert (said.returncode, facts["exit"]) == (30, 30)
    assert said.stdout.splitlines() == [
        f"{host} cannot be reached: connection refused; 12 files wait for it: check the network and the"
        " proxy (HTTPS_PROXY), then run again",
        "12 failed",
    ]
    assert [(f["period"], f["status"]) for f in facts["files"]] == [
        ("2025-01-02", "failed"),
        ("2025-01-03", "failed"),
    ]
    assert {u["host"] for f in facts["files"] for u in f["unreached"]} == {host}


def _nobody_there(root: Path, exchange: FakeExchange) -> str:
    """Names a port on which nobody listens as the exchange; host and port."""
    with socket.create_server(("127.0.0.1", 0)) as was:
        host = f"127.0.0.1:{was.getsockname()[1]}"
    file = root / "configs/kitchen.yaml"
    file.write_text(file.read_text().replace(exchange.base, f"http://{host}"))
    return host


def test_a_full_disk_is_one_sentence(tmp_path: Path, exchange: FakeExchange) -> None:
    """A folder that cannot be written: reported, and nothing visible."""
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n")
    publish(exchange, DAY)
    kitchen.raw.mkdir(parents=True)
    (kitchen.raw / "binance").write_text("a file where the folder should be")

    (outcome,) = fetch(kitchen, Request(first=DAY, last=DAY, recheck=True))

    assert outcome.status == "failed"
    assert "cannot be written" in outcome.notes[0]


def test_history_comes_by_month_and_the_rest_by_day(tmp_path: Path) -> None:
    """Monthly archives where they are published, daily ones for the running month, none before a listing."""
    exchange = FakeExchange(Clock(AFTERNOON))
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n")
    with exchange.serving():
        publish(exchange, DAY)
        for period in ("2024-11", "2024-10", "2025-01-01"):
            span = "daily" if len(period) > 7 else "monthly"
            name = f"BTCUSDT-1d-{period}"
            exchange.put(
                f"/data/spot/{span}/klines/BTCUSDT/1d/{name}.zip", zipped(name, minutes(DAY, 1))
            )
        for day in range(1, 32):
            name = f"BTCUSDT-1d-2024-12-{day:02}"
            exchange.put(
                f"/data/spot/daily/klines/BTCUSDT/1d/{name}.zip", zipped(name, minutes(DAY, 1))
            )
        outcomes = fetch(
            kitchen, Request(first=DAY, last=DAY, history=True), waiting=exchange.clock.waiting
        )

    there = {o.period for o in outcomes if o.status == "fetched"}
    december = {f"2024-12-{day:02}" for day in range(1, 32)}
    assert there == {"2024-10", "2024-11", *december, "2025-01-01", "2025-01-02"}
    assert {o.status for o in outcomes if o.period < "2024-10"} == {"absent"}
    assert [o.period for o in outcomes if o.status == "pending"] == ["2024-12"]


def test_no_run_of_the_kitchen_loads_the_client_unless_it_fetches() -> None:
    """The tasks do without it."""
    code = "import sys, pipeline.tasks.program, pipeline.cli.main; print('httpx' in sys.modules)"

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "False"
