"""Publishing: what readers may rely on, whatever happens while a day is published."""

from __future__ import annotations

import dataclasses
import datetime as dt
import errno
import hashlib
import itertools
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import snapshots as kit
from kit.shipped import RULES
from pipeline import storage
from pipeline.contracts.manifest import Code, FileEntry, to_json
from pipeline.contracts.value import changed
from pipeline.errors import LockedError, ParameterError, PublishError
from pipeline.publishing import claim, links, locks, staging
from pipeline.publishing.content import says_the_same
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.revisions import current
from pipeline.publishing.seal import Draft, publish
from pipeline.publishing.verify import verify
from pipeline.reader import load
from pipeline.tables import parquet


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """A snapshot store that does not exist yet."""
    return FolderStore(tmp_path / "snapshots")


@pytest.fixture
def first(tmp_path: Path) -> Draft:
    """A day of one symbol, ready to be published."""
    return kit.draft(tmp_path / "first")


@pytest.fixture
def second(tmp_path: Path) -> Draft:
    """The same day, corrected."""
    return kit.draft(tmp_path / "second", price=101.0)


@pytest.mark.parametrize("tool", ["md5sum", "sha256sum"])
def test_checksums_pass_the_gnu_tools(store: FolderStore, first: Draft, tool: str) -> None:
    """`md5sum -c` and `sha256sum -c` accept a snapshot and their lists name each of its files."""
    publish(first, store)
    folder = store.date_link(kit.DAY)
    listed = folder / f"{tool.removesuffix('sum').upper()}SUMS"

    done = subprocess.run([tool, "--strict", "-c", listed.name], cwd=folder, capture_output=True)

    assert done.returncode == 0, done.stderr
    names = {line.split("  ")[1] for line in listed.read_text().splitlines()}
    assert names == set(kit.contents(folder)) - {"MD5SUMS", "SHA256SUMS", "publication.json"}


def test_the_links_lead_to_the_revision(store: FolderStore, first: Draft) -> None:
    """The date and both LATEST are relative links, as the contract names them."""
    sealed = publish(first, store)

    assert (sealed.new, sealed.revision) == (True, 1)
    assert os.readlink(store.date_link(kit.DAY)) == ".revisions/2025-01-02.r1"
    assert os.readlink(store.latest()) == os.readlink(store.latest(available=True)) == "2025-01-02"
    assert kit.settled(store, kit.DAY)
    assert verify(store, kit.DAY) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_modes_do_not_depend_on_the_umask(store: FolderStore, first: Draft, umask: int) -> None:
    """Published files are 0444, folders 0555, the store itself 0755 and its locks 0644."""
    before = os.umask(umask)
    try:
        path = publish(first, store).path
    finally:
        os.umask(before)

    def mode(p: Path) -> int:
        return stat.S_IMODE(p.stat().st_mode)

    assert {mode(p) for p in path.rglob("*") if p.is_file()} == {0o444}
    assert {mode(p) for p in [path, *path.rglob("*")] if p.is_dir()} == {0o555}
    assert {mode(p) for p in (store.root, store.revisions, store.root / ".locks")} == {0o755}
    assert {mode(p) for p in (store.root / ".locks").iterdir()} == {0o644}


def test_publishing_the_same_again_touches_nothing(store: FolderStore, first: Draft) -> None:
    """Not one inode, size, time or mode changes when the content is already published."""
    publish(first, store)
    before = kit.tree(store.root)

    again = publish(dataclasses.replace(first, reason="asked again", run="run-2"), store)

    assert (again.new, again.revision) == (False, 1)
    assert kit.tree(store.root) == before


def test_other_code_and_evidence_with_the_same_result_make_no_revision(
    store: FolderStore, first: Draft, tmp_path: Path
) -> None:
    """Neither new figures of the calibration, nor code, nor a redrawn report is a correction."""
    sealed = publish(first, store)
    same = kit.draft(tmp_path / "again", figures={"rho": 0.5}, skew_ms=99)
    report = tmp_path / "again/qc/BTCUSDT/calibration_report.md"
    report.write_text("drawn otherwise\n")
    manifest = changed(same.manifest, code=Code(package="9.9", stages={}))

    assert says_the_same(sealed, manifest, same.files)


