"""Collecting old revisions: planned, moved to the trash, and deleted only after a time of grace.

Kept always: what readers get, the newest whole revisions, what is pinned, and whatever cannot be read or
proved whole; its bytes may be the only evidence.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import ParameterError
from pipeline.publishing import pins, revisions
from pipeline.publishing.store import Store
from pipeline.publishing.verify import verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How much is kept: the newest `keep` whole revisions a date; and the trash, for `grace_days`."""

    keep: int
    grace_days: float

    def check(self) -> None:
        """Refuses what would keep nothing.

        Raises:
            ParameterError: so it is.
        """
        if self.keep < 1 or not self.grace_days >= 0:
            raise ParameterError(
                f"gc: keep {self.keep} and grace {self.grace_days:g} days, wanted at least 1 revision and 0"
                " days; name a policy that keeps what readers use"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A revision or a piece of trash, and what is to be done: `keep`, `trash`, `wait` or `delete`.

    `number` is the revision's; 0 of trash.
    """

    name: str
    action: str
    why: str
    bytes: int
    number: int = 0


def plan(store: Store, policy: Policy, now: dt.datetime) -> list[Item]:
    """What a collection would do now. Reads only.

    Raises:
        ParameterError: a policy that keeps nothing.
        PublishError: a link or a pin cannot be read; then nothing may be collected.
    """
    policy.check()
    found = [i for day in store.days() for i in _judge(store, day, policy)]
    return found + list(_trash(store, policy, now))


def collect(store: Store, policy: Policy, now: dt.datetime) -> list[Item]:
    """Does what `plan` says, one revision after another, and returns what was done.

    Each date is judged again under its lock, so that nothing that was published or pinned since is touched.
    """
    policy.check()
    done: list[Item] = []
    for day in store.days():
        with store.held(day):
            items = [i for i in _judge(store, day, policy) if i.action == "trash"]
            for item in items:
                store.throw(day, item.number, now)
        done += items
    for item in list(_trash(store, policy, now)):
        if item.action == "delete":
            store.delete(item.name)
            done.append(item)
    return done


def _judge(store: Store, day: dt.date, policy: Policy) -> Iterator[Item]:
    there = store.standing(day)
    whole = [n for n in there if revisions.find(store, day, n) is not None]
    named, pinned = store.named_revision(day), pins.pinned(store)
    for number in there:
        name = store.revision(day, number).name
        why = None
        if number == named:
            why = "its date's link names it"
        elif name in pinned:
            why = "it is pinned"
        elif number not in whole:
            why = "it cannot be read"
        elif number in whole[-policy.keep :]:
            why = f"it is one of the newest {policy.keep}"
        elif verify(store, day, number):
            why = "it is not what was published"
        older = f"older than the newest {policy.keep}, neither linked nor pinned"
        yield Item(
            name=name,
            action="keep" if why else "trash",
            why=why or older,
            bytes=store.size(day, number),
            number=number,
        )


def _trash(store: Store, policy: Policy, now: dt.datetime) -> Iterator[Item]:
    """Every piece of trash; one of which nothing says when it came waits for a person."""
    for found in store.trash():
        grace = policy.grace_days if found.grace_days is None else found.grace_days
        if found.since is None:
            action, why = "keep", "no record says when it came here; look at it"
        elif now - found.since < dt.timedelta(days=grace):
            action, why = "wait", f"{found.what} since {found.since:%Y-%m-%d %H:%M}Z"
        else:
            action, why = "delete", f"{found.what} for more than {grace:g} days"
        yield Item(name=found.name, action=action, why=why, bytes=found.bytes)
