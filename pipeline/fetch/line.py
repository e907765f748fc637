"""One worker's connections."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass

from pipeline.errors import ConfigError
from pipeline.optional import require
from pipeline.settings.fetching import Fetch

require("httpx")

import httpx  # noqa: E402 - a missing one ends above, in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A worker's connections, which are kept open and used again, and their sockets."""

    client: httpx.Client
    sockets: list[socket.socket]

    def cut(self) -> None:
        """Ends what the worker waits for."""
        for line in self.sockets:
            with suppress(OSError):  # closed meanwhile
                # Not TLS' own farewell, which would wait for the other side.
                socket.socket.shutdown(line, socket.SHUT_RDWR)
        self.sockets.clear()


def new(settings: Fetch, trusted: ssl.SSLContext, *, by_environment: bool) -> Line:
    """A line without a connection yet; `by_environment`: whether through the environment's proxies.

    Raises:
        ConfigError: the environment names a proxy that cannot be used.
    """
    try:
        client = httpx.Client(
            follow_redirects=False,
            timeout=httpx.Timeout(settings.timeout_seconds),
            headers={"Accept-Encoding": "identity", "User-Agent": "central-data-kitchen"},
            trust_env=by_environment,
            verify=trusted,
        )
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise ConfigError(
            "the environment's proxy (HTTPS_PROXY, ALL_PROXY) cannot be used; wanted http://HOST:PORT, or"
            " for SOCKS: pip install 'httpx[socks]'"
        ) from error
    return Line(client=client, sockets=[])
