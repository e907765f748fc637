"""Names of columns as programs and people write them, in any order and spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.klines.column_names import (
    ARCHIVE,
    CLOSES,
    EITHER,
    FIELDS,
    OPENS,
    columns_of,
    is_archive,
    is_header,
    own_symbols,
    symbol_of,
)

CDD = "Unix,Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USDT,tradecount"
BINANCE = (
    "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades,"
    "Taker buy base asset volume,Taker buy quote asset volume,Ignore"
)


@pytest.mark.parametrize(
    ("header", "pair", "wanted"),
    [
        (BINANCE, "BTCUSDT", {"volume": 5, "quote_volume": 7, "trades": 8, "taker_buy_volume": 9}),
        ("openTime,open,high,low,close,volume,closeTime,quoteAssetVolume,numberOfTrades,takerBuyBaseAssetVolume",
         "BTCUSDT", {"volume": 5, "quote_volume": 7, "trades": 8, "taker_buy_volume": 9}),
        ("timestamp,open,high,low,close,volume,close_time,quote_av,trades,tb_base_av,tb_quote_av,ignore",
         "BTCUSDT", {"volume": 5, "quote_volume": 7, "trades": 8, "taker_buy_volume": 9}),
        ("open_time,open,high,low,close,volume,close_time,qav,num_trades,taker_base_vol,taker_quote_vol,ignore",
         "BTCUSDT", {"volume": 5, "quote_volume": 7, "trades": 8, "taker_buy_volume": 9}),
        (CDD, "BTCUSDT", {"volume": 7, "quote_volume": 8, "trades": 9}),
        (CDD.replace("BTC,Volume USDT", "USDT,Volume BTC"), "BTCUSDT", {"volume": 8, "quote_volume": 7}),
        ("date,open,high,low,close,volume_usdt,volume_btc", "BTCUSDT", {"volume": 6, "quote_volume": 5}),
        ("date,open,high,low,close,volume_btc,volume_xrp", "XRPBTC", {"volume": 6, "quote_volume": 5}),
        ("date,open,high,low,close,Volume(BTC),Volume(USD)", "BTCUSD_PERP", {"volume": 5, "quote_volume": 6}),
        ("date,open,high,low,close,BTC Volume,USDT Vol", "BTCUSDT_250328", {"volume": 5, "quote_volume": 6}),
        ("date,open,high,low,close,volume,volume_usdt", "BTCUSDT", {"volume": 5, "quote_volume": 6}),
        ("date,open,high,low,close,volume_btc,volume_fdusd", "BTCFDUSD", {"volume": 5, "quote_volume": 6}),
        ("date,open,high,low,close,volume_abc,volume_xyz", "ABCXYZ", {"volume": 5, "quote_volume": 6}),
        ("date,open,high,low,close,volume,base_volume,turnover", "BTCUSDT", {"volume": 6, "quote_volume": 7}),
        ("time,open,high,low,close,Volume", "BTCUSDT", {"volume": 5}),
        ("<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<TICKVOL>,<VOL>,<SPREAD>", "BTCUSDT", {"volume": 7}),
        ("t,T,s,i,f,L,o,c,h,l,v,n,x,q,V,Q,B", "BTCUSDT",
         {"volume": 10, "quote_volume": 13, "trades": 11, "taker_buy_volume": 14, "close": 7}),
        ("timestamp,o,h,l,c,v", "BTCUSDT", {"volume": 5, "open": 1, "close": 4}),
    ],
)  # fmt: skip
def test_the_headers_of_programs_are_read(header: str, pair: str, wanted: dict[str, int]) -> None:
    """Exchange, ccxt, python-binance, CryptoDataDownload, TradingView, MetaTrader, the exchange's stream."""
    columns = columns_of(header.split(","), pair)

    assert columns is not None
    assert {name: columns.fields[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("more", "ignored"),
    [
        ("volume_sma_20,volume_ratio,rsi", ["volume_sma_20", "volume_ratio", "rsi"]),
        ("volume_eth,Adj Close,TickVol", ["volume_eth", "Adj Close", "TickVol"]),
        ("vol,symbol,ignore,close_time", ["vol"]),
        ("n,q,x", ["n", "q", "x"]),
        ("Quote_Volume,quote volume,volatility", ["Quote_Volume", "quote volume", "volatility"]),
    ],
)
def test_what_is_no_known_name_is_named_and_ignored(more: str, ignored: list[str]) -> None:
    """Made columns, other assets, a second of a kind, single letters, a name that stands twice."""
    columns = columns_of(f"timestamp,open,high,low,close,volume,{more}".split(","), "BTCUSDT")

    assert columns is not None
    assert list(columns.ignored) == ignored
    assert set(columns.fields) == {"open", "high", "low", "close", "volume"}


@pytest.mark.parametrize(
    "header",
    [
        "timestamp,open,high,low,close",
        "open,high,low,close,volume",
        "timestamp,open,open,high,low,close,volume",
        "timestamp,open,high,low,close,volume,Volume",
        "timestamp,open,high,low,close,quote_volume",
        "timestamp,open,high,low,close,volume_usdt",
        "timestamp,open,high,low,close,volume_eth",
        "timestamp,open,high,low,close,volume_sma",
    ],
)
def test_what_lacks_a_needed_column_is_no_table_of_klines(header: str) -> None:
    """A name that stands twice says nothing; the quote volume is no base volume."""
    names = header.split(",")

    assert columns_of(names, "BTCUSDT") is None
    assert is_header(names)


def test_the_archive_is_known_under_other_names_in_its_order_alone() -> None:
    """Two columns exchanged are another table."""
    other = BINANCE.split(",")
    turned = [*ARCHIVE[:5], ARCHIVE[7], ARCHIVE[6], ARCHIVE[5], *ARCHIVE[8:]]

    assert is_archive(ARCHIVE)
    assert is_archive(other)
    assert not is_archive(turned)
    assert not is_archive(ARCHIVE[:11])


def spelt(draw: st.DrawFn, alias: str) -> str:
    """An alias in any case, with any marks between."""
    if len(alias) == 1:
        return alias
    return "".join(
        draw(st.sampled_from([letter, letter.upper()]))
        + draw(st.sampled_from(["", "", "_", " ", "-"]))
        for letter in alias
    )


@st.composite
def headers(draw: st.DrawFn) -> tuple[list[str], dict[str, str]]:
    """Names in any order, and the field (or time, close time) that each means."""
    letters = draw(st.booleans())
    meant: dict[str, str] = {}
    optional = draw(st.sets(st.sampled_from([f for f in FIELDS if f.count("_")] + ["trades"])))
    for field, aliases in FIELDS.items():
        if field in optional or ("_" not in field and field != "trades"):
            fitting = [alias for alias in aliases if letters or len(alias) > 1]
            meant[
                spelt(draw, "o" if letters and field == "open" else draw(st.sampled_from(fitting)))
            ] = field
    times = [alias for alias in (*OPENS, *EITHER) if len(alias) > 1]
    meant[spelt(draw, draw(st.sampled_from(times)))] = "time"
    if draw(st.booleans()):
        meant[spelt(draw, draw(st.sampled_from(CLOSES)))] = "closes"
    return draw(st.permutations(list(meant))), meant


@given(headers())
def test_order_and_spelling_change_nothing(made: tuple[list[str], dict[str, str]]) -> None:
    """Every alias of every column, anywhere: each field is where its name stands."""
    names, meant = made
    columns = columns_of(names, "BTCUSDT")

    assert columns is not None
    assert {meant[names[at]]: at for at in columns.fields.values()} == columns.fields
    assert set(columns.fields) == set(meant.values()) - {"time", "closes"}
    assert [meant[names[at]] for at in columns.time] == ["time"]
    assert columns.closes is None or meant[names[columns.closes]] == "closes"
    assert columns.ignored == ()


@given(headers(), st.lists(st.text(min_size=2, max_size=12), max_size=4), st.randoms())
def test_what_is_added_changes_no_meaning(
    made: tuple[list[str], dict[str, str]], more: list[str], random: object
) -> None:
    """Whatever stands beside known columns, they mean what they did, unless it repeats a name of one."""
    names, _ = made
    plain = columns_of(names, "BTCUSDT")
    wide = columns_of([*names, *(f"zz {name}" for name in more)], "BTCUSDT")

    assert plain is not None
    assert wide is not None
    assert (wide.fields, wide.time, wide.closes) == (plain.fields, plain.time, plain.closes)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("BTCUSDT", ("BTCUSDT", False)),
        ("btc/usdt", ("BTCUSDT", False)),
        ("BTC-USDT", ("BTCUSDT", False)),
        ("BTC_USDT", ("BTCUSDT", False)),
        ("BINANCE:BTCUSDT", ("BTCUSDT", False)),
        ("BINANCE:BTCUSDT.P", ("BTCUSDT", True)),
        ("BTCUSDTPERP", ("BTCUSDT", True)),
        ("BTC-USDT-SWAP", ("BTCUSDT", True)),
        ("BTC/USDT:USDT", ("BTCUSDT", True)),
        ("BTC/USDT:USDT-250328", ("BTCUSDT250328", False)),
        ("BTCUSD_PERP", ("BTCUSD", True)),
        ("BTCUSDT_250328", ("BTCUSDT250328", False)),
        ("币安人生/usdt", ("币安人生USDT", False)),
    ],
)
def test_symbols_are_known_in_any_spelling(text: str, symbol: tuple[str, bool]) -> None:
    """As exchanges, TradingView and ccxt write them."""
    assert symbol_of(text) == symbol


