"""`snapshots/index.json`: the condition of every day and symbol at a glance.

A hint like the links, never the truth: it is brought up to date by each publication and can be made anew
from the revisions at any time. Written under the store-wide lock, each file whole or not at all. Where it
grows large it is in parts, a month each, of the same form: `index/2025-01.json`. A publication writes its
month's anew, `index.json` names the parts, and a part counts once it is named.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

import msgspec
from msgspec import UNSET, UnsetType

from pipeline import storage
from pipeline.contracts.manifest import Manifest, TapeEntry
from pipeline.contracts.value import Value, to_json
from pipeline.contracts.verdict import Condition
from pipeline.publishing import revisions
from pipeline.publishing.revisions import Sealed
from pipeline.publishing.side_by_side import each
from pipeline.publishing.store import ALWAYS, Store

FILE = "index.json"
PARTS = "index"
"""Folder of the parts."""

_MOST_BYTES = 1 << 22
"""A larger `index.json` is in parts: that of ten years of three symbols is not."""

_SHARE_DECIMALS = 4

_TRIES = 20
"""So often a publisher looks whether others, who cannot be kept out, took its entry away."""


Told = Callable[[int, int], None]
"""Dates done, dates to do."""


class SymbolEntry(Value, frozen=True, kw_only=True):
    """The condition of a symbol's day, the codes of its reasons, and the proven share of its minutes with a
    tape; None without one.
    """

    condition: Condition
    codes: tuple[str, ...]
    proven: float | None = None


class Entry(Value, frozen=True, kw_only=True):
    """What the index says of a date's current revision."""

    revision: int
    condition: Condition
    rows: int
    symbols: dict[str, SymbolEntry]
    simulated: bool
    manifest_sha256: str
    data_manifest_hash: str


class Index(Value, frozen=True):
    """Every published date; or the names of the parts that have them, below the store."""

    days: dict[dt.date, Entry] = msgspec.field(default_factory=dict)
    parts: tuple[str, ...] | UnsetType = UNSET


def read(store: Store, days: Iterable[dt.date] | None = None) -> Index:
    """The index with all its parts, or those of some days; without what is not there or cannot be read."""
    whole = _read(store, FILE)
    if not whole.parts:
        return whole
    wanted = whole.parts if days is None else sorted({*map(_part, days)} & {*whole.parts})
    return Index({day: e for name in wanted for day, e in _read(store, name).days.items()})


def of(store: Store, day: dt.date) -> Entry | None:
    """What the index says of a date, without a look at other months' parts."""
    return read(store, [day]).days.get(day)


def current(store: Store) -> dict[dt.date, Entry]:
    """What is so of every published date: from the index where its revision is the link's, else from that."""
    known, found = read(store).days, dict[dt.date, Entry]()
    for day in store.published_days():
        number = store.named_revision(day)
        said = known.get(day)
        if said is not None and said.revision == number:
            found[day] = said
        else:
            found |= _of_revisions(store, [day])
    return found


def entry(sealed: Sealed) -> Entry:
    """What the index says of a revision.

    Raises:
        OSError, ValueError: its manifest cannot be read.
    """
    return said_of(sealed, revisions.read_manifest(sealed))


def said_of(sealed: Sealed, manifest: Manifest) -> Entry:
    """What the index says of a revision that has this manifest."""
    bars = manifest.files.get("bars_1m.parquet")
    return Entry(
        revision=sealed.revision,
        condition=manifest.condition.day,
        rows=(bars.rows or 0) if bars else 0,
        symbols={
            name: SymbolEntry(
                condition=it.condition,
                codes=tuple(r.code for r in it.reasons),
                proven=_proven(manifest.tape.get(name)),
            )
            for name, it in manifest.condition.symbols.items()
        },
        simulated=manifest.simulated,
        manifest_sha256=sealed.manifest_sha256,
        data_manifest_hash=manifest.data_manifest_hash,
    )


def _proven(tape: TapeEntry | None) -> float | None:
    return round(tape.proven / tape.minutes, _SHARE_DECIMALS) if tape and tape.minutes else None