def test_columns_that_a_release_adds_make_no_revision(store: FolderStore, tmp_path: Path) -> None:
    """A day of the release before is what it was; a column that is gone, or other values, are a change."""
    newest = (RULES.schema.table("bars_1m").names[-1],)
    old = kit.draft(tmp_path / "old", lacking=newest)
    publish(old, store)

    assert not publish(kit.draft(tmp_path / "new"), store).new
    assert publish(kit.draft(tmp_path / "other", price=101.0), store).new
    assert publish(kit.draft(tmp_path / "less", price=101.0, lacking=newest), store).new


@pytest.mark.parametrize(
    "change",
    [
        {"price": 101.0},
        {"states": {"BTCUSDT": "degraded"}},
        {"status": "applied", "offset_minutes": 60},
    ],
)
def test_a_correction_is_a_new_revision(
    store: FolderStore, first: Draft, tmp_path: Path, change: dict[str, object]
) -> None:
    """Other rows, another condition or another applied offset: r2, and r1 keeps every byte."""
    r1 = publish(first, store)
    before = kit.contents(r1.path)

    r2 = publish(kit.draft(tmp_path / "other", **change), store)  # type: ignore[arg-type]

    assert (r2.new, r2.revision) == (True, 2)
    assert kit.contents(r1.path) == before
    assert os.readlink(store.date_link(kit.DAY)) == ".revisions/2025-01-02.r2"
    assert verify(store, kit.DAY) == verify(store, kit.DAY, 1) == []


def test_a_revision_names_its_parent(store: FolderStore, first: Draft, second: Draft) -> None:
    """`publication.json` of r2 has the number and the manifest's SHA-256 of r1."""
    r1, r2 = publish(first, store), publish(second, store)
    paper = storage.read_json(r2.path / "publication.json")
    parent = hashlib.sha256((r1.path / "dataset_manifest.json").read_bytes()).hexdigest()

    assert (paper["parent"], paper["parent_manifest_sha256"]) == (1, parent)
    assert (paper["date"], paper["revision"], paper["run"]) == ("2025-01-02", 2, "run-1")


def test_latest_never_goes_back(store: FolderStore, tmp_path: Path) -> None:
    """A date published later than a newer one does not move LATEST."""
    days = [kit.DAY + dt.timedelta(days=i) for i in (2, 0, 1)]
    for day in days:
        publish(kit.draft(tmp_path / day.isoformat(), day), store)

    assert links.named_day(store) == links.named_day(store, available=True) == days[0]
    assert all(kit.settled(store, day) and not verify(store, day) for day in days)


def test_a_degraded_day_moves_latest_alone(
    store: FolderStore, first: Draft, tmp_path: Path
) -> None:
    """LATEST_AVAILABLE stays at the newest day whose condition is available."""
    publish(first, store)
    worse = kit.DAY + dt.timedelta(days=1)
    publish(kit.draft(tmp_path / "worse", worse, states={"BTCUSDT": "degraded"}), store)

    assert links.named_day(store) == worse
    assert links.named_day(store, available=True) == kit.DAY
    assert kit.settled(store, worse)


def test_a_day_that_ceases_to_be_available_gives_its_link_up(
    store: FolderStore, first: Draft, tmp_path: Path
) -> None:
    """LATEST_AVAILABLE never names a degraded day: it returns to the one before, then vanishes."""
    after = kit.DAY + dt.timedelta(days=1)
    publish(first, store)
    publish(kit.draft(tmp_path / "after", after), store)
    worse = {"states": {"BTCUSDT": "degraded"}}

    publish(kit.draft(tmp_path / "worse", after, **worse), store)  # type: ignore[arg-type]
    assert links.named_day(store, available=True) == kit.DAY
    publish(kit.draft(tmp_path / "worst", **worse), store)  # type: ignore[arg-type]
    assert links.named_day(store, available=True) is None
    assert links.named_day(store) == after


