"""What a hostile export, symbol, neighbour or network cannot do. `docs/security.md` is the list.

What one room promises is tested there: archives and links in `sources/test_rawfile.py`, reports in
`quality/test_renderings.py`, signatures in `publishing/`, addresses of the fetcher in `fetch/`. Here stands
what no single room can promise.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from kit.support import kitchen_at, stat_tree, write_config
from pipeline.cli import main as program
from pipeline.errors import ConfigError, KitchenError
from pipeline.settings import config
from pipeline.settings.config import PROJECT
from pipeline.settings.fetching import SCHEMA, from_document
from pipeline.sources.atas import heartbeats
from pipeline.symbols import is_symbol
from pipeline.tasks import base
from pipeline.tasks.parameters import DayParameter, SymbolParameter

KITCHEN = Path(sys.executable).with_name("kitchen")

PAYLOADS = (
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "BTC/../../x",
    "BTC\\..\\x",
    "BTC\0USDT",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "| touch pwned",
    "\uff22\uff34\uff23",  # full-width letters
    "BTC\u2024USDT",  # a dot that is none
    "BTC\u202eUSDT",
    "BTC\nUSDT",
    "BTC USDT",
    "btcusdt",
    "%2e%2e",
    "*",
    "A" * 300,
    "",
    "CON",
    "NUL.TXT",
    "LPT1",
    "BTC.",
    "BTC...",
)
DATES = (
    "../2025-01-02",
    "2025-01-02/../..",
    "\uff12\uff10\uff12\uff15-01-02",  # full-width digits
    "\u0662\u0660\u0662\u0665-01-02",  # Arabic digits
    "2025-01-02\0",
    "2025-01-02\n",
    " 2025-01-02",
    "2025-1-2",
    "20250102",
    "2025-W01-4",
    "2025-02-30",
    "0000-00-00",
    "-2025-01-02",
    "$(touch pwned)",
    "CON",
    "9" * 5_000,
)


def kitchen(*arguments: str) -> Result:
    """Runs `kitchen ...` in this process."""
    runner = CliRunner()
    called = click.Command("kitchen", callback=lambda: program.main(list(arguments)))
    return runner.invoke(called, [])


# -- 1. dates and symbols ---------------------------------------------------------------------------


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_odd_symbol_passes_a_parameter_or_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, payload: str
) -> None:
    """Refused in one sentence, before any path is made of it."""
    path = write_config(tmp_path)
    monkeypatch.setenv("KITCHEN_CONFIG", str(path))

    assert not is_symbol(payload)
    with pytest.raises(KitchenError):
        SymbolParameter().parse(payload)
    quoted = payload.encode("unicode_escape").decode().replace('"', '\\"')
    with pytest.raises(ConfigError):
        kitchen_at(tmp_path / "other", {f'"{quoted}"': "{market: spot}"})


@pytest.mark.parametrize("payload", DATES)
def test_no_odd_date_passes_a_parameter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, payload: str
) -> None:
    """Nothing but ten ASCII characters that are a date."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path)))

    with pytest.raises(KitchenError):
        DayParameter().parse(payload)


@pytest.mark.parametrize("payload", ["../../x", "$(touch pwned)", "A" * 300, "B\x1b[2J"])
def test_nothing_is_written_outside_the_roots_and_no_shell_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, payload: str
) -> None:
    """Every command that takes a date or symbol; the folder is as it was."""
    inner = tmp_path / "a" / "b"
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(inner)))
    monkeypatch.chdir(inner)
    before = set(stat_tree(tmp_path))

    results = [
        kitchen("sample", "--date", payload, "--out", str(inner / "out")),
        kitchen(
            "sample", "--date", "2025-01-02", "--symbols", payload, "--out", str(inner / "out")
        ),
        kitchen("intraday", "--date", payload),
        kitchen("intraday", "--date", "2025-01-02", "--symbol", payload),
        kitchen("fetch", "--date", payload),
        kitchen("fetch", "--date", "2025-01-02", "--symbols", payload),
        kitchen("verify", payload),
        kitchen("cron", "install", "--print", "--user", payload),
    ]

    assert {result.exit_code for result in results} <= {2, 20, 30, 40}
    assert not any("\x1b" in result.output for result in results)
    assert not any("Traceback" in result.output for result in results)
    kept = {name for name in stat_tree(tmp_path) if "/.ops" not in name and "/data" not in name}
    assert kept == before


