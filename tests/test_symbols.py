"""What may be a symbol's name: letters and digits of any script, and nothing that a path could trip over."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.support import kitchen_at, write_config
from pipeline import symbols
from pipeline.errors import ConfigError
from pipeline.fetch.archive import address
from pipeline.layout import raw_days, raw_files
from pipeline.settings import config


@pytest.mark.parametrize(
    "name", ["BTCUSDT", "币安人生USDT", "ÉTÉ", "カーUSDT", "1000SHIB", "ビットコイン"]
)
def test_names_of_any_script_are_symbols(name: str) -> None:
    """As exchanges list them."""
    assert symbols.fault(name) is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("BTC/USDT", "'/'"),
        ("BTC\\USDT", "'\\\\'"),
        ("btcusdt", "'b'"),
        ("été", "LATIN SMALL LETTER E WITH ACUTE"),
        ("E\u0301", "COMBINING ACUTE ACCENT"),
        ("\u212bUSDT", "ANGSTROM SIGN"),
        ("\u1112\u1161\u11ab", "composed form"),
        ("ＢＴＣ", "another form of 'B'"),
        ("COM\u00b9", "SUPERSCRIPT ONE"),
        ("A\u202eB", "RIGHT-TO-LEFT OVERRIDE"),
        ("A\u200bB", "ZERO WIDTH SPACE"),
        ("A\u3164", "HANGUL FILLER"),
        ("\u115fA", "HANGUL CHOSEONG FILLER"),
        ("币.", "ends with a dot"),
        ("..", "begins with '.'"),
        ("NUL.TXT", "device"),
        ("币" * 33, "33 characters"),
        ("", "0 characters"),
        ("A\ud800", "U+D800"),
    ],
)
def test_what_is_no_symbol_is_told_by_its_first_fault(name: str, says: str) -> None:
    """In words, without the character where it cannot be seen."""
    words = symbols.fault(name)

    assert words is not None
    assert says in words


@given(st.text(min_size=1, max_size=40))
def test_every_symbol_is_one_safe_part_of_a_path(text: str) -> None:
    """Whatever it is made of: composed, in upper case, without separators, and seen."""
    if symbols.is_symbol(text):
        assert Path(text).parts == (text,)
        assert unicodedata.normalize("NFC", text) == text == text.upper()
        assert {unicodedata.category(c)[0] for c in text} <= {"L", "N", "P"}
        assert {c for c in text if unicodedata.category(c)[0] == "P"} <= set("_.-")
        assert len(f"{text}-1m-2025-01-02.parquet.CHECKSUM".encode()) < 255


@pytest.mark.parametrize("pair", [("SS", "ẞ"), ("K", "\u212a"), ("ΣA", "ςA")])
def test_names_that_differ_in_case_alone_are_found(pair: tuple[str, str]) -> None:
    """Two that fold to one are told; a name is no other than itself."""
    assert symbols.same_folded(pair) == pair
    assert symbols.same_folded([pair[0], pair[0], "X"]) is None


def test_two_symbols_of_one_folded_name_are_refused(tmp_path: Path) -> None:
    """They would share their folders where the file system has no case."""
    with pytest.raises(ConfigError, match="symbols: SS and ẞ are one name"):
        kitchen_at(tmp_path, {"SS": "{market: spot}", "ẞ": "{market: spot}"})


def test_a_symbol_of_any_script_is_found_by_the_layout(tmp_path: Path) -> None:
    """Its files, and the days that they are of."""
    kitchen = kitchen_at(tmp_path, {"币安人生USDT": "{market: spot}"})
    for name in ("币安人生USDT-1m-2025-01-02.zip", "币安人生USDT-1m-2025-02.csv"):
        path = kitchen.raw / "binance/spot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    symbol = kitchen.symbol("币安人生USDT")
    days = raw_days(kitchen, symbol, "binance_1m")

    assert len(days) == 29
    assert [f.path.name for f in raw_files(kitchen, symbol, "binance_1m", min(days))] == [
        "币安人生USDT-1m-2025-01-02.zip"
    ]


@pytest.mark.parametrize("key", ["vendor_symbol", "atas_symbol", "basis_against"])
def test_every_name_of_a_symbol_has_the_form(tmp_path: Path, key: str) -> None:
    """And a sentence about it shows words, no expression."""
    path = write_config(tmp_path, f"{{market: spot, {key}: 'BTC/USDT'}}")
    config._load.cache_clear()
    with pytest.raises(
        ConfigError, match=rf"symbols\.BTCUSDT\.{key}: got 'BTC/USDT', wanted letters"
    ):
        config._load(path)


def test_the_archives_address_of_a_symbol_is_quoted(tmp_path: Path) -> None:
    """Its bytes in UTF-8, as the exchange's own pages link to it; Latin names stay as they are."""
    kitchen = kitchen_at(tmp_path, {"币安": "{market: spot}", "BTCUSDT": "{market: spot}"})
    found = [address("https://x", kitchen.symbol(s), "1m", "2025-01-02") for s in kitchen.symbols]

    assert found == [
        "https://x/data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2025-01-02.zip",
        "https://x/data/spot/daily/klines/%E5%B8%81%E5%AE%89/1m/%E5%B8%81%E5%AE%89-1m-2025-01-02.zip",
    ]
