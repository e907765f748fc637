"""Speaking up: what failed, since when, what to do; once, again only after a while, and when it is over.

Belongs here: what is said and when (`decide`, pure), and handing it to apprise, which knows mail, web
hooks, Telegram, Slack and the rest. Finding what is wrong is `cron.py` and `heartbeat.py`.

An address is a secret. It comes from an environment variable, or from a file that nobody but its owner
may read; it is never printed, logged or kept.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline import storage, system
from pipeline.clock import iso
from pipeline.errors import ConfigError
from pipeline.optional import require
from pipeline.plain_text import plain
from pipeline.runs.state_folder import Places
from pipeline.settings.operations import Alerts
from pipeline.unattended.alert_routing import Desk

logger = logging.getLogger("kitchen")

Send = Callable[[list[str], str, str], bool]
"""Addresses, title and text -> whether every one of them took it."""

_MAX_LISTED = 20
_MAX_TEXT = 500
_MAX_SECRET = 1 << 16
_TALKATIVE = ("apprise", "urllib3", "requests_oauthlib")
"""Loggers that may quote an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that a person must know of.

    Args:
        key: Names it for as long as it lasts: `failed 2025-01-02`.
        what: What is wrong, one sentence.
        action: What to do about it.
        since_us: Since when; None: since it was first seen.
        link: Where to read more.
    """

    key: str
    what: str
    action: str
    since_us: int | None = None
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One alert, ready to be sent."""

    title: str
    text: str


class Said(msgspec.Struct, frozen=True):
    """What was said of a problem: its texts made plain, since when it lasts, and when it was said last."""

    key: str
    what: str
    action: str
    link: str
    since_us: int
    said_us: int


State = dict[str, Said]
"""Problem key with its scope -> what was said of it."""


def decide(
    state: State, scope: str, problems: Iterable[Problem], now_us: int, repeat_hours: float
) -> tuple[Message | None, State]:
    """What to say now, and what to remember once it has been said. Pure.

    One message names everything: what is new, what still holds and was last said long ago, and what
    of this scope is over. Problems of other scopes are left alone.

    Args:
        state: What was said before.
        scope: Who looks: it knows all its problems, so one that it no longer names is over.
        problems: All that is wrong now.
        now_us: The present instant.
        repeat_hours: How long a problem that was said is kept quiet.
    """
    present = {f"{scope}: {problem.key}": problem for problem in problems}
    kept = {key: said for key, said in state.items() if not key.startswith(f"{scope}: ")}
    over = [s for k, s in state.items() if k.startswith(f"{scope}: ") and k not in present]
    due = []
    for key, problem in sorted(present.items()):
        said = _said(problem, state.get(key), now_us)
        if key not in state or now_us - said.said_us >= repeat_hours * 3_600_000_000:
            said = msgspec.structs.replace(said, said_us=now_us)
            due.append(said)
        kept[key] = said
    if not due and not over:
        return None, kept
    return _message(scope, due, over, len(present) - len(due)), kept


def _said(problem: Problem, before: Said | None, now_us: int) -> Said:
    since_us = before.since_us if before else now_us
    return Said(
        key=_short(problem.key),
        what=_short(problem.what),
        action=_short(problem.action),
        link=_short(problem.link),
        since_us=since_us if problem.since_us is None else problem.since_us,
        said_us=before.said_us if before else now_us,
    )


def _short(text: str) -> str:
    return plain(text)[:_MAX_TEXT]


def _message(scope: str, due: list[Said], over: list[Said], quiet: int) -> Message:
    heads = [f"{len(due)} problem{'s' * (len(due) != 1)}"] if due else []
    heads += [f"{len(over)} over"] if over else []
    parts = _listed([_paragraph(said) for said in due])
    parts += _listed([f"over: {s.key} (since {iso(s.since_us)})" for s in over])
    parts += [f"{quiet} more, said before, still hold"] if quiet else []
    return Message(title=f"kitchen {scope}: {', '.join(heads)}", text="\n\n".join(parts))


def _paragraph(said: Said) -> str:
    lines = (said.what, f"since {iso(said.since_us)}", f"do: {said.action}", said.link)
    return "\n".join(filter(None, lines))


def _listed(texts: list[str]) -> list[str]:
    more = len(texts) - _MAX_LISTED
    return [*texts[:_MAX_LISTED], f"... and {more} more"] if more > 0 else texts


