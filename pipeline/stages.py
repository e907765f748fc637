"""The declared graph: every step of a day, what it reads, writes and depends on.

The Luigi tasks, the receipts and every explanation of "why does this run" derive from `STAGES`. Nothing
is computed here, and nothing of the steps' own code is imported: a step's recipe and code are names.
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.model.feeds import ATAS_FEEDS, BAR_FEEDS, FEEDS, TIMED_FEEDS, TRADE_FEEDS

Grain = Literal["feed", "symbol", "date"]

MICRO_LOOK_BACK_DAYS = 1
"""Micro features look back at most 1440 minutes: a corrected day moves itself and the next, no more."""

MACRO_LOOK_BACK_DAYS = 600
"""Macro features read so many completed days; the longest warm-up (a settled EMA200) needs them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One input: an output of an earlier step, of the same day and of `look_back` days before.

    `source` names the feed for a need on a step of grain "feed"; "atas" stands for each ATAS feed that has
    raw files on the day. A step of grain "date" reads the output of every expected symbol. A need that is
    `inline` is built within the step that has it, not as tasks of their own: hundreds of tiny units would
    cost more to schedule than to build. An `optional` feed is read only where it has raw files. A need that
    is `beside` also reads the days before and after, where they are settled; it depends on that slice of
    them alone that tells of its own day. A need that is `against` is of the symbol that the unit's own is
    held against (`basis_against`), where one is configured.
    """

    stage: str
    output: str
    source: str | None = None
    look_back: int = 0
    today: bool = True
    inline: bool = False
    optional: bool = False
    beside: bool = False
    against: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step.

    `outputs` maps an output's name to its file name; `code` are the modules whose functions (and all
    they import of this package) decide the result; `config` and `governance` are the slices that do.
    """

    name: str
    grain: Grain
    needs: tuple[Need, ...] = ()
    outputs: dict[str, str]
    code: tuple[str, ...]
    config: tuple[str, ...] = ()
    governance: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ("numpy", "pyarrow")


_FLAGS = "SCHEMA_data.flags"


def _tables(*names: str) -> tuple[str, ...]:
    return tuple(f"SCHEMA_data.tables.{name}" for name in names)


def _needs(stage: str, *outputs: str, source: str | None = None, look_back: int = 0) -> list[Need]:
    return [Need(stage=stage, output=o, source=source, look_back=look_back) for o in outputs]


