"""Open interest and positions of a USD-M future every five minutes: Binance Vision's `metrics` archives and
answers of `/futures/data/openInterestHist`, in CSV or JSON.

    create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,
        sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio
    2025-01-02 00:05:00,BTCUSDT,81234.5,7.7e9,1.92,1.21,1.87,0.94

A stamp is the start or the end of its five minutes: there are archives of either kind, whatever their date
(binance/binance-public-data issue 491, defect B22). Here stamps stay as they are, 00:00 and 24:00 both, and
the note `label` is what the file's own stamps say; what the day's minutes say is found where daily figures
are made. Belongs here: what these fields mean.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.clock import DAY_US, MINUTE_US, iso
from pipeline.errors import SourceError
from pipeline.sources.binance import timed_columns
from pipeline.sources.binance.timed_columns import Fields, Form, Values, instant
from pipeline.sources.binance.timed_rows import parsed
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.text.csv_fields import amount
from pipeline.tables import arrays

PERIOD_US = 5 * MINUTE_US


class BinanceMetrics:
    """The adapter."""

    name = "binance_metrics"
    sources = ("binance_metrics",)

    def claims(self, name: str, head: bytes) -> bool:
        """By the names of a time and an open interest, or a first line of the eight columns."""
        return timed_columns.claims(head, FORM)

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The rows stamped within the day, `[00:00, 24:00]`.

        An open interest of zero beside others is no measurement: null, and `zeros` counts it.

        Raises:
            SourceError: not of USD-M futures, for COIN-M counts contracts there; its header names another
                table; all its rows are of other symbols.
        """
        if feed.market != "futures_um":
            raise SourceError(
                f"{text.name}: metrics of {feed.market}; wanted those of futures_um, whose open"
                " interest is in base currency; take the file away",
                code="B26",
            )
        found = parsed(text, feed, FORM)
        stamps = found.notes.pop("stamps", None)
        if stamps is not None:
            found.notes["label"], found.notes["label_by"] = label_of(*stamps)
        found.rows, zeros = without_zeros(found.rows)
        if zeros:
            found.notes["zeros"] = f"{zeros} of open interest are no measurement: null"
        return found


def label_of(first: int, last: int) -> tuple[str, str]:
    """Whether a file's stamps are the start or the end of their five minutes, and the words of why.

    Only a file that ends at 24:00 and does not begin at 00:00 says that they are ends. Any other is taken for
    starts: if that is wrong, a figure counts as known five minutes later than it was, and never earlier.
    """
    told = f"its stamps run from {iso(first)} to {iso(last)}"
    if last % DAY_US == 0 and first % DAY_US != 0:
        return "end", told
    starts = first % DAY_US == 0 and last % DAY_US == DAY_US - PERIOD_US
    return "start", told if starts else f"assumed, the later time of knowledge: {told}"


def without_zeros(rows: pa.Table) -> tuple[pa.Table, int]:
    """The rows with open interest null where it is zero and others are not, and in how many it was."""
    held = rows["open_interest"]
    zero = arrays.floats(held) == 0
    count = int(np.count_nonzero(zero))
    if count == 0 or count + held.null_count == rows.num_rows:
        return rows, 0
    for name in ("open_interest", "open_interest_value"):
        place = rows.column_names.index(name)
        values = arrays.floats(rows[name])
        rows = rows.set_column(place, name, arrays.column(values, zero | np.isnan(values)))
    return rows, count


def _figures(fields: Fields) -> tuple[int, Values]:
    at = instant(fields["time"], "create_time")
    if at % PERIOD_US:
        raise ValueError(f"create_time {iso(at)} is off the grid of five minutes")
    return at, tuple(_number(fields.get(name, b""), name) for name in FORM.columns)


def _number(text: bytes, name: str) -> float | None:
    """A quantity or ratio; None where the exchange left it out."""
    return amount(text, name) if text else None


_COLUMNS = (
    *("open_interest", "open_interest_value", "toptrader_accounts_ratio"),
    *("toptrader_positions_ratio", "accounts_ratio", "taker_volume_ratio"),
)

FORM = Form(
    names={
        "time": ("createtime", "timestamp", "time"),
        "symbol": ("symbol",),
        "open_interest": ("sumopeninterest", "openinterest"),
        "open_interest_value": ("sumopeninterestvalue", "openinterestvalue"),
        "toptrader_accounts_ratio": ("counttoptraderlongshortratio",),
        "toptrader_positions_ratio": ("sumtoptraderlongshortratio",),
        "accounts_ratio": ("countlongshortratio",),
        "taker_volume_ratio": ("sumtakerlongshortvolratio",),
    },
    nameless=("time", "symbol", *_COLUMNS),
    needed=("time", "open_interest"),
    said="create_time and sum_open_interest",
    columns=_COLUMNS,
    parse=_figures,
)
