"""What the dashboard shows of a running task: it renders HTML, so none of ours may reach it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from kit.support import write_config
from pipeline.freshness.graph import Unit
from pipeline.tasks import job
from pipeline.tasks.day import AlignedBars

ODD = 'raw <img src=x onerror=alert(1)>.jsonl & "more" changed'


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that one run of a step hands to the dashboard; its reason is of an odd file name."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path)))

    def perform(freshness: object, unit: Unit, report: job.Report, urgent: object) -> dict:
        report(f"{ODD}; reading and computing", 10)
        return {"reason": "fresh"}

    monkeypatch.setattr(job, "perform", perform)
    found: list[str] = []
    task = AlignedBars(date=dt.date(2025, 1, 2), symbol="BTCUSDT")
    monkeypatch.setattr(task, "set_status_message", found.append)
    monkeypatch.setattr(task, "set_tracking_url", found.append)
    monkeypatch.setattr(task, "set_progress_percentage", lambda per_cent: None)
    task.run()
    return found


def test_a_reason_is_shown_as_text_never_as_html(shown: list[str]) -> None:
    """Its characters are there, and no tag, quote or entity of its own."""
    text = "".join(shown)

    assert "&lt;img src=x onerror=alert(1)&gt;.jsonl &amp; &quot;more&quot; changed" in text
    assert not set('<>"') & set(text)


def test_the_link_leads_to_our_own_pages(shown: list[str]) -> None:
    """Of the task's own date and symbol, below the dashboard's address."""
    assert shown[0] == "/qc/2025-01-02/BTCUSDT"
