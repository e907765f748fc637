"""Binance Vision kline archives: 12 columns, spot, USD-M and COIN-M, 1m and 1d, daily and monthly.

Spot files count time in microseconds from 2025 on, futures in milliseconds; newer futures files have a
header. COIN-M writes contracts as volume and base volume where its header says quote volume.
"""

from __future__ import annotations

import numpy as np

from pipeline.clock import EPOCH_UNITS, epoch_unit, epoch_us
from pipeline.errors import SourceError
from pipeline.model.contract_size import contract_usd
from pipeline.sources.binance.kline_columns import AMOUNTS, PRICES, amounts, plain_rows, stretches
from pipeline.sources.klines.column_names import ARCHIVE, is_archive, is_header, wanted_columns
from pipeline.sources.klines.rows import Kline, KlineFile, market_us
from pipeline.sources.klines.stamps import ends_with
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.text.csv_fields import decimal, whole
from pipeline.sources.text.lines import BOM, Block, Seen, is_comment, read_lines, text_of

_MICROSECONDS_SINCE = 2025
"""The year from which spot archives count microseconds; those of futures count milliseconds."""

_UNIT_OF_DIGITS = {13: EPOCH_UNITS["ms"], 16: EPOCH_UNITS["us"]}
"""Digits of a stamp of today -> its unit in us."""

_LINE_FEED, _COMMA, _NOUGHT = b"\n,0"


class BinanceKlines:
    """The adapter."""

    name = "binance_klines"
    sources = ("binance_1m", "binance_1d")

    def claims(self, name: str, head: bytes) -> bool:
        """By a first line of twelve columns: a row that begins with a number, or their names in order."""
        fields = _first_line(head).split(b",")
        return len(fields) == len(ARCHIVE) and (
            fields[0].strip().isdigit() or is_archive(_names(fields))
        )

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The day's rows; see `KlineFile` for what becomes of the others.

        Raises:
            SourceError: a header that names other columns, so that their places mean nothing.
        """
        file, seen = _Archive(feed, text), Seen()
        for block in read_lines(text.name, text.blocks(), seen):
            file.read_block(block)
        header = file.headers > 0
        file.defects["B02"] += bool(file.read) and header != (feed.market != "spot")
        notes = {
            "header": header,
            "volume": volume_words(feed),
            "encoding": "utf-8-sig" if seen.bom else "utf-8",
        }
        parsed = file.finish(notes | _looks_like(file, header=header), file.blank_lines)
        again = max(file.headers - 1, 0)  # where files were joined
        parsed.ignored = file.comments + again
        return parsed


class _Archive(KlineFile):
    """The file's rows, and its lines that are none."""

    def __init__(self, feed: Feed, text: RawText) -> None:
        super().__init__(feed, text)
        self.headers = self.comments = 0

    def read_block(self, block: Block) -> None:
        """Takes plain rows that follow each other at once, and reads every other line by itself, in order.

        Of a file of many days not those that are of another day by their stamp alone.
        """
        opened, ours, body = np.zeros(0, np.int64), np.arange(block.count), block.body
        if self.many_days:
            opened = _stamps(block.body)
            ours = np.flatnonzero(~self.are_others(opened))
            body = b"\n".join(block.lines[place] for place in ours.tolist())
        plain = plain_rows(body, len(ours), self.feed)
        done = 0
        for first, rows, units in stretches(ours, plain):
            self.pass_over(opened[done:first])
            done = first + max(len(rows), 1)
            if rows:
                self.units.update(units)
                self.defects["B20"] += len(rows) * (self.feed.market == "futures_cm")
                self.take_all(rows, block, first)
            else:
                self._read_line(block, first)
        self.pass_over(opened[done:])

    def _read_line(self, block: Block, place: int) -> None:
        line = block.lines[place]
        fields = text_of(line).strip().split(b",")
        if fields == [b""]:
            self.blank_lines += 1
        elif not fields[0][:1].isdigit() and is_archive(_names(fields)):
            self.headers += 1
        elif self.read or self.other_days:
            read_row(self, block, place, fields)
        elif is_comment(line):
            self.comments += 1
        elif is_header(_names(fields)):
            why = wanted_columns(_names(fields), self.feed.vendor_symbol)
            raise SourceError(f"{self.name}:{block.numbers[place]}: {why}", code="B02")
        else:
            read_row(self, block, place, fields)


