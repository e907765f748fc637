"""The exchange, on loopback: archive and API as its documentation says, with faults on request.

Archive: `/data/...` serves bytes put there and their `.CHECKSUM`, with byte ranges; 404 for what is not
there. API: klines from `startTime` to `endTime` (both on open time), at most `limit` rows, the forming
minute included; aggregates from `fromId` or `startTime` on, of futures those of two days; server time;
weights by the minute with their header, 429 with Retry-After beyond the limit, 418 for who goes on. Its
clock is the test's.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipeline.fetch.waiting import Waiting

MINUTE_MS = 60_000
ROWS = {"/api/v3": 1000, "/fapi/v1": 1500, "/dapi/v1": 1500}


@dataclass
class Clock:
    """A clock that moves when somebody sleeps."""

    at: float
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Moves on."""
        self.slept.append(seconds)
        self.at += seconds

    @property
    def waiting(self) -> Waiting:
        """For the code under test."""
        return Waiting(now=lambda: self.at, monotonic=lambda: self.at, sleep=self.sleep)


@dataclass
class Fault:
    """What happens to the next `times` requests in whose path the expression is found."""

    match: str
    what: str
    value: str = ""
    times: int = 1


class FakeExchange:
    """See the module. `asked` are (path, Range header) of all requests, `weights` (time, weight).

    `latency`: so many seconds pass before a path is answered; `most_active`: so many were asked side by side.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.files: dict[str, bytes] = {}
        self.klines: dict[str, list[list[Any]]] = {}
        self.aggregates: dict[str, list[dict[str, Any]]] = {}
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, str | None]] = []
        self.weights: list[tuple[float, int]] = []
        self.weight_limit = 6000
        self.warned = False
        self.clock_ahead = 0.0
        self.most_rows: int | None = None
        self.connections = 0
        self.coded = b""
        self.seconds_per_block = 0.0
        self.latency: Callable[[str], float] = lambda path: 0.0
        self.active = self.most_active = 0
        self.lock = threading.Lock()
        self.go_on = threading.Event()
        self.handler = type("Handler", (_Handler,), {"exchange": self})
        self.server = _Server(("127.0.0.1", 0), self.handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        """Serves from now on; after `stop`, under the same address."""
        if self.thread is not None:
            return
        if self.server.socket.fileno() < 0:
            self.server = _Server(self.server.server_address, self.handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        """Refuses connections from now on."""
        if self.thread is None:
            return
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.thread = None

    @contextlib.contextmanager
    def serving(self) -> Iterator[FakeExchange]:
        """Serves while the block lasts."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def put(self, path: str, data: bytes) -> None:
        """Publishes an archive and its checksum."""
        name = path.rpartition("/")[2]
        self.files[path] = data
        self.files[f"{path}.CHECKSUM"] = f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode()

    def fault_for(self, path: str) -> Fault | None:
        """The next fault of a path; used up."""
        with self.lock:
            for fault in self.faults:
                if re.search(fault.match, path) and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def server_ms(self) -> int:
        """Its clock."""
        return int((self.clock.at + self.clock_ahead) * 1000)

    def used_weight(self) -> int:
        """Weight of the last 60 seconds."""
        return sum(w for at, w in self.weights if at > self.clock.at - 60)

    def most_weight(self) -> int:
        """The most that any 60 seconds held."""
        return max(
            (sum(w for at, w in self.weights if end - 60 < at <= end) for end, _ in self.weights),
            default=0,
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    exchange: FakeExchange

    def setup(self) -> None:
        super().setup()
        self.exchange.connections += 1

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        with self.exchange.lock:
            self.exchange.active += 1
            self.exchange.most_active = max(self.exchange.active, self.exchange.most_active)
        try:
            self.answer(self.path)
        finally:
            with self.exchange.lock:
                self.exchange.active -= 1

    def answer(self, path: str) -> None:
        threading.Event().wait(self.exchange.latency(path))
        self.exchange.asked.append((path, self.headers.get("Range")))
        fault = self.exchange.fault_for(path)
        if fault is not None and getattr(self, f"fault_{fault.what}")(fault.value):
            return
        if path.startswith("/data/"):
            self.archive(path)
        else:
            self.api(path)

    # -- as documented

    def archive(self, path: str) -> None:
        data = self.exchange.files.get(path)
        if data is None:
            self.reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if wanted is None:
            self.reply(200, data)
        elif int(wanted[1]) >= len(data):
            self.reply(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        else:
            start = int(wanted[1])
            self.reply(
                206, data[start:], {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
            )

    def api(self, path: str) -> None:
        parts = urlsplit(path)
        base, _, what = parts.path.rpartition("/")
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        weight = 1 if what == "time" else self.weight(base, query, what)
        exchange = self.exchange
        if exchange.used_weight() + weight > exchange.weight_limit:
            status = 418 if exchange.warned else 429
            exchange.warned = True
            self.json(status, {"code": -1003, "msg": "Too many requests"}, {"Retry-After": "60"})
            return
        exchange.warned = False
        exchange.weights.append((exchange.clock.at, weight))
        if what == "time":
            self.json(200, {"serverTime": exchange.server_ms()})
        elif query.get("symbol") not in (
            exchange.aggregates if what == "aggTrades" else exchange.klines
        ):
            self.json(400, {"code": -1121, "msg": "Invalid symbol."})
        elif what == "aggTrades":
            self.json(200, self.aggregates(base, query))
        else:
            self.json(200, self.page(base, query))

    def weight(self, base: str, query: dict[str, str], what: str) -> int:
        if what == "aggTrades":
            return 4 if base == "/api/v3" else 20
        if base == "/api/v3":
            return 2
        limit = int(query.get("limit", "500"))
        return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10

    def page(self, base: str, query: dict[str, str]) -> list[list[Any]]:
        exchange = self.exchange
        start, end = int(query["startTime"]), int(query["endTime"])
        limit = min(int(query["limit"]), exchange.most_rows or ROWS[base])
        now = exchange.server_ms()
        rows = [r for r in exchange.klines[query["symbol"]] if start <= r[0] <= min(end, now)]
        return rows[:limit]

    def aggregates(self, base: str, query: dict[str, str]) -> list[dict[str, Any]]:
        exchange = self.exchange
        now = exchange.server_ms()
        reach = 0 if base == "/api/v3" else now - 2 * 86_400_000
        first, start = int(query.get("fromId", 0)), int(query.get("startTime", 0))
        limit = min(int(query["limit"]), exchange.most_rows or 1000)
        rows = exchange.aggregates[query["symbol"]]
        found = (r for r in rows if first <= r["a"] and max(start, reach) <= r["T"] <= now)
        return list(islice(found, limit))

    def json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        used = {"X-MBX-USED-WEIGHT-1M": str(self.exchange.used_weight())}
        self.reply(status, json.dumps(value).encode(), {**used, **(headers or {})})

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        for start in range(0, len(body), 1 << 14):
            self.wfile.write(body[start : start + (1 << 14)])
            if self.exchange.seconds_per_block:
                threading.Event().wait(self.exchange.seconds_per_block)

    # -- faults; False: the request is answered as usual after all

    def fault_status(self, value: str) -> bool:
        status, _, after = value.partition(":")
        self.reply(int(status), b"busy", {"Retry-After": after} if after else {})
        return True

    def fault_close(self, value: str) -> bool:
        self.close_connection = True
        return True

    def fault_garbage(self, value: str) -> bool:
        self.wfile.write(b"\x00\x01 this is no HTTP\r\n\r\n")
        self.close_connection = True
        return True

    def fault_cut(self, value: str) -> bool:
        """Half of the bytes, then the line goes dead."""
        data = self.exchange.files[self.path]
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(wanted[1]) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[start : start + (len(data) - start) // 2])
        self.close_connection = True
        return True

    def fault_flip(self, value: str) -> bool:
        """One bit turned."""
        data = bytearray(self.exchange.files[self.path])
        data[len(data) // 2] ^= 1
        self.reply(200, bytes(data))
        return True

    def fault_short(self, value: str) -> bool:
        """Half of the bytes, said to be all."""
        data = self.exchange.files[self.path]
        self.reply(200, data[: len(data) // 2])
        return True

    def fault_other_range(self, value: str) -> bool:
        data = self.exchange.files[self.path]
        self.reply(206, data, {"Content-Range": f"bytes 7-{len(data) - 1}/{len(data)}"})
        return True

    def fault_drip(self, value: str) -> bool:
        """Ten bytes in every two minutes."""
        data = self.exchange.files[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):
            for start in range(0, len(data), 10):
                self.exchange.clock.at += 120
                self.wfile.write(data[start : start + 10])
                self.wfile.flush()
                threading.Event().wait(0.02)
        self.close_connection = True
        return True

    def fault_stall(self, value: str) -> bool:
        """Half of the bytes, and the rest when the test says so."""
        data = self.exchange.files[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            self.exchange.go_on.wait(30)
            self.wfile.write(data[len(data) // 2 :])
        self.close_connection = True
        return True

    def fault_hang(self, value: str) -> bool:
        threading.Event().wait(float(value))
        self.close_connection = True
        return True

    def fault_endless(self, value: str) -> bool:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        block = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(block)
        self.close_connection = True
        return True

    def fault_redirect(self, value: str) -> bool:
        self.reply(302, b"", {"Location": value})
        return True

    def fault_gzip(self, value: str) -> bool:
        self.reply(200, b"\x1f\x8b", {"Content-Encoding": "gzip"})
        return True

    def fault_coded(self, value: str) -> bool:
        """Bytes of the test's own, said to be coded so."""
        self.reply(200, self.exchange.coded, {"Content-Encoding": value})
        return True

    def fault_body(self, value: str) -> bool:
        self.reply(200, value.encode())
        return True

    def fault_reissue(self, value: str) -> bool:
        """The file is replaced between its checksum and itself."""
        self.exchange.put(self.path, self.exchange.files[self.path] + b"\0")
        return False
