"""A host that cannot be reached: why, in plain words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pipeline.errors import FetchError
from pipeline.fetch.outcome import Unreached
from pipeline.optional import require

require("httpx")

import httpx  # noqa: E402 - a missing one ends above, in a sentence


class UnreachedError(FetchError):
    """Nothing was had of the host, nor will be in this run."""

    def __init__(self, of: Unreached) -> None:
        """Of a host."""
        super().__init__(f"{of.host} {of.why}")
        self.of = of


def why(error: Exception, url: str, *, by_environment: bool) -> str | None:
    """What the system says of a connection that did not come about; None: the other side was reached.

    `by_environment`: whether the environment's proxies are used.
    """
    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        return None
    proxy = _proxy(url) if by_environment else ""
    return f"cannot be reached{proxy and f' through the proxy {proxy}'}: {_said(error)}"


def _said(error: Exception) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection within fetch.timeout_seconds"
    for cause in _causes(error):
        match cause:
            case socket.gaierror():
                return f"the name has no address here ({cause.strerror})"
            case ssl.SSLCertVerificationError():
                return f"its certificate is not trusted ({cause.verify_message})"
            case ssl.SSLError():
                return f"no TLS connection ({cause.reason or cause})"
            case OSError(strerror=str(said)):
                return said[:1].lower() + said[1:]
    return str(error) or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what is behind it, the nearest first."""
    behind: BaseException | None = error
    while behind is not None:
        yield behind
        behind = behind.__cause__ or behind.__context__


def _proxy(url: str) -> str:
    """Host and port of the environment's proxy for an address, without its password; else empty."""
    parts, proxies = urlsplit(url), getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all", "")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return ""
    return proxy.rpartition("@")[2].rpartition("//")[2].rstrip("/")