@pytest.mark.parametrize(
    "name", ["CONUSDT", "COM10", "BTC.P", "BTCUSD_250328", "1000SHIBUSDT", "T"]
)
def test_names_that_only_look_odd_are_taken(name: str) -> None:
    """What begins like a device, has a dot inside, or a date at its end, is a symbol."""
    assert is_symbol(name)


@pytest.mark.parametrize("pattern", ["/etc/passwd", "~/x", "../{date}", "a/../../{symbol}"])
def test_no_pattern_of_the_configuration_leaves_the_raw_folder(
    tmp_path: Path, pattern: str
) -> None:
    """Neither for all symbols nor for one."""
    sources = f'sources: {{binance_1m: ["{pattern}"]}}'
    for text in (
        write_config(tmp_path, extra=f"{sources}\n"),
        write_config(tmp_path, f"{{market: spot, {sources}}}"),
    ):
        config._load.cache_clear()
        with pytest.raises(ConfigError, match=r"leaves paths\.raw"):
            config._load(text)


# -- 3. nothing executable is read from data ---------------------------------------------------------

FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "joblib", "dill", "cloudpickle"}
OF_OTHERS = {("luigid.py", "pickle"), ("executors.py", "pickle")}
"""Luigi's own scheduler keeps its state so, in a folder for its owner alone; Dask hands calls to its workers
so, whatever is called. Neither ever reads a data folder so.
"""

FORBIDDEN_CALLS = {"eval", "exec", "read_pickle", "to_pickle", "system", "popen", "unsafe_load"}


