"""The site that `make docs` builds from docs/."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline import errors, reader
from pipeline.locations import PROJECT

LOADS = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """What a page loads, and the names that can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        found = dict(attrs)
        self.names.add(found.get("id") or "")
        if tag in LOADS and (address := found.get(LOADS[tag])):
            self.loads.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built strictly, as the Makefile does: a link that leads nowhere is an error."""
    rule = re.search(r"^docs:.*\n\t\$\(BIN\)/(sphinx-build .*) docs build/site$", makefile(), re.M)
    assert rule is not None
    program, *options = rule[1].split()
    out = tmp_path_factory.mktemp("site")
    run = subprocess.run(
        [Path(sys.executable).with_name(program), *options, "-d", out / "state", "docs", out],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return out


def makefile() -> str:
    """Its text."""
    return (PROJECT / "Makefile").read_text()


def test_every_guide_is_a_page_of_it(site: Path) -> None:
    """Each file of docs/, found from the first page."""
    guides = {p.relative_to(PROJECT / "docs").with_suffix("") for p in PROJECT.glob("docs/**/*.md")}
    start = (site / "index.html").read_text()

    assert len(guides) > 10
    for guide in guides:
        assert (site / f"{guide}.html").is_file(), guide
        assert f'href="{guide}.html"' in start or guide.name == "index", guide


def test_it_asks_nothing_of_other_hosts(site: Path) -> None:
    """Neither fonts nor scripts nor pictures: it reads the same without a network."""
    pages = sorted(site.rglob("*.html"))
    loads = [address for page in pages for address in Page(page.read_text()).loads]
    sheets = "".join(path.read_text() for path in site.rglob("*.css"))

    assert len(loads) > 100
    assert [address for address in loads if re.match(r"(\w+:)?//", address)] == []
    assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", sheets) == []


def test_the_reference_has_every_public_name_of_the_reader_and_every_error(site: Path) -> None:
    """Functions and classes, from their docstrings."""
    names = Page((site / "api.html").read_text()).names
    functions = [name for name in reader.__all__ if callable(getattr(reader, name))]
    classes = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
    ]

    assert len(functions) >= 5
    for name in functions:
        assert {f"pipeline.reader.{name}", f"{getattr(reader, name).__module__}.{name}"} & names
    for name in classes:
        assert f"pipeline.errors.{name}" in names
