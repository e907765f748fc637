"""How a run judges, tries again and ends, with other effects than the real ones."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kit.cron_ground import DAYS, NOW, Ground
from kit.support import kitchen_at
from pipeline.errors import ConfigError
from pipeline.publishing import day_state
from pipeline.publishing.day_state import Judged
from pipeline.runs.state_folder import Places
from pipeline.settings import config
from pipeline.settings.config import Kitchen
from pipeline.unattended import cron, runlog, subprocesses
from pipeline.unattended.cron import Effects, Outcome
from pipeline.unattended.subprocesses import Ended


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """A ground in the place of freshness."""
    made = Ground()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(day_state, "judge", made.judge)
    monkeypatch.setenv("KITCHEN_ALERT_URLS", "json://nowhere")
    return made


@pytest.fixture
def run(tmp_path: Path, ground: Ground) -> Callable[..., Outcome]:
    """Runs cron with the effects of the ground."""

    def call(
        kitchen: Kitchen | None = None, now: dt.datetime = NOW, effects: Effects | None = None
    ) -> Outcome:
        return cron.run(kitchen or kitchen_at(tmp_path), now, effects or ground.effects())

    return call


@pytest.mark.parametrize("code", [10, 25, 30, 35, 40])
def test_a_day_that_stays_unbuilt_gives_the_run_its_code(
    ground: Ground, run: Callable[..., Outcome], code: int
) -> None:
    """Each documented code, and an alert that names day and code."""
    ground.states[DAYS[2]] = day_state.UNBUILT
    ground.codes[DAYS[2]] = [code] * 3

    outcome = run()

    assert outcome.code == code
    words = "luigid on http://localhost:8082 gave it no work" if code == 25 else "the last line"
    assert f"2025-01-05 could not be built, exit {code}: {words}" in ground.said[0]


def test_a_build_that_takes_itself_for_done_is_answered_with_what_is_missing(
    ground: Ground, run: Callable[..., Outcome]
) -> None:
    """Exit 0 is no news to who reads the alert; why the day does not count is."""
    ground.states[DAYS[0]] = day_state.UNBUILT
    effects = replace(
        ground.effects(), build=lambda kitchen, day: Ended(code=0, lines=("published",))
    )

    outcome = run(effects=effects)

    assert outcome.code == 30
    assert "2025-01-03 could not be built: as made up" in ground.said[0]


@pytest.mark.parametrize(("code", "wanted"), [(0, 30), (124, 30), (1, 30), (2, 30)])
def test_what_the_build_says_of_itself_counts_for_nothing(
    ground: Ground, run: Callable[..., Outcome], code: int, wanted: int
) -> None:
    """A run that says 0 and has not published has failed."""
    ground.states[DAYS[0]] = day_state.UNBUILT
    ground.codes[DAYS[0]] = [code] * 3
    ground.build = lambda kitchen, day: Ended(code=code)  # type: ignore[method-assign]

    assert run().code == wanted


@pytest.mark.parametrize("codes", [[25, 25, 0], [10, 0], [130, 0], [-9, 25, 0]])
def test_a_lock_a_lost_scheduler_or_a_kill_is_tried_again(
    ground: Ground, run: Callable[..., Outcome], codes: list[int]
) -> None:
    """After the time in which luigid forgets a worker; three times at most."""
    ground.states[DAYS[0]] = day_state.UNBUILT
    tries = len(codes)
    ground.codes[DAYS[0]] = codes

    assert run().code == 0
    assert ground.built == [DAYS[0]] * tries
    assert ground.waits == [30.0] * (tries - 1)
    assert ground.said == []


def test_oldest_first_and_one_failure_blocks_no_other(
    ground: Ground, run: Callable[..., Outcome]
) -> None:
    """All seven days are built; the third fails; pending days are not tried."""
    for day in DAYS[:6]:
        ground.states[day] = day_state.UNBUILT
        ground.codes[day] = [0]
    ground.codes[DAYS[2]] = [30]
    ground.states[DAYS[6]] = day_state.PENDING

    outcome = run()

    assert outcome.code == 30
    assert ground.built == DAYS[:6]
    assert [p.key for p in outcome.problems] == ["failed 2025-01-05"]


def test_pending_alarms_nobody_and_missing_does(
    ground: Ground, run: Callable[..., Outcome]
) -> None:
    """Both end with 20; only beyond the deadline is a person needed."""
    ground.states[DAYS[6]] = day_state.PENDING
    assert run().code == 20
    assert ground.said == []

    ground.states[DAYS[3]] = day_state.MISSING
    assert run().code == 20
    assert "2025-01-06 has no snapshot" in ground.said[0]


def test_a_symbol_that_ended_is_told_to_be_given_its_end(
    ground: Ground, run: Callable[..., Outcome], tmp_path: Path
) -> None:
    """Else every day asks for klines that will never come."""
    raw = tmp_path / "data/raw/binance/futures_um/BTCUSDT-1m-2024-12-20.zip"
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.touch()
    ground.states[DAYS[3]] = day_state.MISSING

    run()

    assert "its klines end with 2024-12-20" in ground.said[0]
    assert "set symbols.BTCUSDT.until: 2024-12-20" in ground.said[0]


def test_last_success_is_written_when_every_day_is_as_it_can_be(
    tmp_path: Path, ground: Ground, run: Callable[..., Outcome]
) -> None:
    """Not after a failure; it is what the dead man's alarm goes by."""
    mark = tmp_path / "data/prepared/.ops/last_success"
    ground.states[DAYS[0]] = day_state.UNBUILT
    ground.codes[DAYS[0]] = [30, 0]
    run()
    assert not mark.exists()

    run()
    assert mark.read_text() == "2025-01-10T12:00:00Z\n"


