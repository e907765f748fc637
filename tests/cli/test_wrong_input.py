"""Wrong values on the command line and in documents: one sentence, 40 or 2, no traceback, no expression."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_commands import run

from kit.support import luigi, write_config
from pipeline.cli.main import cli
from pipeline.contracts import control, features_schema, outages, profiles, schema
from pipeline.errors import ConfigError, ParameterError
from pipeline.runs.backfill import Backfill
from pipeline.settings import config
from pipeline.tasks.day import Snapshot

PATHS = "paths: {raw: raw, prepared: prepared, snapshots: snapshots}\n"
SYMBOLS = "symbols: {BTCUSDT: {market: spot}}\n"
DATES = ("2025-02-30", "02.01.2025", "", "0001-01-01", "9999-12-31", "２０２５-01-02", "x" * 300)
EXPRESSION = re.compile(r"\[\^?[A-Za-z0-9]-[A-Za-z0-9]|\(\?[:!=P<]|\\[AZdsw]\b|\{\d+,\d*\}|regex")


def assert_sentence(text: str) -> None:
    """One line for a person."""
    assert text.strip()
    assert "Traceback" not in text
    assert not EXPRESSION.search(text)
    assert len(text.strip().splitlines()) == 1, text


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration that the commands find."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path)))
    config._load.cache_clear()
    return tmp_path


@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize(
    ("option", "before", "after"),
    [
        ("--start", ["backfill", "--start"], ["--stop", "2025-01-02"]),
        ("--stop", ["backfill", "--start", "2025-01-02", "--stop"], []),
        ("--start", ["status", "--start"], ["--stop", "2025-01-02"]),
        ("--stop", ["plan", "--start", "2025-01-02", "--stop"], []),
        ("--date", ["fetch", "--date"], ["--use", "rest"]),
        ("--date", ["sample", "--date"], ["--out", "out"]),
        ("DATE", ["why"], []),
        ("DATE", ["explain"], ["BTCUSDT"]),
        ("DATE", ["calibration", "show"], ["BTCUSDT"]),
        ("--start", ["accept", "--start"], []),
    ],
)
def test_a_wrong_date_is_called_by_the_option_that_it_was_given_for(
    home: Path, option: str, before: list[str], after: list[str], date: str
) -> None:
    """Every command that takes one: exit 40; an empty --date is none given."""
    if (option, date) == ("--date", "") and before[0] == "fetch":
        pytest.skip("no date is given: yesterday is meant")
    result = run(*before, date, *after)

    assert result.exit_code == 40, result.output
    assert result.output.startswith(f"kitchen: {option}: ")
    assert_sentence(result.output)


@pytest.mark.parametrize("command", ["backfill", "plan", "status"])
def test_a_range_that_ends_before_it_starts_is_refused(home: Path, command: str) -> None:
    """40, and both dates."""
    result = run(command, "--start", "2025-01-03", "--stop", "2025-01-02")

    assert result.exit_code == 40
    assert "--stop: 2025-01-02 is before --start 2025-01-03; swap them" in result.output


def test_luigis_backfill_refuses_a_turned_range_as_the_command_does(home: Path) -> None:
    """40 and one sentence, where Luigi would log a scheduling error with a traceback."""
    done = luigi(
        home, "Backfill", "--start", "2025-01-03", "--stop", "2025-01-02", "--local-scheduler"
    )

    assert done.returncode == 40
    assert "--stop: 2025-01-02 is before --start 2025-01-03; swap them" in done.stderr
    assert_sentence(done.stdout + done.stderr)


@pytest.mark.parametrize("date", DATES)
def test_luigis_parameters_are_called_by_their_own_names(home: Path, date: str) -> None:
    """A bad --start is no --date."""
    for option, parameter in (
        ("--start", Backfill.start),
        ("--stop", Backfill.stop),
        ("--date", Snapshot.date),
    ):
        with pytest.raises(ParameterError, match=f"^{option}: ") as caught:
            parameter.parse(date)
        assert_sentence(str(caught.value))


VALUES = (
    *(
        "",
        "null",
        "5",
        "-1",
        "1e400",
        ".nan",
        "-.inf",
        "true",
        "text",
        "[]",
        "[1, {}]",
        "{}",
        "{a: 1}",
    ),
    *(
        "2025-13-45",
        "2025-01-02 10:00:00",
        "!!binary aGk=",
        "!!set {a}",
        "!!omap [a: 1]",
        "!!str [1]",
    ),
    *("!!map [1]", "!!seq {a: 1}", "!!int x", "!!bool x", "!!timestamp x", "!!float x", "!x y"),
    *("!!python/name:os.system ''", "&a [*a]", "{<<: {a: 1}}", "{? [a] : 1}", "'a/b'", '"\\0"'),
    *(
        '"\\ud800"',
        "~nobody-of-that-name/x",
        "'{0}'",
        "'{date.year}'",
        "['{symbol}']",
        "['{nope}{date}']",
    ),
    *(
        "['{']",
        "['{date!r}']",
        "['{first}']",
        "['{date}-{first}-{last}']",
        "['a/**/{date}']",
        "[[a]]",
    ),
)
KEYS = (
    *(
        "paths",
        "paths.raw",
        "paths.snapshots",
        "symbols",
        "symbols.BTCUSDT",
        "symbols.BTCUSDT.market",
    ),
    *("symbols.BTCUSDT.since", "symbols.BTCUSDT.vendor_symbol", "symbols.BTCUSDT.basis_against"),
    *(
        "symbols.BTCUSDT.sources",
        "sources",
        "sources.binance_1m",
        "latency_seconds",
        "preference.fields",
    ),
    *(
        "latency_seconds.atas",
        "limits.text_bytes",
        "simulated",
        "alerts.urls_env",
        "alerts.reports",
    ),
    *(
        "alerts.repeat_hours",
        "cron.look_back_days",
        "watch.cron_seconds",
        "fetch.hosts",
        "fetch.archive",
    ),
    *("fetch.weight_per_minute.spot", "signing.key", "signing", "nope", "fetch"),
)


def fault(path: Path) -> str | None:
    """Why a configuration is refused; None where it is right."""
    try:
        config._load(path)
    except ConfigError as error:
        return str(error)
    return None


def known_outages(folder: Path) -> None:
    """Reads the outages of a governance folder."""
    outages.outage_minutes(folder, "spot", "BTCUSDT", dt.date(2025, 1, 2))


def document(key: str, value: str) -> str:
    """A whole configuration in which a key has a value."""
    parts, text = key.split("."), value
    for part in reversed(parts[1:]):
        text = f"{{{part}: {text}}}"
    rest = {"paths": PATHS, "symbols": SYMBOLS}
    if key.startswith("paths."):
        others = [n for n in ("raw", "prepared", "snapshots") if n != parts[1]]
        text = f"{{{parts[1]}: {value}, {', '.join(f'{n}: {n}' for n in others)}}}"
    if key.startswith("symbols.BTCUSDT.") and parts[2] != "market":
        text = f"{{BTCUSDT: {{market: spot, {parts[2]}: {value}}}}}"
    rest.pop(parts[0], None)
    return f"{parts[0]}: {text}\n{''.join(rest.values())}"


@pytest.mark.parametrize("key", KEYS)
def test_a_configuration_is_right_or_refused_in_one_sentence(tmp_path: Path, key: str) -> None:
    """Every kind of wrong value at every kind of key: its file, and its key or its line."""
    refused = 0
    for number, value in enumerate(VALUES):
        path = tmp_path / f"{number}.yaml"
        path.write_text(document(key, value), encoding="utf-8")
        words = fault(path)
        if words is not None:
            refused += 1
            assert_sentence(words)
            assert str(path) in words
    assert refused > len(VALUES) // 2


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("CONTROL_kitchen.yaml", control.load),
        ("KNOWN_outages.yaml", known_outages),
        ("calibration_profiles.yaml", profiles.load),
        ("SCHEMA_data.json", schema.load),
        ("SCHEMA_features.json", features_schema.load),
    ],
)
def test_a_governance_document_of_another_type_is_refused_in_one_sentence(
    tmp_path: Path, governance: Path, name: str, load
) -> None:
    """Tags, types, numbers that are none, and a key that stands twice."""
    shutil.copytree(governance, tmp_path / "governance")
    path = tmp_path / "governance" / name
    for value in ("{version: .nan}", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 60_000, *VALUES):
        path.write_text(value, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / "governance")
        assert_sentence(str(caught.value))
        assert name in str(caught.value)


def test_a_file_where_a_folder_is_wanted_is_called_one(tmp_path: Path) -> None:
    """In the words of the program, with what was wanted."""
    file = tmp_path / "bars.jsonl"
    file.touch()

    run = CliRunner().invoke(cli, ["sample", "--out", str(file)])

    assert (run.exit_code, f"'{file}' is a file, wanted a folder" in run.output) == (2, True)
