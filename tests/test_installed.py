"""The package as a library: a wheel in a clean environment, used from a folder of one's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.locations import PROJECT

LIBRARIES = Path(sysconfig.get_path("purelib"))
SOURCES = (
    "governance",
    "pipeline",
    "setup.cfg",
    "setup.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
DAY = "2025-01-02"
SLIM = re.compile(r"pip install --no-deps \S+\npip install (.+)")

Run = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment of its own, with the wheel in it."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """Where it has packages."""
        return next(self.folder.glob("lib/python*/site-packages"))

    def run(self, cwd: Path, *command: str | Path, code: int = 0, **more: str) -> Run:
        """A command with nothing of the caller's environment but where programs are."""
        run = subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **more},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.returncode == code, run.stdout + run.stderr
        return run


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the sources: a build leaves things behind, and picks up what others left."""
    sources, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    left = shutil.ignore_patterns("__pycache__", "*.so")
    for name in SOURCES:
        path = PROJECT / name
        if path.is_dir():
            shutil.copytree(path, sources / name, ignore=left)
        else:
            shutil.copy(path, sources / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-index"]
    built = subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(sources)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    shutil.rmtree(sources)
    return next(out.glob("*.whl"))


def installed(folder: Path, wheel: Path) -> Environment:
    """A fresh environment with the wheel and nothing else."""
    venv.create(folder, symlinks=True)
    made = Environment(folder=folder)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(made.python)]
    made.run(folder, *pip, "install", "--no-index", "--no-deps", wheel)
    return made


@pytest.fixture(scope="module")
def library(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel, and the libraries of the test environment.

    A path file adds their folder without what an editable installation put there to be run at start.
    """
    made = installed(tmp_path_factory.mktemp("library"), wheel)
    (made.site_packages / "libraries.pth").write_text(f"{LIBRARIES}\n")
    return made


