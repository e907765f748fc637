"""A publisher that stands still at any step, while another one goes on: no lock keeps them apart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kit import snapshots as kit
from pipeline.contracts.value import changed
from pipeline.errors import ReleaseError, SnapshotExistsError
from pipeline.freshness.release import Release
from pipeline.publishing import index
from pipeline.publishing.epochs import Publisher
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.object_store import ObjectStore
from pipeline.publishing.revisions import Sealed
from pipeline.publishing.seal import publish
from pipeline.publishing.store import Store
from pipeline.publishing.verify import verify_day
from pipeline.settings.stores import Address

DAY = kit.DAY
OWN = Release(
    version="0.3.0", host="one", code="a", python="3.11", libraries="numpy 2.4", governance="c"
)
NEWER = changed(OWN, code="b", host="two")


@dataclass(frozen=True, slots=True)
class OtherHost(FolderStore):
    """The same folder seen from a host that the locks of this one do not reach."""

    def held(self, day: dt.date) -> AbstractContextManager[int]:
        """Nobody is kept out."""
        return nullcontext(0)

    def mend(self, day: dt.date, sealed: Sealed | None) -> None:
        """Nothing: only who has the lock may sweep."""


@dataclass(frozen=True, slots=True)
class Meanwhile(Publisher):
    """To whom something happens around the last look at the epochs."""

    before: Callable[[], object] = str
    after: Callable[[], object] = str

    def enter(self, store: Store, parent: Sealed | None = None) -> None:
        """With both."""
        self.before()
        Publisher.enter(self, store, parent)
        self.after()


Place = Path | Address


@pytest.fixture
def host(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Store]:
    """The store as a host of a name has it."""

    def seen_from(name: str) -> Store:
        if isinstance(place, Path):
            return OtherHost(place)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches" / name))
        return ObjectStore.at(place)

    return seen_from


def stalling(store: Store, step: str, meanwhile: Callable[[], object]) -> Store:
    """The store, where something happens before one step of it, once."""
    kind, waiting = type(store), [meanwhile]

    def after(self: Any, *given: Any, **named: Any) -> Any:
        if waiting:
            waiting.pop()()
        return getattr(kind, step)(self, *given, **named)

    made = type("Stalling", (kind,), {"__slots__": (), step: after})
    return made(*(getattr(store, name) for name in kind.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class Step:
    """Where it stands still: at a step of the store, or before or after its look at the epochs."""

    store: str = ""
    publisher: str = ""

    def publish(self, slow: Store, folder: Path, meanwhile: Callable[[], object]) -> Sealed:
        """By the old release, what lies in the folder; with the number free that it saw first."""
        by = Meanwhile(OWN, **({self.publisher: meanwhile} if self.publisher else {}))
        draft = replace(kit.draft(folder), by=by, after=0)
        if self == LOOKED:
            meanwhile()
        return publish(draft, stalling(slow, self.store, meanwhile) if self.store else slow)


LOOKED = Step()
STEPS = {
    "after its look": LOOKED,
    "before it stages": Step(store="staged"),
    "before it looks at the epochs": Step(publisher="before"),
    "after it looked at the epochs": Step(publisher="after"),
    "before its first object": Step(store="claim"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("by", [OWN, NEWER], ids=["the same release", "a newer release"])
def test_a_publisher_that_stood_still_puts_nothing_over_what_came_meanwhile(
    host: Callable[[str], Store], tmp_path: Path, step: str, by: Release
) -> None:
    """One revision, the other one's; it ends with 10, or with 40 where its release is old by then."""
    Publisher(OWN).adopt(host("first"))

    def overtake() -> None:
        quick = host("quick")
        Publisher(by).adopt(quick)
        publish(replace(kit.draft(tmp_path / "b", price=101.0), by=Publisher(by)), quick)

    with pytest.raises((SnapshotExistsError, ReleaseError)) as told:
        STEPS[step].publish(host("slow").look(), tmp_path / "a", overtake)

    assert told.value.exit_code in ((10,) if by is OWN else (10, 40))
    seen = host("reader").look()
    assert seen.numbers(DAY) == [1]
    assert _price(seen) == 101.0
    assert verify_day(seen, DAY) == []
    _nothing_is_left_that_a_next_run_trips_over(host, tmp_path, by)


def _nothing_is_left_that_a_next_run_trips_over(
    host: Callable[[str], Store], tmp_path: Path, by: Release
) -> None:
    again = replace(kit.draft(tmp_path / "c", price=102.0), by=Publisher(by))
    assert publish(again, host("quick")).revision == 2
    assert _price(host("reader").look()) == 102.0


def test_a_publisher_that_stood_still_after_its_claim_leads_nobody_back(
    host: Callable[[str], Store], tmp_path: Path
) -> None:
    """Its revision stands, and was corrected meanwhile: readers, LATEST and the index have the correction."""

    def correct() -> None:
        quick = host("quick")
        Publisher(NEWER).adopt(quick)
        publish(replace(kit.draft(tmp_path / "b", price=101.0), by=Publisher(NEWER)), quick)

    sealed = Step(store="follow").publish(host("slow").look(), tmp_path / "a", correct)

    assert (sealed.revision, sealed.new) == (1, True)
    seen = host("reader").look()
    assert (seen.numbers(DAY), seen.named_revision(DAY), seen.newest()) == ([1, 2], 2, DAY)
    assert _price(seen) == 101.0
    assert index.read(seen).days[DAY].revision == 2
    assert verify_day(seen, DAY) == []


def _price(store: Store) -> float:
    number = store.named_revision(DAY)
    assert number is not None
    folder = store.fetch(DAY, number, ["bars_1m.parquet"])
    return float(kit.parquet.read(folder / "bars_1m.parquet", ["close"])["close"][0].as_py())
