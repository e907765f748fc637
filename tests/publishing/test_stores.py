"""What every store promises, whatever it is made of: the same steps on a folder and on objects."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit import object_server
from kit import snapshots as kit
from pipeline.errors import ParameterError, PublishError, SnapshotCorruptError
from pipeline.publishing import collect, index, pins, revisions
from pipeline.publishing.collect import Policy
from pipeline.publishing.diff import diff_folders, differing
from pipeline.publishing.opening import open_store
from pipeline.publishing.rollback import rollback
from pipeline.publishing.seal import publish
from pipeline.publishing.store import ALWAYS, Store
from pipeline.publishing.verify import verify, verify_day
from pipeline.reader import files, load, scan, urls

D1, D2, D3 = (kit.DAY + dt.timedelta(days=i) for i in range(3))
SIGNED = "qc/BTCUSDT/calibration_report.md"


def closes(store: Store, day: dt.date, as_of: dt.datetime | None = None) -> set[float]:
    """What readers get as a day's closes."""
    table = load("bars_1m", day, day, columns=["close"], as_of=as_of, root=store.name)
    return set(table["close"].to_pylist())


def test_a_published_day_is_read_by_every_way(store: Store, tmp_path: Path) -> None:
    """Rows, files, a lazy frame and addresses; nothing but what was published."""
    draft = kit.draft(tmp_path / "a")

    sealed = publish(draft, store)

    assert (sealed.revision, sealed.new) == (1, True)
    assert closes(store, D1) == {100.0}
    [file] = files("bars_1m", D1, D1, root=store.name)
    assert file.read_bytes() == draft.files["bars_1m.parquet"].read_bytes()
    assert scan("bars_1m", D1, D1, ["BTCUSDT"], root=store.name).collect().height == 1440
    [url] = urls("bars_1m", D1, D1, root=store.name)
    assert url.startswith(store.name)
    assert url.endswith("/bars_1m.parquet")


def test_every_file_of_a_revision_is_good(store: Store, tmp_path: Path) -> None:
    """As `verify` sees them, which hashes what the store has."""
    publish(kit.draft(tmp_path / "a"), store)

    assert verify_day(store, D1) == []
    with store.anew(D1, 1) as folder:
        assert folder is not None
        names = set(kit.contents(folder))
    assert {"SHA256SUMS", "MD5SUMS", "publication.json", SIGNED} < names


def test_a_correction_is_the_next_revision(store: Store, tmp_path: Path) -> None:
    """Readers get it; what was known before stays known; the parent and the changes are told."""
    publish(kit.draft(tmp_path / "a"), store)
    first = revisions.wanted(store, D1, 1)
    said = revisions.read_publication(first.path)["published_at"]

    sealed = publish(kit.draft(tmp_path / "b", price=101.0), store)

    paper = revisions.read_publication(sealed.path)
    assert (sealed.revision, paper["parent"]) == (2, 1)
    assert paper["changes"]["tables"]["bars_1m.parquet"]["changed"] == 1440
    assert paper["published_at"] > said
    assert closes(store, D1) == {101.0}
    assert verify_day(store, D1) == []


def test_the_same_content_is_no_revision(store: Store, tmp_path: Path) -> None:
    """Also when another process of another machine asks, which has no copies."""
    publish(kit.draft(tmp_path / "a"), store)
    if store.disk.name != "snapshots":
        shutil.rmtree(store.disk)

    again = publish(kit.draft(tmp_path / "b"), store)

    assert (again.revision, again.new) == (1, False)
    assert store.numbers(D1) == [1]


def test_two_revisions_differ_row_by_row(store: Store, tmp_path: Path) -> None:
    """As `kitchen diff` holds them against each other."""
    for number, price in enumerate((100.0, 101.0)):
        publish(kit.draft(tmp_path / f"{number}", price=price), store)
    sides = [revisions.wanted(store, D1, number) for number in (1, 2)]
    manifests = revisions.read_manifest(sides[0]), revisions.read_manifest(sides[1])
    for side in sides:
        store.fetch(D1, side.revision, differing(manifests))

    [table] = diff_folders(sides[0].path, sides[1].path, manifests)

    assert (table.name, len(table.touched)) == ("bars_1m.parquet", 1440)


