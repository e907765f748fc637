"""What the process that writes Delta logs is told, and its form on the way there.

Read where the library for logs is not loaded, and may not be installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.contracts.value import Value
from pipeline.settings import stores
from pipeline.settings.stores import Place, Server


class Order(Value, frozen=True, kw_only=True):
    """What to do: bring views up to date, with `anew` whatever they say of themselves."""

    store: str
    tables: tuple[str, ...]
    anew: bool
    endpoint: str = ""
    region: str = "auto"
    patience_seconds: float = 300

    @property
    def place(self) -> Place:
        """Where the store is."""
        if not stores.is_address(self.store):
            return Path(self.store)
        server = Server(
            endpoint=self.endpoint, region=self.region, patience_seconds=self.patience_seconds
        )
        return stores.address(self.store, server, "the store")


def of(place: Place, tables: Sequence[str], *, anew: bool) -> Order:
    """The order of a store's tables; of a bucket its server goes with it, and no credential."""
    if isinstance(place, Path):
        return Order(store=str(place.absolute()), tables=tuple(tables), anew=anew)
    server = place.server
    return Order(
        store=str(place),
        tables=tuple(tables),
        anew=anew,
        endpoint=server.endpoint,
        region=server.region,
        patience_seconds=server.patience_seconds,
    )
