"""Markdown and HTML: both from the JSON alone, equal in content, safe for hostile text."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.quality_days import calibrated, day_columns, ledger, without_atas, without_record
from kit.real_cases import BTCUSDT, XRPETH
from kit.support import btcusdt_raw, kitchen_at, xrpeth_raw
from kit.whole_day import whole_day
from pipeline.contracts.calibration import DayFinding, Reason, Status, changed
from pipeline.quality.catalogue import DEFECTS
from pipeline.quality.checks import DayFacts
from pipeline.quality.report import html, markdown, report
from pipeline.quality.verdict import verdict
from pipeline.quality.wording import plain, share

Build = Callable[..., DayFacts]
Rejected = Callable[..., pa.Table]
HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=y>|`[a](javascript:b)\x1b[31m\n# x \u202e"
)
VOID = {"meta", "br", "img", "link", "hr", "input"}
ENDED_BY = {
    "tr": {"td", "th", "tr"},
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tbody": {"th", "tr", "thead"},
}
"""Tag -> elements that it ends, as HTML has it; a table ends all of them."""
IN_TABLES = {"td", "th", "tr", "tbody", "thead"}
COLOURS = [
    "ink",
    "muted",
    "link",
    "first",
    "second",
    "third",
    "available",
    "degraded",
    "missing",
    "bad",
]
KEYS = r"\b(checks|evidence|identity|oddities|refusals|figures|likeness|skew|tick_size|record)\.[a-z_]+\b"


class Page(HTMLParser):
    """Collects what a page is made of, and whether its tags match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.cells: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag."""
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        while self.open and self.open[-1] in ENDED_BY.get(tag, ()):
            self.open.pop()
        if tag in ("td", "th"):
            self.cells.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag without content."""
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        """Checks that the tag closes the one that is open."""
        while tag == "table" and self.open[-1] in IN_TABLES:
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Notes text as a reader sees it."""
        self.text.append(data)
        if "td" in self.open or "th" in self.open:
            self.cells[-1] += data


@dataclass(frozen=True)
class Shown:
    """A day's report."""

    day: DayFacts

    @property
    def json(self) -> dict[str, Any]:
        """Its source."""
        return report(self.day, verdict(self.day))

    @property
    def html(self) -> str:
        """For a browser."""
        return html(self.json, self.day.bars)

    @property
    def markdown(self) -> str:
        """For a terminal."""
        return markdown(self.json)


@pytest.fixture
def page(facts: Build, rejected: Rejected) -> Shown:
    """A day with a bit of everything."""
    columns = day_columns()
    without_record(columns, range(100, 103))
    without_atas(columns, range(600, 700))
    columns["atas_high"][5] += 7.5
    columns["basis_bps"] = [-2.125 + (i % 5) / 8 for i in range(1440)]
    table = rejected("atas_bars", (9, "A13", "{bad"), reason="not JSON")
    ledgers = {"binance_1m": [ledger("binance_1m")], "atas_bars": [ledger("atas_bars", rejected=1)]}
    return Shown(facts(columns, rejects={"atas_bars": table}, ledgers=ledgers, simulated=True))


@pytest.fixture
def hostile(facts: Build, rejected: Rejected) -> Shown:
    """A day in which every text of a vendor is an attack."""
    notes = {HOSTILE: HOSTILE, "defects": {"A04": 3}}
    entry = changed(ledger("atas_bars"), path=HOSTILE, adapter=HOSTILE, notes=notes)
    calibration = calibrated(
        feed=HOSTILE,
        volume_unit=HOSTILE,
        reasons=(Reason(code="C01", key="other_instrument", note=HOSTILE),),
    )
    day = facts(
        symbol=HOSTILE,
        calibration=calibration,
        ledgers={"binance_1m": [ledger("binance_1m")], "atas_bars": [entry]},
        rejects={"atas_bars": rejected("atas_bars", (9, "A13", HOSTILE), reason=HOSTILE)},
    )
    return Shown(day)


def test_both_come_from_the_json_alone(page: Shown) -> None:
    """A report that went through a file renders to the same bytes, beside the same bars."""
    again = json.loads(json.dumps(page.json))

    assert html(again, page.day.bars) == page.html
    assert markdown(again) == page.markdown


def test_the_verdict_stands_first(page: Shown) -> None:
    """Ten seconds are enough: symbol, condition with codes, three figures, and then the rest."""
    lines = [line for line in page.markdown.splitlines() if line]

    assert lines[0] == "# BTCUSDT futures_um 2025-01-02"
    assert lines[1] == "**SIMULATED DATA**"
    assert lines[2].startswith("**degraded: B12, C08**")
    assert "99.792 % / 93.041 %" in lines[3]
    assert "0 min (not needed)" in lines[4]


