"""`kitchen cron` as a program, with the exchange on loopback in front of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.cron_ground import DUE, cron
from kit.fake_exchange import Clock, FakeExchange
from kit.fetch_ground import kitchen_for, publish, visible

SYMBOL = f"{{market: spot, atas: none, since: {DUE}, until: {DUE}}}"
IN_FRONT = "  use: [archive]\n  in_front: true\n  attempts: 1\n"


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with FakeExchange(Clock(time.time())).serving() as exchange:
        yield exchange


def test_a_day_that_the_exchange_never_published_is_named_once(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """Missing is one problem, not a failed fetch beside it; an exchange that is gone is another."""
    kitchen_for(tmp_path, exchange, SYMBOL, IN_FRONT)

    missing = cron(tmp_path, "--json")
    exchange.stop()
    gone = cron(tmp_path, "--json")

    assert [missing.returncode, gone.returncode] == [20, 20], missing.stdout + gone.stdout
    (problem,) = json.loads(missing.stdout)["problems"]
    assert problem["what"].startswith(f"{DUE} has no snapshot")
    fetching, problem = json.loads(gone.stdout)["problems"]
    assert "klines could not be fetched, exit 30" in fetching["what"]
    assert "cannot be reached: connection refused" in fetching["what"]
    assert problem["what"].startswith(f"{DUE} has no snapshot")


@pytest.mark.slow
def test_one_run_fetches_and_publishes_what_is_past_its_deadline(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """As after a machine was off for days: nothing is waited for that can no longer change."""
    kitchen = kitchen_for(tmp_path, exchange, SYMBOL, IN_FRONT)
    publish(exchange, DUE)

    run = cron(tmp_path, "--json")

    assert run.returncode == 0, run.stdout
    assert json.loads(run.stdout)["days"][str(DUE)]["state"] == "published"
    name = f"binance/spot/BTCUSDT-1m-{DUE}.zip"
    assert visible(kitchen.raw) == [name, f"{name}.CHECKSUM"]
