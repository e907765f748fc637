"""The site over HTTP: the pages of `pages/`, and the published files. It reads, and changes nothing.

Belongs here: requests -> pages, files, refusals. What a page shows is `pages/`.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import re
import signal
import time
from pathlib import Path
from typing import Any

import tornado.httpserver
import tornado.ioloop
import tornado.netutil
import tornado.web

from pipeline import clock
from pipeline.contracts.manifest import Manifest
from pipeline.errors import ConfigError, KitchenError
from pipeline.pages import frame
from pipeline.pages.addresses import Leads
from pipeline.pages.known import Known
from pipeline.pages.site import Site
from pipeline.publishing import revisions, sums
from pipeline.publishing.opening import open_store
from pipeline.publishing.store import Store
from pipeline.settings.config import Kitchen

logger = logging.getLogger("kitchen")

ADDRESS, PORT = "127.0.0.1", 8083

FRESH_SECONDS, MISSED_SECONDS = 5.0, 1.0
"""So long after a look what is published is looked at again; the latter where a page was not there."""

POLICY = "frame-ancestors 'none'"
"""Beside each page's own, which allows its own scripts and nothing else."""

NOT_FOUND = http.client.NOT_FOUND
_CHUNK = 1 << 18
_PAPERS = (sums.MANIFEST, sums.PUBLICATION, *sums.LISTS)
_PAGE = re.compile(r"(?:day|report|lineage|revisions|symbols|codes|checks|features|feeds)(?:/|$)")


class Look:
    """What is published, as it was a moment ago."""

    def __init__(self, kitchen: Kitchen, tasks: str = "") -> None:
        """Of a configuration.

        Args:
            kitchen: It.
            tasks: The address of the scheduler's own page, where there is one.
        """
        self.kitchen, self.tasks = kitchen, tasks
        self._site: Site | None = None
        self._looked = 0.0

    @property
    def store(self) -> Store:
        """Where it is published."""
        return open_store(self.kitchen.snapshots)

    def page(self, address: str) -> str | None:
        """The page at an address, of a date that was published this moment too; None where there is none."""
        page = self._site_of(FRESH_SECONDS).page(address)
        return self._site_of(MISSED_SECONDS).page(address) if page is None else page

    def _site_of(self, seconds: float) -> Site:
        """The pages of what is published, as it was so long ago or later."""
        if self._site is None or time.monotonic() - self._looked > seconds:
            self._site = Site(Known.of(self.kitchen, self.store), tasks=self.tasks)
            self._looked = time.monotonic()
        return self._site


class Answer(tornado.web.RequestHandler):
    """What all answers share: their headers, and a refusal as a page that leads home."""

    def initialize(self, look: Look) -> None:
        """Called by tornado."""
        self._look = look

    def set_default_headers(self) -> None:
        """Called by tornado, before each answer and each refusal."""
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Called by tornado: one sentence, and the way home."""
        error = kwargs.get("exc_info", (None, None))[1]
        self.finish(refusal(status_code, error, self.request.path, self._look.tasks))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Called by tornado: what the kitchen says of itself is a sentence, no trace."""
        if isinstance(value, KitchenError):
            logger.warning("%s: %s", self.request.path, value)
        else:
            super().log_exception(typ, value, tb)


def refusal(status: int, error: BaseException | None, path: str, tasks: str = "") -> str:
    """The page of what cannot be shown.

    Args:
        status: Of HTTP.
        error: Why, where something failed.
        path: What was asked for, for the way home.
        tasks: As in `Look`.
    """
    said = "There is no such page." if status == NOT_FOUND else http.client.responses[status]
    if isinstance(error, KitchenError):
        said = str(error)
    elif status >= 500:
        said = f"The page could not be made ({type(error).__name__}: {error}); the log has more."
    leads = Leads(path.removeprefix("/"), tasks=tasks)
    return frame.page("refusal.html", leads, status=status, said=said)


class Page(Answer):
    """A page of the site; one without its last slash leads to it."""

    async def get(self, address: str) -> None:
        """The page, made beside the loop: other requests do not wait."""
        if address and not address.endswith("/"):
            self.redirect(f"{self.request.path}/", permanent=False)
            return
        loop = asyncio.get_running_loop()
        page = await loop.run_in_executor(None, self._made, address)
        if page is None:
            raise tornado.web.HTTPError(404)
        self.write(page)

    head = get

    def _made(self, address: str) -> str | None:
        return self._look.page(address)


class File(Answer):
    """A published file of a date's current revision, as it lies there."""

    async def get(self, date: str, name: str) -> None:
        """Its bytes."""
        path, digest = self._place(date, name)
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", "attachment")
        self.set_header("Content-Length", str(path.stat().st_size))
        if digest:
            self.set_header("Etag", f'"{digest}"')
        if self.check_etag_header():
            self.clear_header("Content-Length")
            self.set_status(http.client.NOT_MODIFIED)
        elif self.request.method != "HEAD":
            with path.open("rb") as handle:
                while chunk := handle.read(_CHUNK):
                    self.write(chunk)
                    await self.flush()

    head = get

    def _place(self, date: str, name: str) -> tuple[Path, str]:
        """Where it lies, and its digest; none of the papers."""
        try:
            day = clock.parse_day(date)
        except ValueError:
            raise tornado.web.HTTPError(404) from None
        sealed = revisions.current(self._look.store, day)
        if sealed is None:
            raise tornado.web.HTTPError(404)
        manifest: Manifest = revisions.read_manifest(sealed)
        path = sealed.path / name
        if (name not in manifest.files and name not in _PAPERS) or not path.is_file():
            raise tornado.web.HTTPError(404)
        return path, manifest.files[name].sha256 if name in manifest.files else ""


class Nothing(Answer):
    """Every other address."""

    def prepare(self) -> None:
        """Called by tornado."""
        raise tornado.web.HTTPError(404)


def handlers(look: Look) -> list[Any]:
    """The site's own, from the root on."""
    return [
        (r"/()", Page, {"look": look}),
        (rf"/({_PAGE.pattern}.*)", Page, {"look": look}),
        (r"/files/([0-9-]{10})/(.+)", File, {"look": look}),
    ]


def serve(
    kitchen: Kitchen, address: str = ADDRESS, port: int = PORT, socket: Path | None = None
) -> None:
    """Serves the site until SIGTERM or SIGINT.

    Args:
        kitchen: The configuration.
        address: To listen on; the site knows no passwords.
        port: Of it.
        socket: A unix socket in their place, for its owner alone.

    Raises:
        ConfigError: it cannot be listened on.
    """
    look = Look(kitchen)
    application = tornado.web.Application(
        handlers(look),
        compress_response=True,
        default_handler_class=Nothing,
        default_handler_args={"look": look},
    )
    try:
        if socket is None:
            application.listen(port, address=address)
        else:
            server = tornado.httpserver.HTTPServer(application)
            server.add_socket(tornado.netutil.bind_unix_socket(str(socket), mode=0o600))
    except OSError as error:
        where = socket or f"{address}:{port}"
        raise ConfigError(
            f"{where} cannot be listened on ({error.strerror}); it is in use, or choose another"
        ) from error
    loop = tornado.ioloop.IOLoop.current()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.add_callback_from_signal(loop.stop))
    loop.start()
    if socket is not None:
        socket.unlink(missing_ok=True)
