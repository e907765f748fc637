"""A market on a fake clock: exports arrive when the test says so, cron runs every few hours.

The exports are real files of a simulated market, the builds are Luigi's own; only the clock and the
arrival of files are made up. Klines are put into the raw folder by an unnamed hand, or published by an
exchange on loopback from which the real fetcher brings them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import shutil
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import luigi
import pytest

from kit.fake_exchange import FakeExchange, Fault
from kit.fetch_ground import archive_path
from kit.real_luigid import Luigid
from kit.support import write_config
from pipeline import arrivals
from pipeline.contracts import control, outages
from pipeline.fetch.outcome import exit_code
from pipeline.fetch.plan import Request
from pipeline.fetch.run import fetch
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings import config
from pipeline.tasks import context
from pipeline.tasks import day as tasks
from pipeline.unattended import cron, exporter_ages, heartbeat, subprocesses
from pipeline.unattended.alert_routing import Desk
from pipeline.unattended.alerts import tell
from pipeline.unattended.cron import Effects, Outcome
from pipeline.unattended.subprocesses import Ended

FIRST = dt.date(2025, 3, 1)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SYMBOL = "BTCUSDT"


class Clock:
    """Stands in for the module `time` where freshness asks for the time."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now

    def time_ns(self) -> int:
        """The fake instant."""
        return int(self.now.timestamp()) * 1_000_000_000


