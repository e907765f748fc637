"""What a configuration names that this machine lacks: libraries of extras, and the signing key.

Looked at by `kitchen config check` and `kitchen doctor`, so that nobody learns of it at night, from a run.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline import optional
from pipeline.errors import ConfigError
from pipeline.publishing import signing
from pipeline.settings.config import Kitchen
from pipeline.settings.stores import Address


def lacking(kitchen: Kitchen) -> Iterator[str]:
    """A sentence each, which begins with the key."""
    yield from libraries(kitchen)
    path = signing.key_file(kitchen)
    if path is not None:
        try:
            signing.load(path, kitchen)
        except ConfigError as error:
            yield f"signing.key: {error}"


def libraries(kitchen: Kitchen) -> Iterator[str]:
    """The libraries alone."""
    executor, urls = kitchen.workers.executor, kitchen.operations.alerts.urls_file
    is_address, is_dask = isinstance(kitchen.snapshots, Address), executor.kind.startswith("dask")
    for key, named, library in (
        ("paths.snapshots", str(kitchen.snapshots) if is_address else "", "boto3"),
        ("tables.delta", ", ".join(kitchen.delta), "deltalake"),
        ("workers.executor", str(executor) if is_dask else "", "distributed"),
        ("alerts.urls_file", str(urls or ""), "apprise"),
    ):
        sentence = optional.missing(library) if named else None
        if sentence is not None:
            yield f"{key} names {named}, but {sentence}"
