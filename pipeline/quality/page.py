"""The report for a browser: one self-contained page without a script or an outside reference."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from pipeline.quality import plots
from pipeline.quality.sections import MEANING, headline, sections
from pipeline.quality.wording import Report, plain


def html(report: Report) -> str:
    """The report's JSON as one HTML page, the verdict first. Equal JSON gives equal bytes.

    Every text is escaped; the drawings alone are markup, and hold numbers and fixed words only.
    """
    parts = sections(report)
    names = [name for part in parts for name in part.plots]
    return _template().render(
        header={key: plain(report["header"][key]) for key in ("symbol", "market", "date", "line")},
        condition=report["header"]["condition"],
        simulated=report["header"]["simulated"],
        meaning=MEANING[report["header"]["condition"]],
        headline=headline(report),
        sections=parts,
        legend=plots.legend(report),
        drawings={
            name: (title, Markup(drawing))  # noqa: S704 - drawn here, from numbers
            for name, (title, drawing) in plots.draw(report, names).items()
        },
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pipeline.quality"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("calibration_report.html")
