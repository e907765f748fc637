"""kitchen.yaml, checked at the door."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, ParameterError
from pipeline.settings import config, working

GOOD = """
paths: {raw: data/raw, prepared: data/prepared, snapshots: snapshots}
symbols:
  BTCUSDT: {market: futures_um}
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes a configuration and makes it the one in force."""

    def _write(text: str, name: str = "configs/kitchen.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        monkeypatch.setenv("KITCHEN_CONFIG", str(path))
        config._load.cache_clear()
        return path

    return _write


def test_the_shortest_configuration_is_enough(write, tmp_path: Path) -> None:
    """Paths and one symbol with its market: all else has a default."""
    write(GOOD)

    kitchen = config.load_kitchen()

    assert kitchen.raw == tmp_path / "data" / "raw"
    assert kitchen.symbol("BTCUSDT").atas_symbol == "BTCUSDT"
    assert kitchen.governance == config.PROJECT / "governance"
    assert not kitchen.simulated


def test_relative_paths_of_a_file_elsewhere_start_at_its_own_folder(write, tmp_path: Path) -> None:
    """Only a folder named configs/ is stepped out of."""
    write(GOOD, "mine/here.yaml")

    assert config.load_kitchen().snapshots == tmp_path / "mine" / "snapshots"


def test_all_faults_come_at_once_with_their_key_paths(write) -> None:
    """One run shows every mistake of the file."""
    write(
        "paths: {raw: data/raw, prepared: data/prepared}\n"
        "symbols: {BTCUSDT: {market: moon}, 'bad/name': {market: spot}}\n"
        "colour: red\n"
    )

    with pytest.raises(ConfigError) as caught:
        config.load_kitchen()

    for key in ("paths.snapshots", "symbols.BTCUSDT.market", "symbols.bad/name", "colour"):
        assert key in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1", "line 1"),
        ("a: 1\na: 2", "stands twice"),
        ("a: &x [1]\nb: *x", "aliases are not allowed"),
        ("!!python/object:os.system {}", "the tag !!python/object:os.system may not stand"),
        ("- 1\n- 2", "wanted keys and values"),
        ("", "wanted keys and values"),
    ],
)
def test_hostile_or_broken_yaml_is_one_sentence(write, text: str, says: str) -> None:
    """Bad YAML is refused with the place, and nothing in it is executed or multiplied."""
    write(text)

    with pytest.raises(ConfigError, match=says):
        config.load_kitchen()


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the file that was looked for."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(tmp_path / "absent.yaml"))

    with pytest.raises(ConfigError, match=r"absent\.yaml: no such file"):
        config.load_kitchen()


def test_written_folders_may_not_lie_in_the_raw_exports(write) -> None:
    """The raw folder is never written to."""
    write(GOOD.replace("data/prepared", "data/raw/prepared"))

    with pytest.raises(ConfigError, match=r"paths\.prepared"):
        config.load_kitchen()


def test_patterns_may_not_leave_the_raw_folder(write) -> None:
    """A pattern with .. is refused."""
    write(GOOD + "sources: {atas_bars: ['../{symbol}.jsonl']}\n")

    with pytest.raises(ConfigError, match="leaves"):
        config.load_kitchen()


def test_a_source_may_say_what_its_stamps_are(write) -> None:
    """For all symbols or for one; a list is its patterns alone."""
    own = GOOD.replace(
        "market: futures_um",
        "market: futures_um, sources: {binance_1m: {label: close}, atas_bars: ['{date}.jsonl']}",
    )
    write(own + "sources: {binance_1m: {zone: Asia/Shanghai, patterns: ['{symbol}_{date}.csv']}}\n")
    kitchen = config.load_kitchen()
    symbol = kitchen.symbols["BTCUSDT"]

    assert symbol.stamps["binance_1m"] == config.Stamps(zone="Asia/Shanghai", label="close")
    assert symbol.stamps["binance_1d"] == config.Stamps()
    assert symbol.patterns["binance_1m"] == ("{symbol}_{date}.csv",)
    assert symbol.patterns["atas_bars"] == ("{date}.jsonl",)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("binance_1m: {label: middle}", "binance_1m.label: got 'middle', wanted open or close"),
        ("binance_1m: {zone: Mars/Olympus}", "'Mars/Olympus' is no IANA zone"),
        ("binance_1m: {zone: 8}", "binance_1m.zone: got 8, wanted an IANA zone"),
        ("binance_1m: {colour: red}", "binance_1m.colour: got 'red', wanted only patterns"),
        ("binance_1m: {patterns: x.csv}", "binance_1m.patterns: got 'x.csv', wanted a list"),
        ("binance_1m: [7]", r"binance_1m.patterns: got \[7\], wanted a list"),
        ("atas_bars: {label: close}", "zone and label are for binance_1m, binance_1d"),
    ],
)
def test_what_a_source_cannot_say_is_refused(write, source: str, says: str) -> None:
    """One sentence with the key path."""
    write(GOOD + "sources: {" + source + "}\n")

    with pytest.raises(ConfigError, match=says):
        config.load_kitchen()


def test_a_preference_is_by_column(write) -> None:
    """Each column has its own list; those not named keep the default."""
    write(GOOD + "preference: {fields: {poc: [atas_ticks], cvd_export: [atas_v6_3, atas_bars]}}\n")

    assert config.load_kitchen().prefer_fields == {
        "cvd_export": ("atas_v6_3", "atas_bars"),
        "poc": ("atas_ticks",),
    }


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("{atas_close: [atas_ticks]}", "atas_close"),
        ("{poc: [klines]}", r"preference\.fields\.poc"),
        ("{poc: []}", r"preference\.fields\.poc"),
        ("{vbuy: [atas_ticks], vsell: [atas_bars]}", "belong together"),
    ],
)
def test_a_preference_that_cannot_be_kept_is_refused(write, fields: str, says: str) -> None:
    """No column of the day's own export, no unknown feed, nothing torn apart."""
    write(GOOD + f"preference: {{fields: {fields}}}\n")

    with pytest.raises(ConfigError, match=says):
        config.load_kitchen()


