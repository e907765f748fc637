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

from kit import snapshots as kit
from kit.shown_day import DAY, NAMES
from kit.support import kitchen_at
from pipeline.cli.site import command
from pipeline.dashboard.pages import MISSED_SECONDS, Look, refusal
from pipeline.errors import SnapshotCorruptError
from pipeline.pages.home import grid
from pipeline.pages.known import Known
from pipeline.pages.reports import Report, report
from pipeline.pages.site import Site
from pipeline.publishing import index
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.seal import publish
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


def test_a_date_that_is_published_this_moment_has_its_page(tmp_path: Path) -> None:
    """It was asked for, and was not there; a second later it is."""
    kitchen = kitchen_at(tmp_path)
    look = Look(kitchen)
    assert look.page(f"revisions/{kit.DAY}/") is None

    publish(kit.draft(tmp_path / "draft"), FolderStore(Path(str(kitchen.snapshots))))
    time.sleep(MISSED_SECONDS)

    assert look.page(f"revisions/{kit.DAY}/") is not None


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


def got(address: str, method: str = "GET", **given: str) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of an answer."""
    asked = urllib.request.Request(address, headers=given, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 - of this machine
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


@pytest.mark.parametrize(
    "address", ["nothing", "a/b/c", f"day/{DAY}/DOGE/", f"files/{DAY}/nothing", "day/%ff/"]
)
def test_what_cannot_be_shown_is_a_sentence_and_a_way_home(served: str, address: str) -> None:
    """From any depth, with the header of every page."""
    status, body, headers = got(served + address)

    assert status in (400, 404)
    assert headers["X-Content-Type-Options"] == "nosniff"
    homes = {urllib.parse.urljoin(served + address, link) for link in Links(body.decode()).links}
    assert served in homes


def test_a_page_or_file_that_did_not_change_is_not_sent_again(served: str) -> None:
    """And a HEAD request gets the headers alone."""
    for address in ("symbols/", f"files/{DAY}/bars_1m.parquet"):
        status, body, headers = got(served + address, "HEAD")

        assert (status, body) == (200, b"")
        assert int(headers["Content-Length"]) == len(got(served + address)[1])
        assert got(served + address, **{"If-None-Match": headers["Etag"]})[0] == 304


def test_a_report_leads_back_to_its_day(served: str) -> None:
    """To the picture, the symbol and the first page; what is published has no such links."""
    page = f"{served}report/{DAY}/BTCUSDT/"
    links = {urllib.parse.urljoin(page, link) for link in Links(got(page)[1].decode()).links}

    assert {served, f"{served}day/{DAY}/BTCUSDT/", f"{served}symbols/BTCUSDT/"} <= links


def test_reasons_and_lines_set_aside_lead_to_their_minute_and_code(files: Path) -> None:
    """B12 is of 03:17 to 20:10; a torn line has a code; a code names the checks that carry it."""
    links = Links(page(files, "day", DAY.isoformat(), "BTCUSDT")).links

    assert {"#03:17/60", "#20:10/60", "../../../codes/A13/index.html"} <= set(links)
    assert "../../checks/atas_coverage/index.html" in Links(page(files, "codes", "C08")).links


def page(files: Path, *place: str) -> str:
    """A page's text."""
    return (files.joinpath(*place) / "index.html").read_text()


def test_a_damaged_table_is_a_sentence_with_the_way_home() -> None:
    """It names the file; nothing of Python is shown."""
    error = SnapshotCorruptError("bars_1m.parquet has 3 bytes, wanted 9; restore the <copy>")

    text = refusal(500, error, f"/day/{DAY}/BTCUSDT/")

    assert "bars_1m.parquet has 3 bytes, wanted 9; restore the &lt;copy&gt;" in text
    assert "../../../" in Links(text).links


def test_a_report_of_another_form_says_nothing(tmp_path: Path) -> None:
    """Neither a list for an object nor half a file stops a page."""
    store = FolderStore(tmp_path)
    file = tmp_path / ".revisions" / f"{DAY}.r1" / "qc" / "X" / "calibration_report.json"
    file.parent.mkdir(parents=True)
    for text in (b'{"header": []}', b'{"checks": [{"na', b"\xff", b""):
        file.write_bytes(text)
        assert report(store, DAY, 1, "X") == Report()