def test_a_lock_that_is_held_too_long_is_said_and_so_is_its_end(
    tmp_path: Path, ground: Ground, run: Callable[..., Outcome]
) -> None:
    """Two hours are a long backfill, four are a hang (configured: 180 minutes)."""
    kitchen = kitchen_at(tmp_path)
    places = Places.of(kitchen.prepared)
    run()
    with places.locked("cron"):
        assert run(now=NOW + dt.timedelta(hours=2)).code == 10
        assert ground.said == []
        assert run(now=NOW + dt.timedelta(hours=4)).code == 10
    run(now=NOW + dt.timedelta(hours=5))

    assert "holds the lock for 4 h" in ground.said[0]
    assert "over: held" in ground.said[1]
    assert len(ground.said) == 2


def test_a_failed_fetch_is_said_and_stops_nothing(
    tmp_path: Path, ground: Ground, run: Callable[..., Outcome]
) -> None:
    """What is there is built all the same."""
    path = kitchen_at(tmp_path).file
    path.write_text(path.read_text() + "fetch: {in_front: true}\n")
    config._load.cache_clear()
    lines = ("1/2 BTCUSDT binance_1m 2025-01-08 failed: no route to the exchange", "2 failed")
    ground.fetched = Ended(code=30, lines=lines)
    ground.states[DAYS[0]] = day_state.UNBUILT
    ground.codes[DAYS[0]] = [0]

    outcome = run(config._load(path))

    assert outcome.code == 0
    assert f"klines could not be fetched, exit 30: {lines[0]}" in ground.said[0]


def test_a_full_disk_is_told(ground: Ground, run: Callable[..., Outcome]) -> None:
    """Not a traceback: 30, and what the system said."""

    def full(kitchen: Kitchen, day: dt.date) -> Ended:
        raise OSError(28, "No space left on device")

    ground.states[DAYS[0]] = day_state.UNBUILT
    ground.build = full  # type: ignore[method-assign]

    assert run().code == 30
    assert "No space left on device" in ground.said[0]


