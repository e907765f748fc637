"""One release at a time builds in a prepared folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.contracts.value import changed
from pipeline.errors import ReleaseError
from pipeline.freshness import identity, release
from pipeline.freshness.release import Release

OWN = Release(
    version="0.3.0",
    host="one",
    code="aaaa",
    python="3.11",
    libraries="numpy 2.4, pyarrow 26.0",
    governance="cccc",
)
HOLDER = """
import sys
from pathlib import Path
import msgspec
from pipeline.freshness import release
release.hold(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=release.Release))
print("holds", flush=True)
sys.stdin.read()
"""
DIFFERS = "libraries is numpy 2.4, wanted numpy 2.5, scipy 1.20; governance is cccc, wanted dddd"


def holder(prepared: Path, code: str) -> subprocess.Popen[str]:
    """A process that begins to build by some code, to the end of its input."""
    said = f'{{"version": "0.3.0", "host": "one", "code": "{code}", "python": "3.11",'
    said += ' "libraries": "numpy 2.4, pyarrow 26.0", "governance": "cccc"}'
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(prepared), said],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def holds(process: subprocess.Popen[str]) -> bool:
    """Whether it has the folder."""
    assert process.stdout is not None
    return process.stdout.readline() == "holds\n"


def test_others_of_the_same_release_build_beside_each_other(tmp_path: Path) -> None:
    """Six that begin at one moment, where another release was at work before."""
    before = holder(tmp_path, "zzzz")
    assert holds(before)
    before.communicate("")

    together = [holder(tmp_path, "aaaa") for _ in range(6)]

    assert all(map(holds, together))
    for process in together:
        process.communicate("")


def test_another_release_waits_for_the_end_of_the_first(tmp_path: Path) -> None:
    """Its sentence has both; a kill is an end."""
    first = holder(tmp_path, "zzzz")
    assert holds(first)

    with pytest.raises(ReleaseError, match=r"code zzzz\) on one builds there at present") as told:
        release.hold(tmp_path, OWN)
    first.kill()
    first.communicate()

    assert "code is aaaa, wanted zzzz" in str(told.value)
    release.hold(tmp_path, OWN)


def test_the_words_name_only_what_differs() -> None:
    """Of many libraries, those that are not in both."""
    other = changed(OWN, libraries="numpy 2.5, pyarrow 26.0, scipy 1.20", governance="dddd")

    assert OWN.against(other) == DIFFERS
    assert identity.differences(OWN, OWN, release.DECIDING) == ""
