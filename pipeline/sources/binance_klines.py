"""Binance Vision kline archives: 12 columns, spot, USD-M and COIN-M, 1m and 1d, daily and monthly.

Spot files count time in microseconds from 2025 on, futures in milliseconds; newer futures files have a
header. COIN-M writes contracts as volume and base volume where its header says quote volume.
"""

from __future__ import annotations

from pipeline.clock import EPOCH_UNITS, epoch_unit, epoch_us
from pipeline.sources.csv_fields import decimal, whole
from pipeline.sources.kline_rows import STEPS, Kline, KlineFile, is_of_many_days, market_us
from pipeline.sources.lines import BOM, Block, Seen, read_lines, text_of
from pipeline.sources.protocol import Feed, Parsed, RawText

COLUMNS = (
    b"open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    b"taker_buy_quote_volume,ignore"
).split(b",")

_BTC_CONTRACT_USD, _OTHER_CONTRACT_USD = 100, 10
"""COIN-M contract sizes, from the exchange's contract specifications."""


class BinanceKlines:
    """The adapter."""

    name = "binance_klines"
    sources = ("binance_1m", "binance_1d")

    def claims(self, name: str, head: bytes) -> bool:
        """By a first line of twelve columns that begins with `open_time` or a digit."""
        fields = _first_line(head).split(b",")
        return len(fields) == len(COLUMNS) and (_is_header(fields) or fields[0].strip().isdigit())

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The day's rows; see `KlineFile` for what becomes of the others."""
        file = KlineFile(feed, is_of_many_days(feed, text.name))
        seen, blank, header = Seen(), 0, False
        for block in read_lines(text.name, text.blocks(), seen):
            for place, line in enumerate(block.lines):
                fields = text_of(line).strip().split(b",")
                if fields == [b""]:
                    blank += 1
                elif not header and not file.read and not file.other_days and _is_header(fields):
                    header = True
                else:
                    read_row(file, block, place, fields)
        file.defects["B02"] += bool(file.read) and header != (feed.market != "spot")
        notes = {
            "header": header,
            "volume": _volume_words(feed),
            "encoding": "utf-8-sig" if seen.bom else "utf-8",
        }
        return file.finish(notes, blank)


def read_row(file: KlineFile, block: Block, place: int, fields: list[bytes]) -> None:
    """Hands the row of twelve columns at a place of a block to its file, or sets it aside."""
    opened = _opened(fields[0])
    if file.is_others(opened):
        file.other_days += 1
        return
    file.read += 1
    try:
        if opened is None:
            raise ValueError(f"open_time {fields[0][:40]!r} is not a market timestamp")
        row = _kline(fields, opened, file.feed)
    except ValueError as error:
        file.set_aside(block, place, "B26", str(error))
        return
    file.units[epoch_unit(int(fields[0]))] += 1
    file.defects["B20"] += file.feed.market == "futures_cm"
    file.take(row, block, place)


def _kline(fields: list[bytes], opened: int, feed: Feed) -> Kline:
    if len(fields) != len(COLUMNS):
        raise ValueError(f"{len(fields)} columns; wanted {len(COLUMNS)}")
    numbers = {
        name.decode(): decimal(text, name.decode())
        for name, text in zip(COLUMNS[1:11], fields[1:11], strict=True)
        if name not in (b"close_time", b"count")
    }
    volume, quote, taker = (numbers[n] for n in ("volume", "quote_volume", "taker_buy_volume"))
    if feed.market == "futures_cm":
        quote = volume * _contract_usd(feed)
        volume, taker = numbers["quote_volume"], numbers["taker_buy_quote_volume"]
    return Kline(
        opened=opened,
        open=numbers["open"],
        high=numbers["high"],
        low=numbers["low"],
        close=numbers["close"],
        volume=volume,
        quote_volume=quote,
        trades=whole(fields[8], "count"),
        taker_buy_volume=taker,
        close_time_cut=_is_cut(opened, fields[6], STEPS[feed.source]),
    )


def _volume_words(feed: Feed) -> str:
    """Which columns are the base and quote volume."""
    if feed.market != "futures_cm":
        return "base, as written"
    return f"base, from the quote column; quote, contracts x {_contract_usd(feed)} USD"


def _contract_usd(feed: Feed) -> int:
    return _BTC_CONTRACT_USD if feed.vendor_symbol.startswith("BTC") else _OTHER_CONTRACT_USD


def _opened(text: bytes) -> int | None:
    try:
        return market_us(whole(text, "open_time"))
    except ValueError:
        return None


def _is_cut(opened: int, text: bytes, step: int) -> bool:
    """Whether close_time is not open + step - 1 of its own unit."""
    closed = whole(text, "close_time")
    unit = EPOCH_UNITS.get(epoch_unit(closed), 1)
    return epoch_us(closed) + unit != opened + step


def _is_header(fields: list[bytes]) -> bool:
    return fields[0].strip().lower().replace(b" ", b"_") in (b"open_time", b"opentime")


def _first_line(head: bytes) -> bytes:
    lines = head.removeprefix(BOM).split(b"\n")
    return next((line.strip() for line in lines if line.strip()), b"")