def addresses(alerts: Alerts) -> list[str]:
    """Where alerts go: of the variable, then of the file. None of them is ever shown.

    Raises:
        ConfigError: the file is not there, or others than its owner may read or change it.
    """
    found = os.environ.get(alerts.urls_env, "").split()
    if alerts.urls_file is not None:
        text = _secret_text(alerts.urls_file)
        lines = (line.strip() for line in text.splitlines())
        found += [line for line in lines if line and not line.startswith("#")]
    return list(dict.fromkeys(found))


def _secret_text(path: Path) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | system.NO_LINK | system.NO_WAIT | system.KEPT)
    except OSError as error:
        raise ConfigError(
            f"alerts.urls_file: {path} cannot be opened ({error.strerror}); wanted a plain file with one"
            " address a line, mode 0600"
        ) from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
            raise ConfigError(
                f"alerts.urls_file: {path} has mode {stat.S_IMODE(status.st_mode):04o}, wanted a plain"
                f" file that only its owner reads; chmod 600 {path}"
            )
        if status.st_uid not in (system.user(), 0):
            raise ConfigError(
                f"alerts.urls_file: {path} belongs to user {status.st_uid}, wanted {system.user()};"
                " chown it"
            )
        return os.read(handle, _MAX_SECRET).decode("utf-8", "replace")
    finally:
        os.close(handle)


def send(urls: list[str], title: str, text: str) -> bool:
    """Hands the text to apprise; whether every address took it. Nothing of an address is logged."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        # The library's own affairs; nobody who reads the log can do anything about them.
        warnings.simplefilter("ignore")
        return _notify(urls, title, text)


def _notify(urls: list[str], title: str, text: str) -> bool:
    apprise = require("apprise")
    service = apprise.Apprise(
        asset=apprise.AppriseAsset(secure_logging=True, app_id="central-data-kitchen")
    )
    added = [service.add(url) for url in urls]
    told = service.notify(title=title, body=text, body_format=apprise.NotifyFormat.TEXT)
    return bool(told) and all(added)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came of telling: the message, if there was one, and whether it arrived."""

    message: Message | None
    sent: bool


def tell(
    desk: Desk, scope: str, problems: Iterable[Problem], now: dt.datetime, send: Send = send
) -> Delivery:
    """Says what is wrong to those who are configured, and remembers that it was said.

    Where an address did not take the message, nothing is remembered, so the next run tries again.
    Without any address the log alone has it.

    Raises:
        ConfigError: see `addresses`.
    """
    urls, repeat_hours = addresses(desk.settings), desk.settings.repeat_hours
    now_us = int(now.timestamp() * 1_000_000)
    with _state(desk.places) as (state, keep):
        message, after = decide(state, scope, problems, now_us, repeat_hours)
        if message is None:
            if after != state:
                keep(after)
            return Delivery(message=None, sent=False)
        logger.info("%s\n%s", message.title, message.text)
        sent = bool(urls) and _sent(send, urls, message)
        if sent or not urls:
            keep(after)
        return Delivery(message=message, sent=sent)


def _sent(send: Send, urls: list[str], message: Message) -> bool:
    try:
        sent = send(urls, message.title, message.text)
    except ConfigError as error:
        logger.error("the alert could not be sent: %s", error)
        return False
    except Exception as error:
        # An error's text may quote the address, so its kind alone is said.
        logger.error("the alert could not be sent: %s", type(error).__name__)
        return False
    if not sent:
        logger.error("the alert did not reach every address; it is sent again with the next run")
    return sent


@contextmanager
def _state(places: Places) -> Iterator[tuple[State, Callable[[State], None]]]:
    """What was said, under a lock, since cron and the heartbeat may speak at once.

    A folder that cannot be written makes alerts repeat, never stop.
    """
    with ExitStack() as held:
        try:
            held.enter_context(places.locked("alerts", wait=True))
        except OSError as error:
            logger.error("what is said cannot be remembered: %s", error)
            yield {}, lambda after: None
            return
        yield (
            _remembered(places.alerts),
            lambda after: storage.write_json(places.alerts, msgspec.to_builtins(after)),
        )


def _remembered(path: Path) -> State:
    """What the file has; nothing of a damaged one, which makes alerts repeat, never stop."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except (OSError, ValueError, msgspec.DecodeError):
        return {}
