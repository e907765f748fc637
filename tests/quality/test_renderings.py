"""Markdown and HTML: both from the JSON alone, equal in content, safe for hostile text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.quality_days import calibrated, day_columns, ledger, without_atas, without_record
from pipeline.contracts.calibration import (
    DayFinding,
    Reason,
    SkewFigures,
    SkewPoint,
    Status,
    changed,
)
from pipeline.quality.checks import DayFacts
from pipeline.quality.plots import draw
from pipeline.quality.report import html, markdown, report
from pipeline.quality.verdict import verdict
from pipeline.quality.wording import plain, share

Build = Callable[..., DayFacts]
Rejected = Callable[..., pa.Table]
HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=y>|`[a](javascript:b)\x1b[31m\n# x \u202e"
)
VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Collects what a page is made of, and whether its tags match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag."""
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag without content."""
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        """Checks that the tag closes the one that is open."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Notes text as a reader sees it."""
        self.text.append(data)


@pytest.fixture
def page(facts: Build, rejected: Rejected) -> dict[str, Any]:
    """The JSON of a day with a bit of everything."""
    columns = day_columns()
    without_record(columns, range(100, 103))
    without_atas(columns, range(600, 700))
    columns["atas_high"][5] += 7.5
    columns["basis_bps"] = [-2.125 + (i % 5) / 8 for i in range(1440)]
    table = rejected("atas_bars", (9, "A13", "{bad"), reason="not JSON")
    ledgers = {"binance_1m": [ledger("binance_1m")], "atas_bars": [ledger("atas_bars", rejected=1)]}
    day = facts(columns, rejects={"atas_bars": table}, ledgers=ledgers, simulated=True)
    return report(day, verdict(day))


@pytest.fixture
def hostile(facts: Build, rejected: Rejected) -> dict[str, Any]:
    """The JSON of a day in which every text of a vendor is an attack."""
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
    return report(day, verdict(day))


def test_both_come_from_the_json_alone(page: dict[str, Any]) -> None:
    """A report that went through a file renders to the same bytes."""
    again = json.loads(json.dumps(page))

    assert html(again) == html(page)
    assert markdown(again) == markdown(page)


def test_the_verdict_stands_first(page: dict[str, Any]) -> None:
    """Ten seconds are enough: symbol, condition with codes, three figures, and then the rest."""
    lines = [line for line in markdown(page).splitlines() if line]

    assert lines[0] == "# BTCUSDT futures_um 2025-01-02"
    assert lines[1] == "**SIMULATED DATA**"
    assert lines[2].startswith("**degraded: B12, C08**")
    assert "99.792 % / 93.041 %" in lines[3]
    assert "0 min (not_needed)" in lines[4]
    assert html(page).index("degraded: B12, C08") < html(page).index("Checks")


def test_markdown_shows_the_figures_of_the_json(page: dict[str, Any]) -> None:
    """Every check, reason, gap and input of the JSON can be found in the text."""
    text = markdown(page)

    for check in page["checks"]:
        assert check["key"] in text
        assert check["note"] in text
    for reason in page["verdict"]["reasons"] + page["verdict"]["notes"]:
        assert reason["note"] in text
    for entry in page["inputs"]:
        assert entry["sha256"] in text
    for row in page["heat"][0]["rows"]:
        assert row in text
    assert "| binance |    01:40 | " not in text
    assert re.search(r"\| binance +\| 01:40 +\| 01:42 +\| +3 \| missing", text)
    assert f"{page['basis']['median']:.6g}" in text


def test_html_and_markdown_say_the_same(page: dict[str, Any]) -> None:
    """Each cell of each Markdown table stands in the page's text too."""
    shown = {text.strip() for text in Page(html(page)).text}
    cells = {
        re.sub(r"\\(.)", r"\1", cell.strip())
        for line in markdown(page).splitlines()
        if line.startswith("|") and not line.startswith("| --")
        for cell in re.split(r"(?<!\\)\|", line)
        if cell.strip() and not re.fullmatch(r"-+:?", cell.strip())
    }

    assert cells <= shown


def test_markdown_tables_are_aligned(page: dict[str, Any]) -> None:
    """In a terminal the columns of the checks stand below each other."""
    lines = markdown(page).splitlines()
    start = next(i for i, line in enumerate(lines) if re.match(r"\| +\| key ", line))
    bars = [[m.start() for m in re.finditer(r"\|", line)][:5] for line in lines[start : start + 11]]
    assert bars[0]

    assert len({tuple(found) for found in bars}) == 1


