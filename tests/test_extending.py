"""The recipes of CONTRIBUTING for a vendor's format, a feed and a feature, followed in a copy of the package.

Expected values are the sample's own: the toy files say again what its archive and its export of bars say.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from kit.support import luigi, write_config
from pipeline.locations import PROJECT
from pipeline.sample.generate import SampleRequest, write_sample

DAY = dt.date(2025, 1, 2)
ARCHIVE = f"binance/futures_um/BTCUSDT-1m-{DAY}.zip"
BARS = f"atas/bars_1m/BTCUSDT/date={DAY}/bars_1m.jsonl"
CSV = ARCHIVE.replace("zip", "csv")
TOY = f"atas/toy/BTCUSDT/{DAY}.jsonl"

FORMAT = '''"""A toy vendor's klines: `toy klines`, then `HH:MM open high low close volume` a line."""

from __future__ import annotations

from pipeline.clock import MINUTE_US, day_open_us
from pipeline.sources.klines.rows import Kline, KlineFile
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.text.lines import Seen, read_lines

TITLE = b"toy klines"


class ToyKlines:
    """The adapter."""

    name = "toy_klines"
    sources = ("binance_1m",)

    def claims(self, name: str, head: bytes) -> bool:
        """By its title."""
        return head.startswith(TITLE)

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The day's rows; see `KlineFile` for what becomes of the others."""
        file = KlineFile(feed, text)
        for block in read_lines(text.name, text.blocks(), Seen()):
            for place, line in enumerate(block.lines):
                if line.startswith(TITLE):
                    continue
                file.admit()
                file.read += 1
                try:
                    time, *numbers = line.decode().split()
                    hour, minute = map(int, time.split(":"))
                    opened = day_open_us(feed.day) + (60 * hour + minute) * MINUTE_US
                    row = Kline(opened, *map(float, numbers))
                except (ValueError, TypeError) as error:
                    file.set_aside(block, place, "B26", str(error))
                    continue
                file.take(row, block, place)
        return file.finish({}, 0)
'''

FEED = '''"""Bars as a toy exporter of ATAS writes them: JSON lines that say `toy_bar.v1`."""

from __future__ import annotations

from pipeline.sources.atas import bar_file
from pipeline.sources.protocol import Feed, Parsed, RawText


class ToyBars:
    """The adapter."""

    name = "toy_bars"
    sources = ("atas_toy",)

    def claims(self, name: str, head: bytes) -> bool:
        """By the schema version."""
        return b'"toy_bar.v1"' in head

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """Bars of the file."""
        return bar_file.parse(text, feed)
'''

ROW = """\
        FeedKind(
            name="atas_toy",
            vendor="atas",
            joiner="bars",
            table="clean_bars",
            time_column="stamp",
            patterns=("atas/toy/{symbol}/{date}.jsonl",),
        ),
"""


FEATURE = '''

