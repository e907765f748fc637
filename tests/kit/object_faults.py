"""What servers of objects, and networks before them, do to a request now and then."""

from __future__ import annotations

import time

from kit.object_server import Answer, Fault, Pass, Request, error

PATIENCE_SECONDS = 12
"""Of a store that meets them; a sixth of it is how long one answer is waited for."""

_LATE_SECONDS = 3


def _later(request: Request, go: Pass) -> Answer:
    status, headers, body = error(503, "SlowDown")
    return status, headers | {"Retry-After": "1"}, body


def _lost(request: Request, go: Pass) -> None:
    go(request)


def _cut(request: Request, go: Pass) -> Answer:
    status, headers, body = go(request)
    return status, headers | {"Content-Length": str(len(body) + 7)}, body[: len(body) // 2]


def _late(request: Request, go: Pass) -> Answer:
    answer = go(request)
    time.sleep(_LATE_SECONDS)
    return answer


def _at_last(request: Request, go: Pass) -> Answer:
    time.sleep(_LATE_SECONDS)
    return go(request)


PASSING: dict[str, Fault] = {
    "500": lambda request, go: error(500, "InternalError"),
    "503": lambda request, go: error(503, "SlowDown"),
    "503, come later": _later,
    "429": lambda request, go: error(429, "TooManyRequests"),
    "409": lambda request, go: error(409, "ConditionalRequestConflict"),
    "400, too slow": lambda request, go: error(400, "RequestTimeout"),
    "no answer, not done": lambda request, go: None,
    "no answer, but done": _lost,
    "answer cut": _cut,
    "answer too late": _late,
    "done too late": _at_last,
}
"""After which the same request may be made again: who published does not see them."""


def is_read(request: Request) -> bool:
    """Whether it asks for an object's bytes."""
    return request.method == "GET" and "list-type=2" not in request.path


def _turned(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if data else b"?"


def _other_bytes(request: Request, go: Pass) -> Answer:
    status, headers, body = go(request)
    return (status, headers, _turned(body)) if is_read(request) else (status, headers, body)


def _fewer_bytes(request: Request, go: Pass) -> Answer:
    status, headers, body = go(request)
    return status, headers, body[: len(body) // 2]


def _turned_on_its_way(request: Request, go: Pass) -> Answer:
    if request.method != "PUT" or "/objects/" not in request.path:
        return go(request)
    return go(Request(request.method, request.path, request.headers, _turned(request.body)))


def _nothing_there(request: Request, go: Pass) -> Answer:
    if is_read(request):
        return error(404, "NoSuchKey")
    if request.method != "GET":
        return go(request)
    body = "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>"
    return 200, {"Content-Type": "application/xml"}, body.encode()


LYING: dict[str, Fault] = {
    "403": lambda request, go: error(403, "AccessDenied"),
    "other bytes": _other_bytes,
    "fewer bytes": _fewer_bytes,
    "other bytes put": _turned_on_its_way,
    "as before anything was there": _nothing_there,
}
"""After which what is published is the old or the new, whole, and one sentence says what was wrong."""