def test_a_rollback_brings_the_old_content_back(store: Store, tmp_path: Path) -> None:
    """As a revision of its own, and what it took back is not published again."""
    for number, price in enumerate((100.0, 101.0)):
        publish(kit.draft(tmp_path / f"{number}", price=price), store)

    sealed = rollback(store, D1, 1, "wrong export")

    assert (sealed.revision, closes(store, D1)) == (3, {100.0})
    assert not publish(kit.draft(tmp_path / "again", price=101.0), store).new
    assert verify_day(store, D1) == []


def test_the_newest_dates_are_known(store: Store, tmp_path: Path) -> None:
    """LATEST, and LATEST_AVAILABLE past a degraded day, in whatever order days come."""
    for day, state in ((D2, "available"), (D3, "degraded"), (D1, "available")):
        publish(kit.draft(tmp_path / f"{day}", day, states={"BTCUSDT": state}), store)

    look = store.look()

    assert (look.newest(), look.newest(available=True)) == (D3, D2)
    assert look.published_days() == [D1, D2, D3] == look.days()
    assert all(look.settled(revisions.wanted(look, day, None)) for day in (D1, D2, D3))


def test_a_day_that_ceased_to_be_available_is_not_the_newest_available(
    store: Store, tmp_path: Path
) -> None:
    """The one before is."""
    publish(kit.draft(tmp_path / "a", D1), store)
    publish(kit.draft(tmp_path / "b", D2), store)

    publish(kit.draft(tmp_path / "c", D2, states={"BTCUSDT": "degraded"}), store)

    assert (store.newest(), store.newest(available=True)) == (D2, D1)


def test_nothing_is_read_of_an_empty_store(store: Store) -> None:
    """No date, no revision, no fault of the program."""
    store.prepare()
    assert (store.days(), store.newest(), store.numbers(D1)) == ([], None, [])
    assert revisions.current(store, D1) is None
    assert load("bars_1m", D1, D1, allow=("pending",), root=store.name).num_rows == 0
    assert [f.what for f in verify_day(store, D1)] == ["no such link: the date is not published"]


def test_the_index_says_what_the_revisions_say(store: Store, tmp_path: Path) -> None:
    """Kept up, and the same when made anew."""
    publish(kit.draft(tmp_path / "a", D1), store)
    publish(kit.draft(tmp_path / "b", D2, states={"BTCUSDT": "degraded"}), store)
    kept = store.read(index.FILE)

    store.remove(index.FILE)
    made = index.rebuild(store)

    assert {day: entry.condition for day, entry in made.days.items()} == {
        D1: "available",
        D2: "degraded",
    }
    assert store.read(index.FILE) == kept


def test_pins_are_kept_listed_and_taken_away(store: Store, tmp_path: Path) -> None:
    """By the revision's name; what is no pin stops everything."""
    publish(kit.draft(tmp_path / "a"), store)

    name = pins.pin(store, D1, None, "paper of March")

    assert (name, pins.pinned(store)[name].note) == ("2025-01-02.r1", "paper of March")
    assert pins.unpin(store, D1, 1) == name
    assert pins.pinned(store) == {}
    store.write(".pins/what", b"")
    with pytest.raises(PublishError, match="is no pin"):
        pins.pinned(store)


def test_old_revisions_are_collected_after_their_grace(store: Store, tmp_path: Path) -> None:
    """Into the trash, back from it, and gone at last; numbers are never used again."""
    for number in range(3):
        publish(kit.draft(tmp_path / f"{number}", price=100.0 + number), store)
    pins.pin(store, D1, 1, "")
    policy, now = Policy(keep=1, grace_days=7), dt.datetime.now(dt.UTC)

    done = collect.collect(store, policy, now)
    assert [(item.name, item.action) for item in done] == [("2025-01-02.r2", "trash")]
    assert revisions.find(store, D1, 2) is None
    assert store.restore(D1, 2) == "2025-01-02.r2"
    assert verify(store, D1, 2) == []
    with pytest.raises(ParameterError, match="is not in the trash"):
        store.restore(D1, 2)

    collect.collect(store, policy, now)
    waits = [i for i in collect.plan(store, policy, now) if i.action == "wait"]
    assert [item.name.removeprefix(".trash-") for item in waits] == ["2025-01-02.r2"]
    collect.collect(store, policy, now + dt.timedelta(days=8))

    assert [t.name for t in store.trash()] == []
    assert verify_day(store, D1) == []
    assert publish(kit.draft(tmp_path / "n", price=200.0), store).revision == 4


