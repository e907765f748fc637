"""Weeks without a person, on a fake clock: what arrives late, wrong or never ends as the rules say."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.fake_exchange import Clock, FakeExchange, Fault
from kit.real_luigid import Luigid, serving
from kit.simulated_world import FIRST, HOUR, World
from pipeline.publishing.day_state import PUBLISHED

EVERY = 3


def truncated(lines: list[str]) -> list[str]:
    """An archive that ends at 07:36."""
    return lines[: len(lines) - 1440 + 456]


def without_six_hours(lines: list[str]) -> list[str]:
    """No row from 10:00 to 16:00."""
    head = len(lines) - 1440
    return lines[: head + 600] + lines[head + 960 :]


def other_volume(lines: list[str]) -> list[str]:
    """One minute with trades has a volume of 1 more, at its close."""
    at = next(n for n in range(len(lines) - 700, len(lines)) if float(lines[n].split(",")[5]) > 0)
    fields = lines[at].split(",")
    fields[7] = f"{float(fields[7]) + float(fields[4]):.8f}"
    fields[5] = f"{float(fields[5]) + 1:.3f}"
    return [*lines[:at], ",".join(fields), *lines[at + 1 :]]


def moment(index: int, hour: int) -> dt.datetime:
    """So many hours after 00:00 of a day."""
    return dt.datetime.combine(FIRST, dt.time(), dt.UTC) + (24 * index + hour) * HOUR


def arrivals(world: World, *, but: set[int]) -> None:
    """Klines come at 08:30 of the next day, as the exchange's archive does, but for some days."""
    for index in range(world.count):
        if index not in but:
            world.at(index + 1, 8.5, lambda index=index: world.klines(index))


def _about(world: World, head: str) -> str:
    kinds = {"missing": ("missing", "no klines"), "failed": ("failed", "could not be built")}
    if head.startswith(("klines could not be fetched", "fetch ")):
        return "fetch"
    kind = next((k for k, words in kinds.items() if any(w in head for w in words)), "exporter")
    if kind == "exporter":
        assert "Bar1mExporter BTCUSDT" in head or "BTCUSDT Bar1mExporter" in head
        return kind
    return f"{kind} {next(i for i in range(world.count) if str(world.day(i)) in head)}"


def alerts_of(world: World) -> list[tuple[int, int, str]]:
    """Day, hour and what each alert is about: `failed 2`, `over failed 2`, `stale`, ..."""
    found = []
    for day, hour, title, heads in world.said():
        for head in heads:
            if head.endswith("said before, still hold"):
                continue
            over = "over " if head.startswith("over: ") else ""
            found.append((day, hour, over + _about(world, head.removeprefix("over: "))))
        assert title.startswith("kitchen ")
    return found


