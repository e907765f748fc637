"""`kitchen show`: a published day as one page, with the lines behind each minute."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from kit.shown_day import DAY, NAMES
from kit.support import kitchen_at
from pipeline.cli.show import command
from pipeline.errors import ParameterError
from pipeline.settings.config import Kitchen


@pytest.fixture(autouse=True)
def configured(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands run in an empty folder, with the day's configuration."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(kitchen.file))
    monkeypatch.chdir(tmp_path)


def page(symbol: str) -> str:
    """What the command writes."""
    ended = CliRunner().invoke(command, [DAY.isoformat(), symbol, "--json"])
    assert ended.exit_code == 0, ended.output
    return Path(json.loads(ended.output)["file"]).read_text()


def carried(text: str) -> dict[str, Any]:
    """The data that a page carries."""
    found = re.search(r'id="data">([A-Za-z0-9+/=]+)<', text)
    assert found is not None
    data: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(found[1])))
    return data


def test_every_column_of_every_minute_is_as_published(kitchen: Kitchen) -> None:
    """The page shows the snapshot's rows, not another computation."""
    shown = carried(page("BTCUSDT"))["columns"]

    rows = pq.read_table(kitchen.snapshots / DAY.isoformat() / "bars_1m.parquet")
    rows = rows.filter([symbol == "BTCUSDT" for symbol in rows["symbol"].to_pylist()])
    assert set(shown) >= {"open", "close", "volume", "delta", "cvd", "qc_flags", "src_binance"}
    assert all(shown[name] == rows[name].to_pylist() for name in shown)


def test_a_minute_names_the_line_of_the_archive_that_it_is_of(kitchen: Kitchen) -> None:
    """Found by hand in the archive: the line that begins with the minute's open."""
    lines = carried(page("ETHUSDT"))["lines"]
    name = f"ETHUSDT-1m-{DAY}"
    with zipfile.ZipFile(next(kitchen.raw.rglob(f"{name}.zip"))) as archive:
        raw = archive.read(f"{name}.csv").decode().splitlines()
    opened = int(dt.datetime(2025, 1, 2, 7, 36, tzinfo=dt.UTC).timestamp() * 1000)
    number = next(n for n, text in enumerate(raw, 1) if text.startswith(str(opened)))

    found = [line for line in lines["lines"] if line[0] == 7 * 60 + 36]

    [[_, source, first, last, count, text]] = found
    assert lines["sources"][source] == ["binance_1m", f"binance/futures_um/{name}.zip"]
    assert (first, last, count) == (number, number, 1)
    assert text == raw[number - 1]


def test_a_moved_clocks_lines_stand_at_their_true_minute(kitchen: Kitchen) -> None:
    """A02: stamps are 8 h off. A bar's line stands where the exchange has its open."""
    shown = carried(page("BTCUSDT"))
    sources = shown["lines"]["sources"]
    closes = shown["columns"]["close"]

    opens = shown["columns"]["open"]
    told = {
        minute: json.loads(text[: text.index(',"high"')] + "}")["open"]
        for minute, source, _, _, _, text in shown["lines"]["lines"]
        if sources[source][0] == "atas_bars" and closes[minute] is not None
    }
    assert len(told) > 100
    assert told == pytest.approx({minute: opens[minute] for minute in told})


def test_trades_of_a_minute_are_counted_not_quoted(kitchen: Kitchen) -> None:
    """As many lines as the archive has trades: the sum over all minutes and of all its lines."""
    shown = carried(page("SOLUSDT"))["lines"]
    feeds = [feed for feed, _ in shown["sources"]]
    own = [line for line in shown["lines"] if feeds[line[1]] == "binance_trades"]

    name = f"SOLUSDT-trades-{DAY}"
    with zipfile.ZipFile(next(kitchen.raw.rglob(f"{name}.zip"))) as archive:
        count = len(archive.read(f"{name}.csv").splitlines()) - 1
    assert sum(line[4] for line in own) == count
    assert {line[5] for line in own} == {None}


def test_reasons_flags_and_lines_set_aside_are_told_in_words(kitchen: Kitchen) -> None:
    """What is wrong stands at the top, each code with its meaning."""
    text = page("BTCUSDT")

    shown = carried(text)
    assert {reason["code"] for reason in shown["reasons"]} >= {"B12", "C08"}
    assert all(reason["words"] for reason in shown["reasons"])
    assert shown["rejects"]
    assert "Minutes missing without an outage that is known." in text


def test_a_symbol_without_rows_has_a_page_that_says_so() -> None:
    """Nothing is drawn of nothing."""
    text = page("BNBUSDT")

    assert "No row of this symbol was published on this day." in text
    assert "<script" not in text


def test_the_page_asks_nothing_of_any_network(kitchen: Kitchen) -> None:
    """Its policy allows its own style and scripts by their digests alone, and no connection."""
    text = page("BTCUSDT")

    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    assert len(text) < 2_000_000


def test_equal_days_give_equal_bytes() -> None:
    """Made twice, no clock and no place in it."""
    assert page("BTCUSDT") == page("BTCUSDT")


def test_without_what_was_prepared_the_rows_are_shown_all_the_same(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    """A store on another machine: the page has no lines and says why."""
    elsewhere = kitchen_at(tmp_path / "other", dict.fromkeys(NAMES, "{market: futures_um}"))
    elsewhere.snapshots.symlink_to(kitchen.snapshots)

    ended = CliRunner(env={"KITCHEN_CONFIG": str(elsewhere.file)}).invoke(
        command, [DAY.isoformat(), "BTCUSDT"]
    )

    assert ended.exit_code == 0, ended.output
    shown = carried(Path(f"{DAY}-BTCUSDT.html").read_text())
    assert shown["lines"] is None
    assert shown["columns"]["close"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["2025-01-02", "DOGEUSDT"], "the day was published with BNBUSDT, BTCUSDT, ETHUSDT"),
        (["2025-01-03", "BTCUSDT"], "the date has none"),
        (["2025-01-02", "../x"], "symbol"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(arguments: list[str], said: str) -> None:
    """Nothing is written."""
    with pytest.raises(ParameterError, match=re.escape(said)):
        CliRunner().invoke(command, arguments, catch_exceptions=False)

    assert not list(Path().iterdir())
