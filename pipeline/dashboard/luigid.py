"""luigid with what a kitchen wants of it: the QC pages, figures, a history, and a state that survives.

Luigi's own server and dashboard, unchanged; plain `luigid` works as well, without these extras.
"""

from __future__ import annotations

import datetime as dt
import importlib
import logging
import math
import os
import pickle
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import luigi.configuration
import luigi.server
import tornado.ioloop
import tornado.web
from luigi.scheduler import Scheduler
from prometheus_client import Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from pipeline import optional
from pipeline.clock import parse_day, utc_now
from pipeline.dashboard import metrics, pages
from pipeline.dashboard.feed_metrics import Feeds
from pipeline.errors import ConfigError, PublishError
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.pages import addresses
from pipeline.publishing.opening import open_store
from pipeline.runs.state_folder import Places
from pipeline.settings.config import Kitchen
from pipeline.tasks import context
from pipeline.unattended import exporter_ages

logger = logging.getLogger("kitchen")

ADDRESS, PORT = "127.0.0.1", 8082
DUMP_MS, PRUNE_MS = 60_000, 60_000
_COUNT_EVERY_SECONDS = 60.0
_PAGE = "calibration_report.html"


class Days(Collector):
    """Figures of the published days, counted at most once a minute, and of the live exporters."""

    def __init__(self, kitchen: Kitchen) -> None:
        """Of a configuration; nothing is counted yet."""
        self._kitchen = kitchen
        self._counted = -math.inf
        self._figures: dict[str, float] = {}

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now; a sign of life that is not there has none."""
        if time.monotonic() - self._counted > _COUNT_EVERY_SECONDS:
            self._figures = self._count()
            self._counted = time.monotonic()
        for name, value in self._figures.items():
            yield GaugeMetricFamily(f"kitchen_days_{name}", f"days: {name}", value)
        ages = GaugeMetricFamily(
            "kitchen_exporter_age_seconds",
            "age of an exporter's signs of life",
            labels=("symbol", "exporter", "sign"),
        )
        for sign in exporter_ages.signs(self._kitchen, utc_now()):
            for age in sign.ages:
                if age.seconds is not None:
                    ages.add_metric((sign.symbol, sign.exporter, age.sign), age.seconds)
        yield ages

    def _count(self) -> dict[str, float]:
        context.forget()
        finished, days = context.finished(), open_store(self._kitchen.snapshots).published_days()
        newest = dt.datetime.combine(days[-1], dt.time(), dt.UTC).timestamp() if days else 0.0
        stale = sum(not finished.holds(day) for day in days)
        return {"published": len(days), "stale": stale, "newest": newest}


class Metrics(tornado.web.RequestHandler):
    """`/metrics`: what can be counted; a figure that cannot be is left out, never an error."""

    def initialize(self, scheduler: Scheduler, counted: tuple[Collector, ...]) -> None:
        """Called by tornado."""
        self._scheduler, self._counted = scheduler, counted

    def get(self) -> None:
        """Answers in Prometheus' text format."""
        self.set_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
        collector = self._scheduler._state._metrics_collector
        with suppress(Exception):
            self.write(collector.generate_latest(list(self._scheduler._state.get_active_tasks())))
        for figures in self._counted:
            with suppress(Exception):
                self.write(generate_latest(figures))


class Health(tornado.web.RequestHandler):
    """`/healthz`: alive."""

    def get(self) -> None:
        """Answers ok."""
        self.write("ok\n")


TASKS = "static/visualiser/index.html"
"""Luigi's own page."""

_OUTSIDE = re.compile(r"@import url\(https?:[^)]*\);?")
_LOGO = (
    '<a class="logo" href="#">Luigi Task Status</a>',
    '<a class="logo" href="../../">All days</a>',
)

_POLICY = "sandbox; default-src 'unsafe-inline' data:"
"""Pages may run no script and load nothing."""


class Calendar(tornado.web.RequestHandler):
    """`/qc/`: the calendar of all published days, each cell a link to its report."""

    def initialize(self, kitchen: Kitchen) -> None:
        """Called by tornado."""
        self._kitchen = kitchen

    def get(self) -> None:
        """The page as `kitchen calendar` writes it, of the days as they are now."""
        self.set_header("Content-Security-Policy", _POLICY)
        # Drawing needs heavy libraries, which a dashboard that nobody asks for pages need not load.
        calendar = importlib.import_module("pipeline.dashboard.calendar_page")
        days, simulated = calendar.published(open_store(self._kitchen.snapshots))
        self.write(calendar.page(days, simulated=simulated))


