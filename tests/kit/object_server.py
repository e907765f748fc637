"""A real server of objects on loopback, and a door before it that drops, delays or spoils what passes."""

from __future__ import annotations

import http.client
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import boto3

from pipeline.settings.stores import Address, Server

BUCKET = "kitchen-tests"

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


_SERVE = """
import sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

# moto looks whether a name is taken and then takes it: two requests at once may both find it free.
one_at_a_time, moto = threading.Lock(), DomainDispatcherApplication(create_backend_app)

def serve(environ, start_response):
    with one_at_a_time:
        return [b"".join(moto(environ, start_response))]

run_simple(sys.argv[1], int(sys.argv[2]), serve, threaded=True)
"""


def command(host: str, port: int) -> list[str]:
    """What starts the server."""
    return [sys.executable, "-W", "ignore", "-c", _SERVE, host, str(port)]


@contextmanager
def running() -> Iterator[str]:
    """The address of a server with one empty bucket."""
    port = free_port()
    with subprocess.Popen(
        command("127.0.0.1", port),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | ENVIRONMENT,
    ) as process:
        try:
            await_answer(port)
            endpoint = f"http://127.0.0.1:{port}"
            client(endpoint).create_bucket(Bucket=BUCKET)
            yield endpoint
        finally:
            process.kill()


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_answer(port: int, host: str = "127.0.0.1") -> None:
    """Until somebody listens there."""
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            assert time.monotonic() < until, "the server of objects does not start"
            time.sleep(0.05)


def client(endpoint: str):  # type: ignore[no-untyped-def]
    """A plain client of a server."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
    )


def address(endpoint: str, patience_seconds: float = 30) -> Address:
    """A place of its own in the bucket."""
    server = Server(endpoint=endpoint, patience_seconds=patience_seconds)
    return Address(bucket=BUCKET, prefix=f"store-{uuid.uuid4().hex}", server=server)


def contents(place: Address) -> dict[str, bytes]:
    """Every object of a store: its name below the prefix -> its bytes."""
    asked, found = client(place.server.endpoint), {}
    pages = asked.get_paginator("list_objects_v2").paginate(
        Bucket=place.bucket, Prefix=f"{place.prefix}/"
    )
    for page in pages:
        for item in page.get("Contents", ()):
            body = asked.get_object(Bucket=place.bucket, Key=item["Key"])["Body"]
            found[item["Key"].removeprefix(f"{place.prefix}/")] = body.read()
    return found


@dataclass
class Request:
    """What passes the door, before it is passed on."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = tuple[int, dict[str, str], bytes]
Pass = Callable[[Request], Answer]
Fault = Callable[[Request, Pass], Answer | None]
"""What becomes of a request, by what passes it on; None drops the connection without an answer."""


@dataclass
class Door:
    """A server in front of another one, through which every request goes, one connection each."""

    behind: str
    fault: Fault = field(default=lambda request, go: go(request))
    seen: list[Request] = field(default_factory=list)

    @contextmanager
    def open(self) -> Iterator[str]:
        """Its address, for the block."""
        door = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                if self.headers.get("Expect", "").lower() == "100-continue":
                    self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                self.close_connection = True
                if len(body) < length:  # who asked died meanwhile, and asked nothing
                    return
                request = Request(self.command, self.path, dict(self.headers), body)
                door.seen.append(request)
                answer = door.fault(request, door._passed)
                if answer is None:
                    return
                status, headers, body = answer
                self.send_response_only(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body if self.command != "HEAD" else b"")

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A connection that was left is no news."""

        with Quiet(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                server.shutdown()
                thread.join()

    def _passed(self, request: Request) -> Answer:
        host = self.behind.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        try:
            headers = {k: v for k, v in request.headers.items() if k.lower() != "expect"}
            connection.request(request.method, request.path, request.body, headers)
            answer = connection.getresponse()
            dropped = ("content-length", "connection", "transfer-encoding", "server")
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in dropped}
            return answer.status, kept, answer.read()
        finally:
            connection.close()


def error(status: int, code: str) -> Answer:
    """An answer as servers of objects refuse."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
    return status, {"Content-Type": "application/xml"}, body.encode()


def is_claim(request: Request) -> bool:
    """Whether it is the write that publishes."""
    return request.method == "PUT" and "/revisions/" in request.path