class _Killed(BaseException):
    """The process dies here."""


def test_the_next_run_finishes_what_a_killed_one_began(
    store: FolderStore, first: Draft, second: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dead between the claim and the links: the same draft only rolls forward, with no r3."""
    publish(first, store)

    def die(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(links, "roll_forward", die)
        with pytest.raises(_Killed):
            publish(second, store)
    assert os.readlink(store.date_link(kit.DAY)) == ".revisions/2025-01-02.r1"
    assert not kit.settled(store, kit.DAY)

    again = publish(second, store)

    assert (again.new, again.revision) == (False, 2)
    assert kit.settled(store, kit.DAY)
    assert verify(store, kit.DAY) == []


def test_a_missing_latest_is_not_settled(store: FolderStore, first: Draft) -> None:
    """The folder alone is not enough: without LATEST the day counts as unfinished, and is mended."""
    publish(first, store)
    store.latest().unlink()

    assert not kit.settled(store, kit.DAY)
    publish(first, store)
    assert kit.settled(store, kit.DAY)


def test_litter_goes_by_lock_and_not_by_age(
    store: FolderStore, first: Draft, second: Draft
) -> None:
    """A dead run's staging folder is removed; one whose owner lives, or with a foreign name, stays."""
    publish(first, store)
    dead, bare, alive, foreign = (
        store.root / name
        for name in (
            ".staging-2025-01-02-dead",
            ".staging-2024-12-31-bare",
            ".staging-2025-01-02-alive",
            ".staging-notes",
        )
    )
    for folder in (dead, bare, alive, foreign):
        (folder / "qc").mkdir(parents=True)
        (folder / "qc").chmod(0o555)
    for folder in (dead, alive):
        (folder / ".owner").touch()
    os.utime(alive, (0, 0))

    with locks.if_free(alive / ".owner"):
        publish(second, store)

    assert not dead.exists()
    assert not bare.exists()
    assert alive.exists()
    assert foreign.exists()


@pytest.mark.parametrize("count", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_a_reader_in_a_loop_always_sees_one_whole_revision(
    store: FolderStore, tmp_path: Path, count: int
) -> None:
    """While so many revisions are published, every load is of one of them, entire."""
    drafts = [kit.draft(tmp_path / f"d{i}", price=100.0 + i) for i in range(count)]
    publish(drafts[0], store)
    seen: list[set[float]] = []
    done = threading.Event()

    def poll() -> None:
        while not done.is_set():
            table = load("bars_1m", kit.DAY, kit.DAY, columns=["open", "close"], root=store.root)
            seen.append(set(table["open"].to_pylist()) | set(table["close"].to_pylist()))

    reader = threading.Thread(target=poll)
    reader.start()
    for draft in drafts[1:]:
        publish(draft, store)
    done.set()
    reader.join()

    assert len(seen) > 1
    assert {len(prices) for prices in seen} == {1}
    assert [p for prices in seen for p in prices] == sorted(p for prices in seen for p in prices)


_PUBLISH = """
import json, sys
from pathlib import Path
from pipeline.contracts.manifest import read
from pipeline.contracts.manifest import Code, FileEntry, to_json
from pipeline.contracts.value import changed
from pipeline.errors import KitchenError
from pipeline.packs import Stored
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.seal import Draft, publish
folder, root = Path(sys.argv[1]), Path(sys.argv[2])
found = read(json.loads((folder / "manifest.json").read_text()))
draft = Draft(day=found.date, manifest=found, reason="r", run="r",
              files={name: Stored(folder / name) for name in found.files})
try:
    sealed = publish(draft, FolderStore(root))
    print("r%d" % sealed.revision, sealed.new)
except KitchenError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def _command(draft: Draft, store: FolderStore) -> list[str]:
    folder = next(iter(draft.files.values())).file.parent
    storage.write_json(folder / "manifest.json", to_json(draft.manifest))
    return [sys.executable, "-c", _PUBLISH, str(folder), str(store.root)]


def test_two_processes_at_once_make_one_revision(store: FolderStore, first: Draft) -> None:
    """Whoever is second finds the work done."""
    command = _command(first, store)
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [run.communicate()[0].strip() for run in runs]

    assert [run.returncode for run in runs] == [0] * 4
    assert sorted(said) == ["r1 False"] * 3 + ["r1 True"]
    assert os.listdir(store.revisions) == ["2025-01-02.r1"]
    assert verify(store, kit.DAY) == []


def test_many_dates_at_once_never_move_latest_back(store: FolderStore, tmp_path: Path) -> None:
    """Different dates have different locks; whoever polls LATEST sees it only grow."""
    days = [kit.DAY + dt.timedelta(days=i) for i in (3, 2, 1, 0)]
    commands = [_command(kit.draft(tmp_path / day.isoformat(), day), store) for day in days]
    runs = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    seen = []
    while any(run.poll() is None for run in runs):
        if store.latest().is_symlink():
            seen.append(os.readlink(store.latest()))

    assert [run.wait() for run in runs] == [0] * 4
    assert seen == sorted(seen)
    assert links.named_day(store) == links.named_day(store, available=True) == days[0]
    assert all(kit.settled(store, day) for day in days)


def test_a_race_without_the_lock_still_makes_one_revision(
    store: FolderStore, first: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock saves work only: when another run claims r1 in between, ours gives way to it."""
    real = claim.claim

    def beaten(folder: Path, path: Path, marker: Path, *, noreplace: bool) -> None:
        shutil.copytree(folder, path)
        monkeypatch.setattr(claim, "claim", real)
        real(folder, path, marker, noreplace=noreplace)

    monkeypatch.setattr(claim, "claim", beaten)

    sealed = publish(first, store)

    assert (sealed.new, sealed.revision) == (False, 1)
    assert os.listdir(store.revisions) == ["2025-01-02.r1"]
    assert not [n for n in os.listdir(store.root) if n.startswith(".staging")]
    assert verify(store, kit.DAY) == []


def test_a_held_lock_is_told_at_last(
    store: FolderStore, first: Draft, second: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that hangs makes the next one end with exit code 10, not wait for ever."""
    publish(first, store)
    before = kit.tree(store.root)
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.1)

    with (
        locks.if_free(store.lock(kit.DAY)),
        pytest.raises(LockedError, match="another run") as told,
    ):
        publish(second, store)

    assert told.value.exit_code == 10
    assert kit.tree(store.root) == before


def _unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "rename_noreplace", lambda *_: False)


def test_without_noreplace_a_marker_is_the_claim(
    store: FolderStore, first: Draft, second: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system without RENAME_NOREPLACE revisions are claimed by an exclusive file."""
    _unsupported(monkeypatch)

    assert [publish(d, store).revision for d in (first, second, second)] == [1, 2, 2]
    assert (store.root / ".locks/2025-01-02.r2").exists()
    assert verify(store, kit.DAY) == []


def test_a_marker_of_a_dead_run_burns_its_number(
    store: FolderStore, first: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who claimed r1 and died may still be writing for all we know: the next number is taken."""
    _unsupported(monkeypatch)
    (store.root / ".locks").mkdir(parents=True)
    (store.root / ".locks/2025-01-02.r1").touch()

    assert publish(first, store).revision == 2
    assert kit.settled(store, kit.DAY)


@pytest.mark.parametrize("noreplace", [True, False])
@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_whatever_has_the_name_is_not_overwritten(
    store: FolderStore, first: Draft, kind: str, noreplace: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty folder, a file or a dangling link called r1 stays, and the day becomes r2."""
    if not noreplace:
        _unsupported(monkeypatch)
    taken = store.revision(kit.DAY, 1)
    taken.parent.mkdir(parents=True)
    {"folder": taken.mkdir, "file": taken.touch, "link": lambda: taken.symlink_to("nowhere")}[
        kind
    ]()
    before = os.lstat(taken)

    sealed = publish(first, store)

    assert sealed.revision == 2
    assert (os.lstat(taken).st_ino, os.lstat(taken).st_mode) == (before.st_ino, before.st_mode)
    assert kit.settled(store, kit.DAY)
    assert verify(store, kit.DAY) == []


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
@pytest.mark.parametrize("name", ["2025-01-02", "LATEST", "LATEST_AVAILABLE"])
def test_a_foreign_thing_with_a_link_s_name_is_refused(
    store: FolderStore, first: Draft, name: str, kind: str
) -> None:
    """Nothing is written and nothing replaced when something else has the name of a link."""
    taken = store.root / name
    store.root.mkdir()
    {"folder": taken.mkdir, "file": taken.touch, "link": lambda: taken.symlink_to("/etc")}[kind]()
    before = os.lstat(taken).st_ino

    with pytest.raises(PublishError, match=name):
        publish(first, store)

    assert os.lstat(taken).st_ino == before
    assert os.listdir(store.revisions) == []


@pytest.mark.parametrize("name", [".revisions", ".locks"])
def test_a_store_whose_folders_lead_elsewhere_is_refused(
    store: FolderStore, first: Draft, name: str, tmp_path: Path
) -> None:
    """A link in place of an inner folder could carry writes out of the store."""
    store.root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (store.root / name).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(PublishError, match="leads elsewhere"):
        publish(first, store)

    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.parametrize(
    "name",
    [
        "../escape", "/etc/passwd", "qc/../../x", "a\0b", "", ".hidden", "qc/btc/report.md", "qc/BTC",
        "qc/BTC/../x", "other/BTC/x", "MD5SUMS", "publication.json", "dataset_manifest.json", "x" * 300,
        "１２.parquet", "a b",
    ],
)  # fmt: skip
def test_a_file_name_cannot_leave_the_snapshot(store: FolderStore, first: Draft, name: str) -> None:
    """Traversal, hidden and reserved names, odd symbols and odd characters are refused at the door."""
    draft = dataclasses.replace(first, files=first.files | {name: first.files["rejects.parquet"]})

    with pytest.raises(ParameterError):
        publish(draft, store)

    assert not store.root.exists()


def test_a_date_is_a_plain_date(store: FolderStore, first: Draft) -> None:
    """An instant would make a name of its own."""
    with pytest.raises(ParameterError, match="is not a date"):
        publish(dataclasses.replace(first, day=dt.datetime(2025, 1, 2, tzinfo=dt.UTC)), store)


def test_files_that_are_not_the_manifest_s_are_not_published(
    store: FolderStore, first: Draft
) -> None:
    """A file that changed after the manifest was made is found when it is read back."""
    first.files["qc/BTCUSDT/calibration_report.md"].file.write_text("changed since")

    with pytest.raises(PublishError, match=r"calibration_report\.md differs from its manifest"):
        publish(first, store)

    assert os.listdir(store.revisions) == []
    assert not [n for n in os.listdir(store.root) if n.startswith(".staging")]


def test_a_day_with_missing_minutes_is_not_published(store: FolderStore, first: Draft) -> None:
    """Rightly described files with 1439 rows of a symbol are refused all the same."""
    path = first.files["bars_1m.parquet"].file
    table = parquet.read(path).slice(1)
    parquet.write(path, table)
    files = first.manifest.files | {
        "bars_1m.parquet": FileEntry(
            bytes=path.stat().st_size,
            md5=storage.file_digest(path, "md5"),
            sha256=storage.file_digest(path),
            rows=1439,
            content_hash=parquet.content_hash(table),
        )
    }

    with pytest.raises(PublishError, match="1439"):
        publish(dataclasses.replace(first, manifest=changed(first.manifest, files=files)), store)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG])
def test_a_failing_disk_leaves_the_old_snapshot(
    store: FolderStore, first: Draft, second: Draft, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever fsync fails: one sentence with bytes needed and free, no litter, r1 as it was."""
    publish(first, store)
    before = kit.contents(store.root)
    calls = 0
    real = os.fsync

    def failing(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == fail_at:
            raise OSError(code, os.strerror(code))
        real(handle)

    monkeypatch.setattr(os, "fsync", failing)
    for fail_at in range(1, 14):
        calls = 0
        with pytest.raises(PublishError, match=r"needs \d+ bytes.* \d+ bytes .*free") as told:
            publish(second, store)
        assert calls == fail_at, "no fsync after the one that failed"
        assert "Traceback" not in str(told.value)
    monkeypatch.setattr(os, "fsync", real)

    assert kit.contents(store.root) == before
    assert publish(second, store).revision == 2


def test_a_full_disk_is_refused_before_anything_is_written(
    store: FolderStore, first: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less than twice the room needed: nothing is begun."""
    real = os.statvfs(store.root.parent)
    fields = list(real[:10])
    fields[4] = 1  # f_bavail
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))

    with pytest.raises(PublishError, match="No space left"):
        publish(first, store)

    assert sorted(os.listdir(store.root)) == [".locks", ".revisions"]


@pytest.fixture
def common() -> Iterator[Path]:
    """A folder that other users can enter; pytest's own are closed to them by every new session."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    folder = Path(tempfile.mkdtemp(prefix="kitchen-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _as_nobody(command: list[str]) -> subprocess.CompletedProcess[str]:
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return subprocess.run([*drop, *command], capture_output=True, text=True, cwd="/")


def test_a_store_that_may_not_be_written_is_one_sentence(common: Path) -> None:
    """Another user without write permission gets a sentence and exit code 30, and changes nothing."""
    store = FolderStore(common / "snapshots")
    publish(kit.draft(common / "first"), store)
    command = _command(kit.draft(common / "second", price=101.0), store)
    before = kit.tree(store.root)

    done = _as_nobody(command)

    assert done.returncode == 30, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert "Permission denied" in done.stdout
    assert "user 65534 may write" in done.stdout
    assert kit.tree(store.root) == before


def test_an_ordinary_user_publishes_too(common: Path) -> None:
    """Sealed 0555 folders do not stop the user who made them from publishing the next revision."""
    (common / "home").mkdir()
    os.chown(common / "home", 65534, 65534)
    store = FolderStore(common / "home" / "snapshots")
    first, second = (kit.draft(common / str(price), price=price) for price in (100.0, 101.0))

    for draft, said in ((first, "r1 True"), (second, "r2 True"), (second, "r2 False")):
        done = _as_nobody(_command(draft, store))
        assert done.stdout.strip() == said, done.stderr


def test_a_damaged_manifest_is_healed_by_a_new_revision(store: FolderStore, first: Draft) -> None:
    """What cannot be proved whole does not count as published; the evidence stays where it is."""
    path = publish(first, store).path / "dataset_manifest.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"BTCUSDT", b"BTCUSDX", 1))

    assert current(store, kit.DAY) is None
    assert publish(first, store).revision == 2
    assert kit.settled(store, kit.DAY)
    assert b"BTCUSDX" in path.read_bytes()


def test_staging_has_no_trace_in_a_revision(store: FolderStore, first: Draft) -> None:
    """The owner's file and the private mode of staging end with the claim."""
    path = publish(first, store).path

    assert not [n for n in os.listdir(path) if n.startswith(".")]
    assert staging.OWNER not in (path / "MD5SUMS").read_text()


def test_a_date_stays_settled_while_later_ones_are_published(
    store: FolderStore, tmp_path: Path
) -> None:
    """Both LATEST links move on at any moment, also in the middle of a look."""
    later = [kit.DAY + dt.timedelta(days=n) for n in (1, 2)]
    for day in (kit.DAY, *later):
        publish(kit.draft(tmp_path / day.isoformat(), day=day), store)
    ended = threading.Event()

    def move() -> None:
        for day in itertools.cycle(later):
            for available in (False, True):
                moved = tmp_path / "moved"
                moved.symlink_to(day.isoformat())
                moved.replace(store.latest(available=available))
            if ended.is_set():
                return

    mover = threading.Thread(target=move)
    mover.start()
    try:
        assert all(kit.settled(store, kit.DAY) for _ in range(100))
    finally:
        ended.set()
        mover.join()