@pytest.fixture(scope="module")
def kitchen(library: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration, a day of sample exports, and that day published."""
    root = tmp_path_factory.mktemp("kitchen")
    (root / "kitchen.yaml").write_text(
        "paths: {raw: raw, prepared: prepared, snapshots: snapshots}\n"
        f"symbols: {{BTCUSDT: {{market: futures_um, since: {DAY}}}}}\nsimulated: true\n"
    )
    (root / "below").mkdir()
    sample = ("sample", "--date", DAY, "--trades", "3000", "--out", "raw")
    library.run(root, library.folder / "bin/kitchen", *sample)
    run = library.run(root / "below", library.python, *luigi("Snapshot", "--date", DAY))
    assert f"Snapshot {DAY} r1: available, 1 symbol, 1440 rows of simulated data" in run.stdout
    assert "no luigid answers" in run.stdout + run.stderr
    return root


def luigi(*arguments: str) -> list[str]:
    """The `luigi` program, by an interpreter that has not got its own."""
    return [str(Path(sys.executable).with_name("luigi")), "--module", "pipeline", *arguments]


def test_nothing_of_the_checkout_is_used(library: Environment, kitchen: Path) -> None:
    """Neither for the package and its rules nor in anything that was written."""
    program = (
        "from pipeline.settings.config import load_kitchen as k; from pipeline import locations as l\n"
        "import pipeline.sources.atas.tick_scan, sys\n"
        "print(l.PROJECT, l.GOVERNANCE, k().governance, k().file, k().raw)\n"
        "print([p for p in sys.path] + [m.__file__ for n, m in sys.modules.items()"
        " if n.startswith('pipeline') and getattr(m, '__file__', None)])"
    )

    run = library.run(kitchen / "below", library.python, "-P", "-c", program)

    assert str(PROJECT / "pipeline") not in run.stdout
    assert str(PROJECT / "governance") not in run.stdout
    rules = library.site_packages / "pipeline/governance"
    assert run.stdout.split("\n")[0] == (
        f"{library.site_packages} {rules} {rules} {kitchen}/kitchen.yaml {kitchen}/raw"
    )
    for name in ("CONTROL_kitchen.yaml", "SCHEMA_features.json"):
        assert (rules / name).read_bytes() == (PROJECT / "governance" / name).read_bytes()
    ours = [str(PROJECT / name).encode() for name in ("pipeline", "governance", "configs", "data")]
    for path in kitchen.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(place in content for place in ours), path


def test_its_exit_codes_are_the_documented_ones(library: Environment, kitchen: Path) -> None:
    """Without a luigi.cfg: pending, a wrong value, no configuration at all."""
    pending = luigi("Snapshot", "--date", "2025-01-03")
    library.run(kitchen, library.python, *pending, code=20)
    library.run(kitchen, library.python, *luigi("Snapshot", "--date", "2025-13-01"), code=40)

    run = library.run(library.folder, library.python, *luigi("Snapshot", "--date", DAY), code=40)

    assert "no configuration: looked for kitchen.yaml and configs/kitchen.yaml in" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_second_run_finds_nothing_to_do(library: Environment, kitchen: Path) -> None:
    """Digests of code and rules are those of the installed files."""
    run = library.run(kitchen, library.python, *luigi("Snapshot", "--date", DAY))

    assert "nothing to do" in run.stdout


def test_align_and_features_need_no_configuration(library: Environment, kitchen: Path) -> None:
    """Two files in, aligned bars out; the registry of features."""
    alone, program = library.folder / "alone", library.folder / "bin" / "kitchen"
    alone.mkdir()
    klines = next((kitchen / "raw/binance/futures_um").glob(f"*-1m-{DAY}.zip"))
    atas = next((kitchen / "raw/atas/bars_1m").rglob("bars_1m.jsonl"))

    library.run(alone, program, "align", "--atas", atas, "--binance", klines, "--out", "aligned")
    listed = library.run(alone, program, "features", "list", "--json")

    assert pq.read_metadata(alone / "aligned/bars_1m.parquet").num_rows == 1440
    assert len(json.loads(listed.stdout)["features"]) > 100
    library.run(kitchen, program, "verify", "--all")


def test_the_reader_needs_three_libraries_alone(wheel: Path, kitchen: Path, tmp_path: Path) -> None:
    """Those that docs/reading.md names, beside the wheel, in an environment that has no other."""
    found = SLIM.search((PROJECT / "docs/reading.md").read_text())
    assert found is not None
    slim = installed(tmp_path / "slim", wheel)
    for name in found[1].split():
        for path in LIBRARIES.glob(f"{name}*"):
            (slim.site_packages / path.name).symlink_to(path)
    program = (
        "import sys\nfrom pipeline.reader import known_at, load, trailing_zscore\n"
        f"root = {str(kitchen / 'snapshots')!r}\n"
        f"bars = load('bars_1m', '{DAY}', '{DAY}', root=root)\n"
        f"morning = known_at(bars, '{DAY}T12:00:00Z')\n"
        "z = trailing_zscore(bars, 'volume', window=60, min_count=30)\n"
        f"none = load('footprint', '2024-01-01', '2024-01-01', allow=('pending',), root=root)\n"
        "print(bars.num_rows, morning.num_rows, len(z), none.num_rows, none.num_columns > 3)\n"
        "print(sorted({'luigi', 'pandas', 'matplotlib', 'cerberus', 'yaml'} & set(sys.modules)))"
    )

    run = slim.run(tmp_path, slim.python, "-c", program)

    assert run.stdout.splitlines() == ["1440 720 1440 0 True", "[]"]


def test_a_program_that_uses_the_reader_passes_strict_types(
    library: Environment, tmp_path: Path
) -> None:
    """The wheel carries its annotations (py.typed): right uses pass, a wrong one is found."""
    (tmp_path / "mine.py").write_text(
        "from pathlib import Path\n\n"
        "from pipeline.reader import files, known_at, load, trailing_zscore\n\n\n"
        "def volume(root: Path) -> float:\n"
        f'    bars = load("bars_1m", "{DAY}", "{DAY}", symbols=["BTCUSDT"], root=root)\n'
        f'    early = known_at(bars, "{DAY}T12:00:00Z")\n'
        '    z = trailing_zscore(early, "volume", window=60, min_count=30)\n'
        f'    paths: list[Path] = files("bars_1m", "{DAY}", "{DAY}", root=root)\n'
        "    return float(len(z) + len(paths))\n\n\n"
        'load("bars_1m", 7, "2025-01-02")  # wrong on purpose\n'
    )
    mypy = ("-m", "mypy", "--strict", "--python-executable", library.python, "mine.py")

    run = library.run(tmp_path, sys.executable, *mypy, code=1)

    assert "Found 1 error in 1 file (checked 1 source file)" in run.stdout, run.stdout
    assert 'mine.py:14: error: Argument 2 to "load" has incompatible type "int"' in run.stdout
