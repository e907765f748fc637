"""Death and failure at every call that changes something: readers see the old revision or the new one."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit import snapshots as kit
from kit.dying import Killed, faulty
from pipeline import storage
from pipeline.contracts.manifest import to_json
from pipeline.errors import PublishError
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.seal import Draft, publish
from pipeline.publishing.verify import verify_day
from pipeline.reader import load

HINTS = ("2025-01-02", "LATEST", "LATEST_AVAILABLE", "index.json")


@pytest.fixture
def drafts(tmp_path: Path) -> tuple[Draft, Draft]:
    """A day, and the same day corrected."""
    return kit.draft(tmp_path / "first"), kit.draft(tmp_path / "second", price=101.0)


def seen(store: FolderStore) -> float:
    """The one price that a reader sees, of a revision that is whole."""
    table = load("bars_1m", kit.DAY, kit.DAY, columns=["open", "close"], root=store.root)
    prices = {*table["open"].to_pylist(), *table["close"].to_pylist()}
    assert len(prices) == 1
    assert table.num_rows == 1440
    return float(prices.pop())


def contents(store: FolderStore) -> dict[str, bytes]:
    """All published bytes but the publications, and where the links lead."""
    found = kit.contents(store.root)
    links = {p.name: os.readlink(p).encode() for p in store.root.iterdir() if p.is_symlink()}
    return links | {
        name: data
        for name, data in found.items()
        if not name.endswith("publication.json") and not name.startswith(".locks/")
    }


@pytest.mark.parametrize(
    "error",
    [
        None,
        *(
            pytest.param(e, marks=pytest.mark.slow)
            for e in (errno.EIO, errno.ENOSPC, errno.EPERM, errno.EXDEV)
        ),
    ],
)
def test_death_or_failure_at_every_call(
    tmp_path: Path,
    drafts: tuple[Draft, Draft],
    error: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """r2 is published over r1: whatever the call, r1 or r2 is whole, and the next run ends as if nothing
    had happened, without litter.
    """
    reference = FolderStore(tmp_path / "reference")
    for draft in drafts:
        publish(draft, reference)
    wanted, points, states, told = contents(reference), 0, set(), list[str]()
    for at in range(1, 500):
        store = FolderStore(tmp_path / "store")
        publish(drafts[0], store)
        with faulty(monkeypatch, at, error) as fault:
            try:
                publish(drafts[1], store)
            except Killed:
                pass
            except PublishError as error_told:
                told.append(str(error_told))
        states.add(seen(store))
        behind = [f for f in verify_day(store, kit.DAY) if f.file not in HINTS]
        assert behind == [], (at, behind)
        if fault.count < at:
            break
        points = at

        again = publish(drafts[1], store)

        assert (again.revision, kit.settled(store, kit.DAY)) == (2, True)
        assert verify_day(store, kit.DAY) == [], at
        assert contents(store) == wanted, at
        _remove(store.root)
    assert points >= 40
    assert states == {100.0, 101.0}
    assert all(re.search(r"2025-01-02 (not published|sealed as r2).*ask again\b", t) for t in told)


def _remove(folder: Path) -> None:
    for place, _, _ in os.walk(folder):
        os.chmod(place, 0o700)
    shutil.rmtree(folder)


_PUBLISH = """
import json, sys
from pathlib import Path
from pipeline.contracts.manifest import read
from pipeline.publishing.folder_store import FolderStore
from pipeline.packs import Stored
from pipeline.publishing.seal import Draft, publish
folder = Path(sys.argv[1])
found = read(json.loads((folder / "manifest.json").read_text()))
publish(Draft(day=found.date, manifest=found, reason="r", run="r",
              files={n: Stored(folder / n) for n in found.files}), FolderStore(Path(sys.argv[2])))