def test_governance_that_cannot_be_read_is_told_with_forty(
    ground: Ground, run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence is the alert."""

    def broken(kitchen: Kitchen, days: list[dt.date]) -> dict[dt.date, Judged]:
        raise ConfigError("CONTROL_kitchen.yaml: checks: missing")

    monkeypatch.setattr(day_state, "judge", broken)

    assert run().code == 40
    assert "cron could not run: CONTROL_kitchen.yaml: checks: missing" in ground.said[0]


def test_the_log_rotates_and_has_no_control_characters(
    tmp_path: Path, ground: Ground, run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight files at most, and nothing in them drives a terminal."""
    monkeypatch.setattr(runlog, "_BYTES", 400)
    ground.states[DAYS[0]] = day_state.UNBUILT
    ground.codes[DAYS[0]] = [30] * 100
    ground.build = lambda kitchen, day: _noisy()  # type: ignore[method-assign]
    for _ in range(12):
        run()

    logs = list((tmp_path / "data/prepared/.ops").glob("cron.log*"))
    assert len(logs) == 8
    assert all(b"\x1b" not in log.read_bytes() for log in logs)


def test_a_log_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A thousand lines into a full disk are no thousand tracebacks, which cron would mail."""
    log = tmp_path / "cron.log"
    log.symlink_to("/dev/full")

    with runlog.logged(log):
        for number in range(1000):
            cron.logger.info("line %d", number)

    said = capsys.readouterr().err
    assert said == f"{log}: No space left on device, so the log lacks what comes now\n"


def _noisy() -> Ended:
    cron.logger.info("a line \x1b[31mred")
    return Ended(code=30)


def ends(pid: int) -> bool:
    """Whether a process that was killed is gone, or a mere zombie, within seconds."""
    stat = Path(f"/proc/{pid}/stat")
    for _ in range(100):
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


def test_a_build_that_hangs_is_ended_with_all_its_children(tmp_path: Path) -> None:
    """After its time limit; code 124, as coreutils has it."""
    note = tmp_path / "pid"
    command = ["/bin/sh", "-c", f"sleep 300 & echo $! > {note}; echo here; wait"]

    ended = subprocesses.run(command, {"PATH": os.environ["PATH"]}, 1.0)

    assert ended == Ended(code=subprocesses.TIMED_OUT, lines=("here",))
    assert ends(int(note.read_text()))


def test_what_is_started_sees_no_secret_and_no_foreign_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the addresses of alerts nor a PYTHONPATH; the configuration is named."""
    kitchen = kitchen_at(tmp_path)
    monkeypatch.setenv("KITCHEN_ALERT_URLS", "json://canary")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    environ = subprocesses.environment(kitchen)

    assert "canary" not in str(environ)
    assert "PYTHONPATH" not in environ
    assert environ["KITCHEN_CONFIG"] == str(kitchen.file)
    assert Path(environ["LUIGI_CONFIG_PATH"]).is_file()


def test_settings_that_anybody_may_change_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor Luigi settings that are named and not there, for which Luigi only warns."""
    kitchen = kitchen_at(tmp_path)
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(tmp_path / "absent.cfg"))
    with pytest.raises(ConfigError, match="LUIGI_CONFIG_PATH"):
        subprocesses.environment(kitchen)

    monkeypatch.delenv("LUIGI_CONFIG_PATH")
    kitchen.file.chmod(0o666)
    with pytest.raises(ConfigError, match="chmod o-w"):
        subprocesses.environment(kitchen)


def test_a_run_that_could_not_look_says_nothing_of_days_it_did_not_see(
    ground: Ground, run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed day is not over because governance is broken; both are over when they are."""
    ground.states[DAYS[0]] = day_state.UNBUILT
    ground.codes[DAYS[0]] = [30, 0]
    run()

    def broken(kitchen: Kitchen, days: list[dt.date]) -> dict[dt.date, Judged]:
        raise ConfigError("CONTROL_kitchen.yaml: checks: missing")

    with monkeypatch.context() as patch:
        patch.setattr(day_state, "judge", broken)
        run()
        run()
    run()

    assert [text.splitlines()[0] for text in ground.said] == [
        "kitchen cron: 1 problem",
        "kitchen cron run: 1 problem",
        "kitchen cron run: 1 over",
        "kitchen cron: 1 over",
    ]


def test_a_fault_of_the_kitchen_itself_is_told_too(
    tmp_path: Path, ground: Ground, run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sees a traceback: it is in the log, a person is told, and the exit code is 40."""

    def faulty(kitchen: Kitchen, days: list[dt.date]) -> dict[dt.date, Judged]:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(day_state, "judge", faulty)

    assert run().code == 40
    assert "cron could not run: ZeroDivisionError, a fault of the kitchen itself" in ground.said[0]
    log = (tmp_path / "data/prepared/.ops/cron.log").read_text()
    assert "Traceback" in log
    assert "faulty" in log


@pytest.mark.parametrize("place", ["data/prepared", "data/prepared/.ops/cron.log"])
def test_folders_that_cannot_be_made_are_told_and_not_every_hour(
    tmp_path: Path, ground: Ground, run: Callable[..., Outcome], place: str
) -> None:
    """A file where the folder should be, or a folder where the log should be: 30 or as usual, one alert."""
    kitchen = kitchen_at(tmp_path)
    if place.endswith("log"):
        (tmp_path / place).mkdir(parents=True)
        assert run(kitchen).code == 0
        return
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text("in the way")

    codes = [run(kitchen).code, run(kitchen).code]

    assert codes == [30, 30]
    (said,) = ground.said
    assert "cron could not run" in said
    assert "data/prepared" in said
