"""One row of the exchange's own trades: what its columns are called, and what each may say.

Belongs here: what every form of these files shares (CSV, Parquet, REST answers, recordings), column by column
and strictly. Reading many rows at once is `trade_columns.py`; which rows are of the day is `trade_file.py`.

`is_buyer_maker` is true where the buyer's order lay in the book: then the seller took.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import pyarrow as pa

from pipeline.sources.klines.rows import market_us
from pipeline.sources.text.csv_fields import amount, whole

TRUTHS = {
    **dict.fromkeys((b"true", b"True", b"TRUE"), True),
    **dict.fromkeys((b"false", b"False", b"FALSE"), False),
}

_NAMES = {
    "price": ("price", "p"),
    "qty": ("qty", "quantity", "q"),
    "time": ("time", "transacttime", "tradetime", "timestamp", "T"),
    "maker": ("isbuyermaker", "buyermaker", "m"),
    "best": ("isbestmatch", "M"),
    "symbol": ("symbol", "s"),
}
"""Our name -> those of the exchange, without underscores, in lower case but for single letters."""

LIMITED = ("price", "qty", "quote_qty", "base_qty", "trades")
"""What CONTROL has limits for."""

_NEEDED = ("id", "price", "qty", "time")


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """One of the two tapes: single trades, or aggregates of those that one order took at one price.

    `mark` is in the names of its archives, `event` in recordings of the stream. `names` are those of the
    columns that the other kind lacks, `columns` the order without a header. `table` is the clean table but
    for `file`, with `id_column`.
    """

    source: str
    event: str
    mark: str
    id_column: str
    names: dict[str, tuple[str, ...]]
    columns: tuple[str, ...]
    table: dict[str, pa.DataType]

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns without which no row is a trade."""
        return (*_NEEDED, "first_id", "last_id") if "first_id" in self.names else _NEEDED


_UTC = pa.timestamp("us", tz="UTC")
_COMMON = {"ts": _UTC, "price": pa.float64(), "qty": pa.float64(), "side": pa.int8()}

TRADES = Kind(
    source="binance_trades",
    event="trade",
    mark="-trades-",
    id_column="trade_id",
    names={
        "id": ("id", "tradeid", "t"),
        "quote_qty": ("quoteqty", "quotequantity"),
        "base_qty": ("baseqty", "basequantity"),
    },
    columns=("id", "price", "qty", "quote_qty", "time", "maker", "best"),
    table={
        **_COMMON,
        "quote_qty": pa.float64(),
        "base_qty": pa.float64(),
        "trade_id": pa.int64(),
        "line": pa.int64(),
    },
)
AGGREGATES = Kind(
    source="binance_agg_trades",
    event="aggTrade",
    mark="-aggTrades-",
    id_column="agg_id",
    names={
        "id": ("aggtradeid", "aggid", "id", "a"),
        "first_id": ("firsttradeid", "firstid", "f"),
        "last_id": ("lasttradeid", "lastid", "l"),
    },
    columns=("id", "price", "qty", "first_id", "last_id", "time", "maker", "best"),
    table={
        **_COMMON,
        "agg_id": pa.int64(),
        "first_id": pa.int64(),
        "last_id": pa.int64(),
        "line": pa.int64(),
    },
)


class Trade(NamedTuple):
    """A row: `ts` in us and as written, `side` +1 where the buyer took, None unknown."""

    ts: int
    stamp: int
    price: float
    qty: float
    side: int | None
    id: int
    quote_qty: float | None = None
    base_qty: float | None = None
    first_id: int | None = None
    last_id: int | None = None

    @property
    def trades(self) -> int:
        """How many trades of the exchange it stands for."""
        return (
            1 if self.first_id is None or self.last_id is None else self.last_id - self.first_id + 1
        )


