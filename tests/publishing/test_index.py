"""The index of all days: always what the revisions say."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from kit import snapshots as kit
from pipeline import storage
from pipeline.contracts.value import to_json
from pipeline.publishing import index, links
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.rollback import rollback
from pipeline.publishing.seal import publish
from pipeline.publishing.verify import verify

NEXT = kit.DAY + dt.timedelta(days=1)
FEBRUARY = (dt.date(2025, 2, 27), dt.date(2025, 2, 28))


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """Two dates; one symbol of the second is degraded."""
    store = FolderStore(tmp_path / "snapshots")
    publish(kit.draft(tmp_path / "a"), store)
    states = {"BTCUSDT": "available", "ETHUSDT": "degraded"}
    publish(kit.draft(tmp_path / "b", NEXT, states=states), store)
    return store


def test_every_day_and_symbol_has_its_condition(store: FolderStore) -> None:
    """With the codes of what degrades it."""
    found = index.read(store).days

    assert list(found) == [kit.DAY, NEXT]
    assert found[NEXT].condition == "degraded"
    assert to_json(found[NEXT])["symbols"] == {
        "BTCUSDT": {"condition": "available", "codes": [], "proven": None},
        "ETHUSDT": {"condition": "degraded", "codes": ["C12"], "proven": None},
    }


def test_it_is_the_same_whether_kept_up_or_made_anew(store: FolderStore, tmp_path: Path) -> None:
    """After a correction and a rollback too, byte for byte."""
    publish(kit.draft(tmp_path / "c", price=101.0), store)
    rollback(store, kit.DAY, 1, "no")
    kept = (store.root / index.FILE).read_bytes()

    (store.root / index.FILE).unlink()
    index.rebuild(store)

    assert (store.root / index.FILE).read_bytes() == kept
    assert index.read(store).days[kit.DAY].revision == 3


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b'{"days": 3}',
        b'{"parts":["\xff"]}',
        b'{"parts":["\\u0000"]}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_index_is_made_anew_by_the_next_publication(
    store: FolderStore, damage: bytes, tmp_path: Path
) -> None:
    """All days stand in it again."""
    (store.root / index.FILE).write_bytes(damage)

    publish(kit.draft(tmp_path / "c", price=101.0), store)

    assert list(index.read(store).days) == [kit.DAY, NEXT]


def test_a_byte_that_changed_anywhere_is_no_error(store: FolderStore) -> None:
    """No text any more, so that it cannot be read: what it says is not there, and a date is not in it."""
    file = store.root / index.FILE
    written = file.read_bytes()
    for at in range(len(written)):
        file.write_bytes(written[:at] + b"\xff" + written[at + 1 :])

        assert index.read(store).days == {}, at
        assert index.of(store, kit.DAY) is None, at


def test_a_day_that_was_published_and_not_indexed_is_added(
    store: FolderStore, tmp_path: Path
) -> None:
    """A run that died before the index was written is finished by the next."""
    kept = (store.root / index.FILE).read_bytes()
    (store.root / index.FILE).unlink()

    assert publish(kit.draft(tmp_path / "again"), store).new is False
    assert (store.root / index.FILE).read_bytes() == kept


def test_a_store_that_was_put_back_by_hand_is_found(store: FolderStore, tmp_path: Path) -> None:
    """r2 taken away and the link moved to r1: nothing but the index remembers."""
    r2 = publish(kit.draft(tmp_path / "c", price=101.0), store)
    r2.path.rename(tmp_path / "hidden")
    store.date_link(kit.DAY).unlink()
    store.date_link(kit.DAY).symlink_to(".revisions/2025-01-02.r1")

    found = [str(f) for f in verify(store, kit.DAY)]

    assert found == [
        "2025-01-02.r1: index.json: has r2, the date's link names r1: rolled back by hand, or the index is"
        " behind"
    ]


def test_making_it_anew_touches_nothing_when_it_is_right(store: FolderStore) -> None:
    """Not one inode."""
    before = kit.tree(store.root)

    index.rebuild(store)

    assert kit.tree(store.root) == before
    assert links.named_day(store) == NEXT


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index of a few hundred bytes is large already."""
    monkeypatch.setattr(index, "_MOST_BYTES", 400)


