"""Stands in for building a piece, for `executors.py`: sleeps as long as BENCH_SLEEP_SECONDS says."""

from __future__ import annotations

import os
import time

from pipeline.tasks.pieces import Built, Piece


def build(piece: Piece) -> Built:
    """Sleeps, and says that it did."""
    seconds = float(os.environ["BENCH_SLEEP_SECONDS"])
    time.sleep(seconds)
    return Built(seconds=seconds)
