"""What is done without a library of an extra: one sentence that names it."""

from __future__ import annotations

import configparser
import logging
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from kit.support import write_config
from pipeline import optional
from pipeline.dashboard import luigid
from pipeline.errors import ConfigError
from pipeline.locations import PROJECT
from pipeline.reader import scan
from pipeline.reader.shaping import Form, shaped
from pipeline.unattended import alerts


def without(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """Makes a library look as if it was not installed."""
    monkeypatch.setitem(sys.modules, library, None)


@pytest.mark.parametrize(("library", "extra"), optional.EXTRAS.items())
def test_the_extra_that_is_named_installs_the_library(library: str, extra: str) -> None:
    """And the base does not."""
    package = configparser.ConfigParser()
    package.read(PROJECT / "setup.cfg")

    assert library in package["options.extras_require"][extra].split()
    assert library not in package["options"]["install_requires"].split()


def test_one_extra_has_all_that_a_module_needs() -> None:
    """Whoever installs it, and no other, can use what the module is for."""
    package = configparser.ConfigParser()
    package.read(PROJECT / "setup.cfg")
    extras = [set(text.split()) for text in package["options.extras_require"].values()]
    needed = {
        path: set(re.findall(r"\brequire\(\"(\w+)\"\)", path.read_text()))
        for path in (PROJECT / "pipeline").rglob("*.py")
    }

    assert needed[PROJECT / "pipeline/publishing/s3.py"] == {"boto3", "tenacity"}
    for path, libraries in needed.items():
        assert any(libraries <= extra for extra in extras), path


@pytest.mark.parametrize("library", ["httpx", "tenacity"])
def test_fetch_without_its_libraries_is_one_sentence(library: str) -> None:
    """Exit 40, before anything is asked or written."""
    program = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from pipeline.cli.main import main; main(['fetch', '--date', '2025-01-02'])"
    )

    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert run.returncode == 40
    assert run.stderr == (
        f"kitchen: {library} is not installed: pip install 'central-data-kitchen[fetch]' brings it\n"
    )


def test_scan_without_polars_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it looks for a store."""
    without(monkeypatch, "polars")

    with pytest.raises(ConfigError, match=r"polars is not installed: .*\[lazy\]"):
        scan("bars_1m", "2025-01-02", "2025-01-02")


@pytest.mark.parametrize("form", ["pandas", "polars"])
def test_a_form_without_its_library_names_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, form: Form
) -> None:
    """Of the base too: a machine that only reads need not have all of it."""
    table = pa.table({"a": [1]})
    without(monkeypatch, form)

    with pytest.raises(ConfigError, match=f"^{form} is not installed: pip install .* brings it$"):
        shaped(table, form)


@pytest.mark.parametrize(("library", "package"), [("yaml", "pyyaml"), ("cerberus", "cerberus")])
def test_the_configured_store_without_its_libraries_names_what_installs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, package: str
) -> None:
    """One sentence, not a traceback; of a file that was never read here."""
    write_config(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    program = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from pipeline.errors import ConfigError\nfrom pipeline.reader import open_snapshots\n"
        "try:\n    open_snapshots().days()\nexcept ConfigError as error:\n    print(error)"
    )

    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert run.stdout == f"{library} is not installed: pip install {package} brings it\n", (
        run.stderr
    )


def test_an_alert_without_apprise_is_said_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It counts as not sent, so the next run tries again; no address is shown."""
    without(monkeypatch, "apprise")
    monkeypatch.setattr(logging.getLogger("kitchen"), "propagate", True)
    message = alerts.Message(title="a title", text="a text")

    assert not alerts._sent(alerts.send, ["json://secret.example"], message)

    assert "apprise is not installed" in caplog.text
    assert "[alerts]" in caplog.text
    assert "secret" not in caplog.text


def test_luigid_without_sqlalchemy_serves_and_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the history of tasks is not kept."""
    without(monkeypatch, "sqlalchemy")
    monkeypatch.setattr(logging.getLogger("kitchen"), "propagate", True)

    scheduler = luigid.make_scheduler(tmp_path)

    assert scheduler.task_list("", "") == {}
    assert "[history]" in caplog.text
    assert not (tmp_path / "history.sqlite").exists()