def test_no_code_reads_pickles_or_evaluates_text_or_asks_a_shell() -> None:
    """In the whole package: no pickle, no eval, no unsafe YAML, no shell."""
    found = []
    for path in sorted((PROJECT / "pipeline").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            wrong = [what for what in _forbidden(node) if (path.name, what) not in OF_OTHERS]
            found += [f"{path.name}:{node.lineno} {what}" for what in wrong]

    assert found == []


def _forbidden(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [a.name for a in node.names if a.name.split(".")[0] in FORBIDDEN_MODULES]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""] if (node.module or "").split(".")[0] in FORBIDDEN_MODULES else []
    if not isinstance(node, ast.Call):
        return []
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    name = node.func.id if isinstance(node.func, ast.Name) else name
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if isinstance(owner, ast.Name) and owner.id == "yaml" and name in ("load", "load_all"):
        loader = [k.value for k in node.keywords if k.arg == "Loader"] + node.args[1:]
        return [] if loader else ["yaml.load without a loader"]
    given = {k.arg: k.value for k in node.keywords}
    wrong = [name] if name in FORBIDDEN_CALLS else []
    for keyword in ("shell", "allow_pickle"):
        value = given.get(keyword)
        if isinstance(value, ast.Constant) and value.value is True:
            wrong.append(keyword)
    return wrong


def test_no_yaml_loader_makes_objects(tmp_path: Path) -> None:
    """A tag that would run something is refused, as are aliases that grow and nested depths."""
    for text in (
        "paths: !!python/object/apply:os.system ['touch pwned']\n",
        "a: &a [x]\nb: [*a, *a]\n",
        "[" * 100_000,
    ):
        path = tmp_path / "configs" / "kitchen.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        environ = {"KITCHEN_CONFIG": str(path)}
        run = subprocess.run(
            [KITCHEN, "cron"],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert run.returncode == 40, run.stderr
        assert "Traceback" not in run.stderr
    assert not (tmp_path / "pwned").exists()


# -- 5. what is shown --------------------------------------------------------------------------------


def test_a_status_message_is_escaped_before_the_dashboard_shows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The dashboard prints it as HTML."""
    shown: list[str] = []

    class Task:
        """As much of a task as `report` needs."""

        def set_status_message(self, text: str) -> None:
            """Keeps it."""
            shown.append(text)

        def set_progress_percentage(self, per_cent: int) -> None:
            """Takes it."""

    base.UnitTask.report(Task(), "<img src=x onerror=alert(1)>", 10)  # type: ignore[arg-type]

    assert shown == ["&lt;img src=x onerror=alert(1)&gt;"]


# -- 10. addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://data.binance.vision",
        "http://data.binance.vision",
        "https://169.254.169.254",
        "https://u:p@data.binance.vision",
        "gopher://localhost",
    ],
)
def test_the_fetcher_asks_no_file_no_link_local_address_and_nothing_unencrypted(
    tmp_path: Path, address: str
) -> None:
    """Refused where the configuration is read."""
    assert "archive" in SCHEMA["schema"]
    with pytest.raises(ConfigError, match="archive"):
        from_document({"archive": address}, tmp_path / "kitchen.yaml")


# -- 11. text that is meant to exhaust ------------------------------------------------------------------

EXHAUSTING = {
    "one line of 16 MiB": b'{"timestamp":"' + b"9" * (16 << 20) + b'"}\n',
    "nested brackets": b"[" * 100_000 + b"\n" + b'{"a":' * 100_000 + b"\n",
    "long integers": b'{"timestamp":"2025-01-02T00:00:00Z","close":' + b"9" * 5_000 + b"}\n",
    "a million columns": b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n1,2\n",
    "zeros": b"\0" * (4 << 20),
    "a million empty lines": b"\n" * 1_000_000,
}


@pytest.mark.parametrize("name", sorted(EXHAUSTING))
@pytest.mark.parametrize("side", ["atas", "binance"])
def test_exhausting_text_ends_soon_and_in_words(tmp_path: Path, name: str, side: str) -> None:
    """As either side of an alignment: a sentence, or its lines set aside; 2 GiB and a minute at most."""
    raw, files = tmp_path / "raw", {}
    kitchen("sample", "--date", "2025-01-02", "--trades", "300", "--out", str(raw))
    files["atas"] = raw / "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"
    files["binance"] = raw / "binance/futures_um/BTCUSDT-1m-2025-01-02.zip"
    hostile = tmp_path / ("bars_1m.jsonl" if side == "atas" else "BTCUSDT-1m-2025-01-02.csv")
    hostile.write_bytes(EXHAUSTING[name])
    files[side] = hostile
    command = ["align", "--atas", str(files["atas"]), "--binance", str(files["binance"])]
    limited = f'ulimit -v {4 << 20}; exec "$@"'

    run = subprocess.run(
        ["/bin/sh", "-c", limited, "sh", str(KITCHEN), *command, "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert run.returncode in (0, 20, 30, 40), run.stderr[-500:]
    assert "Traceback" not in run.stderr
    assert len(run.stderr) < 5_000


def test_the_heartbeat_reads_hostile_tails_quickly(tmp_path: Path) -> None:
    """It must never hang on what an exporter, or somebody else, wrote."""
    for data in EXHAUSTING.values():
        path = tmp_path / "bars_1m.jsonl"
        path.write_bytes(data)
        started = time.monotonic()
        heartbeats.newest_row_us(path)
        heartbeats.beat_us(path)
        assert time.monotonic() - started < 5


def test_dependencies_are_pinned() -> None:
    """What `make` installs is what was tested, to the last byte: versions, and hashes of their files."""
    found = {}
    for name in ("requirements.txt", "requirements-test.txt"):
        text = (PROJECT / name).read_text().replace("\\\n", "")
        pins = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
        assert len(pins) > 30
        for pin, *hashes in pins:
            assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", pin)
            assert hashes
            assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes)
        found[name] = {pin for pin, *_ in pins}

    assert found["requirements.txt"] <= found["requirements-test.txt"]
    rules = (PROJECT / "Makefile").read_text()
    assert rules.count("--require-hashes --requirement") == 2


def test_every_promise_of_the_document_names_tests_that_exist() -> None:
    """A row of `docs/security.md` without a test, or with one that is gone, is held by nobody."""
    text = (PROJECT / "docs/security.md").read_text()
    table = text[text.index("## Held by") : text.index("## Secrets")]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]

    assert len(rows) >= 18
    for row in rows:
        files = re.findall(r"`([\w/]+\.py)` \(([^)]*)\)", row)
        assert files, row
        for file, names in files:
            source = (PROJECT / "tests" / file).read_text()
            for name in re.findall(r"`(\w+)`", names):
                assert f"\ndef {name}(" in source, f"{file} {name}"