def test_five_days_with_a_late_a_truncated_and_an_unwatched_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late klines alarm nobody; a truncated archive does, once, until it is re-issued."""
    world = World(tmp_path, 5, monkeypatch)
    arrivals(world, but={0, 1})
    world.at(2, 5, lambda: world.klines(0))
    world.at(2, 8, lambda: world.klines(1, truncated))
    world.at(3, 5, lambda: world.klines(1))
    world.exporter_off = [(moment(3, 4), moment(3, 12))]
    world.refusals[world.day(3)] = [25]

    world.run(hours=24 * 4 + 18, every=6)

    assert world.conditions() == {
        0: "available",
        1: "available",
        2: "available",
        3: "degraded",
        4: "available",
    }
    assert alerts_of(world) == [
        (2, 13, "failed 1"),
        (3, 1, "failed 1"),  # it still holds, 12 hours later
        (3, 7, "over failed 1"),
        (3, 7, "exporter"),
        (3, 13, "over exporter"),
    ]
    assert world.waits == [30.0]
    succeeded = Counter(day for _, day, code in world.built if code == 0)
    assert succeeded[world.day(0)] == 1
    assert world.revisions() == {0: 1, 1: 1, 2: 1, 3: 1, 4: 1}


def test_a_day_waits_for_its_trades_until_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late by hours, they keep the day waiting; behind the deadline they make a revision."""
    world = World(tmp_path, 4, monkeypatch, trades=True)
    arrivals(world, but=set())
    for index, day, hour in ((0, 1, 8.5), (1, 2, 18.0), (2, 5, 12.0), (3, 4, 8.5)):
        world.at(day, hour, lambda index=index: world.trades(index))

    world.run(hours=24 * 4 + 18, every=6)

    first = {}
    for instant, day, code in world.built:
        if code == 0:
            first.setdefault((day - FIRST).days, instant)
    assert first[1] >= moment(2, 18)
    assert first[2] >= moment(5, 0) > first[3]
    # The day behind the late one was there first, and looks back on both of its revisions.
    assert world.revisions() == {0: 1, 1: 1, 2: 2, 3: 3}
    assert ["tape" in world.manifest(2, r) for r in (1, 2)] == [False, True]


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    """An exchange on loopback, whose clock is the world's."""
    with FakeExchange(Clock(moment(1, 1).timestamp())).serving() as exchange:
        yield exchange


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_a_month(tmp_path: Path, exchange: FakeExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fault of the list, and at the end the conditions, revisions and alerts of the rules.

    Klines come through the real fetcher from an exchange that fails now and then. Two days are built by
    the real program with a real luigid, which is killed during the second.
    """
    world = World(tmp_path, 31, monkeypatch, exchange)
    arrivals(world, but={2, 4, 6, 13})
    world.at(4, 5, lambda: world.klines(2))  # late, within its deadline
    world.at(8, 5, lambda: world.klines(4))  # missing for a day, then published
    world.at(7, 8, lambda: world.klines(6, truncated))
    world.at(9, 5, lambda: world.klines(6))  # re-issued whole
    world.at(11, 5, lambda: world.klines(9, level=1))  # re-issued: other bytes, the same rows
    world.at(13, 5, lambda: world.klines(10, other_volume))  # re-issued: another row
    world.at(14, 8, lambda: world.klines(13, without_six_hours))  # nothing was traded
    world.at(14, 14, lambda: world.outage(13, 10, 16))
    world.overloaded = [(moment(15, 6), moment(15, 9))]
    world.unreachable = [(moment(15, 9), moment(15, 12))]  # six hours in all
    world.luigid = Luigid(tmp_path / "configs/kitchen.yaml", (world.day(15), world.day(16)))
    world.luigid.kill_on = world.day(16)
    world.off = [(moment(19, 2), moment(22, 2))]
    world.exporter_off = [(moment(24, 4), moment(24, 12))]
    for day, what in ((27, "cut"), (27, "flip"), (28, "short")):
        world.at(day, 9, lambda what=what: exchange.faults.append(Fault(r"\.zip$", what)))

    with serving(world.luigid):
        world.run(hours=24 * 30 + 18, every=EVERY)

    _is_as_the_rules_say(world)
    _caught_up_once(world)
    assert world.luigid.killed == 1
    assert not [line for line in world.programs[world.day(15)] if "luigid" in line]
    assert [line for line in world.programs[world.day(16)] if "does not answer" in line]
    assert [line for line in world.programs[world.day(16)] if "no luigid answers" in line]
    assert world.waits == [30.0]
    assert world.cron().days[world.day(30)].state == PUBLISHED


def _is_as_the_rules_say(world: World) -> None:
    assert world.conditions() == {
        index: "degraded" if index == 24 else "available" for index in range(31)
    }
    assert alerts_of(world) == [
        (7, 1, "missing 4"),
        (7, 13, "failed 6"),
        (7, 13, "missing 4"),  # what holds is said again after 12 hours
        (8, 1, "failed 6"),
        (8, 1, "missing 4"),
        (8, 7, "over missing 4"),
        (8, 13, "failed 6"),
        (9, 1, "failed 6"),
        (9, 7, "over failed 6"),
        (14, 13, "failed 13"),
        (14, 16, "over failed 13"),
        (15, 7, "fetch"),
        (15, 13, "over fetch"),
        (24, 4, "exporter"),
        (24, 13, "over exporter"),
    ]
    # The day after a correction looks back on it: 4 came late, 6 and 10 were re-issued with other rows.
    revised = {index: n for index, n in world.revisions().items() if n != 1}
    assert revised == {5: 2, 7: 2, 10: 2, 11: 2}
    for index, count in revised.items():
        hashes = {world.manifest(index, n)["data_manifest_hash"] for n in range(1, count + 1)}
        assert len(hashes) == count


def _caught_up_once(world: World) -> None:
    """Each gap was filled by the first run that could, and by no other."""
    assert [day for at, day, _ in world.built if at == moment(15, 16)] == [world.day(14)]
    assert [day for at, day, _ in world.built if at == moment(22, 4)] == [
        world.day(18),
        world.day(19),  # both past their deadline; of 20 the klines must first be at rest
    ]
    assert [day for at, day, _ in world.built if at == moment(22, 7)] == [world.day(20)]
    # A day is built when its klines have come, once more when the next day's exports are final, since a
    # wrong clock may have filed rows of it there, and once for each correction.
    # Of these the next day's exports were final already, or are still to come:
    late = {2, 4, 6, 18, 19, 20, 30}
    corrected = {5, 7, 9, 10, 11}
    succeeded = Counter(day for _, day, code in world.built if code == 0)
    assert {(day - FIRST).days: count for day, count in succeeded.items()} == {
        index: 1 if index in late else 3 if index in corrected else 2 for index in range(31)
    }
    assert [code for _, day, code in world.built if day == world.day(16)] == [25, 0, 0]
    for index in range(31):
        name = f"BTCUSDT-1m-{world.day(index)}.zip"
        path = f"/data/futures/um/daily/klines/BTCUSDT/1m/{name}"
        assert (world.raw / "binance/futures_um" / name).read_bytes() == world.exchange.files[path]
    assert not list(world.raw.rglob("*.part"))