def note(store: Store, sealed: Sealed) -> None:
    """Brings the index up to date with a date's current revision; touches nothing when it is.

    To be called under the date's lock. An index that cannot be read is made anew.
    """
    made = {sealed.day: entry(sealed)}
    if of(store, sealed.day) == made[sealed.day]:
        return
    for _ in range(_TRIES):
        with store.alone() as alone:
            _bring(store, made)
        if alone:
            return
        # Who wrote at the same time may have taken one of these entries away again: the last one to write
        # sees all that were published before, and mends it.
        store = store.look(ALWAYS)
        made = _of_revisions(store, _behind(store))
        if not made:
            return


def _bring(store: Store, made: dict[dt.date, Entry]) -> None:
    """Puts entries into what is there."""
    whole = _read(store, FILE)
    if not whole.parts:
        days = whole.days or _of_revisions(store, store.published_days())
        write(store, days | made)
        return
    names = sorted({_part(day) for day in made})
    for name in names:
        known = _read(store, name).days if name in whole.parts else {}
        month = [day for day in store.published_days() if _part(day) == name]
        days = known or _of_revisions(store, month)
        own = {day: entry for day, entry in made.items() if _part(day) == name}
        _put(store, name, Index(days | own))
    _put(store, FILE, Index(parts=tuple(sorted({*whole.parts, *names}))))


def _behind(store: Store) -> list[dt.date]:
    """The published dates of which the index does not have the revision that readers get."""
    known = {day: entry.revision for day, entry in read(store).days.items()}
    return [day for day in store.published_days() if known.get(day) != store.named_revision(day)]


def rebuild(store: Store, told: Told | None = None) -> Index:
    """Makes the index anew from the revisions that the dates' links name, and returns it.

    Args:
        store: Where they are.
        told: Called after each date.

    Raises:
        PublishError, OSError: the store cannot be written.
    """
    store.prepare()
    with store.alone():
        made = _of_revisions(store, store.published_days(), told)
        write(store, made)
    return Index(made)


def write(store: Store, days: dict[dt.date, Entry]) -> None:
    """Makes the index say this, in the form for its size; under the store-wide lock. Touches what differs."""
    whole = Index(days)
    parts = dict[str, dict[dt.date, Entry]]()
    if len(storage.readable_json(to_json(whole))) > _MOST_BYTES:
        for day in sorted(days):
            parts.setdefault(_part(day), {})[day] = days[day]
        whole = Index(parts=tuple(parts))
    for name, part in parts.items():
        _put(store, name, Index(part))
    _put(store, FILE, whole)
    for name in store.names(PARTS):
        if name.endswith(".json") and f"{PARTS}/{name}" not in parts:
            store.remove(f"{PARTS}/{name}")


def _part(day: dt.date) -> str:
    return f"{PARTS}/{day:%Y-%m}.json"


def _read(store: Store, name: str) -> Index:
    try:
        return msgspec.json.decode(store.read(name) or b"", type=Index)
    except (OSError, ValueError, msgspec.DecodeError, RecursionError):
        return Index()


def _of_revisions(
    store: Store, days: Iterable[dt.date], told: Told | None = None
) -> dict[dt.date, Entry]:
    """Of the revisions that readers get; one that cannot be read has no place in the index."""
    named = [(day, n) for day in days if (n := store.named_revision(day)) is not None]
    done: list[dt.date] = []

    def said(one: tuple[dt.date, int]) -> Entry | None:
        made = _said(store, *one)
        done.append(one[0])
        if told is not None:
            told(len(done), len(named))
        return made

    found = each(said, named, store.at_once)
    return {day: it for (day, _), it in zip(named, found, strict=True) if it is not None}


def _said(store: Store, day: dt.date, number: int) -> Entry | None:
    sealed = revisions.find(store, day, number)
    return None if sealed is None else entry(sealed)


def _put(store: Store, name: str, made: Index) -> None:
    data = storage.readable_json(to_json(made))
    if store.read(name) != data:
        store.write(name, data)
