"""Revisions copied between stores: the same bytes under the same numbers, however often it is stopped."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from kit import object_server
from kit import snapshots as kit
from kit.doc_pages import blocks, page
from kit.dying import Killed, faulty
from kit.object_server import Answer, Door, Pass, Request
from kit.support import write_config
from pipeline.cli.main import cli
from pipeline.errors import PublishError
from pipeline.publishing import collect, copying, index, pins, revisions
from pipeline.publishing.collect import Policy
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.object_store import ObjectStore
from pipeline.publishing.opening import open_store
from pipeline.publishing.rollback import rollback
from pipeline.publishing.seal import publish
from pipeline.publishing.store import Store
from pipeline.publishing.verify import verify_day
from pipeline.reader import load
from pipeline.settings.stores import Address, Server

D1, D2 = kit.DAY, kit.DAY + dt.timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    """Two dates: a correction and a rollback of the first, a degraded second, a pin."""
    store = FolderStore(tmp_path / "snapshots")
    publish(kit.draft(tmp_path / "a", D1), store)
    publish(kit.draft(tmp_path / "b", D1, price=101.0), store)
    rollback(store, D1, 1, "wrong export")
    publish(kit.draft(tmp_path / "c", D2, states={"BTCUSDT": "degraded"}), store)
    pins.pin(store, D1, 2, "paper of March")
    return store


def copied(source: Store, target: Store) -> dict[str, str]:
    """Revision -> what became of it."""
    return {e.name: e.what for e in copying.copy(source, target, source.days())}


def spoil(file: Path) -> None:
    """Turns its last byte but one, as a disk does."""
    data = bytearray(file.read_bytes())
    data[-2] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)
    file.chmod(0o444)


def inodes(store: FolderStore) -> dict[str, int]:
    """File of a revision -> its inode, which a replaced one has not."""
    files = (p for p in store.revisions.rglob("*") if p.is_file())
    return {str(p.relative_to(store.revisions)): p.stat().st_ino for p in files}


def everything(store: Store) -> dict[str, dict[str, bytes]]:
    """Revision -> all its files."""
    found = {}
    for day in store.days():
        for number in store.standing(day):
            with store.anew(day, number) as path:
                assert path is not None
                found[f"{day}.r{number}"] = kit.contents(path)
    return found


def test_there_and_back_again(folder: FolderStore, tmp_path: Path, endpoint: str) -> None:
    """From a folder to objects and from there to another folder: no byte differs, no link, no entry."""
    objects = open_store(object_server.address(endpoint))
    back = FolderStore(tmp_path / "back")

    there = copied(folder, objects)
    copied(objects, back)

    assert there == dict.fromkeys(
        ["2025-01-02.r1", "2025-01-02.r2", "2025-01-02.r3", "2025-01-03.r1"], "copied"
    )
    assert everything(folder) == everything(objects) == everything(back)
    assert [verify_day(store, day) for store in (objects, back) for day in (D1, D2)] == [[]] * 4
    links = [
        {p.name: os.readlink(p) for p in s.root.iterdir() if p.is_symlink()} for s in (folder, back)
    ]
    assert links[0] == links[1]
    assert folder.read(index.FILE) == objects.read(index.FILE) == back.read(index.FILE)
    assert pins.pinned(folder) == pins.pinned(objects) == pins.pinned(back)


def test_what_was_known_when_is_copied_too(folder: FolderStore, endpoint: str) -> None:
    """`as_of` answers as before: the time of publication is the one of the first store."""
    objects = open_store(object_server.address(endpoint))
    said = revisions.read_publication(folder.revision(D1, 1))["published_at"]

    copied(folder, objects)

    for store in (folder, objects):
        table = load("bars_1m", D1, D1, columns=["close"], as_of=said, root=store.name)
        assert set(table["close"].to_pylist()) == {100.0}


def test_a_second_copy_has_nothing_to_do(folder: FolderStore, endpoint: str) -> None:
    """And what was published since is copied by the next one."""
    place = object_server.address(endpoint)
    copied(folder, open_store(place))
    before = object_server.contents(place)

    assert set(copied(folder, open_store(place)).values()) == {"there"}
    assert object_server.contents(place) == before


def test_a_rollback_s_objects_are_there_once(folder: FolderStore, endpoint: str) -> None:
    """It names those of the revision whose content it has."""
    place = object_server.address(endpoint)
    copied(folder, open_store(place))

    tables = [name for name in object_server.contents(place) if name.endswith("bars_1m.parquet")]

    assert len(tables) == 3


def test_a_copy_that_was_stopped_goes_on(folder: FolderStore, endpoint: str) -> None:
    """After the server went away in the middle, at several moments."""
    place, allowed = object_server.address(endpoint), [25]

    def away(request: Request, go: Pass) -> Answer | None:
        allowed[0] -= 1
        return go(request) if allowed[0] > 0 else None

    stopped = 0
    with Door(endpoint, away).open() as door:
        server = Server(endpoint=door, patience_seconds=1)
        through = Address(bucket=place.bucket, prefix=place.prefix, server=server)
        for _ in range(12):
            try:
                copied(folder, open_store(through))
                break
            except PublishError:
                stopped += 1
                allowed[0] = 25 + 25 * stopped
                # So long a store that was away is not asked again.
                time.sleep(server.patience_seconds)

    assert stopped >= 2
    assert everything(folder) == everything(open_store(place))


def test_a_copy_that_was_killed_goes_on(folder: FolderStore, tmp_path: Path, endpoint: str) -> None:
    """With -9, back into a folder: whole revisions alone are seen, and nothing is left over."""
    objects, back = open_store(object_server.address(endpoint)), FolderStore(tmp_path / "back")
    copied(folder, objects)
    command = [sys.executable, "-P", "-c", "from pipeline.cli.main import main; main()", "copy"]
    command += ["--from", objects.name, "--to", back.name]

    for wait in (0.1, 0.2, 0.3):
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            until = time.monotonic() + 60
            while not list(back.root.glob(".staging*")) and time.monotonic() < until:
                if process.poll() is not None:
                    break
                time.sleep(0.01)
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
        known = everything(folder)
        assert everything(back) == {n: f for n, f in known.items() if n in everything(back)}
    subprocess.run(command, check=True, capture_output=True)

    assert everything(back) == everything(folder)
    assert list(back.root.glob(".staging*")) == []


def test_another_revision_of_a_number_is_never_replaced(
    folder: FolderStore, tmp_path: Path, endpoint: str
) -> None:
    """One sentence names both stores."""
    objects = open_store(object_server.address(endpoint))
    publish(kit.draft(tmp_path / "x", price=300.0), objects)

    with pytest.raises(PublishError, match=r"2025-01-02\.r1: s3://.* has another revision"):
        copied(folder, objects)

    assert objects.numbers(D1) == [1]


def test_a_damaged_revision_is_named_and_the_rest_copied(
    folder: FolderStore, endpoint: str
) -> None:
    """Also those after it; with what to do."""
    objects = open_store(object_server.address(endpoint))
    spoil(folder.revision(D1, 2) / "bars_1m.parquet")

    done = list(copying.copy(folder, objects, folder.days()))

    assert [each.what for each in done] == ["copied", "damaged", "copied", "copied"]
    assert done[1].why.startswith(f"2025-01-02.r2 in {folder.name}: bars_1m.parquet: sha256 is ")
    todo = f"run `kitchen copy --from COPY --to {folder.name} --repair`"
    assert done[1].why.endswith(
        f"; it was not copied; where another copy of the store has it whole, {todo}"
    )
    assert objects.standing(D1) == [1, 3]


def test_one_that_cannot_be_read_keeps_no_other_back(folder: FolderStore, tmp_path: Path) -> None:
    """Its folder is a file, its paper is gone, or another has its name."""
    for number, name in ((1, "publication.json"), (2, "dataset_manifest.json")):
        folder.revision(D1, number).chmod(0o755)
        (folder.revision(D1, number) / name).unlink()
    (folder.revisions / f"{D1}.r4").write_text("")

    done = copied(folder, FolderStore(tmp_path / "back"))

    assert list(done.values()) == ["damaged", "damaged", "copied", "damaged", "copied"]


@pytest.mark.parametrize(
    "name", ["bars_1m.parquet", "dataset_manifest.json", "MD5SUMS", "publication.json"]
)
def test_damage_in_a_folder_is_named_and_put_right(
    folder: FolderStore, tmp_path: Path, name: str
) -> None:
    """Where asked for: that file alone is replaced, and all is sealed again."""
    back = FolderStore(tmp_path / "back")
    copied(folder, back)
    spoil(back.revision(D1, 2) / name)
    before = inodes(back)

    told = list(copying.copy(folder, back, folder.days()))
    assert [each.what for each in told] == ["there", "damaged", "there", "there"]
    assert f"2025-01-02.r2 in {back.name}: " in told[1].why
    assert told[1].why.endswith("; --repair puts it right")
    assert inodes(back) == before

    mended = [e.what for e in copying.copy(folder, back, folder.days(), repair=True)]
    assert mended == ["there", "repaired", "there", "there"]
    assert everything(back) == everything(folder)
    assert {n for n, i in inodes(back).items() if i != before[n]} == {f"{D1}.r2/{name}"}
    modes = {oct(p.stat().st_mode) for p in [back.revision(D1, 2), *back.revision(D1, 2).iterdir()]}
    assert modes == {"0o40555", "0o100444"}
    assert [verify_day(back, day) for day in (D1, D2)] == [[], []]


def test_files_that_are_gone_come_back(folder: FolderStore, tmp_path: Path) -> None:
    """One, and a folder with all in it."""
    back = FolderStore(tmp_path / "back")
    copied(folder, back)
    path = back.revision(D1, 1)
    path.chmod(0o755)
    (path / "bars_1m.parquet").unlink()
    for report in (p for p in path.iterdir() if p.is_dir()):
        report.chmod(0o755)
        shutil.rmtree(report)

    done = {e.name: e.what for e in copying.copy(folder, back, folder.days(), repair=True)}

    assert done[f"{D1}.r1"] == "repaired"
    assert everything(back) == everything(folder)


def test_damage_among_objects_is_named_and_put_right(folder: FolderStore, endpoint: str) -> None:
    """A changed object and one that is gone; of a rollback's, which it shares, too."""
    place = object_server.address(endpoint)
    objects = ObjectStore.at(place)
    copied(folder, objects)
    whole = object_server.contents(place)
    at = next(name for name in whole if name.endswith("MD5SUMS")).rpartition("/")[0]
    objects.write(f"{at}/bars_1m.parquet", b"x")
    objects.remove(f"{at}/macro_slow.parquet")

    told = copied(folder, open_store(place))
    done = [e.what for e in copying.copy(folder, open_store(place), folder.days(), repair=True)]

    assert sorted(set(told.values())) == ["damaged", "there"]
    assert "repaired" in done
    assert "damaged" not in done
    assert object_server.contents(place) == whole


