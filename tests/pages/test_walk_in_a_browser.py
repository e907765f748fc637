"""The way of somebody who is new to the site, by mouse alone, in a real browser."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Page

from kit.browser import CONTRAST, SCHEMES, WIDTHS, needs_browser, opened
from kit.revised_days import FIRST, MINUTES, REVISED, SYMBOL, revised_days
from pipeline.cli.site import command
from pipeline.pages import addresses

pytestmark = [pytest.mark.slow, needs_browser]

READY = "body[data-ready]"
PAGES = (
    addresses.HOME, addresses.SYMBOLS, addresses.symbol(SYMBOL), addresses.day(REVISED, SYMBOL),
    addresses.report(REVISED, SYMBOL), addresses.lineage(REVISED, SYMBOL), addresses.revisions(REVISED),
    addresses.revision(REVISED, 2), addresses.CODES, addresses.code("B10"), addresses.CHECKS,
    addresses.check("atas_coverage"), addresses.FEATURES, addresses.feature("ret_1m"), addresses.FEEDS,
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days as files: the later one was revised, and is the worse."""
    made = revised_days(tmp_path_factory.mktemp("revised"))
    out = tmp_path_factory.mktemp("walk")
    ended = CliRunner(env={"KITCHEN_CONFIG": str(made.file)}).invoke(command, [str(out)])
    assert ended.exit_code == 0, ended.output
    return out


def test_worst_day_reason_raw_line_and_revision_are_found_by_mouse_alone(site: Path) -> None:
    """From the first page on, by links and buttons that are to be seen."""
    with opened((site / "index.html").as_uri()) as shown:
        page = shown.page
        page.click("nav >> text=Symbols")
        page.click(f"a >> text={SYMBOL}")
        page.wait_for_selector(READY)
        page.click("text=worst first")
        assert page.inner_text("tbody tr:first-child td:first-child") == f"{REVISED}"

        page.click("tbody tr:first-child a >> nth=0")
        page.wait_for_selector(READY)
        assert page.inner_text(".verdict") == "degraded"
        assert "B10" in page.inner_text(".reasons")

        page.click(".worst a >> nth=0")
        page.wait_for_function("document.getElementById('chosen').textContent.endsWith('UTC')")
        hour, minute = map(int, re.findall(r"\d+", page.inner_text("#chosen")))
        assert 60 * hour + minute in MINUTES
        stamp = int(dt.datetime.combine(REVISED, dt.time(hour, minute), dt.UTC).timestamp())
        assert f"{stamp}" in page.inner_text("#told pre >> nth=0")

        page.click("text=what r2 changed")
        assert f"{REVISED} r2" in page.inner_text("h1")
        assert "changed minute" in page.inner_text("figcaption >> nth=0")
        assert page.locator("h2 >> text=Features that follow").count() == 1
        page.click("tbody a >> nth=0")
        page.wait_for_selector(READY)
        assert re.match(r"10:0\d UTC", page.inner_text("#chosen"))
        assert shown.said == []


def test_a_column_orders_a_list_and_the_address_keeps_it(site: Path) -> None:
    """Up, then down; the page opens as it was left."""
    address = (site / "symbols" / SYMBOL / "index.html").as_uri()
    with opened(address) as shown:
        shown.page.click("th button >> text=date")
        first = shown.page.inner_text("tbody tr:first-child td:first-child")
        shown.page.click("th button >> text=date")
        last = shown.page.inner_text("tbody tr:first-child td:first-child")
        shown.page.reload()
        shown.page.wait_for_selector(READY)

        assert (first, last) == (f"{FIRST}", f"{REVISED}")
        assert shown.page.inner_text("tbody tr:first-child td:first-child") == last
        assert shown.page.get_attribute("th >> nth=0", "aria-sort") == "descending"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_each_page_is_quiet_fits_and_can_be_read(site: Path, width: int, scheme: str) -> None:
    """No word on the console, nothing asked of a network, no sideways scroll, contrast enough."""
    pages = [(site / address / "index.html").as_uri() for address in PAGES]
    with opened(pages[0], width, scheme) as shown:
        for page in pages:
            shown.page.goto(page)
            if shown.page.locator("script:not([type])").count():
                shown.page.wait_for_selector(READY)

            assert shown.overflow() <= 0, page
            assert shown.page.evaluate(CONTRAST) == [], page
        assert shown.said == []
        assert [address for address in shown.asked if address not in pages] == []


def test_at_twice_the_size_every_page_still_fits(site: Path) -> None:
    """A screen of 1440 pixels enlarged to 200 % has room for 720."""
    with opened((site / "index.html").as_uri(), 720) as shown:
        for address in PAGES:
            shown.page.goto((site / address / "index.html").as_uri())
            assert shown.overflow() <= 0, address


def test_the_keyboard_alone_goes_from_the_first_page_to_a_minute(site: Path) -> None:
    """Tab to a link of the list, Enter; Tab to the picture, an arrow."""
    with opened((site / "index.html").as_uri()) as shown:
        page = shown.page
        page.wait_for_selector(READY)
        _tab_to(page, "document.activeElement.closest('#found') !== null")
        page.keyboard.press("Enter")
        page.wait_for_selector("#chart")
        page.wait_for_selector(READY)
        _tab_to(page, "document.activeElement.id === 'chart'")
        page.keyboard.press("Home")

        assert page.inner_text("#chosen") == "00:00 UTC"


def _tab_to(page: Page, there: str) -> None:
    """At most so often as a person would."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(there):
            return
    pytest.fail(f"no Tab leads to: {there}")
