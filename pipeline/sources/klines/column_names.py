"""What people call the columns of klines: names -> which column is what. Every format of tables asks here.

Belongs here: names alone. What stands in the columns is `rows.py`'s; a name that is not known is never
guessed at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

OPENS = (
    "opentimems", "opentime", "minuteopen", "opentimestamp", "opendatetime", "opendate", "timeopen",
    "timestampopen", "klineopentime", "candleopentime", "candlebegintime", "starttime", "timeperiodstart",
    "begintime", "opentimeutc", "opentimeiso",
)  # fmt: skip
CLOSES = (
    "minuteclose", "closetimems", "closetime", "closetimestamp", "closedatetime", "closedate", "timeclose",
    "timestampclose", "klineclosetime", "candleclosetime", "candleendtime", "endtime", "timeperiodend",
    "closetimeutc", "closetimeiso",
)  # fmt: skip
EITHER = (
    "timestamp", "timestampms", "timestamputc", "ts", "tsms", "datetime", "datetimeutc", "unix", "unixtime",
    "unixtimestamp", "epoch", "t", "time", "timems", "timeutc", "gmttime", "date", "dateutc", "index",
)  # fmt: skip
_INDEX = ("", "unnamed0", "indexlevel0")

FIELDS = {
    "open": ("open", "o", "openprice", "priceopen"),
    "high": ("high", "h", "highprice", "pricehigh"),
    "low": ("low", "l", "lowprice", "pricelow"),
    "close": ("close", "c", "closeprice", "priceclose"),
    "volume": (
        "basevolume", "baseassetvolume", "volumebase", "volbase", "volumefrom", "volume", "v", "vol",
    ),
    "quote_volume": (
        "quotevolume", "quoteassetvolume", "quoteav", "qav", "quotevol", "qvolume", "volumequote", "volquote",
        "volumeto", "volccyquote", "turnover", "q",
    ),
    "trades": (
        "trades", "count", "numberoftrades", "tradecount", "tradescount", "numtrades", "numoftrades",
        "ntrades",
        "nooftrades", "tradesnumber", "tradenum", "numberoftransactions", "n",
    ),
    "taker_buy_volume": (
        "takerbuyvolume", "takerbuybaseassetvolume", "takerbuybasevolume", "takerbuybasevol",
        "takerbuybaseav",
        "takerbuybase", "takerbuyvol", "takerbasevol", "takerbasevolume", "takerbaseassetvolume", "tbbaseav",
        "tbbav", "tbbase", "tbbasevolume",
    ),
    "taker_buy_quote_volume": (
        "takerbuyquotevolume", "takerbuyquoteassetvolume", "takerbuyquotevol", "takerbuyquoteav",
        "takerbuyquote",
        "takerquotevol", "takerquotevolume", "takerquoteassetvolume", "tbquoteav", "tbqav", "tbquote",
        "tbquotevolume",
    ),
}  # fmt: skip
"""Field -> its names without case and marks, the surest first."""

_SYMBOLS = (
    "symbol", "ticker", "pair", "s", "instrument", "instrumentid", "instid", "tradingpair", "currencypair",
)  # fmt: skip
_WORD = re.compile(r"[<\"']?[^\W\d]")
_KNOWN_IDLE = ("ignore", "")
_NEEDED = ("open", "high", "low", "close", "volume")

_STREAM = {
    "t": "opentime", "T": "closetime", "s": "symbol", "o": "open", "h": "high", "l": "low", "c": "close",
    "v": "volume", "n": "trades", "q": "quotevolume", "V": "takerbuyvolume", "Q": "takerbuyquotevolume",
}  # fmt: skip
"""The exchange's stream, where case tells one letter from the other."""

_BASE_WORDS = ("volume", "vol")
_TAKER_WORDS = ("takerbuyvolume", "takerbuyvol", "takerbuy")
_QUOTES = (
    "fdusd", "usdt", "usdc", "tusd", "busd", "usdp", "usd1", "doge", "usd", "dai", "eur", "gbp", "try", "brl",
    "jpy", "aud", "uah", "idr", "zar", "pln", "ron", "ars", "mxn", "czk", "cop", "btc", "eth", "bnb", "trx",
    "xrp", "sol",
)  # fmt: skip
"""Assets that others are priced in, the longest first: BTCFDUSD is no pair of USD."""

