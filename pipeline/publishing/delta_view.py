"""Published tables as Delta tables, for tools that read such: a view, rolled forward and never the truth.

Below `delta/<table>` of the store lies a Delta log. It names the file of each date's current revision, as it
was published: see `lender.py`. Here: whether a view is behind, and having it brought up to date by a process
of its own (`delta_log.py`), since the library that writes logs cannot be used after a fork.
"""

from __future__ import annotations

import importlib
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline import optional, storage
from pipeline.errors import ConfigError, KitchenError
from pipeline.publishing.opening import open_store
from pipeline.publishing.store import ALWAYS, Store

if TYPE_CHECKING:
    from pipeline.publishing.delta_order import Order
    from pipeline.settings.stores import Place

FOLDER = "delta"
STATE = "kitchen"
"""Key of a commit's info: of which published revisions it is."""

_LIBRARY, _ORDER = "deltalake", "pipeline.publishing.delta_order"
_FORM = 1
"""To be raised where the same revisions would give another view."""

_LOG = re.compile(r"[0-9]{20}\.json", re.ASCII)
_PATIENCE_SECONDS = 3600
"""The first view of ten years in a bucket is made in a fraction of it."""

logger = logging.getLogger("kitchen")


@dataclass(frozen=True, slots=True)
class Views:
    """The views of a store.

    Args:
        place: Where the store is.
        tables: Of which tables.
    """

    place: Place
    tables: Sequence[str]

    def check(self) -> None:
        """Before anything is built: that they can be made.

        Raises:
            ConfigError: the library is not installed.
        """
        sentence = optional.missing(_LIBRARY) if self.tables else None
        if sentence is not None:
            raise ConfigError(f"tables.delta names {', '.join(self.tables)}, but {sentence}")

    def behind(self) -> list[str]:
        """The tables whose view is not of what is published now."""
        if not self.tables:
            return []
        store = open_store(self.place).look(ALWAYS)
        now = state(store)
        return [table for table in self.tables if _last_state(store, table) != now]

    def follow(self, *, tidy: bool = False) -> None:
        """Brings what is behind up to date. Where that fails it is a warning: what is published is whole.

        Args:
            tidy: Whether to look at all of them, since revisions were collected.
        """
        try:
            self.check()
            faults = list(self._made(self.tables if tidy else self.behind(), anew=False))
        except (KitchenError, OSError) as error:
            faults = [_told(", ".join(self.tables), error)]
        for fault in faults:
            logger.warning("%s", fault)

    def rebuild(self) -> list[str]:
        """Makes all of them anew, whatever is there; what went wrong, a sentence each."""
        self.check()
        return list(self._made(self.tables, anew=True))

    def _made(self, tables: Sequence[str], *, anew: bool) -> Iterator[str]:
        if tables:
            order = importlib.import_module(_ORDER).of(self.place, tables, anew=anew)
            for table, fault in _ordered(order):
                yield _told(table, fault)


def _told(tables: str, fault: object) -> str:
    return (
        f"the Delta view of {tables} is behind the store: {fault}; what is published is whole, the next"
        " publication tries again, as does `kitchen index`"
    )


def state(store: Store) -> str:
    """What a view of a store as it was looked at is made of, as a digest."""
    named = [[day.isoformat(), store.named_revision(day)] for day in store.published_days()]
    return storage.digest([_FORM, named])


def _last_state(store: Store, table: str) -> str | None:
    """What the newest commit of a view says that it is of; None where nothing says so."""
    folder = f"{FOLDER}/{table}/_delta_log"
    with suppress(OSError, ValueError, KeyError, TypeError):
        last = max(filter(_LOG.fullmatch, store.names(folder)), default="")
        commit = (store.read(f"{folder}/{last}") or b"").splitlines()
        info = next((line for line in commit if b'"commitInfo"' in line), b"{}")
        return str(json.loads(info)["commitInfo"][STATE])
    return None


def _ordered(order: Order) -> Iterator[tuple[str, str]]:
    """Has a process do it; the tables of which it was not done, each with why."""
    said = importlib.import_module("msgspec").json.encode(order).decode()
    command = [sys.executable, "-P", "-m", "pipeline.publishing.delta_log", said]
    tables = ", ".join(order.tables)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired:
        yield tables, f"it was not done within {_PATIENCE_SECONDS} s"
        return
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        yield tables, f"its process ended with {done.returncode} {''.join(last)}".rstrip()
        return
    yield from json.loads(done.stdout).items()
