"""All published days on one page, for a browser without network or scripts."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.dashboard.calendar_page import DayOfSymbol, page

FIGURES = {
    "binance_coverage": 1.0,
    "atas_coverage": 0.98,
    "basis_bps_median": -2.1,
}


def days(count: int = 40, symbol: str = "BTCUSDT") -> list[DayOfSymbol]:
    """Days in a row, every seventh degraded."""
    return [
        DayOfSymbol(
            day=dt.date(2025, 1, 2) + dt.timedelta(days=n),
            symbol=symbol,
            condition="available" if n % 7 else "degraded",
            codes=() if n % 7 else ("C08",),
            figures=FIGURES,
        )
        for n in range(count)
    ]


class Links(HTMLParser):
    """Every link of a page with its class, and every reference at all."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.references: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag."""
        given = dict(attrs)
        self.tags.add(tag)
        self.references += [v or "" for k, v in attrs if k in ("href", "src", "xlink:href")]
        if tag == "a":
            self.found[str(given["href"])] = str(given["class"])


def test_each_day_links_to_its_report_in_the_colour_of_its_condition() -> None:
    """Relative links, so that the store may lie anywhere."""
    links = Links(page(days(), simulated=False)).found

    assert len(links) == 40
    assert links["2025-01-02/qc/BTCUSDT/calibration_report.html"] == "degraded"
    assert links["2025-02-10/qc/BTCUSDT/calibration_report.html"] == "available"


def test_nothing_is_fetched_and_nothing_runs() -> None:
    """No script, no reference to another place, and a policy that forbids both."""
    text = page(days(), simulated=True)
    links = Links(text)

    assert "script" not in links.tags
    assert all(re.match(r"2025-|#", reference) for reference in links.references)
    assert "default-src 'none'" in text
    assert "SIMULATED DATA" in text


def test_names_are_escaped() -> None:
    """A symbol is a text, not markup."""
    text = page(days(3, "<b>X&Y"), simulated=False)

    assert "<b>X" not in text
    assert "&lt;b&gt;X&amp;Y" in text


def test_trends_show_what_at_least_two_days_have() -> None:
    """Coverage and basis; no skew where none was measured; nothing of a single day."""
    several, single = page(days(3), simulated=False), page(days(1), simulated=False)

    assert "Basis, median, bps" in several
    assert "Clock skew" not in several
    assert "<svg" not in single
    assert page(days(3), simulated=False) == several


def test_a_store_without_days_has_a_page_too() -> None:
    """It says so."""
    assert "none published" in page([], simulated=False)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine")
def test_it_fits_a_phone(tmp_path: Path) -> None:
    """390 px wide: the page itself never scrolls sideways (drawings scroll in their boxes)."""
    probe = "<script>document.title = document.documentElement.scrollWidth</script></body>"
    text = page(days(60, "1000SHIBUSDT"), simulated=False)
    text = re.sub(r"<meta http-equiv=.Content-Security-Policy.*?>", "", text)
    (tmp_path / "page.html").write_text(text.replace("</body>", probe))
    (tmp_path / "frame.html").write_text(
        '<iframe id="f" src="page.html" style="width:390px;height:900px;border:0"></iframe><script>'
        "f.onload = () => { document.body.append('width ' + f.contentDocument.title) }</script>"
    )
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    shown = subprocess.run(
        [
            "chromium",
            *flags,
            "--allow-file-access-from-files",
            "--dump-dom",
            (tmp_path / "frame.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "width 390" in shown.stdout
