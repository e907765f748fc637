"""What a run says last, of what is not there."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from kit.support import kitchen_at, luigi, write_config
from pipeline import layout
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.tasks import closing

DAY = dt.date(2025, 1, 2)


def test_a_pending_day_is_said_last(tmp_path: Path) -> None:
    """After the steps that could run, for it is how the run ends."""
    write_config(tmp_path, "{market: futures_um, since: 2025-01-01}")
    day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)

    run = luigi(tmp_path, "Snapshot", "--date", str(day), "--local-scheduler")

    last = run.stderr.splitlines()[-1]
    assert run.returncode == 20
    assert last.startswith(f"{day} is pending: no klines")
    assert run.stderr.count(last) == 1


def test_until_is_named_where_klines_have_ended(tmp_path: Path) -> None:
    """Not where yesterday's are there, which says that today's are late."""
    out = tmp_path / "data" / "raw"
    write_sample(SampleRequest(out=out, first=DAY, trades_per_day=400, ticks=False, bars=False))
    kitchen = kitchen_at(tmp_path)
    layout.forget_listings()

    assert closing.ended(kitchen, "BTCUSDT", DAY + dt.timedelta(days=1)) == ""
    assert f"set symbols.BTCUSDT.until: {DAY} in {kitchen.file}" in closing.ended(
        kitchen, "BTCUSDT", DAY + dt.timedelta(days=2)
    )
