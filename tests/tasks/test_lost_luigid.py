"""What becomes of a question to a luigid that is gone, or to something else in its place."""

from __future__ import annotations

import logging
import socket

import luigi.rpc
import pytest

from pipeline.tasks import lost_luigid


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> luigi.rpc.RemoteScheduler:
    """A proxy of a luigid on a port that nobody listens on, which waits for nothing."""
    monkeypatch.setattr(luigi.rpc.RemoteScheduler, "_request", luigi.rpc.RemoteScheduler._request)
    lost_luigid.exit_when_scheduler_lost()
    lost_luigid.exit_when_scheduler_lost()  # a second time changes nothing
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        made = luigi.rpc.RemoteScheduler(f"http://127.0.0.1:{probe.getsockname()[1]}")
    monkeypatch.setattr(made, "_rpc_retry_wait", 0)
    return made


def test_one_that_is_gone_ends_the_run_with_twenty_five(
    scheduler: luigi.rpc.RemoteScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    """One sentence with its address and what to do, no traceback; a worker's other faults stay its own."""
    with caplog.at_level(logging.ERROR, "kitchen"), pytest.raises(SystemExit) as caught:
        scheduler.ping(worker="w")

    assert caught.value.code == 25
    (record,) = [r for r in caplog.records if r.name == "kitchen"]
    assert record.getMessage().startswith(f"ERROR: {scheduler._url} does not answer")
    assert record.exc_info is None


@pytest.mark.parametrize("page", ["<!doctype html>", "{}", '{"answer": 1}', ""])
def test_something_else_in_its_place_is_named_as_such(
    scheduler: luigi.rpc.RemoteScheduler,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    page: str,
) -> None:
    """It answers, but not as luigid does."""
    monkeypatch.setattr(scheduler, "_fetch", lambda suffix, body: page)

    with caplog.at_level(logging.ERROR, "kitchen"), pytest.raises(SystemExit) as caught:
        scheduler.ping(worker="w")

    assert caught.value.code == 25
    assert "is no luigid" in caplog.text


def test_a_step_goes_on_when_the_dashboard_cannot_be_told(
    scheduler: luigi.rpc.RemoteScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    """What it has computed is there when the run is asked for again."""
    with caplog.at_level(logging.ERROR, "kitchen"):
        assert scheduler.set_task_status_message("task", "half way") is None
        assert scheduler.set_task_progress_percentage("task", 50) is None

    assert not [r for r in caplog.records if r.name == "kitchen"]


def test_an_answer_is_handed_on(
    scheduler: luigi.rpc.RemoteScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is changed while luigid is well."""
    monkeypatch.setattr(
        scheduler, "_fetch", lambda suffix, body: '{"response": {"rpc_messages": []}}'
    )

    assert scheduler.ping(worker="w") == {"rpc_messages": []}
