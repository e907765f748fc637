"""Whether locks reach other hosts, by the kernel's own lines of mounts."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from kit import snapshots as kit
from pipeline.errors import PublishError
from pipeline.freshness.release import Release
from pipeline.publishing import mounts
from pipeline.publishing.epochs import Publisher
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.seal import publish

ROOT = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard,resgid=65534"
HEAD = "51 27 0:45 / /s rw,relatime shared:9 - "
NFS = "rw,vers=3,rsize=1048576,hard,proto=tcp,timeo=600,retrans=2,sec=sys,{},addr=10.0.0.2"
LINES = {
    "xfs /dev/sda1 rw,attr2,inode64": "",
    f"nfs4 nas:/vol {NFS.format('vers=4.2,local_lock=none')}": "",
    f"nfs4 nas:/vol {NFS.format('vers=4.1,local_lock=all')}": "local_lock=all",
    f"nfs nas:/vol {NFS.format('mountvers=3,nolock,local_lock=none')}": "nolock",
    f"nfs nas:/vol {NFS.format('mountvers=3,local_lock=flock')}": "local_lock=flock",
    f"nfs nas:/vol {NFS.format('mountvers=3,local_lock=posix')}": "",
    "lustre 10.0.0.1@tcp:/fs rw,checksum,flock,user_xattr,lruresize": "",
    "lustre 10.0.0.1@tcp:/fs rw,localflock,user_xattr": "localflock",
    "lustre 10.0.0.1@tcp:/fs rw,lruresize,lazystatfs": "without flock",
    "ceph 10.0.0.1:6789:/ rw,name=kitchen,secret=<hidden>,acl": "",
    "fuse.sshfs me@host:/srv rw,user_id=0,group_id=0": "does not say",
    "fuse.glusterfs gl:/vol rw,user_id=0,allow_other": "",
    "fuseblk /dev/sdb1 rw,user_id=0,allow_other,blksize=4096": "",
    "9p drvfs rw,dirsync,aname=drvfs;path=C:\\134,trans=fd,msize=65536": "does not say",
    "virtiofs share rw": "does not say",
    "cifs //nas/share rw,vers=3.1.1,cache=strict,nobrl": "nobrl",
    "cifs //nas/share rw,vers=3.1.1,cache=strict,soft": "",
    "ocfs2 /dev/mapper/c rw,heartbeat=local,localflocks": "localflocks",
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_says_how_far_locks_reach(line: str) -> None:
    """What it does not say counts as no."""
    mount = mounts.mount_of(Path("/s/snapshots"), f"{ROOT}\n{HEAD}{line}\n")

    assert mount is not None
    assert mount.place == "/s"
    assert LINES[line] in mount.local_locks()
    assert bool(mount.local_locks()) == bool(LINES[line])


def test_the_innermost_and_then_the_last_mount_counts() -> None:
    """A name may have blanks, and begin as another one does."""
    listed = "\n".join(
        [
            ROOT,
            r"31 27 0:31 / /my\040data rw - nfs4 nas:/a rw,local_lock=none",
            r"32 31 0:32 / /my\040data/in rw - 9p x rw",
            r"33 31 0:33 / /my\040data/in rw - tmpfs none rw,size=1k",
        ]
    )

    def kind(path: str) -> str:
        mount = mounts.mount_of(Path(path), listed)
        return "" if mount is None else mount.kind

    assert kind("/my data/snapshots") == "nfs4"
    assert kind("/my data/in/snapshots") == "tmpfs"
    assert kind("/my database") == "ext4"


def test_this_machine_s_own_list_is_read() -> None:
    """The folder that is always mounted."""
    listed = Path("/proc/self/mountinfo").read_text()

    mount = mounts.mount_of(Path("/proc/self"), listed)

    assert mount is not None
    assert (mount.place, mount.kind) == ("/proc", "proc")


@pytest.fixture
def local_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    """A store on a mount whose locks hold on one host alone."""
    listed = tmp_path / "mountinfo"
    line = f"51 27 0:45 / {tmp_path} rw,relatime - nfs4 nas:/vol rw,vers=4.2,local_lock=all"
    listed.write_text(f"{ROOT}\n{line}\n")
    monkeypatch.setattr(mounts, "_LIST", listed)
    return FolderStore(tmp_path / "snapshots")


def release(host: str) -> Release:
    """The same release on any host."""
    return Release(
        version="0.3.0", host=host, code="a", python="3.11", libraries="", governance="c"
    )


def test_one_host_alone_publishes_where_locks_are_its_own(
    local_locks: FolderStore, tmp_path: Path
) -> None:
    """Nobody else is there whom a lock would keep out."""
    for price in (100.0, 101.0):
        draft = kit.draft(tmp_path / str(price), price=price)
        draft = replace(draft, by=Publisher(release(platform.node())))
        assert publish(draft, local_locks).new


def test_a_second_host_is_refused_where_locks_do_not_reach_it(
    local_locks: FolderStore, tmp_path: Path
) -> None:
    """Before it sweeps away what the first one is at; one sentence with the mount and the host."""
    first = local_locks.root / ".epochs/000001.json"
    Publisher(release("two")).adopt(local_locks)
    assert first.exists()

    with pytest.raises(PublishError) as told:
        publish(kit.draft(tmp_path / "day"), local_locks)

    said = str(told.value)
    assert f"lies on nfs4 at {tmp_path} (local_lock=all)" in said
    assert "two publishes there too" in said
    assert not list(local_locks.root.glob(".staging-*"))


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="mounts a folder: root")
def test_a_mount_that_is_really_there_is_found(tmp_path: Path) -> None:
    """A tmpfs over a folder with a blank in its name."""
    place = tmp_path / "a b"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    try:
        found = mounts.mount_of(place / "snapshots", Path("/proc/self/mountinfo").read_text())
        assert found is not None
        assert (found.place, found.kind) == (str(place), "tmpfs")
    finally:
        subprocess.run(["umount", place], check=True)