class NoQuantityError(ValueError):
    """A row whose quantity is 0."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What stands where in a row; None is a column that nobody reads."""

    kind: Kind
    names: tuple[str | None, ...]

    @cached_property
    def at(self) -> dict[str, int]:
        """Our name -> position."""
        return {name: place for place, name in enumerate(self.names) if name is not None}

    def instant(self, fields: Sequence[bytes]) -> int | None:
        """The row's instant in us, None where it cannot be read."""
        try:
            return market_us(whole(fields[self.at["time"]], "time"))
        except (ValueError, IndexError):
            return None

    def symbol(self, fields: Sequence[bytes]) -> str:
        """The row's own word of whose trade it is, empty where it has none."""
        place = self.at.get("symbol", len(fields))
        return fields[place].decode("utf-8", "replace").strip() if place < len(fields) else ""

    def is_header(self, fields: Sequence[bytes]) -> bool:
        """Whether a row names these very columns: a header, which stands again where files were joined."""
        if fields[0][:1].isdigit():
            return False
        found = named_shape(self.kind, tuple(text.decode("utf-8", "replace") for text in fields))
        return found is not None and found.names == self.names

    def without_symbol(self) -> Shape:
        """The columns that are read once the symbol is known to be right, and no others."""
        return Shape(kind=self.kind, names=tuple(name for name in self.at if name != "symbol"))

    def is_trade(self, fields: Sequence[bytes]) -> bool:
        """Whether a row is one, be it of quantity 0."""
        try:
            self.read(fields, self.instant(fields))
        except NoQuantityError:
            return True
        except ValueError:
            return False
        return True

    def read(self, fields: Sequence[bytes], at: int | None) -> Trade:
        """The row, whose instant was read before.

        Raises:
            NoQuantityError: all is right but the quantity, which is 0.
            ValueError: it is no trade.
        """
        if len(fields) != len(self.names):
            raise ValueError(f"{len(fields)} columns; wanted {len(self.names)}")
        values = {name: fields[place] for name, place in self.at.items()}
        if at is None:
            at = market_us(whole(values["time"], "time"))
        trade = Trade(
            ts=at,
            stamp=int(values["time"]),
            price=_above_zero(values["price"], "price"),
            qty=amount(values["qty"], "quantity"),
            side=_side(values.get("maker", b"")),
            id=_id(values["id"], "id"),
            quote_qty=_amount_or_none(values.get("quote_qty", b""), "quote quantity"),
            base_qty=_amount_or_none(values.get("base_qty", b""), "base quantity"),
            first_id=_id(values["first_id"], "first id") if "first_id" in values else None,
            last_id=_id(values["last_id"], "last id") if "last_id" in values else None,
        )
        if trade.first_id is not None and trade.last_id is not None:
            _check_range(trade.first_id, trade.last_id)
        _truth(values.get("best", b""), "is_best_match")
        if trade.qty == 0:
            raise NoQuantityError(f"quantity {values['qty'].decode()}; a trade has one above 0")
        return trade


@lru_cache(maxsize=256)
def named_shape(kind: Kind, words: tuple[str, ...]) -> Shape | None:
    """The shape that a header, or the keys of an object, tell; None if they lack what a trade needs."""
    known = _NAMES | kind.names
    ours = {other: name for name, others in known.items() for other in others}
    names: list[str | None] = []
    for word in words:
        plain = word.strip().strip('"')
        plain = plain if len(plain) == 1 else plain.replace("_", "").replace(" ", "").lower()
        name = ours.get(plain)
        names.append(name if name not in names else None)
    return Shape(kind=kind, names=tuple(names)) if set(kind.needed) <= set(names) else None


def placed_shape(kind: Kind, market: str, *, best: bool) -> Shape:
    """The shape of rows without a header, `best`: with the column that spot archives alone have."""
    names = kind.columns if best else kind.columns[:-1]
    if market == "futures_cm":
        names = tuple("base_qty" if name == "quote_qty" else name for name in names)
    return Shape(kind=kind, names=names)


def _id(text: bytes, what: str) -> int:
    number = whole(text, what)
    if not 0 <= number < 1 << 63:
        raise ValueError(f"{what} {number}; wanted 0 to 2^63")
    return number


def _amount_or_none(text: bytes, what: str) -> float | None:
    return amount(text, what) if text else None


def _above_zero(text: bytes, what: str) -> float:
    value = amount(text, what)
    if value == 0:
        raise ValueError(f"{what} {value}; wanted above 0")
    return value


def _truth(text: bytes, what: str) -> bool | None:
    if not text:
        return None
    if text not in TRUTHS:
        raise ValueError(
            f"{what} {text[:40].decode('utf-8', 'backslashreplace')!r}; wanted true or false"
        )
    return TRUTHS[text]


def _side(text: bytes) -> int | None:
    maker = _truth(text, "is_buyer_maker")
    return None if maker is None else -1 if maker else 1


def _check_range(first: int, last: int) -> None:
    if last < first:
        raise ValueError(f"trades {first} to {last}; wanted the first before the last")