@pytest.mark.usefixtures("small_parts")
def test_a_large_index_is_in_parts_of_a_month(store: FolderStore, tmp_path: Path) -> None:
    """Of the same form; a publication touches its month's part and no other, and readers see all of them."""
    for day in (dt.date(2025, 2, 27), dt.date(2025, 2, 28), dt.date(2025, 1, 4)):
        publish(kit.draft(tmp_path / f"{day}", day), store)
    folder = store.root / "index"
    parts = {path.name: storage.read_json(path) for path in folder.iterdir()}

    assert storage.read_json(store.root / index.FILE) == {
        "days": {},
        "parts": ["index/2025-01.json", "index/2025-02.json"],
    }
    assert {name: list(part["days"]) for name, part in parts.items()} == {
        "2025-01.json": ["2025-01-02", "2025-01-03", "2025-01-04"],
        "2025-02.json": ["2025-02-27", "2025-02-28"],
    }
    assert list(index.read(store).days) == [kit.DAY, NEXT, dt.date(2025, 1, 4), *FEBRUARY]
    assert index.of(store, FEBRUARY[0]) == index.read(store).days[FEBRUARY[0]]
    before = kit.tree(folder)
    publish(kit.draft(tmp_path / "again", FEBRUARY[1], price=101.0), store)
    touched = {name for name, state in kit.tree(folder).items() if before[name] != state}
    assert {name for name in touched if name.endswith("json")} == {"2025-02.json"}
    assert verify(store, FEBRUARY[1]) == []


@pytest.mark.usefixtures("small_parts")
def test_parts_are_the_same_whether_kept_up_or_made_anew(
    store: FolderStore, tmp_path: Path
) -> None:
    """Byte for byte; a part that is lost, damaged or of no day is mended, the right ones untouched."""
    for day in FEBRUARY:
        publish(kit.draft(tmp_path / f"{day}", day), store)
    kept = kit.contents(store.root / "index")
    january, february = (store.root / f"index/2025-0{n}.json" for n in (1, 2))
    (store.root / "index/2024-07.json").write_text("{}")
    january.unlink()
    february.write_text("{")

    index.rebuild(store)
    assert kit.contents(store.root / "index") == kept
    before = kit.tree(store.root)
    index.rebuild(store)
    assert kit.tree(store.root) == before


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("damage", [b"", b"{", None])
def test_a_damaged_part_is_made_anew_by_the_next_publication_of_its_month(
    store: FolderStore, damage: bytes | None, tmp_path: Path
) -> None:
    """All days of the month stand in it again."""
    part = store.root / "index/2025-01.json"
    publish(kit.draft(tmp_path / "c", FEBRUARY[0]), store)
    part.unlink() if damage is None else part.write_bytes(damage)
    assert list(index.read(store).days) == [FEBRUARY[0]]

    publish(kit.draft(tmp_path / "d", price=101.0), store)
    assert list(index.read(store).days) == [kit.DAY, NEXT, FEBRUARY[0]]


@pytest.mark.usefixtures("small_parts")
def test_a_part_that_is_not_named_does_not_count(store: FolderStore, tmp_path: Path) -> None:
    """A run that died between a new month's part and its name is finished by the next."""
    publish(kit.draft(tmp_path / "c", FEBRUARY[0]), store)
    whole = (store.root / index.FILE).read_bytes()
    (store.root / index.FILE).write_bytes(
        storage.readable_json({"days": {}, "parts": ["index/2025-01.json"]})
    )
    assert index.of(store, FEBRUARY[0]) is None
    assert list(index.read(store).days) == [kit.DAY, NEXT]

    assert publish(kit.draft(tmp_path / "again", FEBRUARY[0]), store).new is False
    assert (store.root / index.FILE).read_bytes() == whole


def test_what_the_index_does_not_know_is_read_from_the_revisions(
    store: FolderStore, tmp_path: Path
) -> None:
    """An index that is behind gives no older answer, and nothing is written."""
    behind = (store.root / index.FILE).read_bytes()
    publish(kit.draft(tmp_path / "c", price=101.0), store)
    publish(kit.draft(tmp_path / "d", FEBRUARY[0]), store)
    wanted = index.read(store).days
    (store.root / index.FILE).write_bytes(behind)

    assert index.current(store) == wanted
    assert (store.root / index.FILE).read_bytes() == behind


def test_duckdb_reads_the_index(store: FolderStore) -> None:
    """Days and symbols as maps: a row each."""
    form = "MAP(DATE, STRUCT(symbols MAP(VARCHAR, STRUCT(condition VARCHAR))))"
    rows = duckdb.sql(
        "select day, unnest(map_keys(symbols)) as symbol, unnest(map_values(symbols)).condition"  # noqa: S608
        " from (select unnest(map_keys(days)) as day, unnest(map_values(days)).symbols as symbols"
        f" from read_json('{store.root / index.FILE}', columns = {{days: '{form}'}})) order by all"
    ).fetchall()

    assert rows == [
        (kit.DAY, "BTCUSDT", "available"),
        (NEXT, "BTCUSDT", "available"),
        (NEXT, "ETHUSDT", "degraded"),
    ]