class Report(tornado.web.RequestHandler):
    """`/qc/DATE[/SYMBOL]`: the report of a symbol's day, as last prepared, else as published."""

    def initialize(self, kitchen: Kitchen) -> None:
        """Called by tornado."""
        self._kitchen = kitchen

    def get(self, date: str, symbol: str | None = None) -> None:
        """The page; of a date its page on the site, or, before it is published, a list of symbols."""
        self.set_header("Content-Security-Policy", _POLICY)
        try:
            day = parse_day(date)
        except ValueError:
            raise tornado.web.HTTPError(404) from None
        if symbol is None and self._number(day) is not None:
            self.redirect(f"{'../' * (self.request.path.count('/') - 1)}{addresses.revisions(day)}")
            return
        if symbol is None:
            names = [
                f'<li><a href="{date}/{quote(name)}">{name}</a>' for name in self._kitchen.symbols
            ]
            self.write(f"<!doctype html><title>{date}</title><ul>{''.join(names)}</ul>")
            return
        self.write(self._page(day, symbol))

    def _page(self, day: dt.date, symbol: str) -> bytes:
        if symbol not in self._kitchen.symbols:
            raise tornado.web.HTTPError(404)
        prepared = graph.stored(self._kitchen, Unit("Verdict", day, symbol), "report_html")
        with suppress(OSError):
            return prepared.read_bytes()
        number, name = self._number(day), f"qc/{symbol}/{_PAGE}"
        with suppress(OSError, PublishError):
            if number is not None:
                store = open_store(self._kitchen.snapshots).look()
                return (store.fetch(day, number, [name]) / name).read_bytes()
        raise tornado.web.HTTPError(404)

    def _number(self, day: dt.date) -> int | None:
        """The date's current revision; None where there is none, or it cannot be told."""
        with suppress(OSError, PublishError):
            return open_store(self._kitchen.snapshots).look().named_revision(day)
        return None


class Luigis(tornado.web.RequestHandler):
    """Two files of Luigi's dashboard, changed: the way to the site, and no font from elsewhere."""

    def get(self, path: str) -> None:
        """The file."""
        text = (Path(luigi.server.__file__).parent / path).read_text(encoding="utf-8")
        kind = "css" if path.endswith(".css") else "html"
        self.set_header("Content-Type", f"text/{kind}; charset=utf-8")
        self.write(_OUTSIDE.sub("", text).replace(*_LOGO))


def serve(kitchen: Kitchen, address: str = ADDRESS, port: int = PORT) -> None:
    """Runs until SIGTERM or SIGINT.

    Raises:
        ConfigError: the port is taken.
    """
    place = Places.of(kitchen.prepared).root
    scheduler = make_scheduler(place)
    scheduler.load()
    application = luigi.server.app(scheduler)
    application.add_handlers(".*", handlers(kitchen, scheduler))
    try:
        application.listen(port, address=address)
    except OSError as error:
        raise ConfigError(
            f"{address}:{port} cannot be listened on ({error.strerror}); another luigid runs, or"
            " choose another --port"
        ) from error
    loop = tornado.ioloop.IOLoop.current()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.add_callback_from_signal(loop.stop))
    tornado.ioloop.PeriodicCallback(scheduler.prune, PRUNE_MS).start()
    tornado.ioloop.PeriodicCallback(lambda: dump(scheduler, place), DUMP_MS).start()
    loop.start()
    dump(scheduler, place)


def handlers(kitchen: Kitchen, scheduler: Scheduler) -> list[Any]:
    """What stands before Luigi's own pages."""
    look = pages.Look(kitchen, tasks=TASKS)
    return [
        *pages.handlers(look),
        (rf"/({TASKS})", Luigis),
        (r"/(static/visualiser/lib/AdminLTE/css/AdminLTE\.min\.css)", Luigis),
        (
            r"/metrics",
            Metrics,
            {"scheduler": scheduler, "counted": (Days(kitchen), Feeds(kitchen))},
        ),
        (r"/healthz", Health),
        (r"/qc", tornado.web.RedirectHandler, {"url": "/qc/", "permanent": False}),
        (r"/qc/", Calendar, {"kitchen": kitchen}),
        # The calendar's own links: it is made to lie in the snapshots' folder, beside the days.
        (rf"/qc/([0-9-]{{10}})/qc/([^/]+)/{_PAGE}", Report, {"kitchen": kitchen}),
        (r"/qc/([0-9-]{10})/?", Report, {"kitchen": kitchen}),
        (r"/qc/([0-9-]{10})/([^/]+)", Report, {"kitchen": kitchen}),
    ]


def make_scheduler(place: Path) -> Scheduler:
    """Luigi's scheduler with our figures, its state in `place`, and a history where SQLAlchemy is."""
    settings = luigi.configuration.get_config()
    no_history = optional.missing("sqlalchemy")
    if no_history:
        logger.warning("the dashboard keeps no history of tasks: %s", no_history)
    else:
        settings.set("task_history", "db_connection", f"sqlite:///{place / 'history.sqlite'}")
        # Luigi 3.8.1 asks SQLAlchemy 2 in the words of its first version and dies of it. A database
        # that this version makes needs no upgrade.
        module: Any = importlib.import_module("luigi.db_task_history")
        module._upgrade_schema = lambda engine: None
        engine = importlib.import_module("sqlalchemy.engine").Engine
        importlib.import_module("sqlalchemy.event").listen(engine, "connect", _not_durably)
    scheduler = Scheduler(
        state_path=str(state_file(place)),
        record_task_history=not no_history,
        stable_done_cooldown_secs=0,
    )
    scheduler._state._metrics_collector = metrics.StepMetrics()
    return scheduler


def _not_durably(connection: Any, record: Any) -> None:
    """A history is no data: a run shall not wait for the disk at each task that it announces."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")


def state_file(place: Path) -> Path:
    """Where the scheduler's state lies: a pickle, in a folder for its owner alone."""
    return place / "luigid.state"


def dump(scheduler: Scheduler, place: Path) -> None:
    """Keeps the state whole or not at all: a luigid that is killed goes on from the last minute."""
    target = state_file(place)
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    with open(temporary, "wb", opener=_for_the_owner) as handle:
        pickle.dump(scheduler._state.get_state(), handle)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, target)


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
