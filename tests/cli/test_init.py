"""`kitchen init`: from a folder of vendor files to a published day, in one go."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from pipeline.cli import init
from pipeline.cli.config import faults
from pipeline.clock import unbroken
from pipeline.errors import ConfigError
from pipeline.runs.importing import survey
from pipeline.sample import mark
from pipeline.sample.generate import SampleRequest, write_sample

REAL = ("btcusdt-2025-01-02", "xrpeth-2019-10")


def run(*arguments: str) -> Result:
    """The command; its errors are the test's."""
    return CliRunner().invoke(init.command, list(arguments), catch_exceptions=False)


def configured(folder: Path) -> dict[str, Any]:
    """The symbols of a new configuration."""
    symbols: dict[str, Any] = yaml.safe_load((folder / "kitchen.yaml").read_text())["symbols"]
    return symbols


@pytest.fixture
def mixed(tmp_path: Path, real_data: Path) -> Path:
    """Both sets of real exports in one folder, with a text, a picture and data of nobody between them."""
    folder = tmp_path / "exports"
    folder.mkdir()
    for name in REAL:
        (folder / name).symlink_to(real_data / name)
    for name, data in (("notes.txt", b"hello"), ("chart.png", b"PNG"), ("book.csv", b"a,b\n1,2\n")):
        (folder / name).write_bytes(data)
    return folder


def flat(folder: Path, into: Path) -> Path:
    """A copy without links, as a download has it."""
    shutil.copytree(folder, into, symlinks=False)
    return into


@pytest.mark.real
def test_real_exports_of_two_markets_become_a_right_configuration(
    mixed: Path, tmp_path: Path
) -> None:
    """The market of each, the end of the one whose files ended, and what is no data told apart."""
    exports = flat(mixed, tmp_path / "flat")

    ended = run(str(tmp_path / "new"), "--from", str(exports), "--no-build", "--json")

    assert configured(tmp_path / "new") == {
        "BTCUSDT": {"market": "futures_um"},
        "XRPETH": {"market": "spot", "until": dt.date(2019, 10, 12)},
    }
    assert faults(tmp_path / "new" / "kitchen.yaml") == []
    told = json.loads(ended.output)
    assert told["symbols"]["XRPETH"]["feeds"]["binance_1m"][0].startswith("2019-10")
    assert "book.csv" in told["left"]
    assert not {"notes.txt", "chart.png"} & set(told["left"])
    assert ended.exit_code == 20


