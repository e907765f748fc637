"""Lines that would grow with the number of files say the first few, and how many more."""

from __future__ import annotations

import logging

import pytest

from pipeline.plain_text import few
from pipeline.tasks import messages
from pipeline.tasks.pieces import Made


def test_the_first_few_and_how_many_more() -> None:
    """All of them where they are few."""
    assert few(["a", "b", "c"]) == "a, b, c"
    assert few(["a", "b", "c", "d", "e"], "; ") == "a; b; c and 2 more"


def test_a_part_that_read_many_new_files_is_one_short_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each reason once, though its steps have several together."""
    why = ("raw a is new; raw b is new", "raw b is new; raw c is new; raw d is new")

    with caplog.at_level(logging.INFO, logger="kitchen"):
        messages.built(Made(name="BTCUSDT 2025-01-02", steps=2, seconds=1.0, why=why))

    (said,) = caplog.messages
    assert said == (
        "BTCUSDT 2025-01-02: 2 steps, 1.00 s (raw a is new; raw b is new; raw c is new and 1 more)"
    )
