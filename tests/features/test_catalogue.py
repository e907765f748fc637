"""The schema and the page for people are the registry's."""

from __future__ import annotations

from pathlib import Path

from kit.shipped import FEATURES
from pipeline.features.catalogue import catalogue, schema
from pipeline.features.registry import MACRO, MICRO


def test_schema_and_page_are_up_to_date(governance: Path) -> None:
    """Both are what the registry says; if not: python -m pipeline.features.catalogue writes them anew."""
    document = (governance / "SCHEMA_features.json").read_text()
    page = governance.parent / "docs" / "features.md"

    assert document == schema(document)
    assert page.read_text() == catalogue(FEATURES)


def test_page_names_every_feature_once() -> None:
    """Every registered feature has its entry."""
    page = catalogue(FEATURES)

    assert all(page.count(f"**`{step.name}`**") == 1 for step in (*MICRO, *MACRO))


def test_coverage_names_every_feature_and_every_reason_once() -> None:
    """The coverage table lists each registered feature, and each one that cannot be had, and no other."""
    document = FEATURES.document
    listed = [name for row in document["coverage"] for name in row["features"]]
    absent = [entry["name"] for entry in document["not_possible"]]
    registered = [step.name for step in (*MICRO, *MACRO)]

    assert sorted(listed) == sorted([*registered, *absent])