def test_a_repair_that_dies_leaves_no_file_worse(
    folder: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any change of the disk: each file is as it was or whole, and the next repair ends it."""
    back = FolderStore(tmp_path / "back")
    copied(folder, back)
    whole, at, died = everything(back), 1, True
    while died:
        for name in ("bars_1m.parquet", "dataset_manifest.json"):
            spoil(back.revision(D2, 1) / name)
        before, died = everything(back), False
        try:
            with faulty(monkeypatch, at):
                list(copying.copy(folder, back, [D2], repair=True))
        except Killed:
            died = True
        for revision, files in everything(back).items():
            for name, data in files.items():
                assert data in (before[revision][name], whole[revision][name])
        list(copying.copy(folder, back, [D2], repair=True))
        assert everything(back) == whole
        assert list(back.root.glob(".staging*")) == []
        at += 1

    assert at > 20


def test_what_is_gone_from_a_bucket_keeps_no_other_revision_back(
    folder: FolderStore, tmp_path: Path, endpoint: str
) -> None:
    """It is named; the restored store has the rest."""
    objects = ObjectStore.at(object_server.address(endpoint))
    copied(folder, objects)
    objects.remove(objects.url(D2, 1, "bars_1m.parquet").removeprefix(f"{objects.name}/"))
    back = FolderStore(tmp_path / "back")

    done = list(copying.copy(objects, back, objects.days()))

    assert [each.what for each in done] == ["copied", "copied", "copied", "damaged"]
    assert done[3].why.startswith(f"2025-01-03.r1 in {objects.name}: bars_1m.parquet: is missing; ")
    assert back.days() == [D1]


def test_nothing_is_put_right_from_what_is_damaged(folder: FolderStore, tmp_path: Path) -> None:
    """Nor is another file made good by half."""
    back = FolderStore(tmp_path / "back")
    copied(folder, back)
    spoil(folder.revision(D1, 1) / "bars_1m.parquet")
    spoil(back.revision(D1, 1) / "MD5SUMS")
    before = everything(back)

    done = list(copying.copy(folder, back, [D1], repair=True))

    assert done[0].what == "damaged"
    assert f"in {folder.name}: bars_1m.parquet" in done[0].why
    assert everything(back) == before


def test_another_manifest_is_never_put_right(folder: FolderStore, tmp_path: Path) -> None:
    """Also where its publication cannot be read, so that nobody can say whose it was."""
    back = FolderStore(tmp_path / "back")
    publish(kit.draft(tmp_path / "x", D1, price=300.0), back)
    spoil(back.revision(D1, 1) / "publication.json")
    before = everything(back)

    with pytest.raises(PublishError, match=r"2025-01-02\.r1: .* has another revision"):
        list(copying.copy(folder, back, [D1], repair=True))

    assert everything(back) == before


def test_nothing_is_written_through_a_link(folder: FolderStore, tmp_path: Path) -> None:
    """A revision that somebody replaced by a link stays one."""
    back = FolderStore(tmp_path / "back")
    copied(folder, back)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(back.revision(D1, 1), elsewhere)
    spoil(elsewhere / "MD5SUMS")
    back.revision(D1, 1).chmod(0o755)
    shutil.rmtree(back.revision(D1, 1))
    back.revision(D1, 1).symlink_to(elsewhere)
    before = kit.contents(elsewhere)

    done = list(copying.copy(folder, back, [D1], repair=True))

    assert done[0].what == "damaged"
    assert "is not a folder of its own" in done[0].why
    assert kit.contents(elsewhere) == before


def test_a_signature_is_put_back_but_never_replaced(folder: FolderStore, tmp_path: Path) -> None:
    """Of two that differ nobody here knows which is right."""
    folder.revision(D2, 1).chmod(0o755)
    (folder.revision(D2, 1) / "publication.json.sig").write_bytes(b"s" * 64)
    back = FolderStore(tmp_path / "back")
    copied(folder, back)
    signature = back.revision(D2, 1) / "publication.json.sig"
    spoil(signature)
    damaged = list(copying.copy(folder, back, [D2], repair=True))
    signature.parent.chmod(0o755)
    signature.unlink()
    mended = list(copying.copy(folder, back, [D2], repair=True))

    assert (damaged[0].what, mended[0].what) == ("damaged", "repaired")
    assert f"publication.json.sig: is not the one in {folder.name}" in damaged[0].why
    assert signature.read_bytes() == b"s" * 64


def test_the_command_ends_with_30_and_names_what_is_damaged(
    folder: FolderStore, tmp_path: Path
) -> None:
    """Quiet or not, planned or done, as text and as JSON; after the repair it is 0."""
    back = FolderStore(tmp_path / "back")
    copied(folder, back)
    spoil(back.revision(D1, 2) / "bars_1m.parquet")
    given = ["copy", "--from", folder.name, "--to", back.name]

    for more in ([], ["-q"], ["--dry-run"]):
        told = CliRunner().invoke(cli, [*given, *more])
        assert told.exit_code == 30
        assert f"damaged  2025-01-02.r2 in {back.name}: bars_1m.parquet: sha256" in told.stdout
        assert "3 were there; 1 damaged" in told.stdout
    facts = json.loads(CliRunner().invoke(cli, [*given, "--json"]).stdout)
    assert [e["what"] for e in facts["revisions"]] == ["there", "damaged", "there", "there"]
    mended = CliRunner().invoke(cli, [*given, "--repair"])
    assert (mended.exit_code, "3 were there; 1 repaired" in mended.stdout) == (0, True)


def test_the_commands_of_the_docs_bring_a_damaged_store_back(
    folder: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they stand in the page, typed beside the store: a backup, an accident, the repair."""
    [typed] = [b for b in blocks(page("docs/stores.md"), "sh") if "--repair" in b]
    backup, mend = (line.split()[1:] for line in typed.splitlines())
    (folder.root.parent / "kitchen").mkdir()
    monkeypatch.chdir(folder.root.parent / "kitchen")
    shutil.move(folder.root, "snapshots")
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(Path.cwd())))
    here = FolderStore(Path("snapshots"))

    saved = CliRunner().invoke(cli, backup)
    whole = everything(here)
    spoil(here.revision(D1, 2) / "bars_1m.parquet")
    again = CliRunner().invoke(cli, backup)
    mended = CliRunner().invoke(cli, mend)

    # The backup has it whole, and is not told that it lacks anything.
    assert [it.exit_code for it in (saved, again, mended)] == [0, 0, 0]
    assert "1 repaired" in mended.stdout
    assert everything(here) == whole


