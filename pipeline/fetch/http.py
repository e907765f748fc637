"""One way to ask: allowed hosts only, bounded in time and size, tried again where that can help.

Belongs here: connections, redirects, retries, pauses, caps. What a reply means is `archive.py`, `rest.py`.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

from pipeline.errors import FetchError
from pipeline.fetch import line as lines
from pipeline.fetch import unreached
from pipeline.fetch.line import Line
from pipeline.fetch.outcome import Unreached
from pipeline.fetch.pauses import Pauses
from pipeline.fetch.unreached import UnreachedError
from pipeline.fetch.waiting import Waiting
from pipeline.optional import require
from pipeline.settings.fetching import Fetch, address_fault, is_loopback

require("httpx")
require("tenacity")

import httpx  # noqa: E402 - a missing one ends above, in a sentence
import tenacity  # noqa: E402

REDIRECTS = 3
SILENT_REQUESTS = 3
"""After so many requests in a row that no try got through a host is not asked again in this run.

Where there was no connection at all, one is enough.
"""

LONGEST_BACKOFF_SECONDS = 60.0
UNASKED_PAUSE_SECONDS = 120.0
"""The shortest ban, for a 418 that does not say how long; a 429 waits one minute's window."""

_SAID_BYTES = 200
_FOUND = (200, 206)
_CONNECTED = ("connect_tcp.complete", "start_tls.complete")
_RANGE = re.compile(r"bytes ([0-9]{1,15})-[0-9]{1,15}/([0-9]{1,15}|\*)", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)

T = TypeVar("T")
Spending = Callable[[], AbstractContextManager[None]]


class TooLargeError(FetchError):
    """More bytes than a reply of its kind may have."""