"""

_TRACED = "openat,fsync,rename,renameat,renameat2,symlink,unlink,mkdir,chmod"


def test_the_order_of_system_calls(tmp_path: Path, drafts: tuple[Draft, Draft]) -> None:
    """Seen by strace: each file and folder is durable before the claim, the claim before the links, each
    link before the next, and nothing below a published name is opened for writing.
    """
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    store, log = FolderStore(tmp_path / "snapshots"), tmp_path / "strace.log"
    publish(drafts[0], store)
    folder = tmp_path / "second"
    storage.write_json(folder / "manifest.json", to_json(drafts[1].manifest))
    command = [
        "strace",
        "-f",
        "-y",
        "-o",
        log,
        "-e",
        f"trace={_TRACED}",
        sys.executable,
        "-c",
        _PUBLISH,
    ]

    done = subprocess.run([*command, folder, store.root], capture_output=True, text=True)
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr

    events = [e for e in map(_event, log.read_text().splitlines()) if e]
    claim = next(i for i, e in enumerate(events) if e[0] == "renameat2" and e[1].endswith(".r2"))
    staged = re.search(r'"([^"]+\.staging-[^"/]+)"', events[claim][2])
    assert staged is not None
    synced = [e[1] for e in events[:claim] if e[0] == "fsync"]
    r2 = store.revision(kit.DAY, 2)
    for path in [r2, *r2.rglob("*")]:
        assert str(path).replace(str(r2), staged[1]) in synced, path
    root = str(store.root)
    after = [(call, path) for call, path, _ in events[claim + 1 :] if path.startswith(root)]
    links = [path for call, path in after if call in ("rename", "renameat")]
    assert links == [f"{root}/2025-01-02", f"{root}/index.json"]
    first = after.index(("rename", f"{root}/2025-01-02"))
    sealed = [path for call, path in after[:first] if call == "fsync"]
    assert sealed == [str(r2), f"{root}/.revisions", root]
    assert after[-1] == ("fsync", root)
    written = [
        e for e in events[claim + 1 :] if e[0] == "openat" and re.search("O_WRONLY|O_RDWR", e[2])
    ]
    assert not [e for e in written if e[1].startswith(str(r2))]


def _event(line: str) -> tuple[str, str, str] | None:
    """Call, the path it is about (of a rename the new name), and the whole line."""
    match = re.match(r"\d+\s+(\w+)\((.*)\)\s+= \d", line)
    if match is None:
        return None
    if match[1] == "fsync":
        return "fsync", match[2].split("<", 1)[1].rstrip(">"), line
    paths = re.findall(r'"([^"]*)"', match[2])
    return match[1], paths[-1], line


_FULL = """
import subprocess, sys, json, datetime, os
from pathlib import Path
from pipeline.contracts.manifest import read
from pipeline.errors import PublishError
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing import preflight
from pipeline.packs import Stored
from pipeline.publishing.seal import Draft, publish
from pipeline.publishing.verify import verify_day
def draft(folder):
    found = read(json.loads((folder / "manifest.json").read_text()))
    return Draft(day=found.date, manifest=found, reason="r", run="r",
                 files={n: Stored(folder / n) for n in found.files})
root, first, second = map(Path, sys.argv[1:4])
first, second, option, step = draft(first), draft(second), sys.argv[4], int(sys.argv[5])
hints = sys.argv[7].split()
root.mkdir()
room = preflight.check_room
for i in range(12):
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", root], check=True)
    store = FolderStore(root / "snapshots")
    publish(first, store)
    now = os.statvfs(root)
    used = (now.f_blocks - now.f_bfree) * now.f_frsize if option == "size" else now.f_files - now.f_ffree
    subprocess.run(["mount", "-o", f"remount,{option}={used + step * (i + 1)}", root], check=True)
    preflight.check_room = lambda *_: None if sys.argv[6] == "late" else room(*_)
    try:
        publish(second, store); said = "published"
    except PublishError as error:
        said = str(error)
    preflight.check_room = room
    left = [p.name for p in store.root.iterdir() if p.name.startswith(".staging")]
    wrong = [str(f) for f in verify_day(store, first.day) if f.file not in hints]
    subprocess.run(["mount", "-o", "remount,size=50m,nr_inodes=9999", root], check=True)
    publish(second, store)
    wrong += map(str, verify_day(store, first.day))
    print(json.dumps([i, said, left, wrong]))
    subprocess.run(["umount", root], check=True)
"""


@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("option", ["size", "nr_inodes"])
def test_a_disk_that_fills_up_at_any_stage(
    tmp_path: Path, drafts: tuple[Draft, Draft], option: str, when: str
) -> None:
    """A small tmpfs, fuller from round to round; refused before the first byte, and, with that door open,
    wherever it happens: one sentence with bytes needed and free, the old snapshot whole, nothing left.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can mount a tmpfs")
    for name, draft in zip(("first", "second"), drafts, strict=True):
        storage.write_json(tmp_path / name / "manifest.json", to_json(draft.manifest))
    needed = sum(place.file.stat().st_size for place in drafts[0].files.values())
    step = str(needed // 6 if option == "size" else 2)
    script = [
        sys.executable,
        "-c",
        _FULL,
        tmp_path / "disk",
        tmp_path / "first",
        tmp_path / "second",
    ]

    done = subprocess.run(
        ["unshare", "-m", *script, option, step, when, " ".join(HINTS)],
        capture_output=True,
        text=True,
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr

    found = [storage.json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 12
    failed = [said for _, said, _, _ in found if said != "published"]
    assert failed
    for said in failed:
        assert re.search(r"No space left.* needs \d+ bytes and \d+ inodes, \d+ bytes", said), said
    assert all(left == wrong == [] for _, _, left, wrong in found), found