def _stamps(body: bytes) -> np.ndarray:
    """The open times in us of a block's lines; 0 where the stamp has any but the usual forms."""
    data = np.frombuffer(body, dtype=np.uint8)
    starts = np.concatenate(([0], np.flatnonzero(data == _LINE_FEED) + 1))
    wide = np.concatenate((data, np.zeros(max(_UNIT_OF_DIGITS) + 1, np.uint8)))
    digits = wide[starts[:, None] + np.arange(max(_UNIT_OF_DIGITS) + 1)].astype(np.int64) - _NOUGHT
    opened = np.zeros(len(starts), dtype=np.int64)
    for count, unit in _UNIT_OF_DIGITS.items():
        stamp = digits[:, :count]
        usual = (digits[:, count] == _COMMA - _NOUGHT) & (stamp[:, 0] == 1)
        usual &= ((stamp >= 0) & (stamp <= 9)).all(axis=1)
        opened[usual] = stamp[usual] @ 10 ** np.arange(count - 1, -1, -1) * unit
    return opened


def _looks_like(file: KlineFile, *, header: bool) -> dict[str, str]:
    """Whose archive a file looks like, where that is not the market's under whose name it lies."""
    units, is_spot = set(file.units), file.feed.market == "spot"
    if file.feed.day.year < _MICROSECONDS_SINCE or not units:
        return {}
    if not is_spot and not header and units == {"us"}:
        return {"looks_like": "an archive of spot: microseconds and no header"}
    if is_spot and header and units == {"ms"}:
        return {"looks_like": "an archive of futures: milliseconds and a header"}
    return {}


def read_row(file: KlineFile, block: Block, place: int, fields: list[bytes]) -> None:
    """Hands the row of twelve columns at a place of a block to its file, or sets it aside."""
    file.admit()
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
    if len(fields) != len(ARCHIVE):
        raise ValueError(f"{len(fields)} columns; wanted {len(ARCHIVE)}")
    numbers = {
        name: decimal(text, name)
        for name, text in zip(ARCHIVE, fields, strict=True)
        if name in (*PRICES, *AMOUNTS)
    }
    if (fault := feed.values.fault(numbers.items())) is not None:
        raise ValueError(fault)
    step = feed.kind.step()
    lasts = _length(opened, fields[6], step)
    return Kline(
        opened=opened,
        **{name: numbers[name] for name in PRICES},
        **amounts(numbers, feed),
        trades=whole(fields[8], "count"),
        close_time_cut=lasts != step,
        lasts=lasts,
    )


def volume_words(feed: Feed) -> str:
    """Which columns are the base and quote volume."""
    if feed.market != "futures_cm":
        return "base, as written"
    return f"base, from the quote column; quote, contracts x {contract_usd(feed.vendor_symbol)} USD"


def _opened(text: bytes) -> int | None:
    try:
        return market_us(whole(text, "open_time"))
    except ValueError:
        return None


def _length(opened: int, text: bytes, step: int) -> int:
    """From its open to close_time, which is the last unit of its own, or the last second, of the bar."""
    closed = whole(text, "close_time")
    at = epoch_us(closed)
    return (
        step
        if ends_with(at, opened, step)
        else at + EPOCH_UNITS.get(epoch_unit(closed), 1) - opened
    )


def _names(fields: list[bytes]) -> list[str]:
    return [field.decode("utf-8", "backslashreplace") for field in fields]


def _first_line(head: bytes) -> bytes:
    lines = head.removeprefix(BOM).split(b"\n")
    return next((line.strip() for line in lines if line.strip() and not is_comment(line)), b"")
