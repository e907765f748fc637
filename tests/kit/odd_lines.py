"""Lines that no exporter should write, and some that it may.

Belongs here: the list, made from families of oddities. It holds no answers beyond "is it one JSON object
with a good stamp, price and quantity": what the reader says of each is the test's.
"""

# ruff: noqa: E501, UP031 - tables of odd texts, many of them braces
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

GOOD: dict[str, Any] = {
    "ts": "2025-01-02T12:00:30.0000000Z",
    "exchange": "BINANCE",
    "symbol": "BTCUSDT",
    "price": 100.1,
    "qty": 0.5,
    "side": "buy",
    "schema_version": "tick.v3",
}

_NUMBERS = (
    "0", "-0", "-1", "1e400", "-1e400", "1e-400", "1E+2", "1e", "1e+", "01", "+1", ".5", "5.", "0x10", "1_000",
    "1,000", "1 000", "NaN", "Infinity", "-Infinity", "nan", "inf", "true", "false", "null", '""', '"1"', '"abc"',
    "[]", "{}", "[1]", '{"a":1}', "1" * 400, "9" * 5000, "0." + "0" * 400 + "1", "1" + "0" * 308, "--1", "1-1",
    "1/2", "٣", "１", "½", "1\u00a0", "'1'", "undefined", "None", "1f", "1d", "1n", "1e5000000000",
)  # fmt: skip
_STAMPS = (
    '""', "null", "0", "1735819230000", '"yesterday"', '"2025-01-02"', '"2025-13-02T12:00:00Z"', "[]", "{}", "true",
    '"2025-02-30T12:00:00Z"', '"2025-01-02T24:00:00Z"', '"2025-01-02T12:60:00Z"', '"2025-01-02T12:00:60Z"',
    '"2025-01-02T12:00:00.Z"', '"2025-01-02T12:00:00.1234567890Z"', '"2025-01-02T12:00:00+25:00"', "1e400",
    '"2025-01-02T12:00:00+08:00:00"', '"0001-01-01T00:00:00"', '"9999-12-31T23:59:59Z"', '"2025-1-2T1:2:3Z"',
    '"1970-01-01T00:00:00Z"', '"-2025-01-02T12:00:00Z"', '"２０２５-01-02T12:00:00Z"', '" 2025-01-02T12:00:00Z"',
    '"2025-01-02T12:00:00Z "', '"2025-01-02T12:00:00\\u0000Z"', '"2025-01-02t12:00:00z"', '"2025/01/02 12:00:00"',
    '"02.01.2025 12:00"', '"2025-01-03T12:00:00.0000000Z"', '"2024-12-31T12:00:00.0000000Z"',
)  # fmt: skip
_WHOLE = (
    "{", "}", "[", "]", "{}", "[]", "null", "true", "0", '"text"', "{{}}", "[[[[", "{]", "[}", "{,}", '{"a"}', "{a:1}",
    '{"a":}', '{"a":1,}', '{"a":1 "b":2}', "{'a':1}", "ts,price,qty", "# a comment", "// a comment", "/* a */", "---",
    "<xml/>", "<!-- -->", "\\", '"', "'", "\ufeff", "\ufffd", "\u2028", "PK\x03\x04", "SQLite format 3\x00", "ERROR",
    "Traceback (most recent call last):", "\x00", "\x00" * 100, "\x1b[31m", "\x7f", "{" * 2000, "[" * 100_000,
    '{"a":' * 50_000, "[" * 5_000 + "]" * 5_000, '{"a":' * 5_000 + "1" + "}" * 5_000, "a" * 100_000, "\t\t{", "NaN",
    "Infinity", "-Infinity", '{"NaN":NaN}', '{"a":"NaN"', "{\"ts\":NaN}", "=1+1", "@SUM(A1)", "%s%s%n", "../../etc/passwd",
    "{\"$ref\":\"#\"}", "\\u0000", "null null", "{}{}", "{} {}", "{};", "{}#", "1;2;3", "[1,2,3", "\"\\ud800\"",
)  # fmt: skip
_BYTES = (
    b"\xff", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\x80" * 50, b"\xfe\xff{}",
    b'{"ts":"\xff"}', b"\xf8\x88\x80\x80\x80", b"\xc3(", b"\xa0\xa1", b"\xe2(\xa1", b"\xf0(\x8c\xbc", b"\x1f\x8b\x08\x00",
)  # fmt: skip
_TEXTS = (
    '"\\ud800"',
    '"\\x41"',
    '"a\tb"',
    '"unended',
    '"\\',
    "0",
    "[]",
    "{}",
    "true",
    "1e400",
    '"\\u12"',
    '"\\uZZZZ"',
)


