"""What docs/cluster.md says can be done as it stands there."""

from __future__ import annotations

import ast
import configparser
import datetime as dt
import os
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

from kit import ranges
from kit.doc_pages import blocks, page
from kit.real_luigid import free_port
from kit.support import write_config
from pipeline.settings import config

PAGE = page("docs/cluster.md")
DAYS = [dt.date(2025, 1, 2), dt.date(2025, 1, 3)]
BIN = Path(sys.executable).parent


def test_its_configuration_is_one(tmp_path: Path) -> None:
    """And has the defaults."""
    bare = config.read_kitchen(write_config(tmp_path / "bare"))

    said = config.read_kitchen(write_config(tmp_path / "said", extra=blocks(PAGE, "yaml")[0]))

    assert said.workers == bare.workers


def test_the_two_hosts_build_the_days(tmp_path: Path) -> None:
    """Its four commands, in its order, on this machine's own addresses."""
    small = {"trades_per_day": 800, "ticks": False, "simplified": False}
    raw = ranges.write_raw(tmp_path / "raw", DAYS, **small)
    root, port, shown = ranges.kitchen(tmp_path / "kitchen", raw), free_port(), free_port()
    environ = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml"),
    }
    text = "\n".join(blocks(PAGE, "sh")).replace("8786", str(port)).replace("8787", str(shown))
    text = text.replace("10.77.0.1", "127.0.0.1").replace("10.77.0.2", "127.0.0.2")
    *beside, driver = [shlex.split(line) for line in text.splitlines() if line]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = [subprocess.Popen(c, cwd=tmp_path, env=environ, **quiet) for c in beside]
    try:
        run = subprocess.run(driver, env=environ, capture_output=True, text=True, check=False)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=60)

    assert len(beside) == 3
    assert run.returncode == 0, run.stderr
    assert len(list((root / "snapshots/.revisions").iterdir())) == 2


def test_its_units_and_manifest_call_programs_that_there_are() -> None:
    """With options that Dask's programs have."""
    manifest = yaml.safe_load(blocks(PAGE, "yaml")[1])["spec"]
    called = [
        manifest[kind]["spec"]["containers"][0]["args"][1:] for kind in ("scheduler", "worker")
    ]
    for text in blocks(PAGE, "ini"):
        unit = configparser.ConfigParser()
        unit.read_string(text)
        called.append(shlex.split(unit["Service"]["ExecStart"])[1:])

    assert [words[0] for words in called] == ["scheduler", "worker"] * 2
    for kind, *words in called:
        shown = subprocess.run(
            [BIN / "dask", kind, "--help"], capture_output=True, text=True, check=True
        )
        assert {word for word in words if word.startswith("--")} <= set(shown.stdout.split())


def test_its_python_can_be_read() -> None:
    """Slurm itself is not here."""
    assert ast.parse(blocks(PAGE, "python")[0]).body
