"""`kitchen verify`, `diff`, `rollback`, `pin`, `gc`, `index` and `keys` as a person meets them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from kit import snapshots as kit
from kit.support import write_config
from pipeline.cli import main as program
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.seal import publish
from pipeline.settings import config


def run(*arguments: str) -> Result:
    """Runs `kitchen ...` in this process."""

    def call(*_: object, **__: object) -> None:
        program.main(list(arguments))

    return CliRunner().invoke(click.Command("kitchen", callback=call), [])


def facts(*arguments: str) -> Any:
    """What the command says as JSON."""
    return json.loads(run(*arguments, "--json").output)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    """The configured store, with r1 and r2 of a date."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path)))
    config._load.cache_clear()
    store = FolderStore(tmp_path / "snapshots")
    for price in (100.0, 101.0):
        publish(kit.draft(tmp_path / str(price), price=price), store)
    return store


def test_a_copy_of_the_store_is_verified_where_it_lies(store: FolderStore, tmp_path: Path) -> None:
    """Apart from the configured one, which stays unasked."""
    backup = tmp_path / "backup"
    assert run("copy", "--to", str(backup)).exit_code == 0
    file = backup / ".revisions/2025-01-02.r1/rejects.parquet"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes() + b" ")

    there, here = run("verify", "--all", "--store", str(backup)), run("verify", "--all")
    unmounted = run("verify", "--all", "--store", str(tmp_path / "usb"))

    assert (there.exit_code, here.exit_code, unmounted.exit_code) == (30, 0, 40)
    assert "2025-01-02.r1: rejects.parquet: bytes is" in there.output


def test_verify_says_good_or_names_what_lies(store: FolderStore) -> None:
    """0 and `good`, or 30 and the file."""
    good = run("verify", "2025-01-02")
    path = store.revision(kit.DAY, 1) / "rejects.parquet"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")

    bad, newest = run("verify", "--all"), run("verify", "2025-01-02.r2")

    assert (good.exit_code, good.output) == (0, "2025-01-02: good\n")
    assert bad.exit_code == 30
    assert "2025-01-02.r1: rejects.parquet: bytes is" in bad.output
    assert newest.exit_code == 0
    assert [f["file"] for f in facts("verify", "--all")["findings"]] == ["rejects.parquet"]


def test_verify_names_what_is_damaged_before_the_papers(store: FolderStore) -> None:
    """A list that was tampered with is named by itself, after the file."""
    folder = store.revision(kit.DAY, 1)
    for name in ("MD5SUMS", "rejects.parquet"):
        (folder / name).chmod(0o644)
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")

    found = facts("verify", "2025-01-02.r1")["findings"]

    assert [f["file"] for f in found] == ["rejects.parquet", "MD5SUMS"]