def test_a_name_is_given_once(store: Store) -> None:
    """What is there stays, and the second one is told."""
    assert store.put_if_absent("epochs/000001.json", b"first")
    assert not store.put_if_absent("epochs/000001.json", b"second")
    assert store.read("epochs/000001.json") == b"first"
    assert store.names("epochs") == ["000001.json"]
    assert store.read("epochs/000002.json") is None


def test_a_signature_goes_with_the_revision(store: Store, tmp_path: Path) -> None:
    """And is held against the keys that are trusted."""
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    publish(replace(kit.draft(tmp_path / "a"), key=key), store)

    assert verify(store, D1, 1, [key.public_key()]) == []
    assert [f.file for f in verify(store, D1, 1, [other.public_key()])] == ["publication.json.sig"]


def test_a_look_is_not_disturbed(store: Store, tmp_path: Path) -> None:
    """A date that is published meanwhile is seen by the next one."""
    publish(kit.draft(tmp_path / "a", D1), store)
    look = store.look(ALWAYS)
    before = look.taken(D1)

    publish(kit.draft(tmp_path / "b", D1, price=101.0), store)

    assert look.taken(D1) == before
    assert store.look(ALWAYS).taken(D1) != before


def test_a_draft_that_is_not_its_manifest_is_refused(store: Store, tmp_path: Path) -> None:
    """Nothing of it is seen."""
    draft = kit.draft(tmp_path / "a")
    place = draft.files["bars_1m.parquet"].file
    place.write_bytes(place.read_bytes()[:-1] + b"x")

    with pytest.raises(PublishError, match="read back"):
        publish(replace(draft), store)

    assert store.look().days() == []


def test_two_stores_have_the_same_files(tmp_path: Path, endpoint: str) -> None:
    """All but the publication, which says when: what a folder has, objects have byte for byte."""
    folder, objects = (
        open_store(tmp_path / "snapshots"),
        open_store(object_server.address(endpoint)),
    )
    for store in (folder, objects):
        publish(kit.draft(tmp_path / "a"), store)

    with folder.anew(D1, 1) as left, objects.anew(D1, 1) as right:
        assert left is not None
        assert right is not None
        sides = [kit.contents(side) for side in (left, right)]

    assert [side.pop("publication.json") != b"" for side in sides] == [True, True]
    assert sides[0] == sides[1]


def test_other_bytes_are_found_and_never_read(tmp_path: Path, endpoint: str) -> None:
    """An object that was changed behind the kitchen's back: named, and refused."""
    place = object_server.address(endpoint)
    store = open_store(place)
    publish(kit.draft(tmp_path / "a"), store)
    [name] = [n for n in object_server.contents(place) if n.endswith("bars_1m.parquet")]
    object_server.client(endpoint).put_object(
        Bucket=place.bucket, Key=f"{place.prefix}/{name}", Body=b"other"
    )
    shutil.rmtree(store.disk)

    with pytest.raises(SnapshotCorruptError, match=r"bars_1m\.parquet: sha256 is"):
        load("bars_1m", D1, D1, root=store.name)
    assert "bars_1m.parquet" in [f.file for f in verify_day(store, D1)]


def test_a_kitchen_with_a_folder_does_without_objects(tmp_path: Path) -> None:
    """Nothing of boto3 is loaded, nor what speaks to it."""
    program = (
        "import sys; from pathlib import Path; from pipeline.publishing.opening import open_store\n"
        f"from pipeline.reader import load; store = open_store(Path({str(tmp_path)!r})); store.days()\n"
        "load('bars_1m', '2025-01-02', '2025-01-02', allow=('pending',), root=store.name)\n"
        "print([m for m in sys.modules if 'boto' in m or m.startswith('pipeline.publishing.s3')])"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout == "[]\n"
