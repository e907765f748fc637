"""What the minute features of a busy day cost, beside the tick step that they follow.

    python bench/features.py [--ticks 2000000] [--rounds 3] [--work FOLDER]

The day before is the same day again, so the look-back is as busy as the day. Each figure is of a fresh
process that does its step as a task does it: reading, writing and the content hash of what it wrote included.
The two take turns, a ratio is the median of the rounds: of the steps, whose libraries a worker loads once for
all that it does, and of the whole processes, which load them for the one step.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.clock import DAY_US, MINUTE_US, MINUTES_PER_DAY, day_of
from pipeline.contracts import features_schema, schema
from pipeline.features.micro import LEVEL_COLUMNS, levels_from_us, micro
from pipeline.tables import arrays, parquet
from pipeline.tables.parts import cut

GOVERNANCE = Path(__file__).resolve().parent.parent / "governance"
NAMES = ("footprint", "minute_stats")
PRICES = ("open", "high", "low", "close")


def prepare(folder: Path) -> None:
    """The tick step's tables of the day -> those of the day before, and the bars of both."""
    levels = parquet.read(folder / "footprint.parquet")
    parquet.write(folder / "footprint.parquet", cut(levels))
    for name in NAMES:
        table = parquet.read(folder / f"{name}.parquet")
        opens = table["minute_open"].cast(pa.int64()).to_numpy() - DAY_US
        place, field = (
            table.schema.get_field_index("minute_open"),
            table.schema.field("minute_open"),
        )
        before = table.set_column(place, field, pa.array(opens).cast(field.type))
        parts = cut(before) if name == "footprint" else before
        parquet.write(folder / f"{name}_before.parquet", parts)
    parquet.write(folder / "bars.parquet", _bars(parquet.read(folder / "minute_stats.parquet")))


def _bars(minutes: pa.Table) -> pa.Table:
    """Aligned bars of two equal days, both vendors' prices those of the tape."""
    taped = minutes["minute_open"].cast(pa.int64()).to_numpy()
    start = taped[0] - taped[0] % DAY_US
    places = (taped - start) // MINUTE_US
    rows = 2 * MINUTES_PER_DAY

    def grid(values: np.ndarray, silent: float) -> np.ndarray:
        one = np.full(MINUTES_PER_DAY, silent)
        one[places] = values
        return np.concatenate((one, one))

    found = {name: grid(minutes[name].to_numpy(), np.nan) for name in PRICES}
    volume, buys = (grid(minutes[name].to_numpy(), 0.0) for name in ("volume", "vbuy"))
    known = np.maximum.accumulate(np.where(np.isnan(found["close"]), 0, np.arange(rows)))
    carried = found["close"][known]
    opens = start - DAY_US + MINUTE_US * np.arange(rows)
    times = dict.fromkeys(("ts", "minute_close", "available_at"), opens + MINUTE_US)
    delta = np.round(2 * buys - volume, 8)
    columns = {
        **{name: np.where(np.isnan(x), carried, x) for name, x in found.items()},
        **{f"atas_{name}": x for name, x in found.items()},
        "volume": volume,
        "quote_volume": volume * carried,
        "delta": delta,
        "cvd": np.round(np.cumsum(delta.reshape(2, -1), axis=1).ravel(), 8),
        "minute_open": opens,
        **times,
        "symbol": ["BTCUSDT"] * rows,
        **dict.fromkeys(("src_binance", "src_atas", "src_span_ok"), [True] * rows),
        "is_filled": volume == 0,
        "qc_flags": np.zeros(rows, dtype=np.int64),
    }
    wanted = schema.load(GOVERNANCE).table("bars_1m")
    arrays = [
        pa.array(columns[f.name], from_pandas=True).cast(f.type)
        if f.name in columns
        else pa.nulls(rows, f.type)
        for f in wanted
    ]
    return pa.Table.from_arrays(arrays, schema=wanted)


def step(folder: Path) -> None:
    """Reads both days, computes the features of the second, writes them and hashes what they hold."""
    begun = time.process_time()
    bars = parquet.read(folder / "bars.parquet")
    day = day_of(int(arrays.ints(bars["minute_open"])[-1]))
    days, since = ("_before", ""), levels_from_us(day)
    minutes = pa.concat_tables(parquet.read(folder / f"minute_stats{of}.parquet") for of in days)
    levels = pa.concat_tables(
        parquet.read_from(folder / f"footprint{of}.parquet", LEVEL_COLUMNS, "minute_open", since)
        for of in days
    )
    table = micro(day, bars, minutes, features_schema.load(GOVERNANCE), levels)
    parquet.write(folder / "features_micro.parquet", table)
    parquet.content_hash(table)
    known = [n for n in table.column_names if table[n].null_count < table.num_rows]
    said = {"rows": table.num_rows, "features_with_values": len(known) - 3}
    print(json.dumps({**said, "step_cpu_s": time.process_time() - begun}))


def main() -> None:
    """Compares the steps, or is one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--step", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step(options.step)
        return
    import tempfile  # only here: the measured process does not need these
    from statistics import median

    import days
    from run import run

    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        day, out = days.clean(work, options.ticks), work / "features"
        out.mkdir(exist_ok=True)
        rounds = []
        for number in range(options.rounds):
            ticks = run("ours.py", str(day), str(out))
            if number == 0:
                prepare(out)
            rounds.append((ticks, run("features.py", "--step", str(out))))
    steps = [(t.said["step_cpu_s"], f.said["step_cpu_s"]) for t, f in rounds]
    report = {
        "ticks": options.ticks,
        "tick_step_cpu_s": round(median(t for t, _ in steps), 2),
        "feature_step_cpu_s": round(median(f for _, f in steps), 2),
        "ratio": round(median(f / t for t, f in steps), 3),
        "process_ratio": round(median(f.cpu / t.cpu for t, f in rounds), 3),
        "process_wall_ratio": round(median(f.wall / t.wall for t, f in rounds), 3),
        "feature_step_peak_mb": round(max(f.rss for _, f in rounds)),
        **{key: value for key, value in rounds[0][1].said.items() if key != "step_cpu_s"},
    }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
