"""Which days and symbols go out: conditions, instants, names; and what is refused in one sentence."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from kit import export_ground, snapshots
from kit.export_ground import DAYS, Exporter
from kit.object_server import BUCKET
from kit.support import kitchen_at, write_config
from pipeline import layout
from pipeline.exporting.tools import TOOLS
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.opening import open_store
from pipeline.publishing.seal import publish
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings import config
from pipeline.settings.config import Kitchen, store_place
from pipeline.tasks import job

STATES = [
    {"BTCUSDT": "available", "ETHUSDT": "available"},
    {"BTCUSDT": "degraded", "ETHUSDT": "available"},
    {"BTCUSDT": "available", "ETHUSDT": "missing"},
    None,
    {"BTCUSDT": "available", "ETHUSDT": "available"},
]
"""By date; nothing is published of the fourth."""

LATENCY = "latency_seconds: {binance: 2.5, atas: 0}\n"
DATES = [snapshots.DAY + dt.timedelta(days=i) for i in range(len(STATES))]


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exporter:
    """A store of days of every condition."""
    root = tmp_path / "odd"
    symbols = dict.fromkeys(("BTCUSDT", "ETHUSDT"), "{market: futures_um}")
    write_config(root, symbols)
    for day, states in zip(DATES, STATES, strict=True):
        if states is not None:
            draft = snapshots.draft(tmp_path / f"draft-{day}", day, states=states)
            publish(draft, FolderStore(root / "snapshots"))
    return Exporter(monkeypatch, root)


def test_a_condition_that_is_not_allowed_is_refused(odd: Exporter, tmp_path: Path) -> None:
    """By name, as `load` does it."""
    code, said = odd.refused("parquet", "--out", tmp_path / "out")

    assert code == 30
    assert f"BTCUSDT {DATES[1]} (degraded)" in said
    assert f"ETHUSDT {DATES[2]} (missing)" in said
    assert f"{DATES[3]} (not published)" in said


@pytest.mark.parametrize("tool", ["freqtrade", "nautilus", "parquet", "qlib"])
def test_what_is_allowed_goes_out_and_what_is_absent_is_said(
    odd: Exporter, tmp_path: Path, tool: str
) -> None:
    """Degraded days go out, with their codes; missing and unpublished ones are named by the receipt."""
    out, allow = (
        tmp_path / "out",
        ["--allow", "degraded", "--allow", "missing", "--allow", "pending"],
    )

    said = odd.made(tool, *allow, "--out", out)

    assert said["symbols"]["BTCUSDT"]["absent"] == {str(DATES[3]): "not published"}
    assert said["symbols"]["ETHUSDT"]["absent"] == {
        str(DATES[2]): "missing",
        str(DATES[3]): "not published",
    }
    assert said["symbols"]["BTCUSDT"]["rows"] == 4 * 1440
    assert said["symbols"]["ETHUSDT"]["rows"] == 3 * 1440
    assert said["days"][str(DATES[1])]["conditions"]["BTCUSDT"] == "degraded"
    assert said["days"][str(DATES[1])]["codes"] == {"BTCUSDT": ["C12"]}
    assert said["allow"] == ["available", "degraded", "missing", "pending"]


def test_qlib_knows_when_an_instrument_is_there(odd: Exporter, tmp_path: Path) -> None:
    """A span for each run of days; the calendar has no day of which nothing is published."""
    odd.made(
        *("qlib", "--allow", "degraded", "--allow", "missing", "--allow", "pending"),
        *("--interval", "1h", "--out", tmp_path / "out"),
    )

    calendar = (tmp_path / "out/calendars/60min.txt").read_text().splitlines()
    assert [stamp[:10] for stamp in calendar[::24]] == [str(DATES[i]) for i in (0, 1, 2, 4)]
    assert (tmp_path / "out/instruments/all.txt").read_text().splitlines() == [
        f"BTCUSDT\t{DATES[0]} 00:00:00\t{DATES[4]} 23:00:00",
        f"ETHUSDT\t{DATES[0]} 00:00:00\t{DATES[1]} 23:00:00",
        f"ETHUSDT\t{DATES[4]} 00:00:00\t{DATES[4]} 23:00:00",
    ]


def test_as_of_gives_what_was_published_then(odd: Exporter, tmp_path: Path) -> None:
    """Two revisions of a day; the receipt names the instant and the revision."""
    place = FolderStore(odd.root / "snapshots")
    first = json.loads((odd.root / f"snapshots/{DATES[0]}/publication.json").read_text())
    later = snapshots.draft(tmp_path / "later", DATES[0], states=STATES[0], price=101.0)
    publish(later, place)
    one = ("--symbols", "BTCUSDT", "--stop", DATES[0])

    now = odd.made("parquet", *one, "--out", tmp_path / "now")
    then = odd.made("parquet", *one, "--as-of", first["published_at"], "--out", tmp_path / "then")

    tables = [pq.read_table(tmp_path / name / "BTCUSDT.parquet") for name in ("now", "then")]
    assert [table["close"][0].as_py() for table in tables] == [101.0, 100.0]
    assert [it["days"][str(DATES[0])]["revision"] for it in (now, then)] == [2, 1]
    assert (now["as_of"], then["as_of"]) == (None, first["published_at"])


def test_a_byte_that_changed_never_goes_out(odd: Exporter, tmp_path: Path) -> None:
    """It ends with 30 and leaves nothing."""
    file = (odd.root / f"snapshots/{DATES[0]}").resolve() / "bars_1m.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)

    code, said = odd.refused("freqtrade", "--stop", DATES[0], "--out", tmp_path / "out")

    assert code == 30
    assert "kitchen verify" in said
    assert not (tmp_path / "out").exists()


def test_a_bucket_gives_the_same_bytes(odd: Exporter, tmp_path: Path, endpoint: str) -> None:
    """As the folder that it was published from."""
    there = open_store(store_place(f"s3://{BUCKET}/{tmp_path.name}"))
    for day, states in zip(DATES[:2], STATES[:2], strict=True):
        publish(snapshots.draft(tmp_path / f"bucket-{day}", day, states=states), there)
    stop = ("--stop", DATES[1], "--allow", "degraded")
    odd.made("freqtrade", *stop, "--out", tmp_path / "folder")
    file = odd.root / "configs/kitchen.yaml"
    address = f"s3://{BUCKET}/{tmp_path.name}"
    file.write_text(file.read_text().replace("snapshots: snapshots", f"snapshots: '{address}'"))

    odd.made("freqtrade", *stop, "--out", tmp_path / "bucket")

    folder, bucket = (snapshots.contents(tmp_path / name) for name in ("folder", "bucket"))
    assert {k: v for k, v in folder.items() if k.endswith("feather")} == {
        k: v for k, v in bucket.items() if k.endswith("feather")
    }


def test_a_name_is_what_a_person_says(odd: Exporter, tmp_path: Path) -> None:
    """Where the tool's own rule gives another one."""
    one = ("--symbols", "BTCUSDT", "--stop", DATES[0])
    odd.made("freqtrade", *one, "--name", "BTCUSDT=XBT/USD", "--out", tmp_path / "f")
    odd.made("nautilus", *one, "--name", "BTCUSDT=XBT.MINE", "--out", tmp_path / "n")

    assert (tmp_path / "f/XBT_USD-1m.feather").is_file()
    assert (tmp_path / "n/data/bar/XBT.MINE-1-MINUTE-LAST-EXTERNAL").is_dir()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["freqtrade", "--name", "BTCUSDT"], 40, "wanted SYMBOL=NAME"),
        (["freqtrade", "--name", "BTCUSDT=../x"], 40, "'../x' is no pair"),
        (["nautilus", "--name", "BTCUSDT=../x.Y"], 40, "is no instrument id"),
        (["parquet", "--name", "BTCUSDT=../x"], 40, "wanted letters and digits"),
        (["qlib", "--name", "BTCUSDT=ETHUSDT"], 40, "are both ETHUSDT"),
        (["freqtrade", "--name", "BTCUSD=BTC/USD"], 40, "did you mean BTCUSDT or ETHUSDT?"),
        (["freqtrade", "--trades"], 40, "freqtrade gets bars alone"),
        (["nautilus", "--trades", "--interval", "5m"], 40, "5m is of bars"),
        (["nautilus", "--interval", "7m"], 2, "7m"),
        (["nautilos"], 2, "nautilus"),
        (["parquet", "--symbols", "DOGEUSDT"], 40, "no day of the range knows DOGEUSDT"),
        (
            ["parquet", "--start", "2025-01-05"],
            40,
            "2025-01-05 is after 2025-01-02, which is --stop",
        ),
        (["parquet", "--start", "2025-13-01"], 40, "--start"),
        (["parquet", "--as-of", "yesterday"], 40, "is no instant"),
        (["parquet", "--as-of", "2025-01-05T12:00:00"], 40, "has no zone"),
        (["parquet", "--as-of", "2020-01-05T12:00:00Z"], 40, "nothing from"),
    ],
)
def test_wrong_input_is_one_sentence(
    odd: Exporter, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    """With the documented exit code, and nothing written."""
    found, said = odd.refused(*arguments, "--stop", DATES[0], "--out", tmp_path / "out")

    assert (found, says in said) == (code, True), said
    assert not (tmp_path / "out").exists()


def test_an_empty_store_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to export yet."""
    write_config(tmp_path)

    code, said = Exporter(monkeypatch, tmp_path).refused("parquet", "--out", tmp_path / "out")

    assert code == 40
    assert "nothing is published" in said


def test_a_symbol_without_a_pair_asks_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is guessed; and a name says it."""
    write_config(tmp_path, {"ABCXYZ": "{market: spot}"})
    draft = snapshots.draft(tmp_path / "draft", states={"ABCXYZ": "available"})
    publish(draft, FolderStore(tmp_path / "snapshots"))
    exporter = Exporter(monkeypatch, tmp_path)

    code, said = exporter.refused("freqtrade", "--out", tmp_path / "out")
    exporter.made("freqtrade", "--name", "ABCXYZ=ABC/XYZ", "--out", tmp_path / "out")

    assert code == 40
    assert "what freqtrade calls it is not known; say --name ABCXYZ=.." in said
    assert (tmp_path / "out/ABC_XYZ-1m.feather").is_file()


@pytest.mark.parametrize("what", ["gone", "damaged", "other"])
def test_a_tape_that_is_not_the_published_one_is_refused(
    ground: Kitchen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Prepared files that are gone or damaged, or that tell of other trades than the snapshot."""
    root = tmp_path / "copy"
    shutil.copytree(ground.file.parent.parent, root, symlinks=True)
    folder = root / f"data/prepared/date={DAYS[0]}/BTCUSD_PERP"
    if what == "gone":
        shutil.rmtree(folder)
    elif what == "damaged":
        (clean,) = folder.glob("CleanFeed.binance_trades*")
        clean.write_bytes(clean.read_bytes()[:-100])
    else:
        export_ground.without_some_trades(config.read_kitchen(root / "configs/kitchen.yaml"))
    exporter = Exporter(monkeypatch, root)

    code, said = exporter.refused(
        *("hftbacktest", "--symbols", "BTCUSD_PERP", "--stop", DAYS[0], "--out", tmp_path / "out")
    )

    assert code == 30
    assert ("is not the one of r1" if what == "other" else "its tape is not in hand") in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("option", "day"), [("--start", "2025-02-01"), ("--stop", "2025-01-01")])
def test_a_date_outside_of_what_is_published_is_one_sentence(
    odd: Exporter, tmp_path: Path, option: str, day: str
) -> None:
    """It says what is published."""
    code, said = odd.refused("parquet", option, day, "--out", tmp_path / "out")

    assert code == 40
    assert f"{option}: {day} is none of what is published, {DATES[0]} to {DATES[-1]}" in said


def test_a_symbol_that_is_no_longer_configured_goes_out_by_its_name(
    odd: Exporter, tmp_path: Path
) -> None:
    """Who only reads a store need not know its symbols; a tool that wants a market asks for a name."""
    write_config(odd.root, {"SOLUSDT": "{market: spot}"})
    one = ("--symbols", "BTCUSDT", "--stop", DATES[0])

    odd.made("qlib", *one, "--out", tmp_path / "q")
    code, said = odd.refused("nautilus", *one, "--out", tmp_path / "n")

    assert (tmp_path / "q/features/btcusdt").is_dir()
    assert (code, "say --name BTCUSDT=.." in said) == (40, True)


@pytest.mark.parametrize("is_simulated", [True, False])
def test_simulated_data_are_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_simulated: bool
) -> None:
    """In the receipt, by date, and in the last line."""
    write_config(tmp_path)
    draft = snapshots.draft(tmp_path / "draft")
    manifest = msgspec.structs.replace(draft.manifest, simulated=is_simulated)
    publish(replace(draft, manifest=manifest), FolderStore(tmp_path / "snapshots"))
    exporter = Exporter(monkeypatch, tmp_path)

    said = exporter.run("parquet", "--out", tmp_path / "out").stdout
    facts = exporter.made("parquet", "--out", tmp_path / "out")

    assert ("bytes; simulated, " in said) is is_simulated
    assert facts["days"][str(DATES[0])]["simulated"] is is_simulated


def test_a_bar_and_a_trade_are_known_after_the_latency(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar by its published `available_at`, a trade by what is configured: `ts_init`, `local_ts`."""
    kitchen = kitchen_at(tmp_path, "{market: futures_um, atas: none}")
    kitchen.file.write_text(kitchen.file.read_text() + LATENCY)
    config._load.cache_clear()
    kitchen = config.read_kitchen(kitchen.file)
    write_sample(
        SampleRequest(
            out=kitchen.raw,
            first=DAYS[0],
            trades_per_day=500,
            trades=True,
            ticks=False,
            bars=False,
            simplified=False,
        )
    )
    layout.forget_listings()
    job.build(Freshness(kitchen), Unit("Snapshot", DAYS[0]))
    exporter = Exporter(monkeypatch, tmp_path)
    exporter.made("nautilus", "--out", tmp_path / "n")
    exporter.made("nautilus", "--trades", "--out", tmp_path / "n")
    exporter.made("hftbacktest", "--out", tmp_path / "h")

    for file in (tmp_path / "n").rglob("*.parquet"):
        rows = pq.ParquetFile(file).read(["ts_event", "ts_init"]).to_pydict()
        late = {b - a for a, b in zip(rows["ts_event"], rows["ts_init"], strict=True)}
        assert late == {2_500_000_000}
    with np.load(tmp_path / f"h/BTCUSDT_{DAYS[0]:%Y%m%d}.npz") as pack:
        assert set(pack["data"]["local_ts"] - pack["data"]["exch_ts"]) == {2_500_000_000}


@pytest.mark.parametrize(
    ("market", "vendor", "pair", "instrument"),
    [
        ("spot", "BTCUSDT", "BTC/USDT", "BTCUSDT.BINANCE"),
        ("spot", "XRPETH", "XRP/ETH", "XRPETH.BINANCE"),
        ("spot", "BTCFDUSD", "BTC/FDUSD", "BTCFDUSD.BINANCE"),
        ("futures_um", "1000PEPEUSDT", "1000PEPE/USDT:USDT", "1000PEPEUSDT-PERP.BINANCE"),
        ("futures_um", "BTCUSDC", "BTC/USDC:USDC", "BTCUSDC-PERP.BINANCE"),
        ("futures_um", "BTCUSDT_250328", "BTC/USDT:USDT-250328", "BTCUSDT_250328.BINANCE"),
        ("futures_cm", "ETHUSD_PERP", "ETH/USD:ETH", "ETHUSD-PERP.BINANCE"),
        ("futures_cm", "BTCUSD_250328", "BTC/USD:BTC-250328", "BTCUSD_250328.BINANCE"),
    ],
)
def test_a_symbol_has_the_names_that_ccxt_and_nautilus_give_it(
    tmp_path: Path, market: str, vendor: str, pair: str, instrument: str
) -> None:
    """By the exchange's name of it, whatever the kitchen calls it."""
    entry = f"{{market: {market}, vendor_symbol: {vendor}}}"
    symbol = kitchen_at(tmp_path, {"MINE": entry}).symbols["MINE"]

    names = {tool: TOOLS[tool].calls(symbol) for tool in ("freqtrade", "nautilus")}

    assert names == {"freqtrade": pair, "nautilus": instrument}
    assert [TOOLS[tool].fault(name) for tool, name in names.items()] == [None, None]
