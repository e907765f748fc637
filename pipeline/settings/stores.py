"""Where snapshots lie: in a folder, or below the prefix of a bucket; and the sections `store`, `tables`.

Belongs here: the form of an address. A credential has no place in it, nor in the configuration: whatever
speaks to the bucket finds its own. What a store does is `publishing/`.
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pipeline.errors import ConfigError
from pipeline.free_form import Document
from pipeline.model.datasets import DATASETS

SCHEMA: Document = {
    "type": "dict",
    "default": {},
    "schema": {
        "endpoint": {"type": "string", "form": "endpoint"},
        "region": {"type": "string", "form": "region"},
        "patience_seconds": {"type": "number", "min": 1, "max": 86_400},
    },
}
"""For cerberus."""

TABLES: Document = {
    "type": "dict",
    "default": {},
    "schema": {
        "delta": {
            "type": "list",
            "default": [],
            "schema": {"type": "string", "allowed": list(DATASETS)},
        }
    },
}
"""The same, of `tables`: in which other forms published tables are kept."""

SCHEME = "s3://"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PREFIX = re.compile(r"(?!\.{1,2}(?:/|$))[A-Za-z0-9!_.*'()=-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How the server of a bucket is spoken to.

    Args:
        endpoint: Its address; empty for what the environment says, else Amazon's.
        region: `auto` for what the environment says.
        patience_seconds: A server that does not answer is waited for so long.
    """

    endpoint: str = ""
    region: str = "auto"
    patience_seconds: float = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A place in a bucket; `prefix` without slashes at its ends, empty for all of the bucket."""

    bucket: str
    prefix: str = ""
    server: Server = Server()

    def __str__(self) -> str:
        """As people write it."""
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")


Place: TypeAlias = Path | Address
"""Where a store is."""


def is_address(text: str) -> bool:
    """Whether a text is meant as an address, and not as a folder."""
    return _SCHEME.match(text) is not None


def address(text: str, server: Server, where: str) -> Address:
    """The address in `s3://bucket/prefix`.

    Args:
        text: It.
        server: Who has the bucket.
        where: Where the text stands, for the error.

    Raises:
        ConfigError: it is none. What may hold a password is not repeated.
    """
    bucket, _, prefix = re.sub(r"^s3:/+", "", text).partition("/")
    prefix = prefix.removesuffix("/")
    parts = prefix.split("/") if prefix else []
    good_bucket = text.startswith("s3:/") and _BUCKET.fullmatch(bucket)
    if not good_bucket or not all(_PREFIX.fullmatch(part) for part in parts):
        got = "what may be a password" if "@" in text else repr(text)
        form = (
            "a prefix of plain letters, digits, - and _"
            if good_bucket
            else "a bucket's name of 3 to 63 small letters, digits, - and ."
        )
        raise ConfigError(
            f"{where}: got {got}, wanted a folder or s3://BUCKET/PREFIX with {form};"
            " credentials stay where boto3 looks for them"
        )
    return Address(bucket=bucket, prefix=prefix, server=server)
