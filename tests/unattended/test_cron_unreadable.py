"""A run that cannot begin: its configuration cannot be read, or nothing can be written."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import pytest

from kit.cron_ground import NOW, Ground
from kit.support import kitchen_at
from pipeline.errors import ConfigError
from pipeline.settings import config
from pipeline.unattended import alert_routing, cron
from pipeline.unattended.cron import Outcome


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """Effects that are never needed, and a cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KITCHEN_ALERT_URLS", "json://nowhere")
    made = Ground()
    monkeypatch.setattr("pipeline.publishing.day_state.judge", made.judge)
    return made


SETTINGS = "alerts: {urls_env: OUR_URLS, repeat_hours: 3}\n"


def unreadable(file: Path, ground: Ground, now: dt.datetime = NOW) -> Outcome:
    """A run that finds its configuration broken."""
    file.write_text("paths: {raw: [")
    config._load.cache_clear()
    with pytest.raises(ConfigError) as caught:
        config._load(file)
    return cron.unreadable(file, caught.value, now, ground.send)


def test_a_configuration_that_broke_is_told_as_its_last_readable_form_said(
    tmp_path: Path, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the same addresses, in the same log, not again before its time, and over once it is mended."""
    monkeypatch.delenv("KITCHEN_ALERT_URLS")
    monkeypatch.setenv("OUR_URLS", "json://nowhere")
    file = kitchen_at(tmp_path).file
    sound = file.read_text() + SETTINGS
    file.write_text(sound)
    config._load.cache_clear()
    alert_routing.keep(config._load(file))

    outcomes = [unreadable(file, ground, NOW + dt.timedelta(hours=h)) for h in (0, 1, 3)]
    file.write_text(sound)
    config._load.cache_clear()
    cron.run(config._load(file), NOW, ground.effects())

    assert [outcome.code for outcome in outcomes] == [40] * 3
    assert [text.splitlines()[0] for text in ground.said] == [
        "kitchen cron run: 1 problem",
        "kitchen cron run: 1 problem",
        "kitchen cron run: 1 over",
    ]
    assert f"cron could not run: {file}, line 1" in ground.said[0]
    assert "cron could not run" in (tmp_path / "data/prepared/.ops/cron.log").read_text()


@pytest.mark.parametrize(
    "note",
    [None, "", "[1]", '{"ops": 3, "urls_env": [], "repeat_hours": "x"}', "{", "\xff"],
)
def test_without_an_earlier_form_the_environment_says_to_whom(
    tmp_path: Path, ground: Ground, note: str | None
) -> None:
    """Never read before, or the note of it is damaged: KITCHEN_ALERT_URLS and 12 hours."""
    file = kitchen_at(tmp_path).file
    if note is not None:
        alert_routing._note(file).parent.mkdir(parents=True)
        alert_routing._note(file).write_text(note, encoding="latin-1")

    for hours in (0, 1, 11, 13):
        assert unreadable(file, ground, NOW + dt.timedelta(hours=hours)).code == 40

    assert len(ground.said) == 2
    assert not (tmp_path / "data").exists()


def test_the_note_of_where_alerts_go_holds_no_address(tmp_path: Path, ground: Ground) -> None:
    """Only the names of the variable and of the file; and it is not written again unchanged."""
    file = kitchen_at(tmp_path).file
    secret = tmp_path / "urls"
    secret.write_text("json://canary\n")
    secret.chmod(0o600)
    file.write_text(f"{file.read_text()}alerts: {{urls_file: {secret}}}\n")
    config._load.cache_clear()
    kitchen = config._load(file)

    alert_routing.keep(kitchen)
    before = alert_routing._note(file).stat().st_ino
    alert_routing.keep(kitchen)

    assert alert_routing._note(file).stat().st_ino == before
    text = alert_routing._note(file).read_text()
    assert "canary" not in text
    assert "nowhere" not in text
    assert alert_routing.last(file).settings.urls_file == secret


def test_notes_of_configurations_that_nobody_runs_are_thrown_away(
    tmp_path: Path, ground: Ground
) -> None:
    """After 90 days without a run; one that is asked for stays, though it can no longer be read."""
    used, unused, broken = (kitchen_at(tmp_path / name) for name in ("used", "unused", "broken"))
    for kitchen, days in ((used, 91), (unused, 91), (broken, 91)):
        alert_routing.keep(kitchen)
        then = time.time() - days * 86_400
        os.utime(alert_routing._note(kitchen.file).parent, (then, then))

    unreadable(broken.file, ground)
    alert_routing.keep(used)

    assert [alert_routing._note(k.file).exists() for k in (used, unused, broken)] == [
        True,
        False,
        True,
    ]


def test_where_nothing_can_be_remembered_alerts_repeat(
    tmp_path: Path, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder can be made anywhere: every run says it, rather than none."""
    file = kitchen_at(tmp_path).file
    (tmp_path / "blocked").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "blocked"))

    for _ in range(2):
        assert unreadable(file, ground).code == 40

    assert len(ground.said) == 2
