"""What was collected from a store of objects: revisions with a mark beside their claim, and orphans.

A claim is never deleted, so that its number is never used again; its objects are, once their time of grace
has passed by the store's clock. An orphan is a folder of objects that no claim names: its publisher died or
lost.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from pipeline.errors import ParameterError
from pipeline.publishing import revisions
from pipeline.publishing.copies import AT_ONCE, Copies
from pipeline.publishing.object_listing import Number, collected_name
from pipeline.publishing.s3 import Listed, Objects
from pipeline.publishing.side_by_side import each
from pipeline.publishing.store import Trash

_ORPHAN_DAYS = 3.0
"""Longer than any publisher takes from its first object to its claim."""

_FOLDER = "objects/"

Known = dict[dt.date, dict[int, Number]]
"""All numbers that are taken."""


def throw(objects: Objects, day: dt.date, number: int) -> None:
    """Marks a revision as collected; one that is marked keeps its time."""
    objects.put_if_absent(collected_name(day, number), b"{}\n")


def found(objects: Objects, copies: Copies, known: Known) -> list[Trash]:
    """Collected revisions whose objects are still there, and orphans, by name."""
    there = _folders(objects)
    named = _named(copies, known)
    # What a claim that cannot be read is about is not known: nothing of its date may be called an orphan.
    unread = {
        day.isoformat() for day, of in known.items() if any((day, n) not in named for n in of)
    }
    used = {at for (day, number), at in named.items() if known[day][number].stands}
    trash = [
        Trash(
            name=f"{day}.r{number}",
            since=mark.modified,
            bytes=sum(it.bytes for it in there[at]),
        )
        for (day, number), at in named.items()
        if at in there and at not in used and (mark := known[day][number].collected)
    ]
    orphans = [
        Trash(
            name=at,
            since=max(it.modified for it in listed),
            bytes=sum(it.bytes for it in listed),
            grace_days=_ORPHAN_DAYS,
            what="never published, lies there",
        )
        for at, listed in there.items()
        if at not in named.values() and at.split("/")[1] not in unread
    ]
    return sorted([*trash, *orphans], key=lambda it: it.name)


def delete(objects: Objects, copies: Copies, known: Known, name: str) -> None:
    """Deletes the objects of a collected revision that no other one needs, or those of an orphan."""
    at = name
    if not name.startswith(_FOLDER):
        named = _named(copies, known)
        day, number = revisions.parse(name)
        at = named[day, number or 0]
    each(lambda listed: objects.remove(listed.name), objects.listed(f"{at}/"), AT_ONCE)


def restore(objects: Objects, copies: Copies, known: Known, day: dt.date, number: int) -> None:
    """Takes the mark away, as long as the objects are there.

    Raises:
        ParameterError: the revision was not collected, or its objects are deleted.
    """
    state = known.get(day, {}).get(number, Number())
    claim = state.claim and copies.claim(day, number, state.claim)
    if not claim or state.collected is None or not any(objects.listed(f"{claim.at}/")):
        raise ParameterError(
            f"{day}.r{number}: is not in the trash of {objects.address}; see `kitchen gc`"
        )
    objects.remove(state.collected.name)


def _named(copies: Copies, known: Known) -> dict[tuple[dt.date, int], str]:
    """Revision -> where its objects are; of every claim that can be read."""
    claims = [
        (day, number, state.claim)
        for day, numbers in known.items()
        for number, state in numbers.items()
        if state.claim is not None
    ]
    read = each(lambda told: copies.claim(*told), claims, AT_ONCE)
    pairs = zip(claims, read, strict=True)
    return {(day, number): claim.at for (day, number, _), claim in pairs if claim is not None}


def _folders(objects: Objects) -> dict[str, list[Listed]]:
    """Folder of objects of one attempt -> what is in it."""
    there: dict[str, list[Listed]] = defaultdict(list)
    for listed in objects.listed(_FOLDER):
        there["/".join(listed.name.split("/")[:3])].append(listed)
    return dict(there)
