"""Every feature, in the order of the published columns. To add one: its step here, its entry in
`governance/SCHEMA_features.json`; the two are held against each other before anything is computed.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.contracts import features_schema
from pipeline.contracts.features_schema import Table
from pipeline.errors import ConfigError
from pipeline.features import (
    absorption,
    calendar,
    candle,
    cvd,
    feeds,
    imbalance,
    liquidity,
    profile,
    quotes,
    returns,
    slow_basis,
    slow_funding,
    slow_interest,
    slow_range,
    slow_regime,
    slow_trend,
    slow_volatility,
    ticks,
    toxicity,
    trend,
    volatility,
    volume,
    vpo,
)
from pipeline.features.step import Step

MICRO: tuple[Step, ...] = (
    # the consumers' list C.2
    returns.ret_1m,
    candle.hl_range,
    volume.vol_1m,
    cvd.NormalisedDelta(60),
    vpo.vpo_loc,
    vpo.vpo_intensity,
    vpo.vpo_bias,
    candle.spread_proxy,
    absorption.absorb_flag,
    absorption.absorb_side,
    absorption.absorb_strength,
    profile.LevelGap("poc"),
    profile.LevelGap("vah"),
    profile.LevelGap("val"),
    trend.TrendProxy(),
    volatility.RealisedVolatility(5),
    # parity with the seed
    candle.range1m,
    candle.real_body,
    candle.upper_wick,
    candle.lower_wick,
    candle.hlc3,
    volume.ohlc_vol_norm,
    candle.impute_flag,
    cvd.DeltaPerRange(),
    # more of the same minute
    profile.LevelGapBps("poc"),
    profile.LevelGapBps("vah"),
    profile.LevelGapBps("val"),
    volume.trade_count,
    volume.avg_size,
    volume.vwap_gap,
    volume.taker_ratio,
    cvd.delta,
    cvd.delta_ratio,
    feeds.basis_bps,
    feeds.xfeed_vol_ratio,
    ticks.DeltaExtreme("min"),
    ticks.DeltaExtreme("max"),
    ticks.GapMean(),
    ticks.GapVariation(),
    ticks.Burstiness(),
    ticks.LargestShare(),
    ticks.LargeSize(),
    quotes.Mid(),
    quotes.QuotedSpread(),
    quotes.QueueImbalance(),
    quotes.MicroPrice(),
    quotes.EffectiveSpread(),
    quotes.OrderFlowImbalance(),
    imbalance.Imbalance("buy"),
    imbalance.Imbalance("sell"),
    imbalance.Stacked("buy"),
    imbalance.Stacked("sell"),
    imbalance.StackedPrice("buy"),
    imbalance.StackedPrice("sell"),
    # trailing windows
    cvd.SessionDelta(),
    cvd.RollingDelta(60),
    cvd.RollingDelta(240),
    cvd.DeltaDivergence(60),
    cvd.SignEntropy(60),
    profile.SessionProfile("poc"),
    profile.SessionProfile("vah"),
    profile.SessionProfile("val"),
    profile.RollingProfile("poc", 240),
    profile.RollingProfile("vah", 240),
    profile.RollingProfile("val", 240),
    absorption.OwnAbsorptionFlag(),
    absorption.OwnAbsorptionSide(),
    absorption.OwnAbsorptionScore(),
    volatility.Parkinson(30),
    volatility.Parkinson(60),
    volatility.GarmanKlass(30),
    volatility.GarmanKlass(60),
    volatility.RogersSatchell(30),
    volatility.RogersSatchell(60),
    volatility.YangZhang(30),
    volatility.YangZhang(60),
    volatility.Bipower(60),
    volatility.JumpShare(60),
    volatility.SemiVariance("up", 60),
    volatility.SemiVariance("down", 60),
    liquidity.KyleLambda(60),
    liquidity.KyleT(60),
    liquidity.KyleRoot(60),
    liquidity.KyleRootT(60),
    liquidity.Amihud(60),
    liquidity.Amihud(1440),
    liquidity.RollSpread(120),
    liquidity.CorwinSchultz(60),
    liquidity.EdgeSpread(240),
    toxicity.Vpin(),
    # the clock
    calendar.TimeOfDay("sin"),
    calendar.TimeOfDay("cos"),
    calendar.dow,
    calendar.min_to_funding,
)
"""Steps on the minute grid."""

MACRO: tuple[Step, ...] = (
    slow_trend.SlowAnchor(200),
    slow_trend.SlowSlope(200, 20),
    slow_trend.TrendT(90),
    slow_trend.EmaCross(),
    slow_volatility.DailyRealised(1),
    slow_volatility.DailyRealised(7),
    slow_volatility.DailyRealised(30),
    slow_volatility.DailyRealisedSampled(),
    slow_volatility.CloseToClose(30),
    slow_regime.VolPercentile(30),
    slow_regime.VolRegime(30),
    slow_regime.VolRegimeCloses(30),
    slow_volatility.VolOfVol(30),
    slow_range.Drawdown(365),
    slow_range.DayRange(),
    slow_range.WeekRange(),
    slow_range.PositionInRange(30),
    slow_regime.VolumeRatio(7, 90),
    slow_regime.VolumeRegime(7, 90),
    slow_regime.DailyAmihud(30),
    slow_regime.LiquidityRegime(30),
    slow_basis.DailyBasis(),
    slow_basis.BasisScore(30),
    slow_funding.FundingLast(),
    slow_funding.FundingMean(7),
    slow_funding.FundingScore(90),
    slow_interest.InterestChange(1),
    slow_interest.InterestChange(7),
    slow_interest.InterestToVolume(7),
)
"""Steps on the grid of completed UTC days."""

_STEPS: dict[Table, tuple[Step, ...]] = {"micro": MICRO, "macro": MACRO}


def facts(step: Step) -> dict[str, Any]:
    """What the code and its entry in SCHEMA_features.json must agree on."""
    return {
        "name": step.name,
        "family": step.family,
        "type": step.type,
        "unit": step.unit,
        "window": step.window,
        "warm_up": step.warm_up,
        "inputs": list(step.inputs),
        "nulls": step.nulls,
        "version": step.version,
    }


@lru_cache(maxsize=16)
def steps(governance: Path, table: Table) -> tuple[Step, ...]:
    """The registered steps of a table, once they agree with SCHEMA_features.json.

    Raises:
        ConfigError: a feature is in one of the two alone, stands at another place, or differs.
    """
    path = governance / "SCHEMA_features.json"
    registered = _STEPS[table]
    entries = features_schema.features(governance, table)
    code, document = [s.name for s in registered], [e["name"] for e in entries]
    if code != document:
        raise ConfigError(
            f"{path}: {table} features differ from the registry: only there"
            f" {[n for n in document if n not in code] or 'none'}, only in the code"
            f" {[n for n in code if n not in document] or 'none'};"
            " wanted the same names in the same order; mend one of the two"
        )
    faults = [
        f"{step.name}.{key} is {entry[key]!r} there and {value!r} in the code"
        for step, entry in zip(registered, entries, strict=True)
        for key, value in facts(step).items()
        if entry[key] != value
    ]
    if faults:
        raise ConfigError(f"{path}: {'; '.join(faults)}; mend one of the two")
    return registered