def test_verify_names_a_date_that_is_not_there_once(store: FolderStore) -> None:
    """The date, and what is wrong with it."""
    said = run("verify", "2025-01-09").output

    assert said == "2025-01-09: no such link: the date is not published\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["verify"], 2, "name dates such as"),
        (["verify", "2025-01-02", "--all"], 2, "name dates such as"),
        (["verify", "yesterday"], 40, "neither a date nor a revision"),
        (["verify", "../../etc"], 40, "neither a date nor a revision"),
        (["verify", "2025-01-09"], 30, "not published"),
        (["diff", "2025-01-09"], 40, "has none"),
        (["diff", "2025-01-02.r1", "2025-01-02.r7"], 40, "has r1, r2"),
        (["rollback", "2025-01-02", "first", "--reason", "x"], 40, "is no revision"),
        (["rollback", "2025-01-02.r1", "r1", "--reason", "x"], 40, "YYYY-MM-DD"),
        (["rollback", "2025-01-02", "r1"], 2, "--reason"),
        (["pin", "2025-01-02.r9"], 40, "has r1, r2"),
        (["pin", "2025-01-02.r1", "--remove"], 40, "is not a pinned revision"),
        (["gc"], 2, "--keep 2"),
        (["gc", "--keep", "0"], 40, "wanted at least 1"),
        (["gc", "--undo", "2025-01-02.r1"], 40, "is not in the trash"),
        (["keys", "--create"], 40, "KITCHEN_SIGNING_KEY"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_sentence(
    store: FolderStore, arguments: list[str], code: int, says: str
) -> None:
    """The documented exit code, what was wrong, no traceback, and not one inode touched."""
    before = kit.tree(store.root)

    result = run(*arguments)

    assert result.exit_code == code, result.output
    assert says in result.output
    assert "Traceback" not in result.output
    assert kit.tree(store.root) == before


def test_diff_names_rows_and_columns(store: FolderStore) -> None:
    """Current against parent, or any two; as many rows as asked for."""
    text = run("diff", "2025-01-02", "--rows", "2").output
    none = run("diff", "2025-01-02", "--rows", "0").output
    every = run("diff", "2025-01-02", "--all").output
    found = facts("diff", "2025-01-02.r1", "2025-01-02.r2")

    assert (none.count("~ "), text.count("~ "), every.count("~ ")) == (0, 2, 1440)
    assert "and 1440 more rows; --all shows them" in none
    assert "2025-01-02.r1 -> 2025-01-02.r2: differ" in text
    assert "bars_1m.parquet: 1440 rows changed, 0 added, 0 removed" in text
    assert "~ BTCUSDT 2025-01-02T00:01:00+00:00: open 100.0 -> 101.0" in text
    assert "and 1438 more rows" in text
    rows = found["tables"]["bars_1m.parquet"]["changed_rows"]
    assert len(rows) == 1440
    assert rows[0]["columns"]["close"] == [100.0, 101.0]


def test_rollback_then_diff_says_the_same(store: FolderStore) -> None:
    """r3 has the content of r1."""
    done = run("rollback", "2025-01-02", "r1", "--reason", "wrong export")

    assert done.exit_code == 0
    assert "2025-01-02 r3: published with the content of r1" in done.output
    assert "say the same" in run("diff", "2025-01-02.r1", "2025-01-02.r3").output


def test_gc_shows_then_does_then_undoes(store: FolderStore) -> None:
    """A plan first; pins and links hold."""
    plan = run("gc", "--keep", "1")
    assert "into the trash  2025-01-02.r1" in plan.output
    assert "nothing was changed, --apply does it" in plan.output
    assert sorted(os.listdir(store.revisions)) == ["2025-01-02.r1", "2025-01-02.r2"]

    run("pin", "2025-01-02.r1", "--note", "paper")
    assert "nothing to collect" in run("gc", "--keep", "1", "--apply").output
    assert "2025-01-02.r1  paper" in run("pin").output
    run("pin", "2025-01-02.r1", "--remove")
    run("gc", "--keep", "1", "--apply")
    assert not store.revision(kit.DAY, 1).exists()

    assert run("gc", "--undo", "2025-01-02.r1").exit_code == 0
    assert run("verify", "--all").exit_code == 0


def test_the_index_is_made_anew(store: FolderStore) -> None:
    """Days and how many are available."""
    (store.root / "index.json").unlink()

    result = run("index")

    assert "1 days, 1 available" in result.output
    assert facts("index")["days"]["2025-01-02"]["revision"] == 2


def test_a_key_is_made_used_and_never_shown(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Created, trusted, signs a rollback; no output, log or published file has a line of it."""
    secret = tmp_path / "secret" / "signing.pem"
    monkeypatch.setenv("KITCHEN_SIGNING_KEY", str(secret))

    said = [run("keys", "--create", "--name", "host"), run("keys"), run("keys", "--json")]
    said.append(run("rollback", "2025-01-02", "r1", "--reason", "wrong export"))
    unsigned, signed = run("verify", "2025-01-02.r2"), run("verify", "2025-01-02.r3")

    assert all(result.exit_code == 0 for result in said), [r.output for r in said]
    assert "signs as ed25519:" in said[0].output
    assert (unsigned.exit_code, signed.exit_code) == (30, 0)
    assert "publication.json.sig: is missing" in unsigned.output
    key = secret.read_text().splitlines()[1]
    published = [p.read_bytes() for p in store.root.rglob("*") if p.is_file()]
    assert not any(key in result.output for result in said)
    assert not any(key.encode() in data for data in published)


def test_a_plan_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not exist yet is no error."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path)))

    assert "nothing is published" in run("verify", "--all").output
    assert "nothing was changed" in run("gc", "--keep", "2").output
    assert run("pin").output == "nothing is pinned\n"
