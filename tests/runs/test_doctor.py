"""`kitchen doctor`: each thing that is wrong, in a sentence, with what to do."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kit.support import kitchen_at, write_config
from pipeline import layout
from pipeline.cli.doctor import command
from pipeline.settings import config
from pipeline.tasks import context, luigid_client

Found = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kitchen of two symbols, with a day of raw files each."""
    write_config(tmp_path, dict.fromkeys(("BTCUSDT", "ETHUSDT"), "{market: futures_um}"))
    for symbol in ("BTCUSDT", "ETHUSDT"):
        put(tmp_path, symbol, dt.date(2025, 1, 2))
    monkeypatch.setenv("KITCHEN_CONFIG", str(tmp_path / "configs" / "kitchen.yaml"))


def put(root: Path, symbol: str, day: dt.date) -> None:
    """A raw file by its name alone."""
    folder = root / "data/raw/binance/futures_um"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{symbol}-1m-{day}.zip").touch()
    layout.forget_listings()


def doctor(code: int = 0) -> Found:
    """What it finds, by matter."""
    config._load.cache_clear()
    context.forget()
    ended = CliRunner().invoke(command, ["--json"])
    assert ended.exit_code == code, ended.output
    return {it["matter"]: it for it in json.loads(ended.output)["found"]}


def test_a_whole_kitchen_has_nothing_wrong() -> None:
    """Versions, disks, folders and clock are told; only what is not begun is worth a look."""
    found = doctor()

    assert {it["state"] for it in found.values()} <= {"ok", "look"}
    assert found["release"]["words"].startswith("0.2.0, code ")
    assert found["published days"]["do"].startswith("luigi --module pipeline Snapshot")
    assert found["raw data"]["words"].startswith("2 of 2 symbols")


def test_a_symbol_whose_raw_data_ended_is_named_with_what_to_set(tmp_path: Path) -> None:
    """The day goes into the configuration as it stands there."""
    put(tmp_path, "BTCUSDT", dt.date(2025, 3, 1))

    found = doctor(30)

    assert found["symbol ETHUSDT"]["state"] == "wrong"
    assert found["symbol ETHUSDT"]["do"].startswith("set symbols.ETHUSDT.until: 2025-01-02 in ")
    assert "symbol BTCUSDT" not in found


def test_a_symbol_with_an_end_is_not_asked_for_one(tmp_path: Path) -> None:
    """It was set."""
    put(tmp_path, "BTCUSDT", dt.date(2025, 3, 1))
    market = "market: futures_um"
    kitchen_at(
        tmp_path, {"BTCUSDT": f"{{{market}}}", "ETHUSDT": f"{{{market}, until: 2025-01-02}}"}
    )

    assert "symbol ETHUSDT" not in doctor()


def test_a_symbol_without_a_raw_file_is_worth_a_look(tmp_path: Path) -> None:
    """It may be new."""
    kitchen_at(tmp_path, dict.fromkeys(("BTCUSDT", "XRPUSDT"), "{market: futures_um}"))

    found = doctor()["symbol XRPUSDT"]
    assert found["state"] == "look"
    assert found["do"].startswith("kitchen fetch --date 2025-01-02 --symbols XRPUSDT asks")


def test_a_signing_key_that_others_can_read_is_wrong(tmp_path: Path) -> None:
    """And one that is not there."""
    write_config(tmp_path, extra=f"signing: {{key: {tmp_path / 'key.pem'}}}\n")
    todo = "bring it back from its copy; only where there is none make a new one, kitchen keys --create"
    assert doctor(30)["signing key"]["do"] == todo

    (tmp_path / "key.pem").touch(0o644)
    assert doctor(30)["signing key"]["do"] == f"chmod 600 {tmp_path / 'key.pem'}"


def test_a_folder_changed_in_the_future_is_another_clock(tmp_path: Path) -> None:
    """An hour ahead of this machine."""
    folder = tmp_path / "data/raw/binance"
    os.utime(folder, (time.time() + 3600,) * 2)

    assert "3600 s in its future" in doctor()["clock"]["words"].replace("3599", "3600")


def test_unattended_runs_that_fell_silent_are_wrong(tmp_path: Path) -> None:
    """Three days without a success."""
    file = tmp_path / "data/prepared/.ops/last_success"
    file.parent.mkdir(parents=True)
    file.touch()
    assert doctor()["unattended runs"]["state"] == "ok"

    os.utime(file, (time.time() - 72 * 3600,) * 2)
    assert doctor(30)["unattended runs"]["state"] == "wrong"


def test_a_luigid_that_answers_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever listens there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(luigid_client, "url", lambda: url)

        assert doctor()["luigid"] == {
            "matter": "luigid", "state": "ok", "words": f"answers on {url}", "do": ""
        }  # fmt: skip


def test_people_read_a_mark_a_sentence_and_what_to_do(tmp_path: Path) -> None:
    """And a last line that counts."""
    put(tmp_path, "BTCUSDT", dt.date(2025, 3, 1))

    ended = CliRunner().invoke(command)

    lines = ended.output.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("WRONG symbol ETHUSDT: "))
    assert lines[at + 1].startswith("        do: set symbols.ETHUSDT.until")
    assert lines[-1].startswith("1 wrong, ")
