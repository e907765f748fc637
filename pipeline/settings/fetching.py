"""The `fetch` section of kitchen.yaml: where the exchange is, what may be asked of it, and for how long.

Belongs here: the settings, their form, and which addresses are allowed. Asking is `fetch/`.
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.errors import ConfigError
from pipeline.free_form import Document
from pipeline.model.feeds import MARKETS

USES = ("archive", "rest", "command")
"""Where a day can come from; single trades from the archive alone, aggregates not by command."""

KINDS = {"klines": "binance_1m", "trades": "binance_trades", "aggTrades": "binance_agg_trades"}
"""What can be fetched, as the public archive calls it -> its feed."""

PLACEHOLDERS = ("symbol", "date", "market", "out")
"""What `{...}` stands for in the configured command."""

_ARCHIVE = "https://data.binance.vision"
_REST = {
    "spot": "https://data-api.binance.vision",
    "futures_um": "https://fapi.binance.com",
    "futures_cm": "https://dapi.binance.com",
}
# Half of what the exchange allows an address in a minute: others may share it.
_WEIGHT = {"spot": 3000, "futures_um": 1200, "futures_cm": 1200}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z)({_LABEL}\.)*(?![0-9]|0x){_LABEL}", re.ASCII)
"""A host's name. Its last label begins with a letter, since else it is a number in one of many spellings."""

_PORTS = {"https": 443, "http": 80}
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9:/?#\[\]!$&'()*+,;=._~%-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """How the exchange's raw files are fetched.

    Args:
        archive: Base address of the public archive.
        rest: Market -> base address of its API.
        hosts: Hosts (with their port where it is not the usual one) that may be asked or redirected to;
            by default those of the base addresses.
        kinds: What is fetched of each day, some of `KINDS`.
        use: Where a day may come from, tried in this order until it is complete.
        in_front: Whether `luigi` fetches a day's files before it looks for them.
        connections: So many files come side by side.
        recheck_days: A day so young is compared again with what the archive publishes now.
        again_minutes: Pause before `luigi` asks again for what was not there.
        attempts: Tries of one request.
        backoff_seconds: First pause between tries; it doubles, at random below, up to a minute.
        timeout_seconds: Longest silence of the other side.
        request_seconds: Longest time of one try.
        patience_seconds: Longest pause that the exchange may ask for; beyond, the run ends.
        clock_tolerance_seconds: How far this machine's clock may be from the exchange's.
        archive_bytes: Largest archive.
        month_bytes: Largest monthly archive that comes in the place of its days: it is read whole for each.
        reply_bytes: Largest reply of the API.
        weight_per_minute: Market -> request weight spent in any 60 seconds.
        command: The user's own fetch program and its arguments; empty: none.
        command_seconds: Its time limit.
    """

    archive: str = _ARCHIVE
    rest: dict[str, str] = field(default_factory=lambda: dict(_REST))
    hosts: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("klines",)
    use: tuple[str, ...] = ("archive", "rest")
    in_front: bool = False
    connections: int = 10
    recheck_days: int = 7
    again_minutes: float = 10
    attempts: int = 5
    backoff_seconds: float = 1
    timeout_seconds: float = 20
    request_seconds: float = 300
    patience_seconds: float = 300
    clock_tolerance_seconds: float = 30
    archive_bytes: int = 256 << 20
    month_bytes: int = 8 << 20
    reply_bytes: int = 8 << 20
    weight_per_minute: dict[str, int] = field(default_factory=lambda: dict(_WEIGHT))
    command: tuple[str, ...] = ()
    command_seconds: float = 600


_TEXT = {"type": "string"}
_SECONDS = {"type": "number", "min": 0, "max": 86_400}
_WHOLE = {"type": "integer", "min": 1}
_SPECIAL: Document = {
    "archive": _TEXT,
    "rest": {"type": "dict", "schema": dict.fromkeys(MARKETS, _TEXT)},
    "hosts": {"type": "list", "schema": _TEXT},
    "kinds": {"type": "list", "minlength": 1, "schema": {**_TEXT, "allowed": list(KINDS)}},
    "use": {"type": "list", "minlength": 1, "schema": {**_TEXT, "allowed": list(USES)}},
    "in_front": {"type": "boolean"},
    "connections": {"type": "integer", "min": 1, "max": 64},
    "recheck_days": {"type": "integer", "min": 0, "max": 366},
    "again_minutes": {"type": "number", "min": 1, "max": 1440},
    "attempts": {"type": "integer", "min": 1, "max": 20},
    "archive_bytes": _WHOLE,
    "month_bytes": _WHOLE,
    "reply_bytes": _WHOLE,
    # One page of futures' aggregates weighs 20; less could never be spent.
    "weight_per_minute": {
        "type": "dict",
        "schema": {
            key: {"type": "integer", "min": 10 if key == "spot" else 20, "max": 6000}
            for key in MARKETS
        },
    },
    "command": {"type": "list", "schema": {**_TEXT, "minlength": 1}},
}
SCHEMA: Document = {
    "type": "dict",
    "default": {},
    "schema": {f.name: _SPECIAL.get(f.name, _SECONDS) for f in fields(Fetch)},
}
"""The section's form, for cerberus."""


