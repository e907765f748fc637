"""Whether a lock that is taken here keeps out who takes it on another host: by how its folder is mounted.

Belongs here: the kernel's list of mounts, and what file systems say in it. What a mount does not say counts
as no: an engine in user space, a folder shared with a virtual machine. Standard library only.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import storage
from pipeline.errors import PublishError

if TYPE_CHECKING:
    from pipeline.publishing.folder_store import FolderStore

_LIST = Path("/proc/self/mountinfo")

_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """Where a file system is mounted, its kind, and its options."""

    place: str
    kind: str
    options: tuple[str, ...]

    def local_locks(self) -> str:
        """In words why a lock holds on one host alone; empty where it holds on all that have the folder."""
        kind = "fuse" if self.kind.startswith("fuse.") else self.kind
        return "" if self.kind in _LOCKING_ENGINES else _KINDS.get(kind, _never)(self.options)


def _never(options: tuple[str, ...]) -> str:
    return ""


def _having(*found: str) -> Callable[[tuple[str, ...]], str]:
    return lambda options: next((option for option in options if option in found), "")


def _lustre(options: tuple[str, ...]) -> str:
    return "" if "flock" in options else _having("localflock")(options) or "without flock"


def _unsaid(options: tuple[str, ...]) -> str:
    return "which does not say that it hands locks on"


_KINDS: dict[str, Callable[[tuple[str, ...]], str]] = {
    "nfs": _having("local_lock=all", "local_lock=flock", "nolock"),
    "nfs4": _having("local_lock=all", "local_lock=flock", "nolock"),
    "lustre": _lustre,
    "cifs": _having("nobrl"),
    "smb3": _having("nobrl"),
    "gfs2": _having("localflocks"),
    "ocfs2": _having("localflocks"),
    "afs": _having("flock=local"),
    "beegfs": _unsaid,
    "9p": _unsaid,
    "virtiofs": _unsaid,
    "vboxsf": _unsaid,
    "fuse": _unsaid,
}
"""Kind -> in words why its locks are of one host. Others are disks of one host, or always hand locks on."""

_LOCKING_ENGINES = ("fuse.ceph-fuse", "fuse.glusterfs", "fuse.juicefs", "fuse.mfs")


def mount_of(path: Path, listed: str) -> Mount | None:
    """The mount in which a path lies, or would.

    Args:
        path: Absolute, without links.
        listed: As `/proc/self/mountinfo` has it; of two at one place the later one counts.
    """
    found = None
    for line in listed.splitlines():
        fields, _, rest = line.partition(" - ")
        place = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields.split()[4])
        if path.is_relative_to(place) and (found is None or len(place) >= len(found.place)):
            kind, _, options = rest.split(" ", 2)
            found = Mount(place=place, kind=kind, options=tuple(options.split(",")))
    return found


def refuse_several_hosts(store: FolderStore) -> None:
    """Refuses a store whose locks hold on one host alone, where another host has an epoch.

    Raises:
        PublishError: so it is.
    """
    try:
        mount = mount_of(Path(os.path.realpath(store.root)), _LIST.read_text())
    except OSError:
        return
    why = mount.local_locks() if mount is not None else ""
    if mount is None or not why:
        return
    papers = (storage.read_object(store.root / store.epochs / n) for n in store.names(store.epochs))
    hosts = {str(paper.get("release", {}).get("host", "")) for paper in papers}
    others = ", ".join(sorted(hosts - {"", platform.node()}))
    if others:
        raise PublishError(
            f"{store.name}: lies on {mount.kind} at {mount.place} ({why}), where a lock keeps no other host"
            f" out, and {others} publishes there too; mount it with locks that reach all hosts, or publish"
            " from one host alone"
        )
