"""`luigi --module pipeline`: one sentence and the documented exit code, from any folder."""

from __future__ import annotations

import datetime as dt
import os
import shlex
import socket
import subprocess
import sys
import time
from configparser import ConfigParser
from pathlib import Path

import pytest

from kit.support import Run, luigi, stat_tree, write_config
from pipeline.locations import PROJECT
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.tasks.program import DEFAULTS

DAY = dt.date(2025, 1, 2)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with one simulated day of two symbols, published."""
    root = tmp_path_factory.mktemp("program")
    write_config(
        root,
        dict.fromkeys(("BTCUSDT", "ETHUSDT"), "{market: futures_um}"),
        "simulated: true\n",
    )
    write_sample(
        SampleRequest(
            out=root / "data/raw", first=DAY, symbols=("BTCUSDT", "ETHUSDT"), trades_per_day=4000
        )
    )
    run = luigi(root, "Snapshot", "--date", "2025-01-02")
    assert run.returncode == 0, run.stderr
    return root


def assert_one_sentence(run: Run, code: int, *says: str) -> None:
    """The exit code, the words, and no traceback."""
    text = run.stdout + run.stderr
    assert run.returncode == code, text
    assert "Traceback" not in text
    for words in says:
        assert words in text


def test_the_closing_lines_say_where_and_how_to_open(root: Path) -> None:
    """The command that they print really opens the bars."""
    run = luigi(root, "Snapshot", "--date", "2025-01-02")
    command = next(line for line in run.stdout.splitlines() if line.startswith("  open    "))

    shown = subprocess.run(
        shlex.split(command.removeprefix("  open    ")), capture_output=True, text=True, check=False
    )

    assert "available, 2 symbols, 2880 rows of simulated data" in run.stdout
    assert "[2880 rows x" in shown.stdout, shown.stderr


@pytest.mark.parametrize(
    "date", ["2025-02-30", "yesterday", "２０２５-01-02", "../../etc", "2025-01-02\n"]
)
def test_a_wrong_date_is_a_bad_value(root: Path, date: str) -> None:
    """40, and what a date looks like."""
    assert_one_sentence(luigi(root, "Snapshot", "--date", date), 40, "give a UTC date such as")


def test_an_unknown_symbol_is_a_bad_value(root: Path) -> None:
    """40, and the symbols that there are."""
    run = luigi(root, "AlignedBars", "--date", "2025-01-02", "--symbol", "DOGE")

    assert_one_sentence(run, 40, "'DOGE' is not configured", "BTCUSDT, ETHUSDT")


def test_a_missing_parameter_is_named(root: Path) -> None:
    """40, and a whole command to copy."""
    assert_one_sentence(
        luigi(root, "Snapshot"), 40, "date", "luigi --module pipeline Snapshot --date"
    )


def test_a_misspelt_step_is_a_wrong_command_line(root: Path) -> None:
    """2, and the name that was meant."""
    assert_one_sentence(luigi(root, "Snapshoot", "--date", "2025-01-02"), 2, "Snapshot")


def test_a_bad_configuration_names_its_keys(tmp_path: Path) -> None:
    """40, with every fault and its key path."""
    write_config(tmp_path, "{market: moon}", "colour: red\n")

    run = luigi(tmp_path, "Snapshot", "--date", "2025-01-02")

    assert_one_sentence(run, 40, "symbols.BTCUSDT.market", "colour")


def test_a_day_without_raw_data_is_pending(root: Path) -> None:
    """20, nothing published, and the file that was looked for."""
    run = luigi(root, "Snapshot", "--date", "2025-01-05")

    assert_one_sentence(run, 20, "pending", "BTCUSDT-1m-2025-01-05.zip")
    assert not (root / "snapshots" / "2025-01-05").exists()


def test_a_day_before_the_first_raw_day_expects_no_symbol(root: Path) -> None:
    """20, and what brings its raw data."""
    run = luigi(root, "Snapshot", "--date", "2024-12-31")

    assert_one_sentence(run, 20, "no symbol is expected", "kitchen import FOLDER")


def test_a_day_that_has_not_ended_is_pending(root: Path) -> None:
    """20 for today, however many files there are."""
    today = dt.datetime.now(dt.UTC).date()
    write_sample(SampleRequest(out=root / "data/raw", first=today, trades_per_day=2000))

    run = luigi(root, "Snapshot", "--date", today.isoformat())

    assert_one_sentence(run, 20, "pending")
    assert not (root / "snapshots" / today.isoformat()).exists()


def test_a_day_that_governance_refuses_fails_with_the_reason(tmp_path: Path) -> None:
    """30 when every symbol is refused: half a file of the exchange of record is not a day."""
    write_config(tmp_path)
    write_sample(
        SampleRequest(out=tmp_path / "data/raw", first=DAY, trades_per_day=4000, defects=("B05",))
    )

    run = luigi(tmp_path, "Snapshot", "--date", "2025-01-02")

    assert_one_sentence(run, 30, "BTCUSDT", "B05", "0.95")
    assert not (tmp_path / "snapshots" / "2025-01-02").exists()


def test_a_symbol_without_klines_is_missing_and_the_other_is_published(tmp_path: Path) -> None:
    """Past the deadline the day goes on without it, and the closing lines say so."""
    write_config(tmp_path, dict.fromkeys(("BTCUSDT", "ETHUSDT"), "{market: futures_um}"))
    write_sample(
        SampleRequest(
            out=tmp_path / "data/raw",
            first=DAY,
            symbols=("BTCUSDT", "ETHUSDT"),
            trades_per_day=3000,
        )
    )
    (tmp_path / "data/raw/binance/futures_um/BTCUSDT-1m-2025-01-02.zip").unlink()

    run = luigi(tmp_path, "Snapshot", "--date", "2025-01-02")

    assert_one_sentence(run, 0, "1 of 2 symbols missing, 1440 rows", "BTCUSDT is missing: B06")
    assert "C12" not in run.stdout


@pytest.mark.parametrize("folder", ["/", "/tmp"])  # noqa: S108 - only a place to stand
def test_it_runs_from_any_folder(root: Path, folder: str) -> None:
    """No luigi.cfg is found there; the exit codes are the same."""
    assert luigi(root, "Snapshot", "--date", "2025-01-02", cwd=Path(folder)).returncode == 0
    assert luigi(root, "Snapshot", "--date", "2025-01-07", cwd=Path(folder)).returncode == 20


def test_where_no_luigi_cfg_is_found_the_settings_are_its() -> None:
    """What is built in, and the file of a checkout: the same, but for a setting of luigid alone."""
    file = ConfigParser()
    file.read(PROJECT / "luigi.cfg")
    settings = {section: dict(file[section]) for section in file.sections()}

    assert settings["scheduler"].pop("worker_disconnect_delay") == "30"
    assert settings == DEFAULTS


def test_a_second_run_of_a_finished_day_loads_no_heavy_library(root: Path) -> None:
    """Neither numpy, pandas nor pyarrow is imported when there is nothing to do."""
    code = (
        "import sys, luigi.cmdline\n"
        "try:\n"
        "    luigi.cmdline.luigi_run(['--module', 'pipeline', 'Snapshot', '--date', '2025-01-02'])\n"
        "except SystemExit as stop:\n"
        "    print('exit', stop.code)\n"
        "print('loaded', sorted({'numpy', 'pandas', 'pyarrow', 'polars'} & set(sys.modules)))\n"
    )
    environment = {**os.environ, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml")}

    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )

    assert "exit 0" in run.stdout, run.stderr
    assert "loaded []" in run.stdout


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_with_luigid_up_the_run_is_scheduled_there(root: Path, tmp_path: Path) -> None:
    """The same command uses the central scheduler where one answers."""
    port = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-c", "from luigi.cmdline import luigid; luigid()"),
            *("--address", "127.0.0.1", "--port", str(port)),
            *("--state-path", str(tmp_path / "state")),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        run = luigi(root, "Snapshot", "--date", "2025-01-02", "--scheduler-port", str(port))
    finally:
        server.terminate()
        server.wait(timeout=20)

    assert run.returncode == 0, run.stderr
    assert "no luigid answers" not in run.stderr


def test_without_luigid_one_line_says_so(root: Path, tmp_path: Path) -> None:
    """The run goes on by itself, with one line of warning."""
    settings = tmp_path / "luigi.cfg"
    settings.write_text(f"[core]\ndefault_scheduler_port={free_port()}\n")

    command = ("Snapshot", "--date", "2025-01-02")
    run = luigi(root, *command, cwd=Path("/"), LUIGI_CONFIG_PATH=str(settings))

    assert run.returncode == 0
    assert run.stderr.count("no luigid answers") == 1


def test_two_runs_at_once_publish_one_revision(tmp_path: Path) -> None:
    """Both end well or say that the other holds the lock; there is one revision."""
    write_config(tmp_path)
    write_sample(SampleRequest(out=tmp_path / "data/raw", first=DAY, trades_per_day=3000))
    command = [
        sys.executable,
        "-m",
        "luigi",
        "--module",
        "pipeline",
        "Snapshot",
        "--date",
        "2025-01-02",
        "--local-scheduler",
    ]
    environment = {**os.environ, "KITCHEN_CONFIG": str(tmp_path / "configs/kitchen.yaml")}

    runs = [
        subprocess.Popen(
            [*command, "--no-lock"], env=environment, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    codes = [(run.communicate()[1], run.returncode) for run in runs]

    assert all(code in (0, 10) for _, code in codes), codes
    assert any(code == 0 for _, code in codes)
    assert [p.name for p in (tmp_path / "snapshots/.revisions").iterdir()] == ["2025-01-02.r1"]


def test_a_damaged_prepared_file_is_rebuilt_and_never_published(root: Path) -> None:
    """A flipped byte in an intermediate is found by its receipt; the snapshot stays as it is."""
    target = root / "data/prepared/date=2025-01-02/BTCUSDT/AlignedBars.zip"
    good = target.read_bytes()
    published = stat_tree(root / "snapshots")
    target.write_bytes(good[:1000] + bytes([good[1000] ^ 1]) + good[1001:])

    run = luigi(root, "Snapshot", "--date", "2025-01-02")

    assert run.returncode == 0, run.stderr
    assert "AlignedBars.zip is gone or damaged" in run.stderr
    assert target.read_bytes() == good
    assert stat_tree(root / "snapshots") == published
