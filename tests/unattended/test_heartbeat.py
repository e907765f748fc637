"""Three ages of every live exporter."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from kit.support import kitchen_at, luigi
from pipeline.cli import main as program
from pipeline.runs.state_folder import Places
from pipeline.settings import config
from pipeline.settings.config import Kitchen
from pipeline.sources.atas import heartbeats
from pipeline.unattended import alerts
from pipeline.unattended.exporter_ages import Sign, signs
from pipeline.unattended.heartbeat import problems

NOON = dt.datetime(2025, 1, 2, 12, tzinfo=dt.UTC)
DOTNET = "2025-01-02T11:59:58.1234567Z\n"
LABELLED = "ts_utc=2025-01-02T11:59:58.1234567Z\nsymbol=BTCUSDT\nticks_in_window=17\n"


def exporter(
    root: Path,
    *,
    beat: str = DOTNET,
    row: str = "2025-01-02T11:58:00.0000000Z",
    written: dt.datetime = NOON,
    name: str = "Bar1mExporter",
) -> Path:
    """A live exporter's folder; returns its data file."""
    pulse = root / f"data/raw/atas/_heartbeats/{name}/BTCUSDT/heartbeat.txt"
    pulse.parent.mkdir(parents=True)
    pulse.write_text(beat)
    data = root / "data/raw/atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"
    data.parent.mkdir(parents=True)
    data.write_text(f'{{"timestamp":"{row}","close":1}}\n')
    os.utime(data, (written.timestamp(), written.timestamp()))
    return data


def only(kitchen: Kitchen, now: dt.datetime = NOON) -> Sign:
    """The one sign that there is."""
    (sign,) = signs(kitchen, now)
    return sign


@pytest.mark.parametrize(
    "beat", [DOTNET, LABELLED, "\ufeff" + DOTNET, DOTNET.replace("\n", "\r\n")]
)
def test_a_live_exporter_has_three_small_ages(tmp_path: Path, beat: str) -> None:
    """Both forms of the heartbeat; ages by hand: 1.877 s, 0 s, 120 s."""
    exporter(tmp_path, beat=beat)

    sign = only(kitchen_at(tmp_path))

    assert [(age.sign, age.seconds) for age in sign.ages] == [
        ("heartbeat", 1.877),
        ("file", 0.0),
        ("row", 120.0),
    ]
    assert sign.stale == ()


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ({"beat": "2025-01-02T11:56:00Z"}, ["heartbeat"]),
        ({"beat": "2025-01-02T11:5"}, ["heartbeat"]),
        ({"beat": ""}, ["heartbeat"]),
        ({"written": NOON - dt.timedelta(minutes=11)}, ["file"]),
        ({"row": "2025-01-02T11:40:00Z"}, ["row"]),
        ({"row": "2025-01-02T20:00:00Z"}, ["row"]),
    ],
)
def test_each_age_is_judged_by_itself(
    tmp_path: Path, changed: dict[str, object], stale: list[str]
) -> None:
    """The process lives and the writer died; the file grows and the feed stands; a stamp of tomorrow."""
    exporter(tmp_path, **changed)
    kitchen = kitchen_at(tmp_path)

    sign = only(kitchen)

    assert [age.sign for age in sign.stale] == stale
    assert [p.key for p in problems(kitchen, [sign], NOON)] == ["Bar1mExporter BTCUSDT"]


def test_the_newest_row_is_read_from_the_tail_whatever_is_torn(tmp_path: Path) -> None:
    """A million bytes before it, a torn line and a foreign one behind it."""
    path = tmp_path / "ticks.jsonl"
    old = '{"ts":"2025-01-02T01:00:00.0000000Z","price":1.5}\n' * 20_000
    path.write_text(
        old + '{"ts":"2025-01-02T11:59:59.5000000Z"}\n[1]\nnull\n{"ts": 3}\n{"ts":"2025-01-02T23'
    )

    assert heartbeats.newest_row_us(path) == 1_735_819_199_500_000
    assert heartbeats.newest_row_us(tmp_path / "absent") is None


def test_a_symbol_without_any_sign_is_stale(tmp_path: Path) -> None:
    """The exporter was never started, or writes elsewhere."""
    sign = only(kitchen_at(tmp_path))

    assert sign.exporter == "any"
    assert [age.seconds for age in sign.ages] == [None, None, None]
    assert len(sign.stale) == 3


def test_symbols_without_exports_and_ended_ones_are_not_looked_at(tmp_path: Path) -> None:
    """Nobody is alarmed about what is not expected."""
    kitchen = kitchen_at(
        tmp_path,
        {
            "AAA": "{market: spot, atas: none}",
            "BBB": "{market: spot, until: 2024-12-31}",
        },
    )

    assert signs(kitchen, NOON) == []


def test_the_newest_of_several_files_counts_and_archives_do_not(tmp_path: Path) -> None:
    """A `.part` beside the file is what the exporter wrote last; a `.gz` is not live."""
    data = exporter(tmp_path, written=NOON - dt.timedelta(hours=1))
    part = data.with_name("bars_1m.jsonl.part")
    shutil.copy(data, part)
    os.utime(part, (NOON.timestamp() - 60, NOON.timestamp() - 60))
    packed = data.with_name("bars_1m.jsonl.gz")
    packed.write_bytes(gzip.compress(data.read_bytes()))

    assert only(kitchen_at(tmp_path)).ages[1].seconds == 60.0