def test_an_unknown_symbol_names_the_known_ones(write) -> None:
    """The sentence says what there is."""
    write(GOOD)

    with pytest.raises(ParameterError, match=r"'XRPETH' is not configured .* it has BTCUSDT"):
        config.load_kitchen().symbol("XRPETH")


def test_since_and_until_are_dates(write) -> None:
    """Dates in YAML may stand with or without quotes."""
    write(GOOD.replace("futures_um}", "futures_um, since: 2025-01-02, until: '2025-02-01'}"))

    symbol = config.load_kitchen().symbol("BTCUSDT")

    assert (symbol.since, symbol.until) == (dt.date(2025, 1, 2), dt.date(2025, 2, 1))


def test_the_shipped_configurations_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a new user starts from can be read."""
    for path in sorted((config.PROJECT / "configs").glob("*.yaml")):
        monkeypatch.setenv("KITCHEN_CONFIG", str(path))

        assert config.load_kitchen().symbols


@pytest.mark.parametrize(
    "place",
    [
        *("here", "processes:1", "processes:64"),
        *("dask:tcp://10.77.0.1:8786", "dask:tls://scheduler.site:8786", "dask:tcp://[::1]:8786"),
        "dask-file:/shared/scheduler.json",
    ],
)
def test_a_workplace_is_taken_as_it_is_written(write, place: str) -> None:
    """And is shown so again."""
    write(f"{GOOD}workers: {{executor: '{place}', shard_symbols: 10, retries: 0}}\n")

    found = config.load_kitchen().workers

    assert (str(found.executor), found.shard_symbols, found.retries) == (place, 10, 0)


@pytest.mark.parametrize(
    "place",
    [
        *("", "there", "here:1", "processes", "processes:0", "processes:-1", "processes:257"),
        *("processes:2 ", "processes:\u0662", "dask", "dask:", "dask:10.0.0.1:8786"),
        *("dask:tcp://", "dask:http://host:8786", "dask:tcp://me:secret@host:1", "dask-file:x"),
    ],
)
def test_what_is_no_workplace_is_one_sentence(write, place: str) -> None:
    """With the four that there are, in the configuration and on the command line."""
    path = write(f"{GOOD}workers: {{executor: '{place}'}}\n")
    wanted = "wanted here, processes:N .*, dask:tcp://host:8786 or dask-file:/path"

    with pytest.raises(ConfigError, match=f"{path}: workers.executor: got .*{wanted}"):
        config.load_kitchen()
    with pytest.raises(ParameterError, match=f"--executor: got .*{wanted}"):
        working.asked(place, "--executor")
