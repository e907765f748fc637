"""The site over HTTP: the pages of `pages/`, and the published files. It reads, and changes nothing.

Belongs here: requests -> pages, files, refusals. What a page shows is `pages/`.
"""

from __future__ import annotations

import asyncio
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
from pipeline.pages.known import Known
from pipeline.pages.site import Site
from pipeline.publishing import revisions, sums
from pipeline.publishing.opening import open_store
from pipeline.publishing.store import Store
from pipeline.settings.config import Kitchen

ADDRESS, PORT = "127.0.0.1", 8083

FRESH_SECONDS = 5.0
"""What is published is looked at again after so long."""

POLICY = "frame-ancestors 'none'"
"""Beside each page's own, which allows its own scripts and nothing else."""

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

    def site(self) -> Site:
        """Its pages."""
        if self._site is None or time.monotonic() - self._looked > FRESH_SECONDS:
            self._site = Site(Known.of(self.kitchen, self.store), tasks=self.tasks)
            self._looked = time.monotonic()
        return self._site


class Page(tornado.web.RequestHandler):
    """A page of the site; one without its last slash leads to it."""

    def initialize(self, look: Look) -> None:
        """Called by tornado."""
        self._look = look

    async def get(self, address: str) -> None:
        """The page, made beside the loop: other requests do not wait."""
        if address and not address.endswith("/"):
            self.redirect(f"{self.request.path}/", permanent=False)
            return
        loop = asyncio.get_running_loop()
        try:
            page = await loop.run_in_executor(None, self._made, address)
        except KitchenError as error:
            self.set_status(500)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.write(f"{error}\n")
            return
        if page is None:
            raise tornado.web.HTTPError(404)
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.write(page)

    def _made(self, address: str) -> str | None:
        return self._look.site().page(address)


class File(tornado.web.RequestHandler):
    """A published file of a date's current revision, as it lies there."""

    def initialize(self, look: Look) -> None:
        """Called by tornado."""
        self._look = look

    async def get(self, date: str, name: str) -> None:
        """Its bytes."""
        path, size = self._place(date, name)
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", "attachment")
        self.set_header("Content-Length", str(size))
        with path.open("rb") as handle:
            while chunk := handle.read(_CHUNK):
                self.write(chunk)
                await self.flush()

    def _place(self, date: str, name: str) -> tuple[Path, int]:
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
        return path, path.stat().st_size


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
    application = tornado.web.Application(handlers(Look(kitchen)), compress_response=True)
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