def test_a_folder_of_exports_becomes_a_published_day(tmp_path: Path) -> None:
    """One command; the report is named, and the picture is shown."""
    exports = tmp_path / "exports"
    write_sample(SampleRequest(out=exports, first=dt.date(2025, 1, 2), trades_per_day=2_000))
    kitchen = str(Path(sys.executable).with_name("kitchen"))
    environ = {key: it for key, it in os.environ.items() if key != "KITCHEN_CONFIG"}

    ended = subprocess.run(
        [kitchen, "init", "mine", "--from", "exports"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "mine/snapshots/2025-01-02/bars_1m.parquet").is_file()
    lines = ended.stdout.splitlines()
    report = next(line.split()[1] for line in lines if line.startswith("  report"))
    assert Path(report).is_file()
    assert lines[-1].startswith(f"next: cd {tmp_path}/mine ")
    assert any(line.startswith("  BTCUSDT  ") and "available" in line for line in lines)


def test_a_chart_alone_becomes_a_kitchen_that_says_how_klines_come(tmp_path: Path) -> None:
    """Its files are sorted in; what was guessed is said; the next commands fetch and build its dates."""
    exports = tmp_path / "exports"
    day = dt.date(2025, 1, 2)
    write_sample(SampleRequest(out=exports, first=day, trades_per_day=500, ticks=False))
    shutil.rmtree(exports / "binance")
    (exports / mark.NAME).unlink()

    ended = run(str(tmp_path / "new"), "--from", str(exports))

    assert ended.exit_code == 0
    assert configured(tmp_path / "new") == {"BTCUSDT": {"market": "futures_um"}}
    assert "it is a guess" in (tmp_path / "new/kitchen.yaml").read_text()
    assert (tmp_path / "new/data/raw/atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl").is_file()
    assert "kitchen fetch --date 2025-01-02\n" in ended.output
    assert "kitchen backfill --start 2025-01-02 --stop 2025-01-02\n" in ended.output


@pytest.mark.real
@pytest.mark.parametrize(("market", "name"), [("spot", "spot"), ("usdm", "futures_um")])
def test_the_ticks_of_a_chart_tell_its_market(
    tmp_path: Path, real_data: Path, market: str, name: str
) -> None:
    """`exchange` of a spot chart is BINANCE, of a perpetual's BINANCE_FUTURES; that is no guess."""
    ticks = real_data / "btcusdt-2024-08-08" / market / "atas"
    flat(ticks, tmp_path / "exports")

    run(str(tmp_path / "new"), "--from", str(tmp_path / "exports"))

    assert configured(tmp_path / "new") == {"BTCUSDT": {"market": name}}
    assert "guess" not in (tmp_path / "new/kitchen.yaml").read_text()


def test_the_next_commands_are_of_the_dates_that_there_are(tmp_path: Path) -> None:
    """A pair for each run of dates, of many the newest; the summary counts the dates of a feed with gaps."""
    line = (
        '{"timestamp":"%sT00:00:00.0000000Z","open":1,"high":1,"low":1,"close":1,"volume":1,"cvd":0,'
        '"vbuy":1,"vsell":0,"schema_version":"bar_1m.v6_5"}\n'
    )
    days = ["2019-10-11", "2019-10-12", "2024-02-28", "2024-02-29", "2024-03-01", "2024-08-08"]
    for day in [*days, "2025-01-02"]:
        file = tmp_path / f"exports/bars_1m/BTCUSDT/date={day}/bars_1m.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text(line % day)

    ended = run(str(tmp_path / "new"), "--from", str(tmp_path / "exports"))

    assert "atas_bars: 2019-10-11 to 2025-01-02 (7 days)\n" in ended.output
    assert ended.output.endswith(
        "  kitchen fetch --date 2024-03-01 --days 3\n"
        "  kitchen backfill --start 2024-02-28 --stop 2024-03-01\n"
        "  kitchen fetch --date 2024-08-08\n"
        "  kitchen backfill --start 2024-08-08 --stop 2024-08-08\n"
        "  kitchen fetch --date 2025-01-02\n"
        "  kitchen backfill --start 2025-01-02 --stop 2025-01-02\n"
        "  and 1 more such runs of dates between 2019-10-11 and 2019-10-12\n"
    )


@pytest.mark.parametrize(
    ("dates", "days", "runs"),
    [
        (["2024-02"], 29, [("2024-02-01", "2024-02-29")]),
        (["2023-12", "2024-01-01"], 32, [("2023-12-01", "2024-01-01")]),
        (["2024-01-03", "2024-01-01"], 2, [("2024-01-01",) * 2, ("2024-01-03",) * 2]),
        ([], 0, []),
    ],
)
def test_runs_of_dates(dates: list[str], days: int, runs: list[tuple[str, str]]) -> None:
    """Months are all their days, and join those beside them."""
    found = survey.days_of(dates)

    assert len(found) == days
    assert [(str(first), str(last)) for first, last in unbroken(found)] == runs


def test_without_exports_there_is_an_example_to_change(tmp_path: Path) -> None:
    """Its own rules, its form for editors, no fault."""
    ended = run(str(tmp_path / "new"))

    assert ended.exit_code == 0
    assert configured(tmp_path / "new") == {"BTCUSDT": {"market": "futures_um"}}
    assert faults(tmp_path / "new" / "kitchen.yaml") == []
    assert (tmp_path / "new/governance/CONTROL_kitchen.yaml").is_file()
    assert json.loads((tmp_path / "new/kitchen.schema.json").read_text())["title"] == "kitchen.yaml"
    assert "next: bring files" in ended.output


def test_a_folder_without_a_symbol_says_what_to_do(tmp_path: Path) -> None:
    """The reason of each file, and exit 20: the folder's name is nothing that can be guessed."""
    line = '{"timestamp":"2025-01-02T00:00:00.0000000Z","open":1,"high":1,"low":1,"close":1,"volume":1}\n'
    for name in ("bar_20250102.jsonl", "BTC USDT/bars_1m - Kopie (2).jsonl"):
        (tmp_path / "exports" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "exports" / name).write_text(line)

    ended = run(str(tmp_path / "new"), "--from", str(tmp_path / "exports"))

    why = "neither its path nor its rows tell a symbol; put it in a folder named as its symbol, such as"
    for name in ("bar_20250102.jsonl", "BTC USDT/bars_1m - Kopie (2).jsonl"):
        assert f"left  {name}: {why} BTCUSDT\n" in ended.output
    assert ": an example to change" in ended.output
    assert ended.exit_code == 20


@pytest.mark.parametrize("files", [[], ["notes.txt", "chart.png"]])
def test_a_folder_with_nothing_to_import_is_named(tmp_path: Path, files: list[str]) -> None:
    """Exit 20; the symbol in the configuration is called an example there too."""
    (tmp_path / "empty").mkdir()
    for name in files:
        (tmp_path / "empty" / name).write_text("hello")

    ended = run(str(tmp_path / "new"), "--from", str(tmp_path / "empty"))

    assert f"{tmp_path / 'empty'}: nothing in it is a vendor's file\n" in ended.output
    assert "  # an example: no file told a symbol" in (tmp_path / "new/kitchen.yaml").read_text()
    assert ended.exit_code == 20


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    """A second time it is refused, in one sentence."""
    run(str(tmp_path))
    before = (tmp_path / "kitchen.yaml").read_bytes()

    with pytest.raises(ConfigError, match="is there already"):
        run(str(tmp_path))

    assert (tmp_path / "kitchen.yaml").read_bytes() == before


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """It shows the configuration."""
    exports = tmp_path / "exports"
    write_sample(
        SampleRequest(
            out=exports,
            first=dt.date(2025, 1, 2),
            trades_per_day=500,
            bars=False,
            simplified=False,
            ticks=False,
        )
    )

    ended = run(str(tmp_path / "new"), "--from", str(exports), "--dry-run")

    assert "BTCUSDT: {market: futures_um, atas: none}" in ended.output
    assert not (tmp_path / "new").exists()