def from_document(section: Document, path: Path) -> Fetch:
    """The settings of a section whose form is right; what it leaves out has its default.

    Raises:
        ConfigError: an address that may not be asked, or a use without what it needs.
    """
    given = {**section}
    for key, defaults in (("rest", _REST), ("weight_per_minute", _WEIGHT)):
        given[key] = {**defaults, **section.get(key, {})}
    bases = {"archive": given.get("archive", _ARCHIVE)} | {
        f"rest.{market}": base for market, base in given["rest"].items()
    }
    given["hosts"] = tuple(section.get("hosts") or (_place(base) for base in bases.values()))
    for key in ("kinds", "use", "command"):
        if key in given:
            given[key] = tuple(given[key])
    settings = Fetch(**given)
    _refuse_odd_hosts(section.get("hosts") or [], path)
    for key, base in bases.items():
        fault = address_fault(base, settings.hosts) or _base_fault(base)
        if fault is not None:
            raise ConfigError(f"{path}: fetch.{key}: {base!r} {fault}")
    if "command" in settings.use and not settings.command:
        raise ConfigError(
            f"{path}: fetch.use: names command, but there is no fetch.command; add it"
        )
    return settings


def address_fault(url: str, hosts: tuple[str, ...]) -> str | None:
    """Why an address may not be asked; None when it may.

    Only https, or plain http to this machine; no user or password; only the listed hosts; no address
    that is valid on a single link only, or none at all.
    """
    if not _URL_CHARACTERS.fullmatch(url):
        return "is no plain address; wanted one such as https://data.binance.vision"
    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme, parts.hostname or "", parts.port
    except ValueError as error:
        return f"is no address ({error})"
    if scheme != "https" and not (scheme == "http" and host in _LOOPBACK):
        return "is not https; plain http is for this machine alone"
    fault = _host_fault(host)
    if fault is not None:
        return fault
    if _place(url) not in hosts:
        return f"is not on an allowed host ({', '.join(hosts)}); see fetch.hosts"
    return None


def _host_fault(host: str) -> str | None:
    """Why nobody can be asked under a host's name; None when somebody can."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if _NAME.fullmatch(host):
            return None
        return f"has no host that can be asked (got {host!r}); wanted a name such as data.binance.vision"
    inner = getattr(address, "ipv4_mapped", None) or address
    if inner.is_link_local or inner.is_unspecified or inner.is_multicast or inner is not address:
        return "is a link-local address, or none of one machine; name the host"
    return None


def _base_fault(base: str) -> str | None:
    """A base address goes on with a path, which must not end up in a query."""
    if "?" in base or "#" in base:
        return "has a query or fragment; wanted scheme, host and path alone"
    return None


def _refuse_odd_hosts(hosts: list[str], path: Path) -> None:
    """An entry that no address can ever match would be a rule that its owner takes for one in force."""
    for place in hosts:
        try:
            sound = _place(f"https://{place}") == place and place == place.strip(".")
            host = urlsplit(f"https://{place}").hostname or ""
        except ValueError:
            sound, host = False, ""
        if not sound or _host_fault(host) is not None:
            raise ConfigError(
                f"{path}: fetch.hosts: {place!r} is no host; wanted a name in lower case, and :port where"
                " it is not the usual one, such as data.binance.vision"
            )


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def _place(url: str) -> str:
    """`host`, or `host:port` where the port is not the scheme's own; empty where there is no such place."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return shown if port in (None, _PORTS.get(parts.scheme)) else f"{shown}:{port}"
