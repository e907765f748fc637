"""What is said, when, to whom, and what is never said."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from kit.support import kitchen_at
from pipeline.errors import ConfigError
from pipeline.runs.state_folder import Places
from pipeline.settings.config import Kitchen
from pipeline.unattended import alerts
from pipeline.unattended.alert_routing import Desk
from pipeline.unattended.alerts import Problem, decide, tell

HOUR = 3_600_000_000
NOON = dt.datetime(2025, 1, 2, 12, tzinfo=dt.UTC)
LATE = Problem(key="late", what="klines are late", action="bring them")
BROKEN = Problem(key="broken", what="a day failed", action="read the log", since_us=0)


class Post:
    """Takes messages as a service would, unless it is told to refuse them."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.refuses = False

    def __call__(self, urls: list[str], title: str, text: str) -> bool:
        """Keeps a message."""
        if not self.refuses:
            self.taken.append((title, text))
        return not self.refuses


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    """A kitchen whose alerts go to one address."""
    monkeypatch.setenv("KITCHEN_ALERT_URLS", "json://127.0.0.1:9/canary-token")
    return kitchen_at(tmp_path)


def test_all_that_is_wrong_is_said_in_one_message() -> None:
    """What, since when, what to do, for each of them."""
    message, _ = decide({}, "cron", [LATE, BROKEN], 5 * HOUR, 12)

    assert message is not None
    assert message.title == "kitchen cron: 2 problems"
    assert "a day failed\nsince 1970-01-01T00:00:00Z\ndo: read the log" in message.text
    assert "klines are late\nsince 1970-01-01T05:00:00Z\ndo: bring them" in message.text


def test_a_problem_is_said_again_only_after_the_configured_time() -> None:
    """Once at hour 0; nothing until hour 12; then again, still with the first instant."""
    said, state = [], {}
    for hour in range(0, 25, 3):
        message, state = decide(state, "cron", [LATE], hour * HOUR, 12)
        if message:
            said.append(hour)
            assert "since 1970-01-01T00:00:00Z" in message.text

    assert said == [0, 12, 24]


def test_a_new_problem_is_said_at_once_and_the_old_one_only_counted() -> None:
    """The text stays short while many things hold."""
    _, state = decide({}, "cron", [LATE], 0, 12)
    message, _ = decide(state, "cron", [LATE, BROKEN], HOUR, 12)

    assert message is not None
    assert message.title == "kitchen cron: 1 problem"
    assert "klines are late" not in message.text
    assert "1 more, said before, still hold" in message.text


def test_recovery_is_said_once_and_only_of_the_own_scope() -> None:
    """What the heartbeat reported is not over because cron does not see it."""
    _, state = decide({}, "heartbeat", [LATE], 0, 12)
    _, state = decide(state, "cron", [BROKEN], 0, 12)
    over, state = decide(state, "cron", [], HOUR, 12)
    again, state = decide(state, "cron", [], 2 * HOUR, 12)

    assert over is not None
    assert over.text == "over: broken (since 1970-01-01T00:00:00Z)"
    assert again is None
    assert list(state) == ["heartbeat: late"]


def test_an_alert_that_did_not_arrive_is_sent_again(kitchen: Kitchen) -> None:
    """A mail server that is down hides nothing."""
    post = Post()
    post.refuses = True
    assert not tell(Desk.of(kitchen), "cron", [LATE], NOON, post).sent

    post.refuses = False
    assert tell(Desk.of(kitchen), "cron", [LATE], NOON + dt.timedelta(minutes=1), post).sent
    assert (
        tell(Desk.of(kitchen), "cron", [LATE], NOON + dt.timedelta(minutes=2), post).message is None
    )
    assert len(post.taken) == 1


@pytest.mark.parametrize(
    "damage", ["", "[]", "{", '{"cron: late": 3}', '{"cron: late": {}}', "\xff"]
)
def test_a_damaged_memory_makes_alerts_repeat_never_stop(kitchen: Kitchen, damage: str) -> None:
    """The file of what was said is no truth of its own."""
    Places.of(kitchen.prepared).alerts.write_text(damage, encoding="latin-1")
    post = Post()

    tell(Desk.of(kitchen), "cron", [LATE], NOON, post)

    assert len(post.taken) == 1


