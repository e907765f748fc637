"""The picture of a day in a real browser, by mouse and by keyboard."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.browser import CONTRAST, SCHEMES, WIDTHS, needs_browser, opened
from kit.shown_day import DAY
from pipeline.pages.addresses import Leads
from pipeline.pages.day_page import day_page
from pipeline.pages.day_view import day_view
from pipeline.pages.known import Known
from pipeline.pages.site import Site
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.index import Entry, SymbolEntry
from pipeline.settings.config import Kitchen

pytestmark = [pytest.mark.slow, needs_browser]

READY = "body[data-ready]"


@pytest.fixture(scope="module")
def address(kitchen: Kitchen, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the symbol with every feed."""
    file: Path = tmp_path_factory.mktemp("page") / "day.html"
    file.write_text(day_page(day_view(kitchen, FolderStore(kitchen.snapshots), DAY, "BTCUSDT")))
    return file.as_uri()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_it_opens_quietly_and_fits(address: str, width: int, scheme: str) -> None:
    """No word on the console, nothing asked of a network, no sideways scroll, text that can be read."""
    with opened(address, width, scheme) as shown:
        shown.page.wait_for_selector(READY)

        assert shown.said == []
        assert shown.asked == [address]
        assert shown.overflow() <= 0
        assert shown.page.evaluate(CONTRAST) == []


def test_a_click_on_a_minute_shows_the_lines_that_it_came_from(address: str) -> None:
    """In the middle of the picture, wherever that is: the archive's line of that minute."""
    with opened(address) as shown:
        shown.page.wait_for_selector(READY)
        box = shown.page.locator("#chart").bounding_box()
        assert box is not None
        shown.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 60)

        shown.page.wait_for_function(
            "document.getElementById('chosen').textContent.endsWith('UTC')"
        )
        told = shown.page.inner_text("#told")
        assert "binance/futures_um/BTCUSDT-1m-2025-01-02.zip, line" in told
        assert shown.page.evaluate("location.hash").startswith("#")


def test_the_keyboard_alone_reaches_every_minute(address: str) -> None:
    """From the picture's focus: an arrow, a page, a mark, a zoom."""
    with opened(address) as shown:
        shown.page.wait_for_selector(READY)
        shown.page.focus("#chart")
        seen = []
        for key in ("Home", "PageDown", "ArrowRight", "ArrowLeft", "End"):
            shown.page.keyboard.press(key)
            seen.append(shown.page.inner_text("#chosen"))
        shown.page.keyboard.press("Home")
        shown.page.keyboard.press("n")

        assert seen == ["00:00 UTC", "01:00 UTC", "01:01 UTC", "01:00 UTC", "23:59 UTC"]
        assert "Flags" in shown.page.inner_text("#told") or "B12" in shown.page.inner_text("#told")


def test_an_address_leads_to_what_it_names(address: str) -> None:
    """Minute and length of what is in sight."""
    with opened(f"{address}#07:36/60") as shown:
        shown.page.wait_for_selector(READY)

        assert shown.page.inner_text("#chosen") == "07:36 UTC"
        assert shown.page.get_attribute("[data-minutes='60']", "aria-pressed") == "true"


def test_four_hundred_symbols_over_two_years_are_filtered_at_once(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    """The grid's own time after a choice, and what is left: the days of one code of one symbol."""
    symbols = {
        f"S{number:03}USDT": SymbolEntry(condition="degraded", codes=("C08",))
        if number == 7
        else SymbolEntry(condition="available", codes=())
        for number in range(400)
    }
    entry = Entry(
        revision=1,
        condition="degraded",
        rows=0,
        symbols=symbols,
        simulated=True,
        manifest_sha256="",
        data_manifest_hash="",
    )
    days = {DAY + dt.timedelta(days=n): entry for n in range(730)}
    page = Site(Known(kitchen, FolderStore(kitchen.snapshots), days)).page("")
    file = tmp_path / "index.html"
    file.write_text(str(page))

    with opened(file.as_uri()) as shown:
        shown.page.wait_for_selector(READY)
        shown.page.fill("[name=from]", DAY.isoformat())
        shown.page.select_option("[name=code]", "C08")

        assert shown.page.inner_text("#count").startswith("730 symbol-days")
        assert int(shown.page.get_attribute("body", "data-milliseconds") or "") <= 200
        assert shown.page.evaluate("location.hash").startswith("#code=C08")
        assert shown.said == []


def test_the_table_says_what_the_picture_shows(address: str) -> None:
    """An hour is chosen; a minute of it is a button that chooses it."""
    with opened(address) as shown:
        shown.page.wait_for_selector(READY)
        shown.page.click("summary >> text=The minutes as a table")
        shown.page.select_option("#hour", "14")
        shown.page.click("#rows button >> text=14:05")

        assert shown.page.locator("#rows tr").count() == 60
        assert shown.page.inner_text("#chosen") == "14:05 UTC"


def test_text_of_vendors_stays_text(kitchen: Kitchen, tmp_path: Path) -> None:
    """Names, reasons, notes and raw lines that would be a script if anybody took them for one."""
    evil = "</script><script>document.title = 'evil'</script><img src=x onerror=alert(1)>"
    view = day_view(kitchen, FolderStore(kitchen.snapshots), DAY, "BTCUSDT")
    assert view.lines is not None
    view = replace(
        view,
        symbol=evil,
        facts=[(evil, evil)],
        reasons=[replace(it, code=evil, words=evil, note=evil) for it in view.reasons],
        flags=[replace(it, code=evil, words=evil) for it in view.flags],
        rejects=[
            replace(it, minute=0, code=evil, file=evil, reason=evil, raw=evil)
            for it in view.rejects
        ],
        lines=replace(
            view.lines,
            sources=[replace(it, path=evil) for it in view.lines.sources],
            lines=[replace(it, text=evil) for it in view.lines.lines],
        ),
    )
    file = tmp_path / "day.html"
    file.write_text(day_page(view, Leads(f"day/{DAY}/X/")))

    with opened(f"{file.as_uri()}#00:00/60") as shown:
        shown.page.wait_for_selector(READY)

        assert shown.said == []
        assert shown.page.title().startswith(evil)
        assert shown.page.locator("img").count() == 0
        assert evil in shown.page.inner_text("#told")


def test_the_worst_days_come_first_where_they_are_asked_for(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    """On the first page: missing before degraded before available."""
    file = tmp_path / "index.html"
    file.write_text(str(Site(Known.of(kitchen, FolderStore(kitchen.snapshots))).page("")))

    with opened(file.as_uri()) as shown:
        shown.page.wait_for_selector(READY)
        shown.page.select_option("[name=order]", "worst")

        states = [item.get_attribute("class") for item in shown.page.locator("#found li").all()]
        assert states == sorted(states, key=["missing", "degraded", "available"].index)
        assert shown.page.evaluate("location.hash").endswith("order=worst")