NAMELESS = ("timestamp", "open", "high", "low", "close", "volume")
"""What six columns without a header are taken for."""


ARCHIVE = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count",
    "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip
"""The twelve columns of the exchange's archives, which stand so where there is no header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Positions: `time` of the one or two columns of the stamp, `fields` of the numbers.

    `edge` is `open`, `close`, or None where the name does not say which edge of the bar is stamped; `closes`
    is the place of a close time beside the stamp. `names_assets`: the volume's name says which asset it
    counts. `ignored` are the names that are no known column, or the second of one.
    """

    time: tuple[int, ...]
    time_name: str
    edge: str | None
    fields: dict[str, int]
    width: int
    closes: int | None = None
    closes_name: str = ""
    symbol: int | None = None
    names_assets: bool = False
    ignored: tuple[str, ...] = ()


def columns_of(names: Sequence[str], pair: str | None = None) -> Columns | None:
    """What columns of such names are; None where they are no klines.

    Args:
        names: as they stand in the file; one that stands twice is no name, nor is a single letter where
            not all are letters.
        pair: the symbol, whose assets a volume may be named after (`Volume BTC`); None takes any asset's
            name for one, to tell klines from other tables.
    """
    plain = _plain(names)
    twice = Counter(plain)
    places = {
        name: at
        for at, name in enumerate(plain)
        if twice[name] == 1 and (len(name) != 1 or "o" in twice)
    }
    fields = {
        field: next(places[name] for name in aliases if name in places)
        for field, aliases in FIELDS.items()
        if any(name in places for name in aliases)
    }
    by_asset = _by_asset(places, pair)
    fields |= by_asset
    time = _time_of(places)
    if time is None or any(name not in fields for name in _NEEDED):
        return None
    stamp, edge = time
    closes = _first(places, CLOSES) if edge != "close" else None
    symbol = _first(places, _SYMBOLS)
    used = {*stamp, *fields.values(), closes, symbol}
    return Columns(
        time=stamp,
        time_name=" and ".join(_shown(names[at]) for at in stamp),
        edge=edge,
        fields=fields,
        width=len(names),
        closes=closes,
        closes_name="" if closes is None else _shown(names[closes]),
        symbol=symbol,
        names_assets="volume" in by_asset,
        ignored=tuple(
            names[at].strip()
            for at, name in enumerate(plain)
            if at not in used and name not in (*OPENS, *CLOSES, *EITHER, *_INDEX, *_KNOWN_IDLE)
        ),
    )


def is_archive(names: Sequence[str]) -> bool:
    """Whether the columns are the archive's twelve, one by one, under any alias."""
    return [_meaning(name) for name in _plain(names)] == [
        _meaning(name) for name in _plain(ARCHIVE)
    ]


def is_header(names: Sequence[str]) -> bool:
    """Whether some of these are names of columns, whatever the others are."""
    meanings = [_meaning(name) for name in _plain(names) if len(name) > 1]
    known = {"open time", "close time", "time", *FIELDS} & set(meanings)
    are_words = all(_WORD.match(name.strip()) for name in names if name.strip())
    return len(known) > 1 or (bool(known) and are_words)


def wanted_columns(names: Sequence[str], pair: str) -> str:
    """Why columns of such names are no klines, for people."""
    base, _ = assets(pair, ())
    volume = f"volume (or volume_{base})" if base else "volume"
    return (
        f"columns {', '.join(name.strip() for name in names)[:200]}; wanted a time (open_time), open, high,"
        f" low, close and {volume}, each once; name them so"
    )


def symbol_of(text: str) -> tuple[str, bool]:
    """The letters and digits of an instrument's name in any spelling, and whether it names a perpetual.

    `BTC/USDT`, `btc-usdt`, `BINANCE:BTCUSDT.P`, `BTC/USDT:USDT`, `BTCUSD_PERP`.
    """
    venue, _, rest = text.strip().upper().rpartition(":")
    is_perpetual = False
    if "/" in venue:  # and behind the colon the asset in which it settles, and when
        _, _, expiry = rest.partition("-")
        rest, is_perpetual = venue + expiry, not expiry
    bare = re.sub(r"(\.P|[-_ ]?PERP(ETUAL)?|-SWAP)$", "", rest)
    return re.sub(r"[\W_]+", "", bare), is_perpetual or bare != rest


