"""A day of the exchange's own trades as its archives have it, for the benchmarks: seeded, any length.

    python bench/trade_archive.py OUT [--trades 3000000] [--kind trades|aggTrades] [--bad-lines 64]

Writes OUT/binance/futures_um/BTCUSDT-KIND-2025-01-02.zip, and the CSV in it as OUT/*.csv. Trades come in
bursts that share a millisecond, a side and mostly a price; their number follows the hour, their prices walk.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np

DAY_MS, OPEN_MS = 86_400_000, 1_735_776_000_000
TRADES = 3_000_000
HEADERS = {
    "trades": b"id,price,qty,quote_qty,time,is_buyer_maker",
    "aggTrades": b"agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
}
FIRST_ID = {"trades": 5_782_000_000, "aggTrades": 2_531_000_000}
FORMS = {"trades": "%d,%d.%d,%d.%03d,%s,%d,%s\n", "aggTrades": "%d,%d.%d,%d.%03d,%d,%d,%d,%s\n"}


def lines(kind: str, trades: int, seed: int = 1) -> list[bytes]:
    """The lines of the day, header first."""
    draw = np.random.default_rng(seed)
    bursts = np.minimum(draw.geometric(0.35, size=trades), 40)
    bursts = bursts[: int(np.searchsorted(np.cumsum(bursts), trades))]
    bursts = np.append(bursts, trades - bursts.sum())
    bursts = bursts[bursts > 0]
    hour = draw.beta(2.2, 1.8, size=len(bursts))
    at = np.sort((hour * DAY_MS).astype(np.int64)) + OPEN_MS
    maker = draw.random(len(bursts)) < 0.5
    walk = 945_000 + np.cumsum(draw.integers(-3, 4, size=len(bursts)))
    of = np.repeat(np.arange(len(bursts)), bursts)
    place = np.arange(trades) - np.repeat(np.cumsum(bursts) - bursts, bursts)
    price = walk[of] + np.where(maker[of], -1, 1) * (place // 6)
    qty = np.maximum(1, np.round(np.exp(draw.normal(2.4, 1.6, size=trades)))).astype(np.int64)
    words = np.array(["false", "true"])[maker.astype(np.int64)][of].tolist()
    ids = (FIRST_ID[kind] + np.arange(trades)).tolist()
    columns = [ids, *map(np.ndarray.tolist, (*np.divmod(price, 10), *np.divmod(qty, 1000)))]
    if kind == "trades":
        quote = (price * qty).tolist()
        columns += [[f"{q // 10_000}.{q % 10_000:04d}" for q in quote], at[of].tolist(), words]
    else:
        fills = np.minimum(draw.geometric(0.7, size=trades), 9)
        last = FIRST_ID["trades"] + np.cumsum(fills) - 1
        columns += [(last - fills + 1).tolist(), last.tolist(), at[of].tolist(), words]
    form = FORMS[kind]
    made = [(form % row).encode() for row in zip(*columns, strict=True)]
    return [HEADERS[kind] + b"\n", *made]


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


def write(out: Path, kind: str, trades: int, bad_lines: int = 0) -> Path:
    """The archive; its CSV lies beside it."""
    made = lines(kind, trades)
    for number in range(bad_lines):
        place = (number + 1) * len(made) // (bad_lines + 2)
        made.insert(place, damaged(made[1], number))
    path = out / "binance" / "futures_um" / f"BTCUSDT-{kind}-2025-01-02.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = b"".join(made)
    (out / f"{path.stem}.csv").write_bytes(text)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{path.stem}.csv", text)
    return path


def main() -> None:
    """Writes one archive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trades", type=int, default=TRADES)
    parser.add_argument("--kind", choices=list(HEADERS), default="trades")
    parser.add_argument("--bad-lines", type=int, default=0)
    options = parser.parse_args()
    sys.stdout.write(f"{write(options.out, options.kind, options.trades, options.bad_lines)}\n")


if __name__ == "__main__":
    main()
