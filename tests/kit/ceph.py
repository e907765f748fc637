"""A gateway of Ceph for objects on loopback, with one monitor, and one disk that is memory.

The environment's KITCHEN_CEPH names the folder below which Ceph's packages are unpacked, `/` where they are
installed; CONTRIBUTING.md says how to get them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.object_server import ENVIRONMENT, free_port

LIBRARIES = "usr/lib/x86_64-linux-gnu"

_SETTINGS = """
[global]
fsid = {id}
mon host = {monitor}
public addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
run dir = {work}
log file = {work}/$name.log
pid file =
mon cluster log to file = false
mon data = {work}/monitor
osd data = {work}/disk
osd objectstore = memstore
osd pool default size = 1
osd pool default min size = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
osd class dir = {libraries}/rados-classes
erasure code dir = {libraries}/ceph/erasure-code
plugin dir = {libraries}/ceph
rgw frontends = beast endpoint=127.0.0.1:{port}
"""


@dataclass
class _Site:
    """Programs of Ceph with their settings in a folder; those that were started end with the stack."""

    root: Path
    work: Path
    started: ExitStack

    def run(self, program: str, *words: str) -> None:
        """To its end, which must be good."""
        how = [sys.executable] if program == "ceph" else []
        with open(self.work / "out", "a") as out:
            subprocess.run(
                [*how, str(self.root / "usr/bin" / program), *words],
                env=self._environment(),
                stdout=out,
                stderr=out,
                check=True,
                timeout=120,
            )

    def start(self, program: str, *words: str) -> None:
        """In the background; what it says is in its own log."""
        process = subprocess.Popen(
            [str(self.root / "usr/bin" / program), *words, "-f"],
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.started.callback(process.wait)
        self.started.callback(process.kill)

    def _environment(self) -> dict[str, str]:
        libraries = (LIBRARIES, f"{LIBRARIES}/ceph", "lib/x86_64-linux-gnu")
        return os.environ | {
            "CEPH_CONF": str(self.work / "ceph.conf"),
            "LD_LIBRARY_PATH": os.pathsep.join(str(self.root / each) for each in libraries),
            "PYTHONPATH": str(self.root / "usr/lib/python3/dist-packages"),
        }


@contextmanager
def running(work: Path) -> Iterator[str]:
    """Its address, for the block; it answers some seconds later.

    Args:
        work: An empty folder for what it writes.
    """
    root, port, site_id, disk_id = _unpacked(), free_port(), str(uuid.uuid4()), str(uuid.uuid4())
    monitor, plan = f"[v2:127.0.0.1:{free_port()},v1:127.0.0.1:{free_port()}]", str(work / "plan")
    said = _SETTINGS.format(
        id=site_id, monitor=monitor, work=work, libraries=root / LIBRARIES, port=port
    )
    (work / "ceph.conf").write_text(said)
    for name in ("monitor", "disk"):
        (work / name).mkdir()
    with ExitStack() as started:
        site = _Site(root, work, started)
        site.run("monmaptool", "--create", "--fsid", site_id, "--addv", "a", monitor, plan)
        site.run("ceph-mon", "-i", "a", "--mkfs", "--monmap", plan)
        site.start("ceph-mon", "-i", "a")
        site.run("ceph", "osd", "new", disk_id)
        site.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk_id)
        site.start("ceph-osd", "-i", "0")
        key, secret = (ENVIRONMENT[f"AWS_{n}"] for n in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
        user = ("--uid", "kitchen", "--display-name", "kitchen")
        site.run(
            "radosgw-admin", "user", "create", *user, "--access-key", key, "--secret-key", secret
        )
        site.start("radosgw", "-n", "client.gateway")
        yield f"http://127.0.0.1:{port}"


def _unpacked() -> Path:
    root = Path(os.environ.get("KITCHEN_CEPH", "none"))
    if not (root / "usr/bin/radosgw").exists():
        pytest.skip("KITCHEN_CEPH names no folder with Ceph's packages, see CONTRIBUTING.md")
    return root.resolve()