def test_a_cron_that_fell_silent_is_reported_and_one_never_used_is_not(tmp_path: Path) -> None:
    """The dead man's alarm also catches a cron that never ran again."""
    kitchen = kitchen_at(tmp_path)
    assert problems(kitchen, [], NOON) == []

    mark = Places.of(kitchen.prepared).last_success
    mark.write_text("x")
    for hours, keys in ((29, []), (31, ["cron"])):
        seen = (NOON - dt.timedelta(hours=hours)).timestamp()
        os.utime(mark, (seen, seen))
        assert [p.key for p in problems(kitchen, [], NOON)] == keys


def test_the_task_is_done_or_fails_in_one_sentence(tmp_path: Path) -> None:
    """Alive: nothing to do. Stale: 30, and what is stale."""
    now = dt.datetime.now(dt.UTC)
    stamp = (now - dt.timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
    exporter(tmp_path, beat=stamp, row=stamp, written=now)
    kitchen_at(tmp_path)

    alive = luigi(tmp_path, "Heartbeat", "--local-scheduler")
    (tmp_path / "data/raw/atas/_heartbeats/Bar1mExporter/BTCUSDT/heartbeat.txt").write_text(DOTNET)
    stale = luigi(tmp_path, "Heartbeat", "--local-scheduler")

    assert alive.returncode == 0, alive.stderr
    assert stale.returncode == 30
    assert "BTCUSDT Bar1mExporter: stale (heartbeat" in stale.stderr
    assert "Traceback" not in stale.stderr


def kitchen_heartbeat(*arguments: str) -> Result:
    """Runs `kitchen heartbeat` in this process."""
    called = click.Command("kitchen", callback=lambda: program.main(["heartbeat", *arguments]))
    return CliRunner().invoke(called, [])


def test_what_is_stale_is_said_once_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On both streams together, also where it is told by an alert."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    exporter(tmp_path)
    monkeypatch.setenv("KITCHEN_CONFIG", str(kitchen_at(tmp_path).file))

    said = kitchen_heartbeat().output

    assert said.count("BTCUSDT Bar1mExporter: stale (heartbeat") == 1
    assert "; do: look whether ATAS runs and the exporter is on the chart" in said


def test_the_command_ends_with_zero_thirty_or_forty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alive, stale, a cron that fell silent, and a configuration that cannot be read."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    now = dt.datetime.now(dt.UTC)
    stamp = (now - dt.timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
    data = exporter(tmp_path, beat=stamp, row=stamp, written=now)
    kitchen = kitchen_at(tmp_path)
    monkeypatch.setenv("KITCHEN_CONFIG", str(kitchen.file))

    alive = kitchen_heartbeat("--json", "--no-alert")
    os.utime(data, (0, 0))
    stale = kitchen_heartbeat("--json", "--no-alert")
    said_nothing = not Places.of(kitchen.prepared).alerts.exists()
    kitchen_heartbeat()
    os.utime(data)
    mark = Places.of(kitchen.prepared).last_success
    mark.write_text("x")
    os.utime(mark, (0, 0))
    silent = kitchen_heartbeat("--json")
    kitchen.file.write_text("paths: {raw: [")
    config._load.cache_clear()
    broken = kitchen_heartbeat("--json", "--no-alert")

    codes = [run.exit_code for run in (alive, stale, silent, broken)]
    assert codes == [0, 30, 30, 40], alive.output + stale.output + silent.output
    assert [sign["sign"] for sign in json.loads(alive.stdout)["signs"][0]["ages"]] == [
        "heartbeat",
        "file",
        "row",
    ]
    assert said_nothing
    assert list(json.loads(Places.of(kitchen.prepared).alerts.read_text())) == ["heartbeat: cron"]
    (problem,) = json.loads(silent.stdout)["problems"]
    assert "kitchen cron has not succeeded since 1970-01-01T00:00:00Z" in problem["what"]


def test_a_configuration_that_broke_is_told_and_so_is_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, to whom the last readable form named; what was stale before is not called over by it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    said: list[str] = []
    monkeypatch.setenv("KITCHEN_ALERT_URLS", "json://nowhere")
    monkeypatch.setattr(alerts, "_notify", lambda urls, title, text: said.append(title) or True)
    kitchen = kitchen_at(tmp_path)
    monkeypatch.setenv("KITCHEN_CONFIG", str(kitchen.file))
    sound = kitchen.file.read_text()

    codes = []
    for text in (sound, "paths: {raw: [", "paths: {raw: [", sound):
        kitchen.file.write_text(text)
        config._load.cache_clear()
        codes.append(kitchen_heartbeat().exit_code)

    assert codes == [30, 40, 40, 30]
    assert said == [
        "kitchen heartbeat: 1 problem",
        "kitchen heartbeat run: 1 problem",
        "kitchen heartbeat run: 1 over",
    ]


def test_a_kitchen_without_live_exports_is_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that there is nothing to look at, so that nobody takes silence for health."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kitchen = kitchen_at(tmp_path, "{market: spot, atas: none}")
    monkeypatch.setenv("KITCHEN_CONFIG", str(kitchen.file))

    run = kitchen_heartbeat()

    assert run.exit_code == 0
    assert "no symbol with live exports is configured" in run.output