class World:
    """The exports of some days, the kitchen that gets them, and what it says."""

    def __init__(
        self,
        root: Path,
        days: int,
        monkeypatch: pytest.MonkeyPatch,
        exchange: FakeExchange | None = None,
        *,
        trades: bool = False,
    ) -> None:
        self.root, self.count = root, days
        self.made = root / "made"
        request = SampleRequest(
            out=self.made,
            first=FIRST,
            days=days + 1,
            trades_per_day=1_500,
            ticks=False,
            simplified=False,
            trades=trades,
        )
        write_sample(request)
        shutil.copytree(config.PROJECT / "governance", root / "governance")
        self.exchange = exchange
        fetching = _fetching(exchange.base) if exchange else ""
        path = write_config(root, f"{{market: futures_um, since: {FIRST}}}", fetching)
        path.write_text(path.read_text().replace("paths: {", "paths: {governance: governance, "))
        monkeypatch.setenv("KITCHEN_CONFIG", str(path))
        monkeypatch.setenv("KITCHEN_ALERT_URLS", "json://nowhere")
        self.clock = Clock(dt.datetime.combine(FIRST + DAY, dt.time(1), dt.UTC))
        monkeypatch.setattr(arrivals, "time", self.clock)
        self.raw = root / "data" / "raw"
        self.events: dict[dt.datetime, list[Callable[[], None]]] = {}
        self.alerts: list[tuple[dt.datetime, str, str]] = []
        self.built: list[tuple[dt.datetime, dt.date, int]] = []
        self.waits: list[float] = []
        self.off: list[tuple[dt.datetime, dt.datetime]] = []
        self.exporter_off: list[tuple[dt.datetime, dt.datetime]] = []
        self.refusals: dict[dt.date, list[int]] = {}
        self.overloaded: list[tuple[dt.datetime, dt.datetime]] = []
        self.unreachable: list[tuple[dt.datetime, dt.datetime]] = []
        self.luigid: Luigid | None = None
        self.programs: dict[dt.date, list[str]] = {}

    # -- what arrives -----------------------------------------------------------------------------

    def day(self, index: int) -> dt.date:
        """The date of a day's number, from 0."""
        return FIRST + index * DAY

    def at(self, index: int, hour: float, event: Callable[[], None]) -> None:
        """Lets something happen so many hours after 00:00 of a day."""
        instant = dt.datetime.combine(self.day(index), dt.time(), dt.UTC) + hour * HOUR
        self.events.setdefault(instant, []).append(event)

    def klines_name(self, index: int) -> str:
        """The archive's path below the raw folder."""
        return f"binance/futures_um/{SYMBOL}-1m-{self.day(index)}.zip"

    def klines(
        self, index: int, change: Callable[[list[str]], list[str]] | None = None, level: int = 6
    ) -> None:
        """The day's archive arrives; with other rows or other bytes where the test says so."""
        name = self.klines_name(index)
        with zipfile.ZipFile(self.made / name) as archive:
            (member,) = archive.namelist()
            lines = archive.read(member).decode().splitlines(keepends=True)
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
            archive.writestr(member, "".join(change(lines) if change else lines))
        if self.exchange is None:
            self._put(name, data.getvalue())
        else:
            self.exchange.put(archive_path(self.day(index), SYMBOL, "futures/um"), data.getvalue())

    def trades(self, index: int) -> None:
        """The day's archive of single trades arrives."""
        name = self.klines_name(index).replace("-1m-", "-trades-")
        self._put(name, (self.made / name).read_bytes())

    def atas(self, index: int, until: dt.datetime | None = None) -> None:
        """The exporter's file of a day, as far as it was written by an instant."""
        name = f"atas/bars_1m/{SYMBOL}/date={self.day(index)}/bars_1m.jsonl"
        lines = (self.made / name).read_text().splitlines(keepends=True)
        if until is not None:
            stamp = until.strftime("%Y-%m-%dT%H:%M:%S")
            lines = [line for line in lines if json.loads(line)["timestamp"] < stamp]
            lines = [line for line in lines if not self._was_off(json.loads(line)["timestamp"])]
        if lines:
            self._put(name, "".join(lines).encode())

    def _was_off(self, stamp: str) -> bool:
        instant = dt.datetime.fromisoformat(stamp[:19]).replace(tzinfo=dt.UTC)
        return any(first <= instant < last for first, last in self.exporter_off)

    def _put(self, name: str, data: bytes) -> None:
        path = self.raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(".coming")
        temporary.write_bytes(data)
        now = self.clock.now.timestamp()
        os.utime(temporary, (now, now))
        os.replace(temporary, path)

    def outage(self, index: int, first: int, last: int) -> None:
        """A person enters an outage of the exchange into governance."""
        path = self.root / "governance" / "KNOWN_outages.yaml"
        day = self.day(index)
        path.write_text(
            path.read_text() + f'  - {{market: futures_um, start: "{day}T{first:02}:00:00Z",'
            f' end: "{day}T{last:02}:00:00Z", source: the status page of the exchange}}\n'
        )

    # -- time -------------------------------------------------------------------------------------

    def run(self, hours: int, every: int) -> None:
        """Lets time pass; cron and the heartbeat run every so many hours, unless the machine is off."""
        start = self.clock.now
        for hour in range(hours):
            self.clock.now = start + hour * HOUR
            for instant in sorted(i for i in self.events if i <= self.clock.now):
                for event in self.events.pop(instant):
                    event()
            self._exporter()
            self._exchange_weather()
            if hour % every == 0 and not self._is_off():
                self.cron()
                self.heartbeat()

    def _is_off(self) -> bool:
        return self._now_in(self.off)

    def _now_in(self, spans: list[tuple[dt.datetime, dt.datetime]]) -> bool:
        return any(first <= self.clock.now < last for first, last in spans)

    def _exchange_weather(self) -> None:
        """HTTP 503 to everything while it is overloaded, no connection while it is unreachable."""
        if self.exchange is None:
            return
        self.exchange.clock.at = self.clock.now.timestamp()
        busy = [Fault("", "status", "503", 1_000_000)] if self._now_in(self.overloaded) else []
        self.exchange.faults = busy + [f for f in self.exchange.faults if f.value != "503"]
        if self._now_in(self.unreachable):
            self.exchange.stop()
        else:
            self.exchange.start()

    def _exporter(self) -> None:
        """The live exporter, on a machine of its own, writes what has happened since."""
        now = self.clock.now
        index = (now.date() - FIRST).days
        if any(first <= now < last for first, last in self.exporter_off):
            return
        pulse = f"atas/_heartbeats/Bar1mExporter/{SYMBOL}/heartbeat.txt"
        self._put(pulse, f"{(now - dt.timedelta(seconds=4)).isoformat()}\n".encode())
        for each in (index - 1, index):
            written = self.raw / f"atas/bars_1m/{SYMBOL}/date={self.day(each)}/bars_1m.jsonl"
            final = dt.datetime.combine(self.day(each) + DAY, dt.time(), dt.UTC)
            at_rest = written.exists() and written.stat().st_mtime >= final.timestamp()
            if 0 <= each <= self.count and not at_rest:
                self.atas(each, until=now)

    # -- what runs --------------------------------------------------------------------------------

    def cron(self) -> Outcome:
        """One run of cron at the fake instant."""
        _forget_documents()
        effects = Effects(
            build=self._build,
            fetch=self._fetch,
            send=self._send,
            wait=self.waits.append,
            prune=lambda: True,
        )
        return cron.run(config.load_kitchen(), self.clock.now, effects)

    def heartbeat(self) -> None:
        """One look at the exporters."""
        kitchen, now = config.load_kitchen(), self.clock.now
        found = exporter_ages.signs(kitchen, now)
        wrong = heartbeat.problems(kitchen, found, now)
        tell(Desk.of(kitchen), "heartbeat", [p for p in wrong if p.key != "cron"], now, self._send)

    def _send(self, urls: list[str], title: str, text: str) -> bool:
        self.alerts.append((self.clock.now, title, text))
        return True

    def _fetch(self, kitchen: config.Kitchen) -> Ended:
        """What `kitchen fetch` does, by the fake clock: the look-back, from the exchange on loopback."""
        if self.exchange is None:
            return Ended(code=0)
        yesterday = self.clock.now.date() - DAY
        back = kitchen.operations.cron.look_back_days - 1
        request = Request(first=max(yesterday - back * DAY, FIRST), last=yesterday)
        done = fetch(kitchen, request, waiting=self.exchange.clock.waiting)
        now = self.clock.now.timestamp()
        for path in self.raw.rglob("binance/**/*.zip*"):
            if path.stat().st_mtime > now:
                os.utime(path, (now, now))
        lines = tuple(outcome.line() for outcome in done)
        return Ended(code=exit_code(done, missing_is_pending=True), lines=lines)

    def _build_as_program(self, kitchen: config.Kitchen, day: dt.date) -> Ended:
        """`luigi --module pipeline Snapshot`, with the luigid that runs; it may be killed meanwhile."""
        assert self.luigid is not None
        settings = self.luigid.settings(self.root / "luigi.cfg")
        program = [sys.executable, str(Path(__file__).with_name("luigi_at.py"))]
        command = [*program, str(self.clock.time_ns()), "--module", "pipeline", "Snapshot"]
        with self.luigid.killed_when(self.raw.parent / f"prepared/date={day}", day):
            ended = subprocesses.run(
                [*command, "--date", day.isoformat()],
                {**subprocesses.environment(kitchen), "LUIGI_CONFIG_PATH": str(settings)},
                300,
            )
        self.programs.setdefault(day, []).extend(ended.lines)
        return ended

    def _build(self, kitchen: config.Kitchen, day: dt.date) -> Ended:
        """Luigi builds the day in this process; a scheduler that was killed refuses it first."""
        codes = self.refusals.get(day, [])
        if self.luigid is not None and day in self.luigid.days:
            code = self._build_as_program(kitchen, day).code
        elif codes:
            code = codes.pop()
        else:
            context.forget()
            said = io.StringIO()
            with contextlib.redirect_stdout(said), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Luigi's, of its own settings
                done = luigi.build(
                    [tasks.Snapshot(date=day)],
                    local_scheduler=True,
                    no_lock=True,
                    log_level="CRITICAL",
                )
            code = 0 if done else 30
        self.built.append((self.clock.now, day, code))
        return Ended(code=code)

    # -- what came of it --------------------------------------------------------------------------

    def conditions(self) -> dict[int, str]:
        """Day number -> the condition that is published; days without a snapshot are left out."""
        found = {}
        for index in range(self.count):
            path = self.root / "snapshots" / str(self.day(index)) / "dataset_manifest.json"
            if path.exists():
                found[index] = json.loads(path.read_text())["condition"]["day"]
        return found

    def revisions(self) -> dict[int, int]:
        """Day number -> how many revisions there are."""
        return {
            index: len(list(self.root.glob(f"snapshots/.revisions/{self.day(index)}.r*")))
            for index in range(self.count)
        }

    def manifest(self, index: int, revision: int) -> dict[str, Any]:
        """The manifest of a revision."""
        folder = self.root / "snapshots" / ".revisions" / f"{self.day(index)}.r{revision}"
        return json.loads((folder / "dataset_manifest.json").read_text())

    def said(self) -> list[tuple[int, int, str, list[str]]]:
        """Every alert: day number, hour, title, and the first line of each of its paragraphs."""
        start = dt.datetime.combine(FIRST, dt.time(), dt.UTC)
        found = []
        for instant, title, text in self.alerts:
            hours = int((instant - start).total_seconds() // 3_600)
            heads = [part.splitlines()[0] for part in text.split("\n\n")]
            found.append((hours // 24, hours % 24, title, heads))
        return found


def _fetching(base: str) -> str:
    """The section of a kitchen that fetches in front, from the exchange on loopback alone."""
    rest = ", ".join(f"{market}: '{base}'" for market in ("spot", "futures_um", "futures_cm"))
    return f"fetch: {{archive: '{base}', rest: {{{rest}}}, use: [archive], in_front: true}}\n"


def _forget_documents() -> None:
    """A run is a new process: it reads governance afresh."""
    control.load.cache_clear()
    for name in dir(outages):
        clear = getattr(getattr(outages, name), "cache_clear", None)
        if clear is not None:
            clear()