@formula("fraction", "open", "high", "low", "close")
def body_share(frame: Frame) -> Floats:
    """|close - open| / (high - low); null where high = low.

    Source: a toy.
    """
    return ratio(real_body(frame), range1m(frame))
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A kitchen with a simulated day."""
    write_config(tmp_path, extra="simulated: true\n")
    write_sample(SampleRequest(out=tmp_path / "data/raw", first=DAY, trades_per_day=3000))
    return tmp_path


class Copy:
    """The package and its rules, to be changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("pipeline", "governance"):
            left = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PROJECT / name, root / name, ignore=left)

    def add_format(self, name: str, text: str, adapter: str) -> None:
        """A new file, and its line in the registry, with the import that goes with it."""
        (self.root / f"pipeline/sources/{name}.py").write_text(text)
        registry = "pipeline/sources/registry.py"
        above = "from pipeline.sources.protocol import Adapter\n"
        self.insert(registry, above, f"from pipeline.sources.{name} import {adapter}\n")
        self.insert(registry, "    BinanceJson(),\n", f"    {adapter}(),\n")

    def insert(self, name: str, before: str, text: str) -> None:
        """Puts a text before the one place that has another."""
        path = self.root / name
        whole = path.read_text()
        assert whole.count(before) == 1, f"{before!r} is not once in {name}"
        path.write_text(whole.replace(before, text + before))

    def run_day(self, kitchen: Path) -> None:
        """Publishes the day with the copy's code."""
        run = luigi(kitchen, "Snapshot", "--date", str(DAY), PYTHONPATH=str(self.root))
        assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The package as it is."""
    return Copy(tmp_path_factory.mktemp("copy"))


def outputs(root: Path, feed: str) -> tuple[Any, Any]:
    """The clean table and the ledger of a feed of the day."""
    with zipfile.ZipFile(root / f"data/prepared/date={DAY}/BTCUSDT/CleanFeed.{feed}.zip") as pack:
        return pq.read_table(pack.open("clean.parquet")), json.loads(pack.read("ledger.json"))


def manifest_inputs(root: Path) -> Any:
    """Raw file of the symbol -> what the published manifest says of it."""
    manifest = json.loads((root / f"snapshots/{DAY}/dataset_manifest.json").read_text())
    return manifest["inputs"]["BTCUSDT"]


def test_a_format_is_one_file_and_one_line(root: Path, copy: Copy) -> None:
    """A day whose klines are in it is published with the very prices of the archive."""
    copy.add_format("toy_klines", FORMAT, "ToyKlines")
    archive = root / "data/raw" / ARCHIVE
    with zipfile.ZipFile(archive) as packed:
        lines = packed.read(packed.namelist()[0]).decode().splitlines()
    rows = [line.split(",") for line in lines if line[0].isdigit()]
    for path in archive.parent.glob(f"{archive.name}*"):
        path.unlink()
    said = [f"{n // 60:02}:{n % 60:02} {' '.join(row[1:6])}\n" for n, row in enumerate(rows)]
    (root / "data/raw" / CSV).write_text("toy klines\n" + "".join(said))

    copy.run_day(root)

    table, (entry,) = outputs(root, "binance_1m")
    assert (entry["adapter"], entry["lines"]["used"]) == ("toy_klines", 1440)
    assert table["close"].to_pylist() == [float(row[4]) for row in rows]
    bars = pq.read_table(root / f"snapshots/{DAY}/bars_1m.parquet")
    assert bars["close"].to_pylist() == [float(row[4]) for row in rows]
    assert manifest_inputs(root)[CSV]["lines"]["read"] == 1440


def test_a_feed_is_one_row_and_its_format(root: Path, copy: Copy) -> None:
    """Its clean table, its ledger and the manifest's input are there, and its bars are the day's."""
    copy.add_format("toy_bars", FEED, "ToyBars")
    end_of_rows = '    )\n}\n"""Every feed by name'
    copy.insert("pipeline/model/feeds.py", end_of_rows, ROW)
    raw = root / "data/raw"
    records = [json.loads(line) for line in (raw / BARS).read_text().splitlines()]
    toy = [json.dumps(r | {"schema_version": "toy_bar.v1"}) + "\n" for r in records]
    shutil.rmtree(raw / "atas")
    (raw / TOY).parent.mkdir(parents=True)
    (raw / TOY).write_text("".join(toy))

    copy.run_day(root)

    table, (entry,) = outputs(root, "atas_toy")
    assert (entry["adapter"], entry["path"]) == ("toy_bars", TOY)
    assert entry["lines"]["read"] == len(records)
    assert table.num_rows == entry["lines"]["used"] > 0
    assert manifest_inputs(root)[TOY]["lines"] == entry["lines"]
    volumes = pq.read_table(root / f"snapshots/{DAY}/bars_1m.parquet")["atas_volume"].to_pylist()
    assert sum(v or 0 for v in volumes) == pytest.approx(sum(r["volume"] for r in records))


def test_a_feature_is_one_function_and_one_row(root: Path, copy: Copy) -> None:
    """The schema's entry is made of them, and a day is published with its column."""
    candle = copy.root / "pipeline/features/candle.py"
    candle.write_text(candle.read_text() + FEATURE)
    group = "    # more of the same minute\n"
    copy.insert("pipeline/features/registry.py", group, "    candle.body_share,\n")
    (copy.root / "docs").mkdir()
    subprocess.run([sys.executable, "-m", "pipeline.features.catalogue"], cwd=copy.root, check=True)

    copy.run_day(root)

    schema = json.loads((copy.root / "governance/SCHEMA_features.json").read_text())
    (entry,) = (one for one in schema["features"] if one["name"] == "body_share")
    assert entry["description"] == "|close - open| / (high - low); null where high = low."
    bars = pq.read_table(root / f"snapshots/{DAY}/bars_1m.parquet").to_pylist()
    features = pq.read_table(root / f"snapshots/{DAY}/features_micro.parquet")
    expected = [
        abs(b["close"] - b["open"]) / (b["high"] - b["low"]) if b["high"] > b["low"] else None
        for b in bars
    ]
    assert features["body_share"].to_pylist() == expected
