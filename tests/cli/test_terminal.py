"""What a person sees at a terminal, and what a pipe gets of the same commands."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from kit.support import write_config
from kit.terminal import Seen, at_terminal

KITCHEN = Path(sys.executable).with_name("kitchen")
SAMPLE = ("sample", "--date", "2025-01-02", "--trades", "400", "--days", "3", "--out", "data/raw")
LONG = ("sample", "--date", "2025-01-02", "--trades", "20000", "--days", "3", "--out", "data/long")
"""What is done in a moment draws no bar; this takes a second or more."""

COLOUR = re.compile(r"\x1b\[[0-9;]*3[1-6]m")


def kitchen(
    root: Path, *arguments: str, piped: bool = False, width: int = 80, **environment: str
) -> Seen:
    """`kitchen ...` at a terminal."""
    return at_terminal(root, KITCHEN, *arguments, piped=piped, width=width, **environment)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kitchen with three simulated days, and what a terminal showed while they were written."""
    root = tmp_path_factory.mktemp("terminal")
    write_config(root, extra="simulated: true\n")
    kitchen(root, *SAMPLE)
    shown = kitchen(root, *LONG, piped=True)
    (root / "screen").write_text(shown.screen)
    (root / "out").write_text(shown.out)
    return root


def test_a_bar_is_drawn_and_taken_away(root: Path) -> None:
    """Done, total and time left; the last that is drawn is erased, and the cursor was never hidden."""
    screen = (root / "screen").read_text()

    assert "of 3 symbol-days" in screen
    assert "left" in screen
    assert screen.endswith("\x1b[1A\x1b[2K")
    assert "\x1b[?25l" not in screen


def test_standard_output_has_facts_alone(root: Path) -> None:
    """While the bar is drawn at the terminal."""
    said = r"\d+ files and \d+ checksums, [\d,]+ bytes, simulated, in \S+\n"
    assert re.fullmatch(said, (root / "out").read_text())


@pytest.mark.parametrize("arguments", [("-q", *SAMPLE), (*SAMPLE, "--quiet")])
def test_quiet_draws_nothing(root: Path, arguments: tuple[str, ...]) -> None:
    """Before the command or after it."""
    shown = kitchen(root, *arguments, piped=True)

    assert shown.code == 0
    assert shown.screen == ""


def test_a_dumb_terminal_gets_no_escape(root: Path) -> None:
    """It cannot write over what it wrote."""
    assert "\x1b" not in kitchen(root, *SAMPLE, TERM="dumb").screen


def test_a_backfill_says_its_days_above_the_bar(root: Path) -> None:
    """Lines come whole, on one line each, with processes forked off beside."""
    shown = kitchen(
        root,
        *("backfill", "--start", "2025-01-02", "--stop", "2025-01-03", "--workers", "2"),
        *("--scheduler", "local"),
        piped=True,
    )

    assert shown.code == 0
    assert re.match(r"Backfill: 2 built, [\d.]+ s\n  report  /", shown.out)
    assert "1 of 2 symbol-days" in shown.screen
    assert re.search(r"^\S*Snapshot 2025-01-02 r1: ", shown.screen.replace("\r", "\n"), re.M)


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_an_error_has_a_colour_where_it_may(
    root: Path, environment: dict[str, str], coloured: bool
) -> None:
    """Red, unless the terminal or its owner has none."""
    screen = kitchen(root, "status", "--start", "x", "--stop", "x", **environment).screen

    assert bool(COLOUR.search(screen)) is coloured
    assert "kitchen:" in screen


@pytest.mark.parametrize("width", [30, 44, 60])
def test_a_table_fits_the_terminal_and_is_whole_in_a_pipe(root: Path, width: int) -> None:
    """Folded under its last column, on a narrow one as a text; in a pipe a line each, which says the same."""
    folded = kitchen(root, "features", "list", width=width).screen
    piped = kitchen(root, "features", "list", piped=True).out

    assert max(map(len, folded.splitlines())) <= width
    assert folded.split() == piped.split()
    assert all(re.match(r"(micro|macro)  \S+ +\S+", line) for line in piped.splitlines())


@pytest.mark.parametrize(("forced", "coloured"), [("1", True), ("0", False), ("", False)])
def test_a_pipe_has_colours_where_they_are_forced(root: Path, forced: str, coloured: bool) -> None:
    """A pipe alone has none."""
    span = ("--start", "2025-01-02", "--stop", "2025-01-02")
    out = kitchen(root, "status", *span, piped=True, FORCE_COLOR=forced).out

    assert out.startswith("2025-01-02  ")
    assert bool(COLOUR.search(out)) is coloured


def test_nothing_that_draws_is_loaded_where_nothing_is_drawn(root: Path) -> None:
    """For a pipe: a run with nothing to do stays light."""
    code = (
        "import sys\nfrom pipeline.cli.main import main\n"
        "try:\n    main(['features', 'list'])\nexcept SystemExit:\n    pass\n"
        "print({'rich', 'difflib'} & set(sys.modules))"
    )

    seen = at_terminal(root, sys.executable, "-c", code, piped=True)

    assert seen.out.splitlines()[-1] == "set()"
