"""A program that dies just before the nth call by which it would change something below a folder.

The kernel holds every such call of all its threads and children (seccomp's user notification) and tells the
supervisor, who lets it pass or ends the whole process group. Other calls are not slowed down at all.
"""

from __future__ import annotations

import fcntl
import os
import platform
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

# Name, number on x86-64, and which arguments name what is changed: f a descriptor, p a path, d a folder's
# descriptor before a path, - neither.
_TABLE = """
write 1 f        pwrite64 18 f      writev 20 f           pwritev 296 f       pwritev2 328 f
sendfile 40 f    fallocate 285 f    copy_file_range 326 --f
fsync 74 f       fdatasync 75 f     ftruncate 77 f        truncate 76 p
open 2 p         openat 257 dp      creat 85 p
rename 82 pp     renameat 264 dpdp  renameat2 316 dpdp
mkdir 83 p       mkdirat 258 dp     rmdir 84 p            mknod 133 p         mknodat 259 dp
link 86 pp       linkat 265 dpdp    symlink 88 -p         symlinkat 266 -dp
unlink 87 p      unlinkat 263 dp
chmod 90 p       fchmod 91 f        fchmodat 268 dp       fchmodat2 452 dp
chown 92 p       fchown 93 f        fchownat 260 dp       utimensat 280 dp
"""
_WORDS = iter(_TABLE.split())
_CALLS = {name: (int(number), about) for name, number, about in zip(*[_WORDS] * 3, strict=True)}
_NAMES = {number: name for name, (number, _) in _CALLS.items()}
_FLAGS = {"open": 1, "openat": 2}  # which argument says whether a file is opened for writing

_X86_64, _ALLOW, _NOTIFY = 0xC000003E, 0x7FFF0000, 0x7FC00000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06  # the four instructions of the filter
_SECCOMP, _SET_FILTER, _NEW_LISTENER, _NO_NEW_PRIVILEGES = 317, 1, 8, 38
_RECEIVE, _SEND, _CONTINUE = 0xC0502100, 0xC0182101, 1
_AT_FDCWD = 0xFFFFFF9C


@dataclass(frozen=True, slots=True)
class Call:
    """A call that would change something: its name, and the last path it is about, below the folder."""

    name: str
    path: str


Fatal = Callable[[int, Call], bool]
"""Whether the process dies before a call; the first call has number 1."""


def missing() -> str | None:
    """Why nothing can be supervised here; None when it can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"calls are known by their numbers on x86-64 Linux, not {platform.machine()}"
    actions = Path("/proc/sys/kernel/seccomp/actions_avail")
    if not actions.exists() or "user_notif" not in actions.read_text():
        return "this kernel does not notify of calls (CONFIG_SECCOMP_FILTER, Linux 5.5)"
    return None


def run(
    command: list[str], below: Path, fatal: Fatal, **environment: str
) -> tuple[int, list[Call]]:
    """Runs a command and kills it, with all that it started, just before the first fatal call.

    Returns:
        The exit code, -9 after a kill, and every call below the folder until then, the fatal one included.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = subprocess.Popen(
            [sys.executable, "-ISc", _LAUNCH, str(theirs.fileno()), _filter().hex(), *command],
            env=environment,
            pass_fds=[theirs.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        _, handles, _, _ = socket.recv_fds(ours, 1, 1)
    if not handles:
        raise OSError(f"the kernel took no filter, exit {child.wait()}")
    try:
        calls = _supervise(child, handles[0], os.path.realpath(below), fatal)
        return child.wait(), calls
    finally:
        os.close(handles[0])


def _supervise(
    child: subprocess.Popen[bytes], listener: int, below: str, fatal: Fatal
) -> list[Call]:
    """Answers the kernel until nobody is left who could ask."""
    calls: list[Call] = []
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        (_, event), *_ = poll.poll()
        if event & select.POLLHUP:
            return calls
        asked = bytearray(80)
        try:
            fcntl.ioctl(listener, _RECEIVE, asked)
        except (FileNotFoundError, InterruptedError):  # who asked is dead by now
            continue
        number, pid, _, call, _, _, *arguments = struct.unpack("=QIIiIQ6Q", asked)
        found = _about(pid, _NAMES[call], arguments, below)
        if found is not None:
            calls.append(found)
            if fatal(len(calls), found):
                os.killpg(child.pid, signal.SIGKILL)
                return calls
        try:
            fcntl.ioctl(listener, _SEND, struct.pack("=QqiI", number, 0, 0, _CONTINUE))
        except FileNotFoundError:
            continue


def _about(pid: int, name: str, arguments: list[int], below: str) -> Call | None:
    """The call, when it is about something below the folder."""
    paths, folder = [], _AT_FDCWD
    for kind, value in zip(_CALLS[name][1], arguments, strict=False):
        if kind == "f":
            paths.append(_link(f"/proc/{pid}/fd/{value}"))
        elif kind == "d":
            folder = value & 0xFFFFFFFF
        elif kind == "p":
            paths.append(_path(pid, folder, value))
    inside = [p for p in paths if p == below or p.startswith(below + "/")]
    return Call(name, os.path.relpath(inside[-1], below)) if inside else None


def _path(pid: int, folder: int, address: int) -> str:
    place = "cwd" if folder == _AT_FDCWD else f"fd/{folder}"
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        name = memory.read(4096 - address % 4096)
        if b"\0" not in name:
            name += memory.read(4096)
    return os.path.join(_link(f"/proc/{pid}/{place}"), os.fsdecode(name.partition(b"\0")[0]))


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:  # a call on a descriptor that was never open
        return ""


def _filter() -> bytes:
    """The program that the kernel runs at each call: notify of the calls above, allow all others."""
    lines = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _X86_64), (_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, 0)]
    for name, (number, _) in _CALLS.items():
        if name in _FLAGS:
            flags = 16 + 8 * _FLAGS[name]
            lines += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, flags), (_ANY_BIT, 0, 1, _WRITING)]
            lines += [(_RETURN, 0, 0, _NOTIFY), (_RETURN, 0, 0, _ALLOW)]
        else:
            lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _NOTIFY)]
    lines.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


_LAUNCH = f"""
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
program = bytes.fromhex(sys.argv[2])
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_char_p)]
libc.prctl({_NO_NEW_PRIVILEGES}, 1, 0, 0, 0)
given = Program(len(program) // 8, program)
listener = libc.syscall({_SECCOMP}, {_SET_FILTER}, {_NEW_LISTENER}, ctypes.byref(given))
if listener < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
with socket.socket(fileno=int(sys.argv[1])) as out:
    socket.send_fds(out, [b"x"], [listener])
os.execv(sys.argv[3], sys.argv[3:])
"""