def own_symbols(texts: Sequence[str], pair: str, *, is_spot: bool) -> set[str]:
    """Which of a column's texts name the pair: in any spelling, or its base asset alone.

    A perpetual is not the spot pair of that name; and where both stand in one table, it is the future's.
    """
    letters, _ = symbol_of(pair)
    base, _ = assets(pair, ())
    read = {text: symbol_of(text) for text in texts}
    mine = {text for text, (name, _) in read.items() if name in (letters, base.upper())}
    perpetual = {text for text in mine if read[text][1]}
    return mine - perpetual if is_spot else perpetual or mine


def _plain(names: Sequence[str]) -> list[str]:
    """Names without case, blanks and marks; of the exchange's stream in its own words."""
    given = [name.strip() for name in names]
    if any(letter in given and letter.upper() in given for letter in "tvq"):
        return [_STREAM.get(name, name.casefold()) for name in given]
    return [re.sub(r"[\W_]+", "", name.casefold()) for name in given]


def _shown(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().lower()).strip("_") or "the column without a name"


def _first(places: dict[str, int], names: Sequence[str]) -> int | None:
    return next((places[name] for name in names if name in places), None)


def _meaning(name: str) -> str:
    times = (("open time", OPENS), ("close time", CLOSES), ("time", EITHER))
    for meaning, aliases in (*times, *FIELDS.items()):
        if name in aliases:
            return meaning
    return name


def _time_of(places: dict[str, int]) -> tuple[tuple[int, ...], str | None] | None:
    """The places of the stamp and the edge that its name says; the open's name is the surest."""
    opens = _first(places, OPENS)
    if opens is not None:
        return (opens,), "open"
    sure = _first(places, EITHER[: EITHER.index("t")])
    if sure is None and "date" in places and "time" in places:
        return (places["date"], places["time"]), None
    either = _first(places, EITHER)
    if either is not None:
        return (either,), None
    closes = _first(places, CLOSES)
    if closes is not None:
        return (closes,), "close"
    index = _first(places, _INDEX)
    return None if index is None else ((index,), None)


def _by_asset(places: dict[str, int], pair: str | None) -> dict[str, int]:
    """The amounts whose names say the asset that they count: `volume_btc`, `BTC Volume`, `Volume(USDT)`."""
    found: dict[str, int] = {}
    for words, base_field, quote_field in (
        (_BASE_WORDS, "volume", "quote_volume"),
        (_TAKER_WORDS, "taker_buy_volume", "taker_buy_quote_volume"),
    ):
        named = {
            asset: at for name, at in places.items() if (asset := _without(name, words)) is not None
        }
        if pair is None:
            found.update(zip((base_field,), named.values(), strict=False))
            continue
        base, quote = assets(pair, tuple(named))
        found |= {base_field: named[base]} if base in named else {}
        found |= {quote_field: named[quote]} if quote in named else {}
    return found


def _without(name: str, words: Sequence[str]) -> str | None:
    """What is left of a name without one of the words; None of a name that has another meaning."""
    if _meaning(name) in FIELDS:
        return None
    for word in words:
        for rest in (name.removeprefix(word), name.removesuffix(word)):
            if rest not in (name, ""):
                return rest
    return None


def assets(pair: str, told: Sequence[str]) -> tuple[str, str]:
    """Base and quote of a pair: as two of the told assets make it up, else by what others are priced in."""
    letters = symbol_of(pair.split("_", maxsplit=1)[0])[0].casefold()
    for base in told:
        if letters.startswith(base) and letters.removeprefix(base) in told:
            return base, letters.removeprefix(base)
    quote = next((one for one in _QUOTES if letters.endswith(one) and letters != one), "")
    return (letters.removesuffix(quote), quote) if quote else ("", "")
