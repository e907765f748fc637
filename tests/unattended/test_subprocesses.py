"""What a command said of its failure."""

from __future__ import annotations

import pytest

from pipeline.unattended.subprocesses import Ended


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "it said nothing"),
        (("a step", "", "  "), "a step"),
        (("ERROR: disk full; make room", "another step, 3 rows"), "disk full; make room"),
        (("ERROR: first", "ERROR: second", "a step"), "second"),
        (
            (
                "ERROR: worker failed",
                "Traceback (most recent call last):",
                "  File x",
                "KeyError: 3",
            ),
            "KeyError: 3",
        ),
        (
            ("Traceback (most recent call last):", "  File x", "KeyError: 3", "a step"),
            "KeyError: 3",
        ),
    ],
)
def test_the_words_of_a_failed_build_are_those_of_its_error(
    lines: tuple[str, ...], words: str
) -> None:
    """Other steps go on after one has failed, so the last line may be about one that did not."""
    assert Ended(code=30, lines=lines).words == words
