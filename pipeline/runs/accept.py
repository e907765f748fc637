"""`kitchen accept`: a change of code or libraries is taken to be without effect, once samples prove it.

Samples of every step, feed and symbol that the change made stale are computed anew from their inputs. When
all come out with the content that is there, the receipts are stamped with the code of now; when one does
not, none is. What is stale for another reason stays stale.
"""

from __future__ import annotations

import datetime as dt
import getpass
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pipeline import storage
from pipeline.clock import utc_now
from pipeline.contracts.manifest import Manifest, read
from pipeline.errors import ParameterError, StageError
from pipeline.free_form import Json
from pipeline.freshness import graph, receipt
from pipeline.freshness.acceptance import Candidate, Search
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.packs import Stored
from pipeline.publishing import content, revisions
from pipeline.publishing.opening import open_store
from pipeline.runs.state_folder import Places
from pipeline.settings.config import Kitchen
from pipeline.tasks import context, job
from pipeline.tasks.products import content_of

SAMPLES = 3

Progress = Callable[[int, int, Unit], None]
"""Samples done, samples in all, the one that comes now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Who accepts, on what ground, and how many days of each step, feed and symbol are computed anew.

    Raises:
        ParameterError: a name or a ground is empty, or no sample is asked for.
    """

    who: str
    why: str
    samples: int = SAMPLES

    def __post_init__(self) -> None:
        if not self.who.strip() or not self.why.strip():
            raise ParameterError("--who, --why: got nothing, wanted who accepts and on what ground")
        if self.samples < 1:
            raise ParameterError(f"--sample: got {self.samples}, wanted at least 1 day")


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What was stamped, what was computed to prove it, what came out otherwise, what stays stale and why."""

    accepted: list[Unit] = field(default_factory=list)
    sampled: list[Unit] = field(default_factory=list)
    differs: dict[Unit, list[str]] = field(default_factory=dict)
    left: dict[Unit, list[str]] = field(default_factory=dict)

    def facts(self) -> Json:
        """For JSON."""
        return {
            "accepted": dict(Counter(unit.stage for unit in self.accepted)),
            "sampled": [str(unit) for unit in self.sampled],
            "differs": {str(unit): outputs for unit, outputs in self.differs.items()},
            "left": {str(unit): reasons for unit, reasons in self.left.items()},
        }


def person() -> str:
    """The name of the account that runs this."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def accept(days: Iterable[dt.date], given: Acceptance, progress: Progress | None = None) -> Outcome:
    """Stamps what only a change of code or libraries made stale, if all samples come out equal.

    Args:
        days: The dates whose snapshots, and all they are made of, are looked at.
        given: By whom, why, and how thoroughly.
        progress: Called before each sample.

    Raises:
        StageError: the code changed while samples were computed.
        KitchenError: a sample cannot be computed.
    """
    context.forget()
    freshness = context.freshness()
    search = Search(freshness=freshness).below(days)
    outcome = Outcome(left=search.left, sampled=_sampled(search.found, given.samples))
    _leave_unpublished(search)
    for number, unit in enumerate(outcome.sampled):
        if progress is not None:
            progress(number, len(outcome.sampled), unit)
        outputs = _differing(freshness, unit, search.found[unit])
        if outputs:
            outcome.differs[unit] = outputs
    if not outcome.differs:
        # What ran is what was read at the start; only that code may be stamped.
        if not freshness.is_of_this_code():
            raise StageError("accept: the code changed while samples were computed; run it again")
        _stamp(search, given, outcome)
    context.forget()
    return outcome


def _sampled(found: Iterable[Unit], samples: int) -> list[Unit]:
    """Of each step, feed and symbol so many days, spread evenly; a snapshot has no content of its own."""
    kinds: dict[tuple[str, str | None, str | None], list[Unit]] = defaultdict(list)
    for unit in found:
        if unit.stage != "Snapshot":
            kinds[unit.stage, unit.source, unit.symbol].append(unit)
    chosen = {
        unit
        for units in kinds.values()
        for unit in _spread(sorted(units, key=lambda unit: unit.day), samples)
    }
    return [unit for unit in found if unit in chosen]


def _spread(units: list[Unit], count: int) -> list[Unit]:
    """The first, the last, and the rest between them at equal distances; all where there are no more."""
    if len(units) <= count:
        return units
    last, steps = len(units) - 1, max(count - 1, 1)
    return [units[last - last * step // steps] for step in range(count)]


def _leave_unpublished(search: Search) -> None:
    """A snapshot is accepted only where the current revision says what the prepared manifest says."""
    kitchen = search.freshness.kitchen
    for unit in [unit for unit in search.found if unit.stage == "Snapshot"]:
        store, files = open_store(kitchen.snapshots), _tables(kitchen, unit.day)
        sealed = revisions.current(store, unit.day)
        manifest = _manifest(search.freshness, unit.day)
        if sealed is None or not (
            content.says_the_same(sealed, manifest, files)
            or content.is_withdrawn(store, sealed, manifest, files)
        ):
            del search.found[unit]
            search.left[unit] = ["the current revision says something else"]


def _tables(kitchen: Kitchen, day: dt.date) -> dict[str, Stored]:
    """Name in the snapshot -> where it is prepared, of the tables."""
    unit = Unit("Assemble", day)
    outputs = unit.declared.outputs.items()
    return {name: graph.stored(kitchen, unit, output) for output, name in outputs}


def _manifest(freshness: Freshness, day: dt.date) -> Manifest:
    place = graph.stored(freshness.kitchen, Unit("Manifest", day), "manifest")
    return read(storage.json_in(place))


def _differing(freshness: Freshness, unit: Unit, candidate: Candidate) -> list[str]:
    """The outputs that do not come out as they are; of a manifest, what makes a revision."""
    made = job.remade(freshness, unit)
    if unit.stage == "Manifest":
        same = content.identity(read(made["manifest"])) == content.identity(
            _manifest(freshness, unit.day)
        )
        return [] if same else ["manifest"]
    return [
        name
        for name, content in candidate.kept.contents.items()
        if content_of(made[name]) != content
    ]


def _stamp(search: Search, given: Acceptance, outcome: Outcome) -> None:
    kitchen = search.freshness.kitchen
    said = {
        "who": given.who,
        "why": given.why,
        "at": utc_now().isoformat(timespec="seconds").replace("+00:00", "Z"),
        "samples": len(outcome.sampled),
    }
    for unit, candidate in search.found.items():
        folder = graph.folder(kitchen, unit)
        if receipt.read(folder, unit.name) != candidate.kept:
            outcome.left[unit] = ["it was made anew meanwhile"]
            continue
        receipt.write(folder, {unit.name: candidate.stamped(said)})
        outcome.accepted.append(unit)
    if outcome.accepted:
        with open(Places.of(kitchen.prepared).accepted, "ab") as record:
            record.write(storage.canonical_json({**said, **outcome.facts()}))


def published_days(start: dt.date | None, stop: dt.date | None) -> list[dt.date]:
    """The published dates between two, both included; without them all."""
    days = open_store(context.kitchen().snapshots).published_days()
    return [day for day in days if (start or day) <= day <= (stop or day)]