def test_vendor_text_cannot_drive_a_terminal_or_a_mail(kitchen: Kitchen) -> None:
    """Escapes, bells, and marks that turn the writing direction are taken out."""
    post = Post()
    hostile = Problem(key="x\x1b]0;", what="a\x1b[31m\x07\u202eb\r", action="c\x9b2J")

    tell(Desk.of(kitchen), "cron", [hostile], NOON, post)

    assert not any(ord(c) < 32 and c != "\n" for c in post.taken[0][1])
    assert "\u202e" not in post.taken[0][1]
    assert "\x9b" not in post.taken[0][1]


def test_addresses_come_from_the_variable_and_from_a_private_file(
    tmp_path: Path, kitchen: Kitchen
) -> None:
    """Comments and blank lines of the file are none."""
    secret = tmp_path / "urls"
    secret.write_text("# ours\n\nmailto://u:p@example.org\njson://127.0.0.1:9/canary-token\n")
    secret.chmod(0o600)

    settings = replace(kitchen.operations.alerts, urls_file=secret)

    assert alerts.addresses(settings) == [
        "json://127.0.0.1:9/canary-token",
        "mailto://u:p@example.org",
    ]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o602])
def test_a_file_of_addresses_that_others_may_read_is_refused(
    tmp_path: Path, kitchen: Kitchen, mode: int
) -> None:
    """The sentence says what to do, and nothing of what is in it."""
    secret = tmp_path / "urls"
    secret.write_text("json://canary-token@host\n")
    secret.chmod(mode)

    with pytest.raises(ConfigError, match="chmod 600") as error:
        alerts.addresses(replace(kitchen.operations.alerts, urls_file=secret))

    assert "canary" not in str(error.value)


def test_a_link_or_a_folder_is_no_file_of_addresses(tmp_path: Path, kitchen: Kitchen) -> None:
    """Nobody else chooses what is read."""
    (tmp_path / "there").write_text("json://x\n")
    (tmp_path / "there").chmod(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "there")
    (tmp_path / "folder").mkdir(mode=0o700)

    for name in ("link", "folder", "absent"):
        with pytest.raises(ConfigError, match=r"alerts\.urls_file"):
            alerts.addresses(replace(kitchen.operations.alerts, urls_file=tmp_path / name))


class Hook(BaseHTTPRequestHandler):
    """A web hook on the loopback address."""

    bodies: list[bytes] = []  # noqa: RUF012 - one server a test

    def do_POST(self) -> None:
        """Takes a message."""
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Stays quiet."""


def test_a_real_web_hook_gets_the_text_and_the_secret_is_nowhere_else(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Sent through apprise to a server; then a dead address; the token is in no log and no file."""
    server = HTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=server.handle_request, daemon=True).start()
    monkeypatch.setenv(
        "KITCHEN_ALERT_URLS", f"json://u:canary-token@127.0.0.1:{server.server_port}/canary-token"
    )
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "kitchen")

    arrived = tell(Desk.of(kitchen), "cron", [LATE], NOON)
    server.server_close()
    refused = tell(Desk.of(kitchen), "cron", [BROKEN], NOON)

    assert arrived.sent
    assert b"klines are late" in Hook.bodies[0]
    assert not refused.sent
    assert "canary" not in caplog.text
    kept = [p.read_bytes() for p in Places.of(kitchen.prepared).root.iterdir()]
    assert not any(b"canary" in data for data in kept)


def test_an_error_of_the_library_is_named_by_its_kind_alone(
    kitchen: Kitchen, caplog: pytest.LogCaptureFixture
) -> None:
    """Its text may quote the address."""

    def explode(urls: list[str], title: str, text: str) -> bool:
        raise ValueError(f"bad address {urls[0]}")

    tell(Desk.of(kitchen), "cron", [LATE], NOON, explode)

    assert "ValueError" in caplog.text
    assert "canary" not in caplog.text
