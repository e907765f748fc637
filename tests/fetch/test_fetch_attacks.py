"""What an exchange gone wrong, or somebody in its place, can do to a fetch: cost some time, and nothing else.

Plain sockets, since no honest server would say such things.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.fake_exchange import Clock, FakeExchange, Fault
from kit.fetch_ground import AFTERNOON, DAY, archive_path, kitchen_for, publish, visible
from pipeline.errors import ConfigError
from pipeline.fetch.outcome import Outcome, away, exit_code
from pipeline.fetch.plan import Request
from pipeline.fetch.run import fetch
from pipeline.settings.config import Kitchen

Talk = Callable[[socket.socket], None]


class Rogue:
    """Answers every request with whatever a test says, byte for byte."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.clock = Clock(AFTERNOON)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.over = threading.Event()
        self.threads: list[threading.Thread] = []

    @contextlib.contextmanager
    def serving(self) -> Iterator[Rogue]:
        """Listens while the block lasts."""
        accepting = threading.Thread(target=self._accept)
        accepting.start()
        try:
            yield self
        finally:
            self.over.set()
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            for thread in (accepting, *self.threads):
                thread.join(10)

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self.threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            self.talk(connection)


def says(*parts: bytes) -> Talk:
    """Says it all at once, and hangs up."""
    return lambda connection: connection.sendall(b"".join(parts))


