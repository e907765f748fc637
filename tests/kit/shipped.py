"""The governance documents that ship with the kitchen, loaded."""

from __future__ import annotations

from pathlib import Path

from pipeline.contracts import features_schema, rules

GOVERNANCE = Path(__file__).resolve().parents[2] / "governance"

RULES = rules.load(GOVERNANCE)
"""CONTROL and the schemas of the tables."""

FEATURES = features_schema.load(GOVERNANCE)
"""The schema of the features."""