def test_what_is_wrong_stands_before_the_picture_and_the_evidence(page: Shown) -> None:
    """Verdict, reasons, the day's picture; evidence is folded, its failing checks first."""
    text = page.html
    order = ['class="verdict', 'id="reasons"', ">The day<", "<details", 'id="codes"']
    rows = re.findall(r'<tr(?: class="(\w*)")?><td>(fails|holds|not measured)', text)

    assert sorted(order, key=text.index) == order
    assert [told for _, told in rows[:3]] == ["fails", "fails", "not measured"]
    assert {told for _, told in rows[3:]} <= {"not measured", "holds"}
    assert "<details open" not in text


def test_markdown_shows_the_figures_of_the_json(page: Shown) -> None:
    """Every check, input and gap of the JSON can be found in the text."""
    text = page.markdown

    for check in page.json["checks"]:
        assert check["name"].replace("_", " ") in text
        assert check["note"] in text
    for entry in page.json["inputs"]:
        assert entry["path"] in text
    assert page.json["heat"][0]["rows"][1] in text
    assert "\n    20    " not in text
    assert "| binance |    01:40 | " not in text
    assert re.search(r"\| binance +\| 01:40 +\| 01:42 +\| +3 \| missing", text)
    assert f"{page.json['basis']['median']:.6g}" in text


def test_a_reason_is_said_in_words(page: Shown) -> None:
    """The check by its name, measured and wanted as the table of checks has them."""
    told = (
        "atas coverage 93.041 %, wanted at least 95 %: 1337 of 1437 traded minutes have an ATAS row"
    )

    assert told in page.markdown
    assert told in [cell.strip() for cell in Page(page.html).cells]


def test_html_and_markdown_say_the_same(page: Shown) -> None:
    """Each cell of each Markdown table stands in the page's tables or list of codes too."""
    parsed = Page(page.html)
    shown = {text.strip() for text in (*parsed.cells, *parsed.text)}
    cells = {
        re.sub(r"\\(.)", r"\1", cell.strip())
        for line in page.markdown.splitlines()
        if line.startswith("|") and not line.startswith("| --")
        for cell in re.split(r"(?<!\\)\|", line)
        if cell.strip() and not re.fullmatch(r"-+:?", cell.strip())
    }

    assert cells - {"code", "defect", "what is done"} <= shown


def test_no_page_shows_a_key_of_the_program(page: Shown) -> None:
    """People read words: keys of CONTROL and of the JSON stay there."""
    for text in (" ".join(Page(page.html).text), page.markdown):
        assert not re.search(KEYS, text)


def test_every_code_leads_to_its_words(page: Shown) -> None:
    """What it is and what is done about it stand on the page itself."""
    parsed = Page(page.html)
    text = "\n".join(parsed.text)
    named = {code for code in re.findall(r"\b[A-D][0-9]{2}\b", text) if code in DEFECTS}

    assert {"B12", "C08", "A13"} <= named
    for code in named:
        assert ("id", code) in parsed.attributes
        assert ("href", f"#{code}") in parsed.attributes
        assert DEFECTS[code].what in text
        assert DEFECTS[code].what in re.sub(r"\\(.)", r"\1", page.markdown)


def test_markdown_tables_are_aligned(page: Shown) -> None:
    """In a terminal the columns of the checks stand below each other."""
    lines = page.markdown.splitlines()
    start = next(i for i, line in enumerate(lines) if re.match(r"\| +\| check ", line))
    bars = [[m.start() for m in re.finditer(r"\|", line)][:6] for line in lines[start : start + 11]]
    assert bars[0]

    assert len({tuple(found) for found in bars}) == 1


