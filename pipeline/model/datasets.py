"""The tables that a date is published with."""

from __future__ import annotations

DATASETS = ("bars_1m", "features_micro", "macro_slow", "footprint", "rejects")
"""Each is a file of that name. A date without a tape has no footprint."""