def _of_trades(*outputs: str) -> list[Need]:
    """Of each of the exchange's tapes that is there."""
    return [
        Need(stage="CleanFeed", output=output, source=feed, optional=True)
        for feed in TRADE_FEEDS
        for output in outputs
    ]


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            name="CleanFeed",
            grain="feed",
            outputs={
                "clean": "clean.parquet",
                "rejects": "rejects.parquet",
                "ledger": "ledger.json",
            },
            code=("pipeline.sources.clean",),
            config=("symbol.market", "vendor_name", "limits", "stamps"),
            governance=(
                _FLAGS,
                *_tables(*sorted({kind.table for kind in FEEDS.values()}), "rejects"),
                "CONTROL.values",
                "CONTROL.record",
            ),
            libraries=("numpy", "pyarrow", "msgspec"),
        ),
        Stage(
            name="Calibration",
            grain="symbol",
            needs=(
                *_needs("CleanFeed", "clean", "ledger", source="binance_1m"),
                *(
                    Need(stage="CleanFeed", output="clean", source=feed, optional=True, beside=True)
                    for feed in ATAS_FEEDS
                ),
            ),
            outputs={
                "calibration": "calibration.json",
                "correction": "correction.json",
                "moved_bars": "moved_bars.parquet",
                "moved_ticks": "moved_ticks.parquet",
                "moved_from": "moved_from.json",
            },
            code=("pipeline.alignment.neighbours",),
            config=("preference.atas", "symbol.market", "symbol.atas"),
            governance=(
                *_tables("clean_bars", "clean_ticks"),
                "CONTROL.evidence",
                "CONTROL.identity",
                "CONTROL.skew",
                "CONTROL.refusals",
                "CONTROL.waivers",
                "calibration_profiles",
            ),
        ),
        Stage(
            name="Footprint",
            grain="symbol",
            needs=(
                Need(stage="CleanFeed", output="clean", source="binance_1m"),
                Need(stage="CleanFeed", output="clean", source="atas_ticks", optional=True),
                *_of_trades("clean", "ledger"),
                *_needs("Calibration", "correction", "moved_ticks"),
            ),
            outputs={
                "footprint": "footprint.parquet",
                "minute_stats": "minute_stats.parquet",
                "tape_stats": "tape_stats.parquet",
                "tape_minutes": "tape_minutes.parquet",
                "tape": "tape.json",
            },
            code=("pipeline.proof.taken", "pipeline.alignment.true_time"),
            config=("preference.delta", "symbol.market", "symbol.vendor_symbol"),
            governance=(
                *_tables("footprint", "minute_stats"),
                "CONTROL.flow",
                "CONTROL.tape",
                "KNOWN_outages",
            ),
        ),
        Stage(
            name="AlignedBars",
            grain="symbol",
            needs=(
                Need(stage="CleanFeed", output="clean", source="binance_1m"),
                *(
                    Need(stage="CleanFeed", output="clean", source=feed, optional=True)
                    for feed in BAR_FEEDS
                ),
                *_needs("Footprint", "minute_stats", "tape_minutes"),
                *_needs("Calibration", "correction", "moved_bars"),
            ),
            outputs={"bars_1m": "bars_1m.parquet", "flow": "flow.json"},
            code=("pipeline.alignment.align",),
            config=("preference", "latency_seconds", "symbol.market"),
            governance=(_FLAGS, *_tables("bars_1m"), "CONTROL.flow", "KNOWN_outages"),
        ),
        Stage(
            name="Verdict",
            grain="symbol",
            needs=(
                *_needs("AlignedBars", "bars_1m", "flow"),
                Need(stage="Calibration", output="calibration"),
                Need(stage="Footprint", output="tape"),
                Need(stage="CleanFeed", output="ledger", source="binance_1m"),
                Need(stage="CleanFeed", output="ledger", source="atas"),
                Need(stage="CleanFeed", output="rejects", source="binance_1m"),
                Need(stage="CleanFeed", output="rejects", source="atas"),
                *_of_trades("ledger", "rejects"),
                Need(stage="MacroFeatures", output="slow_ledgers"),
            ),
            outputs={
                "verdict": "verdict.json",
                "report_json": "calibration_report.json",
                "report_md": "calibration_report.md",
                "report_html": "calibration_report.html",
            },
            code=("pipeline.quality.verdict", "pipeline.quality.report"),
            config=("symbol.market", "symbol.atas", "simulated"),
            governance=(
                _FLAGS,
                "CONTROL.checks",
                "CONTROL.evidence",
                "CONTROL.flow",
                "CONTROL.identity",
                "CONTROL.oddities",
                "CONTROL.refusals",
                "CONTROL.waivers",
                "KNOWN_outages",
            ),
            libraries=("numpy", "pyarrow", "jinja2"),
        ),
        Stage(
            name="MicroFeatures",
            grain="symbol",
            needs=(
                Need(stage="AlignedBars", output="bars_1m", look_back=MICRO_LOOK_BACK_DAYS),
                *_needs("Footprint", "tape_stats", "footprint", look_back=MICRO_LOOK_BACK_DAYS),
            ),
            outputs={"features_micro": "features_micro.parquet"},
            code=("pipeline.features.micro",),
            governance=(*_tables("bars_1m", "footprint", "minute_stats"), "SCHEMA_features"),
        ),
        Stage(
            name="DailyStats",
            grain="symbol",
            needs=(
                Need(stage="CleanFeed", output="clean", source="binance_1m", optional=True),
                Need(stage="CleanFeed", output="clean", source="binance_1d", optional=True),
                *(
                    Need(stage="CleanFeed", output=output, source=feed, optional=True)
                    for feed in TIMED_FEEDS
                    for output in ("clean", "ledger")
                ),
                Need(
                    stage="CleanFeed",
                    output="clean",
                    source="binance_1m",
                    optional=True,
                    against=True,
                ),
            ),
            outputs={"daily_stats": "daily_stats.parquet"},
            code=("pipeline.features.daily", "pipeline.features.derivatives"),
            governance=(*_tables("daily_stats"), "SCHEMA_features", "CONTROL.metrics"),
        ),
        Stage(
            name="MacroFeatures",
            grain="symbol",
            needs=(
                Need(
                    stage="DailyStats",
                    output="daily_stats",
                    look_back=MACRO_LOOK_BACK_DAYS,
                    today=False,
                    inline=True,
                ),
            ),
            outputs={
                "macro_slow": "macro_slow.parquet",
                "derived_from": "derived_from.json",
                "slow_ledgers": "slow_ledgers.json",
            },
            code=("pipeline.features.macro",),
            config=("latency_seconds.binance",),
            governance=("SCHEMA_features",),
        ),
        Stage(
            name="Assemble",
            grain="date",
            needs=(
                Need(stage="AlignedBars", output="bars_1m"),
                Need(stage="MicroFeatures", output="features_micro"),
                Need(stage="MacroFeatures", output="macro_slow"),
                Need(stage="Footprint", output="footprint"),
                Need(stage="CleanFeed", output="rejects", source="binance_1m"),
                Need(stage="CleanFeed", output="rejects", source="atas"),
                *_of_trades("rejects"),
                *_needs("Verdict", "verdict", "report_json", "report_md", "report_html"),
            ),
            outputs={
                "bars_1m": "bars_1m.parquet",
                "features_micro": "features_micro.parquet",
                "macro_slow": "macro_slow.parquet",
                "footprint": "footprint.parquet",
                "rejects": "rejects.parquet",
                "datapackage": "datapackage.json",
                "condition": "condition.json",
            },
            code=("pipeline.publishing.assemble",),
            governance=(*_tables("bars_1m", "footprint", "rejects"), "SCHEMA_features"),
        ),
        Stage(
            name="Manifest",
            grain="date",
            needs=(
                *_needs(
                    "Assemble",
                    "bars_1m",
                    "features_micro",
                    "macro_slow",
                    "footprint",
                    "rejects",
                    "datapackage",
                    "condition",
                ),
                *_needs("Verdict", "verdict", "report_json", "report_md", "report_html"),
                *_needs("Calibration", "calibration", "moved_from"),
                Need(stage="Footprint", output="tape"),
                Need(stage="MacroFeatures", output="derived_from"),
                Need(stage="CleanFeed", output="ledger", source="binance_1m"),
                Need(stage="CleanFeed", output="ledger", source="atas"),
                *_of_trades("ledger"),
            ),
            outputs={"manifest": "dataset_manifest.json"},
            code=("pipeline.publishing.manifest", "pipeline.contracts.governed"),
            config=("simulated",),
            governance=(
                "SCHEMA_data.version",
                "SCHEMA_features.version",
                "CONTROL.checks",
                "CONTROL.evidence",
                "CONTROL.flow",
                "CONTROL.identity",
                "CONTROL.record",
                "CONTROL.refusals",
                "CONTROL.skew",
                "CONTROL.waivers",
            ),
        ),
        Stage(
            name="Snapshot",
            grain="date",
            needs=(Need(stage="Manifest", output="manifest"),),
            outputs={},
            code=("pipeline.publishing.seal",),
        ),
    )
}
"""Every step by name, in the order of a day."""