def test_the_page_is_self_contained(page: dict[str, Any]) -> None:
    """No script, no link out, no font, no image; and a policy that would forbid them."""
    parsed = Page(html(page))

    assert not parsed.tags & {"script", "link", "iframe", "object", "embed", "base", "form", "img"}
    for name, value in parsed.attributes:
        if name in ("href", "xlink:href", "src"):
            assert value.startswith("#")
        assert not name.startswith("on")
        assert not re.search(r"https?:|//|javascript:|@import", value)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in (
        parsed.attributes
    )
    assert not parsed.open


def test_styles_reach_for_nothing(page: dict[str, Any]) -> None:
    """No url() but to the drawing's own clip, no import, no remote font."""
    style = "".join(re.findall(r"<style>(.*?)</style>", html(page), flags=re.DOTALL))

    assert "url(" not in style
    assert "@import" not in style
    assert "@font-face" not in style
    assert set(re.findall(r"url\((.)", html(page))) <= {"#"}


def test_drawings_follow_the_page_in_light_and_dark(page: dict[str, Any]) -> None:
    """Each drawing has a label, and colours by the page's variables alone."""
    drawings = re.findall(r"<svg.*?</svg>", html(page), flags=re.DOTALL)

    assert len(drawings) == 7
    for drawing in drawings:
        assert re.search(r'aria-label="[^"]+"', drawing)
        assert "<title>" in drawing
        assert not re.search(r"(fill|stroke): #", drawing)
        assert "metadata" not in drawing


def test_hostile_text_stays_text(hostile: dict[str, Any]) -> None:
    """Whatever a vendor wrote adds no tag, no attribute and no control character to the page."""
    text = html(hostile)
    parsed = Page(text)

    assert not parsed.tags & {"script", "img"}
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in "".join(parsed.text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text)
    assert not parsed.open


def test_hostile_text_cannot_leave_its_cell(hostile: dict[str, Any]) -> None:
    """In Markdown it ends no cell, opens no tag or link, and moves no terminal's cursor."""
    text = markdown(hostile)

    assert not re.search(r"(?<!\\)<", text)
    assert not re.search(r"(?<!\\)\[a\]", text)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", text)
    assert "\n# x" not in text


def test_equal_days_give_equal_bytes(facts: Build, page: dict[str, Any]) -> None:
    """No clock, id or hash seed reaches a page: rendered twice, and beside another, it is the same."""
    first = html(page)
    other = report(facts(), verdict(facts()))

    assert html(other) != first
    assert html(page) == first
    assert markdown(page) == markdown(page)


@pytest.mark.parametrize("status", ["refused", "not_measured"])
def test_a_day_without_evidence_renders(facts: Build, status: Status) -> None:
    """Figures that are absent are dashes, and their drawings are left out."""
    columns = day_columns()
    without_atas(columns, range(1440))
    calibration = DayFinding(
        status=status, reasons=(Reason(code="C11", key="not_identifiable", note="thin"),)
    )
    day = facts(columns, calibration=calibration)
    shown = report(day, verdict(day))

    assert "Agreement of the feeds" not in html(shown)
    assert "no offset was found" in markdown(shown).lower()


def test_a_measured_clock_is_drawn(facts: Build) -> None:
    """A tape's skew has its curve, of errors by shift, and its figures."""
    clock = SkewFigures(
        applied_ms=0.0,
        interval_width_ms=40.0,
        residual=0.001,
        residual_as_stamped=0.2,
        drift_ms_per_day=1.5,
        hours=24,
        curve=tuple(SkewPoint(skew_ms=ms, error=abs(ms) / 1e4) for ms in range(-500, 520, 20)),
    )
    day = facts(calibration=calibrated(figures=changed(calibrated().figures, skew=clock)))
    shown = report(day, verdict(day))
    title, svg = draw(shown, ["skew"])["skew"]

    assert title == "Residual by clock shift"
    assert svg.count("shift, ms") == 1
    assert title in html(shown)


def test_a_missing_day_renders(facts: Build) -> None:
    """No rows, no ledger, no calibration: the page says so."""
    clean = facts()
    nothing = {"bars": clean.bars.slice(0, 0), "calibration": DayFinding(status="not_measured")}
    day = DayFacts(**({f: getattr(clean, f) for f in DayFacts.__slots__} | nothing))
    shown = report(day, verdict(day))

    assert "missing: B06" in html(shown)
    assert "not published" in markdown(shown)


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