def forever(start: bytes, again: bytes, pause: float = 0.0) -> Talk:
    """Says the same again and again until the other side has gone."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(start)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            connection.sendall(again)
            time.sleep(pause)

    return talk


def fetched(tmp_path: Path, exchange: Any, more: str = "") -> tuple[Kitchen, Outcome]:
    """One day, by archive."""
    kitchen = kitchen_for(tmp_path, exchange, more=f"  use: [archive]\n  attempts: 2\n{more}")
    (outcome,) = fetch(kitchen, Request(first=DAY, last=DAY), waiting=exchange.clock.waiting)
    return kitchen, outcome


OK = b"HTTP/1.1 200 OK\r\n"
ROGUES = {
    "a length of a petabyte": says(OK, b"Content-Length: 1000000000000000\r\n\r\nx"),
    "a length of 5000 digits": says(OK, b"Content-Length: ", b"9" * 5_000, b"\r\n\r\nx"),
    "two lengths": says(OK, b"Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello"),
    "a negative length": says(OK, b"Content-Length: -1\r\n\r\n"),
    "length and chunks": says(
        OK, b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    ),
    "chunks of odd sizes": says(OK, b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx"),
    "a compressed transfer": says(OK, b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "a redirect without a place": says(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"),
    "a redirect to nowhere": says(b"HTTP/1.1 302 Found\r\nLocation: https://\r\n\r\n"),
    "a redirect with a password": says(
        b"HTTP/1.1 302 Found\r\nLocation: http://u:p@127.0.0.1/\r\n\r\n"
    ),
    "a redirect with a break": says(b"HTTP/1.1 302 Found\r\nLocation: /a\rSet-Cookie: x\r\n\r\n"),
    "a redirect to a number": says(b"HTTP/1.1 302 Found\r\nLocation: http://2130706433/\r\n\r\n"),
    "a page instead of a checksum": says(OK, b"Content-Length: 6\r\n\r\n<html>"),
    "a status that is none": says(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"),
    "another protocol": says(b"HTTP/2.0 200 OK\r\n\r\n"),
    "nothing at all": says(b""),
    "zeros": says(bytes(1 << 20)),
    "a header of 2 MiB": says(OK, b"X: ", b"a" * (2 << 20), b"\r\n\r\n"),
    "a hundred thousand headers": says(OK, b"X: a\r\n" * 100_000, b"\r\n"),
}


@pytest.mark.parametrize("name", sorted(ROGUES))
def test_nonsense_is_reported_in_words_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    """Exit 30, one sentence, no raw file; the tries are bounded and so is what is held."""
    started = time.monotonic()
    with Rogue(ROGUES[name]).serving() as rogue:
        kitchen, outcome = fetched(tmp_path, rogue)

    assert outcome.status == "failed"
    assert exit_code([outcome]) == 30
    assert len(outcome.notes[0]) < 1_000
    assert "\n" not in outcome.notes[0]
    assert visible(kitchen.raw) == []
    assert time.monotonic() - started < 20


ENDLESS = {
    "interim replies": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.001),
    "one header byte at a time": forever(OK + b"X: ", b"a", 0.05),
    "one body byte at a time": forever(OK + b"Content-Length: 1000\r\n\r\n", b"a", 0.05),
    "one chunk byte at a time": forever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0", 0.05),
}


@pytest.mark.parametrize("name", sorted(ENDLESS))
def test_a_reply_that_never_ends_is_cut_off(tmp_path: Path, name: str) -> None:
    """No silence is ever long enough to be noticed, so the whole try has its time: half a second here."""
    started = time.monotonic()
    with Rogue(ENDLESS[name]).serving() as rogue:
        kitchen, outcome = fetched(
            tmp_path, rogue, "  request_seconds: 0.5\n  timeout_seconds: 20\n"
        )

    assert outcome.status == "failed"
    assert "tried 2 times" in outcome.notes[0]
    assert visible(kitchen.raw) == []
    assert time.monotonic() - started < 10


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with FakeExchange(Clock(AFTERNOON)).serving() as exchange:
        publish(exchange, DAY)
        yield exchange


BOMB = gzip.compress(bytes(4 << 20))


@pytest.mark.parametrize("what", [r"\.zip$", "CHECKSUM"])
@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate, gzip", "identity, gzip"])
def test_no_compressed_reply_is_ever_unpacked(
    tmp_path: Path, exchange: FakeExchange, what: str, coding: str
) -> None:
    """A bomb of 4 MiB in 4 KiB: refused by its header, whatever that is called."""
    exchange.faults = [Fault(what, "coded", coding, 100)]
    exchange.coded = BOMB

    kitchen, outcome = fetched(tmp_path, exchange)

    assert outcome.status == "failed"
    assert "sent compressed" in outcome.notes[0]
    assert visible(kitchen.raw) == []
    assert sum(p.stat().st_size for p in kitchen.raw.rglob("*") if p.is_file()) < 1_000


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        ("999999999", 3 * 86_400),  # 31 years: not believed beyond the longest ban
        ("9999999999999999999999", 60),  # no number of seconds: one minute's window
        ("-5", 60),
        ("1e9", 60),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60),
        ("\u00b2", 60),
    ],
)
def test_an_absurd_pause_is_kept_within_reason(
    tmp_path: Path, exchange: FakeExchange, after: str, seconds: float
) -> None:
    """The longest is three days, and what cannot be read is a minute."""
    exchange.faults = [Fault(r"\.zip$", "status", f"429:{after}")]

    kitchen, outcome = fetched(tmp_path, exchange)
    slept = exchange.clock.at - AFTERNOON
    exchange.clock.at += seconds + 60
    (later,) = fetch(kitchen, Request(first=DAY, last=DAY), waiting=exchange.clock.waiting)

    if seconds > 60:
        assert "leave it alone until 2025-01-06T15:00:00Z" in outcome.notes[0]
    else:
        assert 60 <= slept < 65
    assert later.status in ("fetched", "unchanged", "missing")
    assert later.status != "missing" or seconds > 60


def test_a_name_that_nobody_knows_is_reported_soon(
    tmp_path: Path, exchange: FakeExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No name server, or no such host: as any failure to connect, and not once for every day."""
    asked = []

    def unknown(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n  attempts: 2\n")
    text = kitchen.file.read_text().replace(exchange.base, "https://no-such-host.invalid")
    kitchen.file.write_text(text)
    kitchen = _again(kitchen)

    outcomes = fetch(
        kitchen, Request(first=DAY.replace(day=1), last=DAY), waiting=exchange.clock.waiting
    )

    assert {outcome.status for outcome in outcomes} == {"failed"}
    assert list(away(outcomes)) == [
        "no-such-host.invalid cannot be reached: the name has no address here (Name or service not known);"
        " 2 files wait for it: check the network and the proxy (HTTPS_PROXY), then run again"
    ]
    assert set(asked) == {"no-such-host.invalid"}
    assert len(asked) <= 2 * len(outcomes)


@pytest.mark.parametrize(
    ("proxy", "says"),
    [
        (
            "http://me:secret@127.0.0.1:1",
            "no-such-host.invalid cannot be reached through the proxy 127.0.0.1:1: connection refused; 2",
        ),
        ("gopher://me:secret@127.0.0.1:1", "the environment's proxy (HTTPS_PROXY, ALL_PROXY)"),
    ],
)
def test_a_proxy_that_does_not_work_is_named_without_its_password(
    tmp_path: Path, exchange: FakeExchange, monkeypatch: pytest.MonkeyPatch, proxy: str, says: str
) -> None:
    """It is the proxy that is out of reach, not the exchange."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n  attempts: 2\n")
    text = kitchen.file.read_text().replace(exchange.base, "https://no-such-host.invalid")
    kitchen.file.write_text(text)
    wanted = Request(first=DAY.replace(day=1), last=DAY)

    try:
        said = " ".join(away(fetch(_again(kitchen), wanted, waiting=exchange.clock.waiting)))
    except ConfigError as error:
        said = str(error)

    assert said.startswith(says)
    assert "secret" not in said


def _again(kitchen: Kitchen) -> Kitchen:
    from pipeline.settings import config

    config._load.cache_clear()
    return config._load(kitchen.file)


def test_a_file_that_is_wrong_twice_and_right_the_third_time_comes_with_the_next_run(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """A run asks twice and no more; nothing of the wrong bytes is used by the next one."""
    exchange.faults = [Fault(r"\.zip$", "flip", times=2)]

    kitchen, first = fetched(tmp_path, exchange)
    asked = [path for path, _ in exchange.asked if path.endswith(".zip")]
    (second,) = fetch(kitchen, Request(first=DAY, last=DAY), waiting=exchange.clock.waiting)

    assert (first.status, len(asked), second.status) == ("failed", 2, "fetched")
    have = (kitchen.raw / "binance/spot/BTCUSDT-1m-2025-01-02.zip").read_bytes()
    assert have == exchange.files[archive_path(DAY)]


def test_a_right_length_does_not_make_a_truncated_file_right(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """Half of the bytes, then zeros up to the promised length."""
    data = exchange.files[archive_path(DAY)]
    exchange.coded = data[: len(data) // 2] + bytes(len(data) - len(data) // 2)
    exchange.faults = [Fault(r"\.zip$", "coded", "identity", 100)]

    kitchen, outcome = fetched(tmp_path, exchange)

    assert outcome.status == "failed"
    assert hashlib.sha256(data).hexdigest() in outcome.notes[0]
    assert visible(kitchen.raw) == []
    assert not list(kitchen.raw.rglob("*.part"))