def odd_lines() -> Iterator[tuple[str, bytes]]:
    """(name, line without a line end), no two lines equal."""
    seen: set[bytes] = set()
    for name, line in _all():
        if line not in seen and line.strip() and b"\n" not in line:
            seen.add(line)
            yield name, line


def _all() -> Iterator[tuple[str, bytes]]:
    for field, values in (("price", _NUMBERS), ("qty", _NUMBERS), ("ts", _STAMPS)):
        for value in values:
            yield f"{field} {value[:30]}", _with(field, value)
    for field in ("side", "symbol", "exchange", "schema_version", "trade_id", "best_bid"):
        for value in _TEXTS:
            yield f"{field} {value}", _with(field, value)
    for text in _WHOLE:
        yield f"line {text[:30]!r}", text.encode("utf-8", "surrogatepass")
    for raw in _BYTES:
        yield f"bytes {raw[:12]!r}", raw
        yield f"bytes in a field {raw[:12]!r}", _with("exchange", '"?"').replace(b"?", raw)
    yield from _shapes()


def _shapes() -> Iterator[tuple[str, bytes]]:
    good = json.dumps(GOOD)
    for field in ("ts", "price", "qty", "side", "symbol"):
        yield f"without {field}", json.dumps({k: v for k, v in GOOD.items() if k != field}).encode()
        yield f"{field} twice", good.replace("{", '{"%s": null, ' % field, 1).encode()
        yield f"{field} twice, good first", (good[:-1] + ', "%s": null}' % field).encode()
        yield f"{field} upper case", good.replace(f'"{field}"', f'"{field.upper()}"').encode()
        yield f"{field} with a blank", good.replace(f'"{field}"', f'"{field} "').encode()
    for cut in range(5, len(good), 9):
        yield f"cut at {cut}", good[:cut].encode()
    for cut in range(5, len(good), 17):
        yield f"begun at {cut}", good[cut:].encode()
        yield f"a zero byte at {cut}", (good[:cut] + "\x00" + good[cut:]).encode()
        yield f"a brace at {cut}", (good[:cut] + "}" + good[cut:]).encode()
    for name, text in {
        "good": good, "with blanks": f"  {good}\t ", "two on a line": good + good, "with a comma": good + ",",
        "in an array": f"[{good}]", "in data": '{"data": [%s]}' % good, "as a string": json.dumps(good),
        "a mebibyte of blanks": good + " " * (1 << 20), "escaped keys": good.replace('"price"', '"pr\\u0069ce"'),
        "a long field": good[:-1] + ', "x": "%s"}' % ("y" * (1 << 20)), "a carriage return inside": good[:9] + "\r" + good[9:],
        "a deep field": good[:-1] + ', "x": %s1%s}' % ("[" * 600, "]" * 600), "a BOM": "\ufeff" + good,
        "deeper": good[:-1] + ', "x": %s1%s}' % ("[" * 90_000, "]" * 90_000), "a tab inside": good.replace(", ", ",\t"),
        "many keys": good[:-1] + "".join(f', "k{i}": {i}' for i in range(20_000)) + "}",
    }.items():  # fmt: skip
        yield name, text.encode()


def _with(field: str, value: str) -> bytes:
    parts = [f'"{k}": {json.dumps(v)}' for k, v in GOOD.items() if k != field]
    return ("{" + ", ".join([*parts, f'"{field}": {value}']) + "}").encode("utf-8", "surrogatepass")
