"""The site: every page leads to its neighbours, as files and over HTTP, and says what was published."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

from kit.shown_day import DAY, NAMES
from kit.support import kitchen_at
from pipeline.cli.site import command
from pipeline.pages.home import grid
from pipeline.pages.known import Known
from pipeline.pages.site import Site
from pipeline.publishing import index
from pipeline.publishing.folder_store import FolderStore
from pipeline.quality.catalogue import DEFECTS
from pipeline.settings.config import Kitchen


class Links(HTMLParser):
    """Where a page leads to, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        given = dict(attrs)
        if tag == "a":
            self.links.append(str(given.get("href")))
        elif given.get("src") or tag == "link":
            self.loads.append(str(given))


@pytest.fixture(scope="module")
def files(kitchen: Kitchen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the day, as files."""
    out = tmp_path_factory.mktemp("site")
    ended = CliRunner(env={"KITCHEN_CONFIG": str(kitchen.file)}).invoke(
        command, [str(out), "--json"]
    )
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.output)["days"] == [DAY.isoformat()]
    return out


def test_every_link_of_every_page_leads_to_a_page(files: Path) -> None:
    """From file to file, without a server; nothing is loaded."""
    for page in files.rglob("index.html"):
        found = Links(page.read_text())
        assert found.loads == []
        for link in found.links:
            if not link.startswith(("https:", "#")):
                assert (page.parent / unquote(link.partition("#")[0])).resolve().is_file(), (
                    page,
                    link,
                )


def test_all_that_is_published_is_reached_from_the_first_page(files: Path) -> None:
    """Walking links alone; the grid's own come from its data."""
    seen, waiting = set[Path](), [files / "index.html"]
    waiting += [files / "day" / DAY.isoformat() / name / "index.html" for name in NAMES]
    while waiting:
        page = waiting.pop().resolve()
        if page not in seen:
            seen.add(page)
            links = (link.partition("#")[0] for link in Links(page.read_text()).links)
            waiting += [page.parent / unquote(x) for x in links if x and not x.startswith("https:")]

    assert seen == {page.resolve() for page in files.rglob("index.html")}


def test_a_code_lists_the_days_that_have_it(files: Path) -> None:
    """B12 was done to one symbol."""
    text = (files / "codes" / "B12" / "index.html").read_text()

    assert f"BTCUSDT {DAY}" in text
    assert f"ETHUSDT {DAY}" not in text
    assert DEFECTS["B12"].what in text


def test_the_grid_says_of_every_day_and_symbol_what_the_index_says(kitchen: Kitchen) -> None:
    """Days without a publication are none; three symbols over ten days, two of them published."""
    entry = index.current(FolderStore(kitchen.snapshots))[DAY]
    later = DAY + dt.timedelta(days=9)

    made = grid(Known(kitchen, FolderStore(kitchen.snapshots), {DAY: entry, later: entry}))

    assert (made.first, made.days) == (DAY, 10)
    for row in made.symbols:
        kind, one, none, eight, same, last = row.runs
        assert (one, none, eight, same, last) == (1, -1, 8, kind, 1)
        said = made.kinds[kind]
        assert (said.condition, said.codes) == (
            entry.symbols[row.name].condition,
            entry.symbols[row.name].codes,
        )


@pytest.mark.parametrize(
    "address",
    ["nothing/", "day/", "day/2025-01-02/", "day/2025-01-03/BTCUSDT/", "day/2025-01-02/DOGE/",
     "codes/Z99/", "symbols/../", "revisions/2025-01-02/r9/", "revisions/x/", "features/x/", "day/a/b/c/"],
)  # fmt: skip
def test_there_is_no_page_of_what_is_not_there(kitchen: Kitchen, address: str) -> None:
    """No error, no guess."""
    assert Site(Known.of(kitchen, FolderStore(kitchen.snapshots))).page(address) is None


def test_a_store_without_a_day_has_pages_that_say_so(tmp_path: Path) -> None:
    """A new kitchen."""
    site = Site(Known.of(kitchen := kitchen_at(tmp_path), FolderStore(kitchen.snapshots)))

    assert "Nothing is published yet" in str(site.page(""))
    assert all(site.page(address) is not None for address in site.addresses)


@pytest.fixture(scope="module")
def served(kitchen: Kitchen) -> Iterator[str]:
    """`kitchen serve` on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("kitchen")), "serve", "--port", str(port)]
    environ = {**os.environ, "KITCHEN_CONFIG": str(kitchen.file)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) as server:
        address = f"http://127.0.0.1:{port}/"
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionError:
                assert server.poll() is None
                time.sleep(0.1)
        yield address
        server.terminate()


def got(address: str) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of an answer."""
    try:
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - of this machine
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def test_a_day_is_served_with_and_without_its_last_slash(served: str) -> None:
    """`/day/D/S` is what people type."""
    status, body, headers = got(f"{served}day/{DAY}/BTCUSDT")

    assert status == 200
    assert b"BTCUSDT" in body
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert got(f"{served}day/{DAY}/BTCUSDT/")[1] == body


def test_served_pages_lead_to_served_pages(served: str) -> None:
    """Every link of the first pages is answered."""
    for start in ("", f"day/{DAY}/BTCUSDT/", f"revisions/{DAY}/", "feeds/"):
        body = got(served + start)[1].decode()
        for link in Links(body).links:
            if not link.startswith(("https:", "#")):
                assert got(urllib.parse.urljoin(served + start, link))[0] == 200, (start, link)


def test_published_files_are_downloaded_as_they_are(served: str, kitchen: Kitchen) -> None:
    """Bit for bit, and no other file of the machine."""
    name = "bars_1m.parquet"

    assert (
        got(f"{served}files/{DAY}/{name}")[1]
        == (kitchen.snapshots / DAY.isoformat() / name).read_bytes()
    )
    for wrong in ("../../kitchen.yaml", "%2e%2e/%2e%2e/x", "nothing.parquet", "/etc/passwd"):
        assert got(f"{served}files/{DAY}/{wrong}")[0] == 404


def test_the_first_page_counts_days_and_symbols(files: Path) -> None:
    """As many as were published."""
    assert re.search(r"1 day, 4 symbols", (files / "index.html").read_text())
