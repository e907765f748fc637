"""Real archives and their real checksums, over a bad line; and a certificate that nobody vouches for."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kit.fake_exchange import Clock, FakeExchange, Fault
from kit.fetch_ground import DAY, archive_path, kitchen_for, publish, visible
from kit.shipped import RULES
from pipeline.fetch.plan import Request
from pipeline.fetch.run import fetch
from pipeline.layout import raw_files
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed

OCTOBER = dt.date(2019, 10, 11)


@pytest.mark.parametrize(
    ("symbol", "market", "day", "source"),
    [
        ("BTCUSDT", "spot", DAY, "btcusdt-2025-01-02/binance/spot"),
        ("BTCUSDT", "futures_um", DAY, "btcusdt-2025-01-02/binance/futures_um"),
        ("XRPETH", "spot", OCTOBER, "xrpeth-2019-10/binance/spot"),
    ],
)
def test_real_archives_arrive_whole_over_a_bad_line(
    real_data: Path, tmp_path: Path, symbol: str, market: str, day: dt.date, source: str
) -> None:
    """Cut twice, flipped once, busy in between: the day's 1440 minutes, with a checksum that holds."""
    exchange = FakeExchange(Clock(time.time()))
    kitchen = kitchen_for(
        tmp_path, exchange, {symbol: f"{{market: {market}}}"}, "  use: [archive]\n"
    )
    name = f"{symbol}-1m-{day}.zip"
    path = archive_path(day, symbol, {"futures_um": "futures/um"}.get(market, market))
    exchange.files[path] = (real_data / source / name).read_bytes()
    exchange.files[f"{path}.CHECKSUM"] = (real_data / source / f"{name}.CHECKSUM").read_bytes()
    exchange.faults = [
        Fault(r"\.zip$", "cut", times=2),
        Fault(r"\.zip$", "status", "503:1"),
        Fault(r"\.zip$", "flip"),
    ]

    with exchange.serving():
        (outcome,) = fetch(kitchen, Request(first=day, last=day), waiting=exchange.clock.waiting)
    files = raw_files(kitchen, kitchen.symbol(symbol), "binance_1m", day)
    feed = Feed(symbol=symbol, market=market, source="binance_1m", vendor_symbol=symbol, day=day)
    read = read_feed(feed, files, RULES)
    (entry,) = read.ledger

    assert outcome.status == "fetched"
    assert entry.lines.used == 1440
    assert entry.notes["checksum"] == "ok"


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    """Nothing is asked of a host that cannot prove who it is."""
    exchange = FakeExchange(Clock(time.time()))
    publish(exchange, DAY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_own_certificate(tmp_path / "own.pem"))
    exchange.server.socket = context.wrap_socket(exchange.server.socket, server_side=True)
    exchange.base = exchange.base.replace("http:", "https:")
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n  attempts: 2\n")

    with exchange.serving():
        (outcome,) = fetch(kitchen, Request(first=DAY, last=DAY), waiting=exchange.clock.waiting)

    assert "cannot be reached: its certificate is not trusted (self" in outcome.notes[0]
    assert exchange.asked == []
    assert visible(kitchen.raw) == []


def _own_certificate(path: Path) -> Path:
    """Key and certificate of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