def test_the_page_is_self_contained(page: Shown) -> None:
    """No script, no link out, no font, no image; and a policy that would forbid them."""
    parsed = Page(page.html)
    (style,) = re.findall(r"<style>(.*?)</style>", page.html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert not parsed.tags & {"script", "link", "iframe", "object", "embed", "base", "form", "img"}
    for name, value in parsed.attributes:
        if name in ("href", "xlink:href", "src"):
            assert value.startswith("#")
        assert not name.startswith("on")
        assert name != "style"
        assert not re.search(r"https?:|//|javascript:|@import", value)
    assert ("content", f"default-src 'none'; style-src 'sha256-{digest}'") in parsed.attributes
    assert not re.search(r"url\(|@import|@font-face", style)
    assert not parsed.open


def test_drawings_are_told_to_those_who_do_not_see_them(page: Shown) -> None:
    """Each is XML with a title and a description, and has its colours from the page alone."""
    drawings = re.findall(r"<svg.*?</svg>", page.html, flags=re.DOTALL)

    assert len(drawings) >= 7
    for text in drawings:
        drawing = ElementTree.fromstring(text)  # noqa: S314 - our own
        assert drawing.get("role") == "img"
        assert drawing.findtext("title")
        assert drawing.findtext("desc")
        assert all(
            re.fullmatch("[Mmlhv0-9 -]*", path.get("d", "")) for path in drawing.iter("path")
        )
        assert not re.search(r"(fill|stroke|style)=|#[0-9a-f]{3}", text)


def _brightness(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    digits = colour if len(colour) == 6 else "".join(2 * c for c in colour)
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_and_lines_can_be_told_from_the_ground(page: Shown) -> None:
    """At least 4.5:1 in light and in dark, on the paper and on a table's sheet."""
    light, dark = re.findall(r":root\{(.*?)\}", page.html)
    for palette in (light, dark):
        colours = {n: _brightness(c) for n, c in re.findall(r"--(\w+):#([0-9a-f]+)", palette)}
        for name in COLOURS:
            for ground in ("paper", "sheet"):
                low, high = sorted((colours[name], colours[ground]))
                assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ground)


def test_order_flow_is_set_in_letters_of_one_width(facts: Build) -> None:
    """The hours in which two sources differ, a letter a minute."""
    rows = ["=" * 60] * 24
    rows[3] = "=" * 20 + "xx~" + "1" * 37
    flow = {"published": {"ticks": 1440}, "rows": rows, "pairs": [], "worst": [], "fields": {}}
    text = Shown(facts(flow=flow)).html
    (block,) = re.findall(r"<pre[^>]*>(.*?)</pre>", text, flags=re.DOTALL)

    assert f"03    {rows[3]}" in block.splitlines()
    assert "04    " not in block
    assert re.search(r"pre\{[^}]*monospace", text)


def test_hostile_text_stays_text(hostile: Shown) -> None:
    """Whatever a vendor wrote adds no tag, no attribute and no control character to the page."""
    text = hostile.html
    parsed = Page(text)

    assert not parsed.tags & {"script", "img"}
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in "".join(parsed.text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text)
    assert not parsed.open


def test_hostile_text_cannot_leave_its_cell(hostile: Shown) -> None:
    """In Markdown it ends no cell, opens no tag or link, and moves no terminal's cursor."""
    text = hostile.markdown

    assert not re.search(r"(?<!\\)<", text)
    assert not re.search(r"(?<!\\)\[a\]", text)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", text)
    assert "\n# x" not in text


def test_equal_days_give_equal_bytes(facts: Build, page: Shown) -> None:
    """No clock, id or hash seed reaches a page: rendered twice, and beside another, it is the same."""
    first = page.html

    assert Shown(facts()).html != first
    assert page.html == first
    assert page.markdown == page.markdown


@pytest.mark.parametrize("status", ["refused", "not_measured"])
def test_a_day_without_evidence_renders(facts: Build, status: Status) -> None:
    """Figures that are absent are dashes, and their drawings are left out."""
    columns = day_columns()
    without_atas(columns, range(1440))
    calibration = DayFinding(
        status=status, reasons=(Reason(code="C11", key="not_identifiable", note="thin"),)
    )
    shown = Shown(facts(columns, calibration=calibration))

    assert "Agreement of the feeds" not in shown.html
    assert "no offset was found" in shown.markdown.lower()


def test_a_missing_day_renders(facts: Build) -> None:
    """No rows, no ledger, no calibration: the page says so."""
    clean = facts()
    nothing = {"bars": clean.bars.slice(0, 0), "calibration": DayFinding(status="not_measured")}
    shown = Shown(DayFacts(**({f: getattr(clean, f) for f in DayFacts.__slots__} | nothing)))

    assert "missing: B06" in " ".join("".join(Page(shown.html).text).split())
    assert "not published" in shown.markdown


@pytest.mark.real
@pytest.mark.parametrize(
    ("put", "market", "day"),
    [(btcusdt_raw, "futures_um", BTCUSDT), (xrpeth_raw, "spot", XRPETH)],
    ids=["bars", "bars and ticks"],
)
def test_the_pages_of_a_real_day_are_small(
    tmp_path: Path,
    real_data: Path,
    put: Callable[[Path, Path], Path],
    market: str,
    day: tuple[str, dt.date],
) -> None:
    """All three together, of a day on which nothing is wrong."""
    kitchen = kitchen_at(put(tmp_path, real_data), {day[0]: f"{{market: {market}}}"})
    made = whole_day(kitchen, *day)
    pages = ("report_json", "report_md", "report_html")

    assert made.condition == "available"
    assert sum(made.read("Verdict", page).place()[1] for page in pages) <= 60_000


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "100 %"), (0.999_999_9, "99.999+ %"), (0.95, "95 %"), (0.0, "0 %"), (None, "–")],
)
def test_a_share_is_never_rounded_up_to_the_whole(value: float | None, text: str) -> None:
    """100 % is said only of all."""
    assert share(value) == text


@settings(max_examples=200)
@given(st.text())
def test_plain_text_prints(text: str) -> None:
    """Whatever a vendor writes, what is shown prints and stands on one line."""
    assert plain(text).isprintable()
