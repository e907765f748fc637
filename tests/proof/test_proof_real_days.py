"""Real days proven by four witnesses: trades, aggregates, ticks that ATAS recorded, and the klines."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kit.proof_day import Raw, proven
from kit.tape_tables import archive_klines
from pipeline.clock import MINUTE_US, day_open_us
from pipeline.contracts.tape import from_json, to_json

pytestmark = pytest.mark.real

TAPES = ("ticks", "trades", "agg_trades")


@pytest.fixture
def raw(real_data: Path, tmp_path: Path) -> Raw:
    return Raw(root=real_data / "xrpeth-2019-10", work=tmp_path)


@pytest.mark.parametrize(("date", "traded"), [("2019-10-11", 1022), ("2019-10-12", 973)])
def test_every_minute_is_proven_four_ways(raw: Raw, date: str, traded: int) -> None:
    """Each tape with the klines and with each other one, in every column, quiet minutes too."""
    day = replace(raw, day=dt.date.fromisoformat(date))
    made = proven(day, *TAPES)
    opens = archive_klines(day.root / f"binance/spot/XRPETH-1m-{date}.zip")
    minutes = [(at - day_open_us(day.day)) // MINUTE_US for at in sorted(opens)]
    found = made.finding

    assert len(minutes) == traded
    for name in TAPES:
        assert np.flatnonzero(made.proof.tapes[name].minutes.traded).tolist() == minutes
        assert (found.tapes[name].proven, found.tapes[name].differing) == (1440, {})
    assert (found.minutes, found.proven, found.differing) == (1440, 1440, {})
    assert list(found.pairs.values()) == [{}, {}, {}]
    assert from_json(to_json(found)) == found
    assert (len(found.pairs), found.faults, found.wrong_klines) == (3, (), ())


def test_a_mark_price_file_never_passes(raw: Raw) -> None:
    """Klines of the same minutes whose prices are not those of trades agree in none that was traded."""

    def marked(lines: list[str]) -> list[str]:
        rows = [line.split(",") for line in lines]
        return [
            ",".join([r[0], *(f"{float(p) * 1.0001:.8f}" for p in r[1:5]), *r[5:]]) for r in rows
        ]

    found = proven(replace(raw, damage={"klines": marked}), "trades", "agg_trades").finding

    assert (found.minutes, found.proven, found.faults) == (1440, 1440 - 1022, ())


def test_a_wrong_kline_is_told_from_a_wrong_tape(raw: Raw) -> None:
    """Two tapes agree and one kline says otherwise: B27, with both values; no fault of the tapes."""
    truth = int(raw.lines("klines")[1].split(",")[8])

    def one_more(lines: list[str]) -> list[str]:
        fields = lines[1].split(",")
        return [lines[0], ",".join([*fields[:8], str(truth + 1), *fields[9:]]), *lines[2:]]

    found = proven(replace(raw, damage={"klines": one_more}), "trades", "agg_trades").finding
    (told,) = found.contradicted

    assert (told.minute, told.column) == ("2019-10-11T00:01:00Z", "trades")
    assert (told.kline, told.tapes, told.by) == (truth + 1, truth, ("trades", "agg_trades"))
    assert (found.wrong_klines, found.proven, found.faults) == ((1,), 1439, ())


def test_a_minute_without_a_kline_is_proven_where_nobody_traded(raw: Raw) -> None:
    """Klines of ten minutes are missing: those with a trade are not proven, and no tape is blamed."""
    gone = range(100, 110)
    opens = archive_klines(raw.root / f"binance/spot/XRPETH-1m-{raw.day}.zip")
    traded = sum(day_open_us(raw.day) + at * MINUTE_US in opens for at in gone)
    kept = replace(
        raw,
        damage={"klines": lambda lines: [row for n, row in enumerate(lines) if n not in gone]},
    )
    found = proven(kept, "trades", "agg_trades").finding

    assert 0 < traded < len(gone)
    assert (found.minutes, found.proven, found.faults, found.wrong_klines) == (
        1440,
        1440 - traded,
        (),
        (),
    )