class _TryAgainError(Exception):
    """This try failed in a way that another may not.

    `after`: the pause that the other side asked for. `unreached`: why there was no connection, if so.
    """

    def __init__(
        self, reason: str, after: float | None = None, unreached: str | None = None
    ) -> None:
        super().__init__(reason)
        self.after, self.unreached = after, unreached


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole small reply; `status` is 200 or 404."""

    status: int
    body: bytes
    headers: httpx.Headers


class Http:
    """What the workers of one run ask by, each with a line of its own.

    What a host asks of one of them, to be left alone for a while, holds for all.
    """

    def __init__(self, settings: Fetch, pauses: Path, waiting: Waiting | None = None) -> None:
        self.settings = settings
        self.waiting = waiting or Waiting()
        self._silent: Counter[str] = Counter()
        self._unreached: dict[str, Unreached] = {}
        self._pauses = Pauses(pauses, self.waiting)
        self._quiet: dict[str, float] = {}
        self._own = threading.local()
        self._lines: list[Line] = []
        # The environment's proxy is for the exchange, never for this machine itself.
        self._by_environment = not is_loopback(settings.archive)
        self._trusted = httpx.create_ssl_context(trust_env=self._by_environment)

    def __enter__(self) -> Http:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for line in self._lines:
            line.client.close()

    def stop(self) -> None:
        """Ends all that the workers ask and wait for."""
        self.waiting.stopped.set()
        for line in self._lines:
            line.cut()

    def small(self, url: str, most: int, spending: Spending = nullcontext) -> Reply:
        """A reply of at most so many bytes, in memory. `spending` is entered for every try.

        Raises:
            FetchError: refused, too large, or not given after all tries.
        """

        def once() -> Reply:
            with spending(), self._opened(url, {}) as response:
                chunks = (
                    b"".join(self._chunks(response, most)) if response.status_code == 200 else b""
                )
                return Reply(status=response.status_code, body=chunks, headers=response.headers)

        return self._again(url, once)

    def into(self, url: str, part: Path, most: int) -> bool:
        """Downloads to a file, going on where an earlier try or run ended. False: there is none (404).

        Raises:
            FetchError: as `small`; what came so far stays for the next run, unless it was too much.
        """
        try:
            return self._again(url, lambda: self._download(url, part, most))
        except OSError as error:
            raise FetchError(f"{part}: cannot be written ({error.strerror}); fix that") from error

    def _download(self, url: str, part: Path, most: int) -> bool:
        with open(part, "ab") as file:
            have = file.tell()
            with self._opened(url, {"Range": f"bytes={have}-"} if have else {}) as response:
                if response.status_code == 404:
                    return False
                if response.status_code == 416 or not _goes_on_at(response, have):
                    file.truncate(0)
                    raise _TryAgainError("gave another part of the file than asked for")
                if response.status_code == 200:
                    have = file.truncate(0)
                self._append(response, file, most - have)
        return True

    def _append(self, response: httpx.Response, file: BinaryIO, most: int) -> None:
        try:
            for chunk in self._chunks(response, most):
                file.write(chunk)
        except FetchError:
            file.truncate(0)
            raise

    def _chunks(self, response: httpx.Response, most: int) -> Iterator[bytes]:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise FetchError(f"{response.url}: sent compressed, wanted the bytes as they are")
        promised = response.headers.get("content-length", "0")
        size, until = 0, self.waiting.monotonic() + self.settings.request_seconds
        for chunk in response.iter_raw():
            size += len(chunk)
            if size > most or (promised.isdigit() and int(promised[:18]) > most):
                raise TooLargeError(
                    f"{response.url}: more than {most} bytes; no reply of this kind is; see fetch limits"
                )
            yield chunk
            if self.waiting.monotonic() > until:
                raise _TryAgainError(f"not done after {self.settings.request_seconds:g} s")

    def _again(self, url: str, once: Callable[[], T]) -> T:
        """Tries until it works, at most as often as configured."""
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TryAgainError),
            stop=tenacity.stop_after_attempt(self.settings.attempts),
            wait=self._pause,
            sleep=self.waiting.pause,
            reraise=True,
        )
        place = urlsplit(url).netloc

        def in_quiet() -> T:
            if self._silent[place] >= SILENT_REQUESTS:
                raise UnreachedError(self._unreached[place])
            self._keep_quiet(place)  # before any weight is spent
            return once()

        try:
            result = tries(in_quiet)
            self._silent[place] = 0
            return result
        except _TryAgainError as error:
            tried = f"{error}, tried {self.settings.attempts} times"
            told = Unreached(place, error.unreached or f"does not answer: {tried}")
            self._unreached.setdefault(place, told)
            self._silent[place] += SILENT_REQUESTS if error.unreached else 1
            if self._silent[place] >= SILENT_REQUESTS:
                raise UnreachedError(self._unreached[place]) from error
            raise FetchError(f"{url}: {tried}; run again later") from error

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """What the other side asked for, and a random part of a doubling pause."""
        jitter = tenacity.wait_random_exponential(
            self.settings.backoff_seconds, LONGEST_BACKOFF_SECONDS
        )(state)
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, _TryAgainError) and error.after else 0.0
        return asked + jitter

    @contextmanager
    def _opened(self, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """The reply at the end of the redirects, its body not read yet."""
        for _ in range(REDIRECTS + 1):
            self._refuse(url)
            self._keep_quiet(urlsplit(url).netloc)
            try:
                with self._bounded(), self._stream(url, headers) as response:
                    if response.next_request is None:
                        self._judge(response)
                        yield response
                        return
                    url = str(response.next_request.url)
            except (httpx.TransportError, httpx.StreamError) as error:
                raise _TryAgainError(
                    f"{type(error).__name__}: {error}",
                    unreached=unreached.why(error, url, by_environment=self._by_environment),
                ) from error
            except (httpx.InvalidURL, httpx.DecodingError) as error:
                raise FetchError(f"{url}: a reply that cannot be followed ({error})") from error
        raise FetchError(
            f"{url}: more than {REDIRECTS} redirects; see fetch.archive and fetch.rest"
        )

    def _stream(self, url: str, headers: dict[str, str]) -> AbstractContextManager[httpx.Response]:
        return self._line.client.stream(
            "GET", url, headers=headers, extensions={"trace": self._trace}
        )

    @property
    def _line(self) -> Line:
        """The calling worker's own."""
        line: Line | None = getattr(self._own, "line", None)
        if line is None:
            self._own.line = line = lines.new(
                self.settings, self._trusted, by_environment=self._by_environment
            )
            self._lines.append(line)
        return line

    def _trace(self, event: str, facts: Mapping[str, Any]) -> None:
        """Notes each new connection's socket, so that `_bounded` can cut it."""
        if event.endswith(_CONNECTED):
            self._line.sockets.append(facts["return_value"].get_extra_info("socket"))

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Cuts the line when a try takes too long.

        The client's own limit is that of one silence: who says a byte now and then, or one interim reply
        after another, could hold a run for days.
        """
        timer = threading.Timer(self.settings.request_seconds, self._line.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _refuse(self, url: str) -> None:
        fault = address_fault(url, self.settings.hosts)
        if fault is not None:
            raise FetchError(f"{url[:_SAID_BYTES]!r} {fault}; nothing was asked of it")
        self._pauses.refuse(urlsplit(url).netloc)

    def _keep_quiet(self, place: str) -> None:
        """Waits as long as the host asked any worker to."""
        self.waiting.go_on()
        while (seconds := self._quiet.get(place, 0) - self.waiting.monotonic()) > 0:
            self.waiting.pause(seconds)

    def _judge(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in (*_FOUND, 404, 416):
            return
        if status in (418, 429):
            self._leave_alone(response)
        if status >= 500 or status in (408, 425):
            asked = min(self._asked_pause(response, 0), self.settings.patience_seconds)
            raise _TryAgainError(f"HTTP {status}", asked)
        said = next(response.iter_raw(_SAID_BYTES), b"").decode("utf-8", "backslashreplace")
        raise FetchError(f"{response.url}: HTTP {status}, wanted 200 ({said[:_SAID_BYTES]!r})")

    def _leave_alone(self, response: httpx.Response) -> None:
        """Waits as long as 429 (too fast) or 418 (banned) ask for, or ends the run where that is long."""
        status = response.status_code
        seconds = self._asked_pause(response, 60.0 if status == 429 else UNASKED_PAUSE_SECONDS)
        place = response.url.netloc.decode()
        if seconds <= self.settings.patience_seconds:
            self._quiet[place] = self.waiting.monotonic() + seconds
            raise _TryAgainError(f"HTTP {status}", seconds)
        until = self._pauses.add(place, seconds)
        raise FetchError(
            f"{response.url}: HTTP {status}, leave it alone until {self._pauses.said(until)};"
            " nothing more is asked before that"
        )

    def _asked_pause(self, response: httpx.Response, otherwise: float) -> float:
        """`Retry-After` in seconds; the exchange never writes a date."""
        text = response.headers.get("retry-after", "")
        return float(text) if _SECONDS.fullmatch(text) else otherwise


def _goes_on_at(response: httpx.Response, have: int) -> bool:
    """Whether a partial reply begins where the file ends."""
    if response.status_code == 200:
        return True
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    return found is not None and int(found[1]) == have
