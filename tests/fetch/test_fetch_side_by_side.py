"""Many files at once: as many as configured, in the order wanted, and one budget and one pause for all."""

from __future__ import annotations

import datetime as dt
import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from kit.fake_exchange import Clock, FakeExchange, Fault
from kit.fetch_ground import AFTERNOON, DAY, archive_path, kitchen_for, minutes, publish, visible
from pipeline.cli.main import cli
from pipeline.errors import ConfigError
from pipeline.fetch.outcome import Outcome
from pipeline.fetch.plan import Request
from pipeline.fetch.run import fetch
from pipeline.settings.config import Kitchen

DAYS = [DAY - dt.timedelta(days=back) for back in reversed(range(12))]
SYMBOLS = dict.fromkeys(("BTCUSDT", "ETHUSDT", "SOLUSDT"), "{market: spot}")


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with FakeExchange(Clock(AFTERNOON)).serving() as exchange:
        yield exchange


def fetched(kitchen: Kitchen, exchange: FakeExchange) -> list[Outcome]:
    """The twelve days."""
    request = Request(first=DAYS[0], last=DAYS[-1])
    return fetch(kitchen, request, waiting=exchange.clock.waiting)


@pytest.mark.parametrize("connections", [1, 3])
def test_as_many_as_configured_come_side_by_side(
    tmp_path: Path, exchange: FakeExchange, connections: int
) -> None:
    """The exchange never sees more of them at once, and as many where it is slow."""
    kitchen = kitchen_for(
        tmp_path, exchange, more=f"  use: [archive]\n  connections: {connections}\n"
    )
    exchange.latency = lambda path: 0.02
    for day in DAYS:
        publish(exchange, day)

    assert {o.status for o in fetched(kitchen, exchange)} == {"fetched"}
    assert exchange.most_active == connections


def test_outcomes_stand_in_the_order_wanted(tmp_path: Path, exchange: FakeExchange) -> None:
    """Whichever comes first; one that fails, and one that is not there, stay in their places."""
    kitchen = kitchen_for(tmp_path, exchange, SYMBOLS, "  use: [archive]\n")
    draw = random.Random(5)
    exchange.latency = lambda path: draw.choice([0.0, 0.01, 0.05])
    wanted = [(symbol, str(day)) for symbol in SYMBOLS for day in DAYS]
    for symbol, day in wanted:
        if day != str(DAYS[5]):
            publish(exchange, dt.date.fromisoformat(day), symbol)
    exchange.faults = [Fault(f"ETHUSDT-1m-{DAYS[7]}.zip$", "flip", times=99)]

    outcomes = fetched(kitchen, exchange)

    assert [(o.symbol, o.period) for o in outcomes] == wanted
    assert [o.status for o in outcomes if o.period == str(DAYS[5])] == ["missing"] * 3
    assert [(o.symbol, o.period) for o in outcomes if o.status == "failed"] == [
        ("ETHUSDT", str(DAYS[7]))
    ]


def test_a_pause_that_one_was_asked_for_holds_for_all(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """Once 429 said to wait 30 s, nothing is counted before; no minute holds more than the budget."""
    kitchen = kitchen_for(
        tmp_path, exchange, SYMBOLS, "  use: [rest]\n  weight_per_minute: {spot: 40}\n"
    )
    for symbol in SYMBOLS:
        exchange.klines[symbol] = [row for day in DAYS for row in minutes(day)]
    exchange.faults = [Fault("klines", "status", "429:30")]

    outcomes = fetched(kitchen, exchange)

    assert {o.status for o in outcomes} == {"fetched"}
    assert len(outcomes) == 36
    assert not [at for at, _ in exchange.weights if AFTERNOON < at < AFTERNOON + 30]
    assert exchange.most_weight() <= 40
    assert not exchange.warned


def test_lines_and_summary_have_one_order(
    tmp_path: Path, exchange: FakeExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line a file, numbered, in the order wanted; months are counted apart."""
    exchange.clock.at = time.time()
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n")
    monkeypatch.setenv("KITCHEN_CONFIG", str(kitchen.file))
    exchange.latency = lambda path: 0.03 if path.endswith("1.zip") else 0.0
    exchange.put(
        archive_path("2024-12").replace("/daily/", "/monthly/"), b"a month, as far as fetch knows"
    )
    publish(exchange, DAY - dt.timedelta(days=1))
    publish(exchange, DAY)
    words = ["fetch", "--date", str(DAY), "--days", "33", "--recheck"]

    said = CliRunner().invoke(cli, words)
    told = json.loads(CliRunner().invoke(cli, [*words, "--json"]).stdout)

    *lines, summary = said.output.splitlines()
    assert [line.split()[:4:3] for line in lines] == [
        ["1/3", "2024-12"], ["2/3", "2025-01-01"], ["3/3", "2025-01-02"]
    ]  # fmt: skip
    assert summary == "3 fetched; of these, files of a month: 1 fetched"
    assert (told["counts"], told["months"]) == ({"unchanged": 3}, {"unchanged": 1})


def test_a_terminal_sees_one_bar_with_rates(tmp_path: Path, exchange: FakeExchange) -> None:
    """How many of how many, files and bytes a second; the lines are on standard output."""
    exchange.clock.at = time.time()
    exchange.latency = lambda path: 0.5  # what is done in a moment draws no bar
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n")
    for day in DAYS:
        publish(exchange, day)
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [Path(sys.executable).with_name("kitchen"), "fetch", "--date", str(DAY), "--days", "12"],
        env={"KITCHEN_CONFIG": str(kitchen.file), "TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    lines = program.communicate(timeout=60)[0].decode().splitlines()
    bar = os.read(ours, 1 << 16).decode()
    os.close(ours)

    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", bar)
    assert re.search(r"[0-9]+ of 12 files, [0-9.]+/s.*, [0-9.]+ MB/s", plain), plain
    assert [line.split()[2] for line in lines[:-1]] == [str(day) for day in DAYS]
    assert lines[-1] == "12 fetched"


def test_a_simulated_kitchen_fetches_nothing(tmp_path: Path, exchange: FakeExchange) -> None:
    """What is generated and what is real do not stand together; one sentence."""
    kitchen = kitchen_for(tmp_path, exchange, more="simulated: true\n")

    with pytest.raises(ConfigError, match="simulated: true, so its raw files are generated"):
        fetched(kitchen, exchange)

    assert exchange.asked == []


def test_an_interrupted_run_ends_at_once(tmp_path: Path, exchange: FakeExchange) -> None:
    """Ten downloads stand still: Ctrl-C ends all of them, and leaves no file that is not whole."""
    exchange.clock.at = time.time()
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n")
    for day in DAYS:
        publish(exchange, day)
    exchange.faults = [Fault("zip$", "hang", "25", 99)]
    program = subprocess.Popen(
        [Path(sys.executable).with_name("kitchen"), "fetch", "--date", str(DAY), "--days", "12"],
        env={"KITCHEN_CONFIG": str(kitchen.file)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while exchange.active < 10 and time.monotonic() < until:
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    began = time.monotonic()

    assert program.wait(20) != 0
    assert time.monotonic() - began < 15
    assert visible(kitchen.raw) == []
