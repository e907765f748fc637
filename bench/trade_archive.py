"""A day of the exchange's own trades as its archives have it, for the benchmarks: seeded, any length.

    python bench/trade_archive.py OUT [--trades 3000000] [--kind trades|aggTrades] [--bad-lines 64]

Writes OUT/binance/futures_um/BTCUSDT-KIND-2025-01-02.zip, the klines of these trades beside it, and its CSV
as OUT/*.csv. Trades come in bursts that share a millisecond, a side and mostly a price; their number follows
the hour, their prices walk.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DAY_MS, OPEN_MS, MINUTE_MS = 86_400_000, 1_735_776_000_000, 60_000
TRADES = 3_000_000
HEADERS = {
    "trades": b"id,price,qty,quote_qty,time,is_buyer_maker",
    "aggTrades": b"agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
}
FIRST_ID = {"trades": 5_782_000_000, "aggTrades": 2_531_000_000}
FORMS = {"trades": "%d,%d.%d,%d.%03d,%s,%d,%s\n", "aggTrades": "%d,%d.%d,%d.%03d,%d,%d,%d,%s\n"}


KLINES = (
    b"open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    b"taker_buy_quote_volume,ignore\n"
)


@dataclass(frozen=True, kw_only=True)
class Trades:
    """The rows of a day: prices in tenths, sizes in thousandths; each stands for `fills` trades."""

    at: np.ndarray
    price: np.ndarray
    qty: np.ndarray
    maker: np.ndarray
    fills: np.ndarray


def drawn(kind: str, trades: int, step: int = 3, seed: int = 1) -> Trades:
    """So many rows; a burst's price is so many ticks from the one before at most."""
    draw = np.random.default_rng(seed)
    bursts = np.minimum(draw.geometric(0.35, size=trades), 40)
    bursts = bursts[: int(np.searchsorted(np.cumsum(bursts), trades))]
    bursts = np.append(bursts, trades - bursts.sum())
    bursts = bursts[bursts > 0]
    hour = draw.beta(2.2, 1.8, size=len(bursts))
    at = np.sort((hour * DAY_MS).astype(np.int64)) + OPEN_MS
    maker = draw.random(len(bursts)) < 0.5
    walk = 945_000 + np.cumsum(draw.integers(-step, step + 1, size=len(bursts)))
    of = np.repeat(np.arange(len(bursts)), bursts)
    place = np.arange(trades) - np.repeat(np.cumsum(bursts) - bursts, bursts)
    price = walk[of] + np.where(maker[of], -1, 1) * (place // 6)
    qty = np.maximum(1, np.round(np.exp(draw.normal(2.4, 1.6, size=trades)))).astype(np.int64)
    merged = kind == "aggTrades"
    fills = np.minimum(draw.geometric(0.7, size=trades), 9) if merged else np.ones(trades, np.int64)
    return Trades(at=at[of], price=price, qty=qty, maker=maker[of], fills=fills)


def lines(kind: str, rows: Trades) -> list[bytes]:
    """The lines of the day, header first."""
    ids = (FIRST_ID[kind] + np.arange(len(rows.at))).tolist()
    cut = (*np.divmod(rows.price, 10), *np.divmod(rows.qty, 1000))
    columns = [ids, *map(np.ndarray.tolist, cut)]
    if kind == "trades":
        quote = (rows.price * rows.qty).tolist()
        columns += [[f"{q // 10_000}.{q % 10_000:04d}" for q in quote]]
    else:
        last = FIRST_ID["trades"] + np.cumsum(rows.fills) - 1
        columns += [(last - rows.fills + 1).tolist(), last.tolist()]
    words = np.array(["false", "true"])[rows.maker.astype(np.int64)].tolist()
    columns += [rows.at.tolist(), words]
    form = FORMS[kind]
    made = [(form % row).encode() for row in zip(*columns, strict=True)]
    return [HEADERS[kind] + b"\n", *made]


def klines(rows: Trades) -> bytes:
    """The CSV of the day's minutes; one without a trade has the price before it."""
    made, close = [KLINES], int(rows.price[0])
    edges = np.searchsorted(rows.at, OPEN_MS + np.arange(0, DAY_MS + 1, MINUTE_MS))
    for minute, (first, end) in enumerate(
        zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    ):
        price, qty = rows.price[first:end], rows.qty[first:end]
        bought = ~rows.maker[first:end]
        ends = (price[0], price.max(), price.min(), price[-1]) if end > first else (close,) * 4
        close = int(ends[3])
        opened = OPEN_MS + minute * MINUTE_MS
        sums = (qty.sum() / 1e3, (price * qty).sum() / 1e4, rows.fills[first:end].sum())
        taken = (qty[bought].sum() / 1e3, (price * qty)[bought].sum() / 1e4)
        made.append(
            b"%d,%.1f,%.1f,%.1f,%.1f,%.3f,%d,%.4f,%d,%.3f,%.4f,0\n"
            % (
                opened,
                *(one / 10 for one in ends),
                sums[0],
                opened + MINUTE_MS - 1,
                *sums[1:],
                *taken,
            )
        )
    return b"".join(made)


def damaged(good: bytes, number: int) -> bytes:
    """A line that nothing can be made of, of one of ten kinds."""
    first, price, rest = good.split(b",", 2)
    return (
        good[: len(good) // 2] + b"\n",
        b"#### reconnect ####\n",
        b"\0" * 48 + b"\n",
        good[: len(good) // 2] + good,
        first + b",," + rest,
        first + b',"n/a",' + rest,
        first + b",nan," + rest,
        first + b",-" + price + b"," + rest,
        first + b"," + price + b",0x10," + rest.split(b",", 1)[1],
        good.strip() + b",extra\n",
    )[number % 10]


def write(out: Path, kind: str, trades: int, step: int = 3, bad_lines: int = 0) -> Path:
    """The archive; its klines and its CSV lie beside it."""
    rows = drawn(kind, trades, step)
    made = lines(kind, rows)
    for number in range(bad_lines):
        place = (number + 1) * len(made) // (bad_lines + 2)
        made.insert(place, damaged(made[1], number))
    path = out / "binance" / "futures_um" / f"BTCUSDT-{kind}-2025-01-02.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = b"".join(made)
    (out / f"{path.stem}.csv").write_bytes(text)
    _zip(path, text)
    _zip(path.with_name("BTCUSDT-1m-2025-01-02.zip"), klines(rows))
    return path


def _zip(path: Path, text: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{path.stem}.csv", text)


def main() -> None:
    """Writes one archive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trades", type=int, default=TRADES)
    parser.add_argument("--kind", choices=list(HEADERS), default="trades")
    parser.add_argument("--step", type=int, default=3, help="in ticks, from burst to burst")
    parser.add_argument("--bad-lines", type=int, default=0)
    options = parser.parse_args()
    made = write(options.out, options.kind, options.trades, options.step, options.bad_lines)
    sys.stdout.write(f"{made}\n")


if __name__ == "__main__":
    main()
