"""The defects that can be asked for: code of the catalogue -> what is done, and the function that does it.

Belongs here: the list, in the order of application (the tape ATAS saw, its lines, its stamps, the
archives' rows, the files). Does not belong here: the damage itself (`*_defects.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from pipeline.errors import ParameterError
from pipeline.plain_text import meant
from pipeline.sample import atas_defects as atas
from pipeline.sample import binance_defects as binance
from pipeline.sample import trade_defects as trades
from pipeline.sample.export import DayExport
from pipeline.sample.trade_archives import TRADES


@dataclass(frozen=True, slots=True)
class Defect:
    """`what` says in one sentence what `apply` does; on the last requested day, or on `every_day`."""

    what: str
    apply: Callable[[DayExport], DayExport]
    every_day: bool = False


DEFECTS: dict[str, Defect] = {
    "C01": Defect(
        "ATAS recorded another instrument: prices 4 bps lower, 0.8 bps of noise, own sizes.",
        atas.other_instrument,
    ),
    "C02": Defect("ATAS prices are the exchange's times 1000.", atas.multiplied),
    "A22": Defect(
        "ATAS recorded another symbol (ETHUSDT, or BTCUSDT for ETHUSDT) under this symbol's name.",
        atas.wrong_symbol,
    ),
    "A04": Defect(
        "bars_1m.jsonl is live: a line a trade, vbuy and vsell increments, no cvd or volume point.",
        atas.live,
    ),
    "A05": Defect(
        "bars_1m.jsonl repeats all bars before its first line of 06:00, without vbuy and vsell.",
        atas.history_again,
    ),
    "A10": Defect("Five bars of bars_1m.jsonl have zero prices.", atas.zero_prices),
    "A11": Defect(
        "SafeMode: both bar exports lack poc and bar_vpo_* (absent in bars_1m, null in v6_3).",
        atas.safe_mode,
    ),
    "C08": Defect(
        "A tenth of the ATAS bars is lost, the same minutes in both bar exports.", atas.lost_bars
    ),
    "A17": Defect(
        "Ticks carry the PC clock: up to 40 ms late, with digits beyond the millisecond.",
        atas.pc_clock,
    ),
    "C07": Defect("Ticks are stamped 1200 ms late.", atas.skewed),
    "A09": Defect("All ticks say buy.", atas.all_buy),
    "A18": Defect(
        "25 pairs of neighbouring ticks with different stamps are swapped.", atas.out_of_order
    ),
    "A02": Defect(
        "On every requested day ATAS stamps are 8 hours early, and lines are filed by them.",
        atas.zone_shift,
        every_day=True,
    ),
    "C12": Defect("There are no ATAS files.", atas.absent),
    "A12": Defect(
        "ATAS files begin with a byte order mark and have a blank line after every 50 lines.",
        atas.bom_and_blanks,
    ),
    "A13": Defect(
        "Both bar exports and the ticks of hour 12 end in a torn line; their middle line is cut too.",
        atas.torn,
    ),
    "B12": Defect(
        "The klines of 03:17, 11:40 to 11:44 and 20:05 to 20:10 are missing.",
        binance.missing_minutes,
    ),
    "B26": Defect(
        "The first kline from 12:00 on that moved has its low as high and its high as close.",
        binance.impossible_row,
    ),
    "B13": Defect("The klines of 09:28 to 09:57 are 14.789 s off the grid.", binance.off_grid),
    "B01": Defect(
        "The klines from 12:00 on are in the other time unit (ms or us).", binance.mixed_units
    ),
    "B15": Defect(
        "The klines of 10:00 to 10:09 are there twice, as two equal blocks.", binance.repeated_rows
    ),
    "B16": Defect(
        "The klines of 04:00 to 04:59 stand before those of 03:00 to 03:59.", binance.unsorted_rows
    ),
    "B05": Defect("The kline file ends after 456 rows (07:35).", binance.truncated),
    "B02": Defect(
        "The kline file has a header where its market has none, or none where it has one.",
        binance.flipped_header,
    ),
    "B03": Defect(
        "The kline archive's CHECKSUM file names another digest.", binance.wrong_checksum
    ),
    "D01": Defect("Every row of trades says that the taker sold.", trades.one_side),
    "D02": Defect("trades ends after its first two hours.", trades.cut_short),
    "D03": Defect(
        "From 13:00 to 13:29 trades and aggTrades both lack every third aggregate.",
        trades.trades_missing,
    ),
    "D04": Defect("Quantities of 15:00 to 15:59 are 0 in trades.", trades.no_quantity),
    "D05": Defect(
        "Trades of 04:00 to 04:59 stand before those of 03:00 to 03:59, with ten of 30 days before between.",
        trades.out_of_order,
    ),
    "D06": Defect("Each of the first ten rows of aggTrades is there twice.", trades.repeated_ids),
    "D07": Defect(
        "Stamps of trades from 12:00 on are in the other time unit (ms or us).", trades.mixed_units
    ),
    "D08": Defect(
        "trades of the day are a month's file that has another day alone.",
        trades.month_without_the_day,
    ),
    "D09": Defect(
        "trades and aggTrades both stand still from 10:00 to 10:59.", trades.stands_still
    ),
}
"""Code -> defect. Several can be asked for at once; they are applied in this order."""


def check_codes(codes: Iterable[str], feeds: Collection[str]) -> None:
    """Refuses codes that are not in `DEFECTS`, and faults of trades where no archive of them is written.

    Raises:
        ParameterError: names the first such code, and what was wanted.
    """
    for code in codes:
        if code not in DEFECTS:
            known = ", ".join(sorted(DEFECTS))
            raise ParameterError(
                f"defect: got {code!r}, wanted one of {known}{meant(code, DEFECTS)}"
            )
        if code[0] == "D" and TRADES not in feeds:
            raise ParameterError(
                f"defect: {code} is a fault of the exchange's trades, which are left out; write them too"
            )


def damaged(export: DayExport, codes: Iterable[str], *, last_day: bool) -> DayExport:
    """The export with the asked-for defects that concern this day, applied in the order of `DEFECTS`."""
    asked = frozenset(codes)
    for code, defect in DEFECTS.items():
        if code in asked and (last_day or defect.every_day):
            export = defect.apply(export)
    return export