@pytest.mark.parametrize(
    ("texts", "pair", "spot", "own"),
    [
        (["BTCUSDT", "ETHUSDT"], "BTCUSDT", True, {"BTCUSDT"}),
        (["BTC/USDT", "BTCUSDT"], "BTCUSDT", True, {"BTC/USDT", "BTCUSDT"}),
        (["BTCUSDT.P", "BTCUSDT"], "BTCUSDT", True, {"BTCUSDT"}),
        (["BTCUSDT.P", "BTCUSDT"], "BTCUSDT", False, {"BTCUSDT.P"}),
        (["BTCUSDT"], "BTCUSDT", False, {"BTCUSDT"}),
        (["BTCUSDT.P"], "BTCUSDT", True, set()),
        (["BTCUSDT"], "BTCUSDT_250328", False, set()),
        (["BTCUSD", "ETHUSD"], "BTCUSD_PERP", False, {"BTCUSD"}),
        (["BTC", "ETH"], "BTCUSDT", True, {"BTC"}),
        (["BTCUSDC", "BTC"], "BTCUSDT", True, {"BTC"}),
    ],
)
def test_a_perpetual_is_not_the_spot_pair(
    texts: list[str], pair: str, spot: bool, own: set[str]
) -> None:
    """One name may stand for two instruments; the market of the feed decides."""
    assert own_symbols(texts, pair, is_spot=spot) == own