def test_collected_revisions_leave_their_numbers_free(
    folder: FolderStore, tmp_path: Path, endpoint: str
) -> None:
    """What is left keeps its number."""
    pins.unpin(folder, D1, 2)
    collect.collect(folder, Policy(keep=1, grace_days=0), dt.datetime.now(dt.UTC))
    objects = open_store(object_server.address(endpoint))

    copied(folder, objects)

    assert objects.standing(D1) == [3]
    assert verify_day(objects, D1) == []


def test_the_command_plans_copies_and_says_so(folder: FolderStore, endpoint: str) -> None:
    """A plan changes nothing; dates may be chosen."""
    place = object_server.address(endpoint)
    given = ["copy", "--from", folder.name, "--to", str(place)]

    planned = CliRunner().invoke(cli, [*given, "--dry-run"], catch_exceptions=False)
    assert "4 revisions to be copied" in planned.stdout
    assert object_server.contents(place) == {}

    done = CliRunner().invoke(cli, [*given, "--start", "2025-01-03"], catch_exceptions=False)
    assert "1 revisions copied" in done.stdout
    assert open_store(place).days() == [D2]


def test_a_store_is_not_copied_to_itself(folder: FolderStore) -> None:
    """Nor under another name of it."""
    other = folder.root.parent / "link"
    other.symlink_to(folder.root)

    told = CliRunner().invoke(cli, ["copy", "--from", folder.name, "--to", str(other)])

    assert "is the store to copy from" in str(told.exception)
