"""The report for a browser: one self-contained page without a script or an outside reference."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from functools import lru_cache
from importlib.resources import files

import pyarrow as pa
from jinja2 import Environment
from markupsafe import Markup, escape

from pipeline import markup
from pipeline.quality import plots
from pipeline.quality.catalogue import DEFECTS
from pipeline.quality.picture import picture
from pipeline.quality.sections import CODE, MEANING, headline, sections
from pipeline.quality.svg import Drawing
from pipeline.quality.wording import Report, plain


def html(report: Report, bars: pa.Table) -> str:
    """The report as one HTML page: the verdict, what is wrong, the picture of the day, the evidence folded.

    Every text is escaped. Equal JSON and bars give equal bytes.

    Args:
        report: The JSON.
        bars: The day's `bars_1m`, which are drawn.
    """
    reasons, *others = sections(report)
    evidence = [part for part in others if part.folded]
    day = dt.date.fromisoformat(report["header"]["date"])
    style = style_sheet("calibration_report.css", "drawings.css")
    names = [name for part in evidence for name in part.plots]
    return (
        _environment()
        .get_template("calibration_report.html")
        .render(
            style=style,
            digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            header={
                key: plain(report["header"][key]) for key in ("symbol", "market", "date", "line")
            },
            condition=report["header"]["condition"],
            simulated=report["header"]["simulated"],
            meaning=MEANING[report["header"]["condition"]],
            headline=headline(report),
            reasons=reasons,
            picture=picture(bars, day, report["heat"]),
            evidence=evidence,
            drawings=plots.draw(report, bars, names),
            codes=[row for part in others if not part.folded for row in part.tables[0].rows],
        )
    )


def drawn(drawing: Drawing) -> Markup:
    """A drawing as a part of a page with the style sheet `drawings.css`."""
    return Markup(_environment().get_template("one_drawing.html").render(drawing=drawing))  # noqa: S704


@lru_cache(maxsize=4)
def style_sheet(*names: str) -> Markup:
    """Style sheets of this package, one after the other, without what only people need."""
    text = "".join(
        (files("pipeline.quality") / "templates" / name).read_text("utf-8") for name in names
    )
    return Markup(re.sub(r"\s*([{};,]|:(?= ))\s*", r"\1", text).replace(";}", "}"))  # noqa: S704


def _coded(text: str) -> Markup:
    """The text, escaped, each code of a defect a link to its words."""

    def linked(found: re.Match[str]) -> str:
        code = found.group()
        return f'<a href="#{code}">{code}</a>' if code in DEFECTS else code

    return Markup(CODE.sub(linked, str(escape(text))))  # noqa: S704 - escaped


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = markup.environment("pipeline.quality")
    environment.filters["coded"] = _coded
    return environment
