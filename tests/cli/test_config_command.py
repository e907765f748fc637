"""`kitchen config`: every fault by its key, with a guess at what was meant; the form for editors."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from kit.support import write_config
from pipeline.cli import config as command
from pipeline.locations import GOVERNANCE, PROJECT
from pipeline.publishing import signing
from pipeline.runs import doctor
from pipeline.settings.config import DOCUMENT, read_kitchen
from pipeline.settings.json_schema import json_schema


def run(*arguments: str) -> Result:
    """The command."""
    return CliRunner().invoke(command.command, list(arguments))


def test_the_shipped_configurations_have_no_fault() -> None:
    """Nor has their governance."""
    for name in ("kitchen.yaml", "sample.yaml"):
        ended = run("check", str(PROJECT / "configs" / name))
        assert ended.exit_code == 0, ended.output
        assert "nothing is wrong" in ended.output


def test_every_fault_has_its_key_what_is_allowed_and_a_guess(tmp_path: Path) -> None:
    """Three faults, three lines."""
    file = tmp_path / "kitchen.yaml"
    file.write_text(
        "paths: {raw: r, prepared: p, snapshot: s}\n"
        "symbols: {BTCUSDT: {market: perp, sinse: 2025-01-02}}\n"
    )

    ended = run("check", str(file), "--json")

    assert ended.exit_code == 40
    faults = json.loads(ended.output)["faults"]
    said = {fault.partition(": ")[2] for fault in faults}
    assert len(faults) == 4
    assert any(
        it.startswith("paths.snapshot: unknown field") and "did you mean snapshots?" in it
        for it in said
    )
    assert any(it.startswith("paths.snapshots: required field") for it in said)
    assert any("spot, futures_um, futures_cm" in it for it in said)
    assert any("sinse" in it and "did you mean since?" in it for it in said)


def test_a_fault_of_the_rules_is_found_too(tmp_path: Path) -> None:
    """The governance that the configuration names."""
    shutil.copytree(GOVERNANCE, tmp_path / "governance")
    rules = tmp_path / "governance" / "CONTROL_kitchen.yaml"
    rules.write_text(rules.read_text().replace("checks:", "cheks:", 1))

    ended = run("check", str(write_config(tmp_path)))

    assert ended.exit_code == 40
    assert "CONTROL_kitchen.yaml" in ended.output
    assert "cheks" in ended.output


@pytest.mark.parametrize(
    ("library", "named"),
    [
        ("boto3", "paths.snapshots names s3://research/kitchen"),
        ("deltalake", "tables.delta names bars_1m, footprint"),
        ("distributed", "workers.executor names dask:tcp://host:8786"),
        ("apprise", "alerts.urls_file names "),
    ],
)
def test_what_is_named_and_not_installed_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, named: str
) -> None:
    """Of the check, and of the doctor: not of tomorrow's run."""
    file = tmp_path / "kitchen.yaml"
    file.write_text(
        "paths: {raw: r, prepared: p, snapshots: 's3://research/kitchen'}\n"
        "symbols: {BTCUSDT: {market: spot}}\n"
        "tables: {delta: [bars_1m, footprint]}\n"
        "workers: {executor: 'dask:tcp://host:8786'}\n"
        "alerts: {urls_file: urls}\n"
    )
    whole = run("check", str(file))
    monkeypatch.setitem(sys.modules, library, None)

    ended = run("check", str(file))
    looked = next(it for it in doctor.look(read_kitchen(file)) if it.matter == "extras")

    assert (whole.exit_code, ended.exit_code) == (0, 40)
    assert f"{file}: {named}" in ended.output
    assert f"but {library} is not installed: pip install 'central-data-kitchen[" in ended.output
    assert looked.state == "wrong"
    assert looked.words.startswith(named)
    assert looked.do.startswith("pip install 'central-data-kitchen[")


def test_a_signing_key_that_is_not_there_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the one that the environment names; one that is there is none."""
    file = write_config(tmp_path, extra=f"signing: {{key: {tmp_path / 'key.pem'}}}\n")
    lost = run("check", str(file))
    signing.create(tmp_path / "key.pem", read_kitchen(file))
    there = run("check", str(file))
    monkeypatch.setenv(signing.VARIABLE, str(tmp_path / "other.pem"))
    other = run("check", str(file))

    assert [it.exit_code for it in (lost, there, other)] == [40, 0, 40]
    assert f"{file}: signing.key: {tmp_path / 'key.pem'}: the signing key cannot" in lost.output
    assert f"{tmp_path / 'other.pem'}: the signing key cannot be opened" in other.output


VALID: list[dict[str, Any]] = [
    yaml.load((PROJECT / "configs" / name).read_text(), yaml.BaseLoader)  # noqa: S506 - our own, all texts
    for name in ("kitchen.yaml", "sample.yaml")
]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    """As an editor has it."""
    form = json_schema(DOCUMENT, "kitchen.yaml")
    Draft202012Validator.check_schema(form)
    return Draft202012Validator(form)


def test_an_editor_finds_nothing_in_what_is_right(validator: Draft202012Validator) -> None:
    """The shipped files, and one with every section."""
    whole = {
        "paths": {"raw": "a", "prepared": "b", "snapshots": "c"},
        "symbols": {"BTCUSDT": {"market": "spot", "since": "2025-01-02", "atas": "none"}},
        "latency_seconds": {"binance": 1.5},
        "preference": {
            "atas": ["atas_ticks"],
            "delta": ["klines"],
            "fields": {"poc": ["atas_bars"]},
        },
        "workers": {"executor": "processes:4", "retries": 1},
        "fetch": {"use": ["archive"]},
        "simulated": True,
    }
    for document in (whole, {**VALID[0]}):
        assert list(validator.iter_errors(document)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"symbols": {}},
        {"symbols": {"X": {}}},
        {"symbols": {"X": {"market": "perp"}}},
        {"symbols": {"X": {"market": "spot", "sinse": "2025-01-02"}}},
        {"path": {}},
        {"latency_seconds": {"atas": -1}},
        {"preference": {"atas": []}},
        {"preference": {"fields": {"nothing": ["atas_bars"]}}},
        {"workers": {"retries": "many"}},
    ],
)
def test_an_editor_finds_what_the_kitchen_refuses(
    validator: Draft202012Validator, change: dict[str, Any]
) -> None:
    """One fault each."""
    right = {
        "paths": {"raw": "a", "prepared": "b", "snapshots": "c"},
        "symbols": {"X": {"market": "spot"}},
    }
    assert list(validator.iter_errors({**right, **change}))


def test_the_form_is_printed_as_one_document() -> None:
    """What `kitchen config schema > kitchen.schema.json` writes."""
    assert json.loads(run("schema").output) == json_schema(DOCUMENT, "kitchen.yaml")
