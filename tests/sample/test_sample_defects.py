"""Each defect is in the bytes exactly as described, and nowhere else."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from kit.sample_reading import (
    DAY,
    NUMBERS,
    archive_text,
    bars_path,
    digest_named,
    klines,
    lines,
    rebuilt,
    rows,
    simplified_path,
    tick_paths,
    ticks,
    tree,
    written,
    zip_path,
)
from pipeline.sample.generate import DEFECTS

BEFORE = DAY - dt.timedelta(days=1)
PRICES = NUMBERS[:4]
ATAS_ONLY = [c for c in DEFECTS if c[0] == "A" or c in ("C01", "C02", "C07", "C08", "C12")]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flawless day that each defect is compared with."""
    return written(tmp_path_factory.mktemp("clean"), trades=True)


def damaged(out: Path, *codes: str) -> Path:
    """The same day with defects."""
    return written(out, trades=True, defects=codes)


@pytest.mark.parametrize("code", DEFECTS)
def test_only_the_named_vendor_is_hurt(tmp_path: Path, clean: Path, code: str) -> None:
    """Some byte changes; an ATAS defect leaves Binance as it was, and the reverse."""
    good, bad = tree(clean), tree(damaged(tmp_path, code))
    untouched = "binance/" if code in ATAS_ONLY else "atas/"

    assert bad != good
    assert {n: b for n, b in good.items() if n.startswith(untouched)} == {
        n: b for n, b in bad.items() if n.startswith(untouched)
    }


def test_only_the_last_day_is_hurt(tmp_path: Path, clean: Path) -> None:
    """The day before the last keeps its flawless bytes, whatever is asked for but A02."""
    codes = tuple(c for c in DEFECTS if c != "A02")
    out = tree(written(tmp_path, days=2, trades=True, defects=codes))
    good = tree(clean)

    assert {name: out[name] for name in good} == good


def test_every_defect_says_what_it_does() -> None:
    """Each entry is one sentence under a code of the catalogue."""
    for code, defect in DEFECTS.items():
        assert code[0] in "ABCD"
        assert code[1:].isdigit()
        assert defect.what.endswith(".")


def test_all_at_once(tmp_path: Path) -> None:
    """Any set of defects can be combined, whatever the order they are named in."""
    one, other = tuple(DEFECTS), tuple(reversed(DEFECTS))
    first = tree(damaged(tmp_path / "a", *one))

    assert first == tree(damaged(tmp_path / "b", *other))


def test_a02_eight_hours_early(tmp_path: Path, clean: Path) -> None:
    """Every stamp is 8 hours early and lies under its own date; nothing else of a line changes."""
    out = damaged(tmp_path, "A02")
    for path in (bars_path, simplified_path):
        found = lines(path(out, BEFORE)) + lines(path(out))
        good = lines(path(clean))

        assert [_later(bar["timestamp_utc"]) for bar in found] == [
            b["timestamp_utc"][:19] for b in good
        ]
        assert [[b[n] for n in NUMBERS] for b in found] == [[b[n] for n in NUMBERS] for b in good]
        assert {bar["timestamp"][:10] for bar in lines(path(out, BEFORE))} == {str(BEFORE)}
        assert all(bar.get("window_id", bar["timestamp"]) == bar["timestamp"] for bar in found)
    moved = ticks(out, BEFORE) + ticks(out)
    assert [_later(t["ts"]) for t in moved] == [t["ts"][:19] for t in ticks(clean)]
    assert {p.parent.name for p in tick_paths(out, BEFORE)} == {f"{h}" for h in range(16, 24)}


def test_a02_over_days(tmp_path: Path) -> None:
    """On a range the shift is on every day: each date has 16 hours of its own and 8 of the next."""
    out = written(tmp_path, days=2, defects=("A02",))
    stamps = [bar["timestamp"] for bar in lines(bars_path(out))]
    third = [bar["timestamp"] for bar in lines(bars_path(out, DAY + dt.timedelta(days=1)))]

    assert stamps == sorted(set(stamps))
    assert (stamps[0][11:13], stamps[-1][11:13]) == ("00", "23")
    assert third[-1][11:13] == "15"


def test_a04_live_lines(tmp_path: Path, clean: Path) -> None:
    """A line a trade: increments sum to the finished flow, the last line is the finished bar."""
    live = lines(bars_path(damaged(tmp_path, "A04")))
    flow: Counter[str] = Counter()
    last = {}
    for line in live:
        flow[line["timestamp"], "vbuy"] += line["vbuy"]
        flow[line["timestamp"], "vsell"] += line["vsell"]
        last[line["timestamp"]] = line

    assert len(live) == 3_000
    assert not {"cvd", "poc"} & live[0].keys()
    for bar in lines(bars_path(clean)):
        assert [last[bar["timestamp"]][n] for n in NUMBERS] == [bar[n] for n in NUMBERS]
        assert flow[bar["timestamp"], "vbuy"] == bar["vbuy"]
        assert flow[bar["timestamp"], "vsell"] == bar["vsell"]


def test_a05_history_again(tmp_path: Path, clean: Path) -> None:
    """Before the first line of 06:00 stand all earlier bars once more, without order flow."""
    found, good = lines(bars_path(damaged(tmp_path, "A05"))), lines(bars_path(clean))
    early = [bar for bar in good if bar["timestamp"][11:13] < "06"]
    kept = ("timestamp", "timestamp_utc", *NUMBERS, "exporter_version", "schema_version")

    assert found[: len(early)] == early
    assert found[len(early) : 2 * len(early)] == [{n: bar[n] for n in kept} for bar in early]
    assert found[2 * len(early) :] == good[len(early) :]


def test_a09_all_buy(tmp_path: Path, clean: Path) -> None:
    """Every tick says buy with its size as vbuy; prices and sizes stay."""
    found = ticks(damaged(tmp_path, "A09"))

    assert {t["side"] for t in found} == {"buy"}
    assert all(t["vbuy"] == t["qty"] and "vsell" not in t for t in found)
    assert [(t["price"], t["qty"]) for t in found] == [(t["price"], t["qty"]) for t in ticks(clean)]


def test_a10_zero_prices(tmp_path: Path, clean: Path) -> None:
    """Five bars of bars_1m have four zero prices and keep their volume; v6_3 is whole."""
    out = damaged(tmp_path, "A10")
    pairs = list(zip(lines(bars_path(out)), lines(bars_path(clean)), strict=True))
    changed = [(bad, good) for bad, good in pairs if bad != good]

    assert len(changed) == 5
    assert all([bad[n] for n in PRICES] == [0, 0, 0, 0] for bad, _ in changed)
    assert all(bad["volume"] == good["volume"] for bad, good in changed)
    assert simplified_path(out).read_bytes() == simplified_path(clean).read_bytes()


def test_a11_safe_mode(tmp_path: Path, real_data: Path) -> None:
    """Both bar exports have the fields and nulls of the real SafeMode day."""
    out = damaged(tmp_path, "A11")
    real = real_data / "btcusdt-2025-01-02"
    for path in (bars_path, simplified_path):
        found, wanted = lines(path(out))[0], lines(path(real))[0]

        assert list(found) == list(wanted)
        assert [n for n in found if found[n] in (None, "")] == [
            n for n in wanted if wanted[n] in (None, "")
        ]


def test_a12_mark_and_blanks(tmp_path: Path, clean: Path) -> None:
    """Each ATAS file begins with a mark and has a blank line after every 50; the lines are the same."""
    bad, good = tree(damaged(tmp_path, "A12")), tree(clean)
    for name, data in good.items():
        if name.startswith("atas/"):
            content = [line for line in bad[name][3:].split(b"\r\n") if line]
            raw = bad[name].split(b"\r\n")[:-1]

            assert bad[name].startswith(b"\xef\xbb\xbf{")
            assert content == data.split(b"\r\n")[:-1]
            assert [i for i, line in enumerate(raw, 1) if not line] == [
                51 * k for k in range(1, len(content) // 50 + 1)
            ]


def test_a13_torn_lines(tmp_path: Path, clean: Path) -> None:
    """The middle line is cut but ended; the last is cut without an end; the others are untouched."""
    out = damaged(tmp_path, "A13")
    noon = next(path for path in tick_paths(out) if path.parent.name == "12")
    for path in (bars_path(out), simplified_path(out), noon):
        good = (clean / path.relative_to(out)).read_bytes().splitlines(keepends=True)
        bad = path.read_bytes().splitlines(keepends=True)
        changed = [i for i in range(len(good)) if good[i] != bad[i]]

        assert changed == [len(good) // 2, len(good) - 1]
        assert bad[changed[0]] == good[changed[0]][:60] + b"\r\n"
        assert bad[-1] == good[-1][:60]
        with pytest.raises(json.JSONDecodeError):
            json.loads(bad[changed[0]])
    assert tick_paths(out)[0].read_bytes() == tick_paths(clean)[0].read_bytes()


def test_a17_pc_clock(tmp_path: Path, clean: Path) -> None:
    """Stamps have digits beyond the millisecond and are up to 40 ms late, still in order."""
    found, good = ticks(damaged(tmp_path, "A17")), ticks(clean)
    late = [_us(a["ts"]) - _us(b["ts"]) for a, b in zip(found, good, strict=True)]

    assert 0 <= min(late) < max(late) < 40_000
    assert sum(t["ts"][-5:-2] != "000" for t in found) > 0.9 * len(found)
    assert [t["ts"] for t in found] == sorted(t["ts"] for t in found)


def test_a18_out_of_order(tmp_path: Path, clean: Path) -> None:
    """25 steps back in time; a stable sort by stamp gives the flawless tape again."""
    found, good = ticks(damaged(tmp_path, "A18")), ticks(clean)
    back = sum(a["ts"] > b["ts"] for a, b in pairwise(found))

    assert back == 25
    assert sorted(found, key=lambda tick: tick["ts"]) == good


def test_a22_another_symbol(tmp_path: Path, clean: Path) -> None:
    """ATAS files of BTCUSDT hold ETHUSDT's market, though ticks still say BTCUSDT."""
    out = damaged(tmp_path / "bad", "A22")
    other = written(tmp_path / "other", symbols=("ETHUSDT",))
    real = lines(bars_path(other, symbol="ETHUSDT"))

    assert lines(bars_path(out)) == real
    assert {t["symbol"] for t in ticks(out)} == {"BTCUSDT"}
    assert rebuilt(ticks(out)) == rebuilt(ticks(other, symbol="ETHUSDT"))


def test_b02_header_flips(tmp_path: Path) -> None:
    """Futures lose their header, spot gains one; the rows are the same."""
    for market, has in (("futures_um", False), ("spot", True)):
        good = written(tmp_path / market / "good", market=market)
        bad = written(tmp_path / market / "bad", market=market, defects=("B02",))

        assert archive_text(zip_path(bad, market=market)).startswith("open_time,") is has
        assert rows(zip_path(bad, market=market)) == rows(zip_path(good, market=market))


def test_b03_wrong_checksum(tmp_path: Path, clean: Path) -> None:
    """The archive is whole, its checksum file well-formed and wrong."""
    path = zip_path(damaged(tmp_path, "B03"))
    named, own = digest_named(path)

    assert path.read_bytes() == zip_path(clean).read_bytes()
    assert len(named) == 64
    assert int(named, 16) != int(own, 16)


def test_b05_truncated(tmp_path: Path, clean: Path) -> None:
    """The file ends after 07:35, and its checksum is right."""
    path = zip_path(damaged(tmp_path, "B05"))

    assert rows(path) == rows(zip_path(clean))[:456]
    assert list(klines(path))[-1].endswith("T07:35")
    assert len(set(digest_named(path))) == 1


def test_b12_missing_minutes(tmp_path: Path, clean: Path) -> None:
    """Exactly the named twelve minutes are gone."""
    found, good = klines(zip_path(damaged(tmp_path, "B12"))), klines(zip_path(clean))
    gone = [minute[11:] for minute in good if minute not in found]

    assert gone == [
        *("03:17", "11:40", "11:41", "11:42", "11:43", "11:44"),
        *("20:05", "20:06", "20:07", "20:08", "20:09", "20:10"),
    ]
    assert found == {minute: good[minute] for minute in found}


def test_b13_off_grid(tmp_path: Path, clean: Path) -> None:
    """The rows of 09:28 to 09:57 open and close 14.789 s late and are else the same."""
    found, good = rows(zip_path(damaged(tmp_path, "B13"))), rows(zip_path(clean))
    moved = [i for i in range(1440) if found[i] != good[i]]

    assert moved == list(range(9 * 60 + 28, 9 * 60 + 58))
    for i in moved:
        assert int(found[i][0]) - int(good[i][0]) == int(found[i][6]) - int(good[i][6]) == 14_789
        assert found[i][1:6] + found[i][7:] == good[i][1:6] + good[i][7:]


def test_b15_repeated_rows(tmp_path: Path, clean: Path) -> None:
    """Ten rows follow themselves once more."""
    good = rows(zip_path(clean))

    assert rows(zip_path(damaged(tmp_path, "B15"))) == good[:610] + good[600:]


def test_b16_unsorted(tmp_path: Path, clean: Path) -> None:
    """The hours 03 and 04 have changed places."""
    found, good = rows(zip_path(damaged(tmp_path, "B16"))), rows(zip_path(clean))

    assert found == good[:180] + good[240:300] + good[180:240] + good[300:]


def test_b26_impossible_row(tmp_path: Path, clean: Path) -> None:
    """One row has a high below its close; all others are sound."""
    found, good = rows(zip_path(damaged(tmp_path, "B26"))), rows(zip_path(clean))
    changed = [i for i in range(1440) if found[i] != good[i]]

    assert len(changed) == 1
    assert changed[0] >= 720
    assert Decimal(found[changed[0]][2]) < Decimal(found[changed[0]][4])


@pytest.mark.parametrize("market", ["spot", "futures_um"])
def test_b01_mixed_units(tmp_path: Path, market: str) -> None:
    """From noon on times are in the other unit, and still name the right minutes and closes."""
    out = written(tmp_path, market=market, defects=("B01",))
    table = list(csv.reader(io.StringIO(archive_text(zip_path(out, market=market)))))[-1440:]
    widths = (16, 13) if market == "spot" else (13, 16)

    assert [len(row[0]) for row in table] == [widths[0]] * 720 + [widths[1]] * 720
    assert len(klines(zip_path(out, market=market))) == 1440
    for row in table:
        unit = 10**6 if len(row[0]) == 16 else 10**3
        assert int(row[6]) - int(row[0]) == 60 * unit - 1


def test_c01_other_instrument(tmp_path: Path, clean: Path) -> None:
    """The basis is -4 bps with little noise, sizes are its own; bars and ticks agree with each other."""
    out = damaged(tmp_path, "C01")
    found, good = lines(bars_path(out)), lines(bars_path(clean))
    basis = sorted(a["close"] / b["close"] - 1 for a, b in zip(found, good, strict=True))
    same = [a["volume"] == b["volume"] for a, b in zip(found, good, strict=True)]
    own = rebuilt(ticks(out))

    assert Decimal("-4.2e-4") < basis[len(basis) // 2] < Decimal("-3.8e-4")
    assert basis[len(basis) // 4] - basis[3 * len(basis) // 4] > Decimal("-2e-4")
    assert sum(same) < 0.1 * len(same)
    assert {b["timestamp"][:16]: [b[n] for n in NUMBERS] for b in found} == {
        minute: [kline[n] for n in NUMBERS] for minute, kline in own.items()
    }


def test_c02_multiplied(tmp_path: Path, clean: Path) -> None:
    """Every ATAS price is exactly 1000 times the exchange's; volumes are the same."""
    out = damaged(tmp_path, "C02")
    for path in (bars_path, simplified_path):
        for bad, good in zip(lines(path(out)), lines(path(clean)), strict=True):
            assert [bad[n] for n in PRICES] == [1000 * good[n] for n in PRICES]
            assert bad["volume"] == good["volume"]
    assert [t["price"] for t in ticks(out)] == [1000 * t["price"] for t in ticks(clean)]


def test_c07_skewed_ticks(tmp_path: Path, clean: Path) -> None:
    """Every tick is 1200 ms late; the bars are not."""
    out = damaged(tmp_path, "C07")
    found = ticks(out) + ticks(out, DAY + dt.timedelta(days=1))

    assert {_us(a["ts"]) - _us(b["ts"]) for a, b in zip(found, ticks(clean), strict=True)} == {
        1_200_000
    }
    assert bars_path(out).read_bytes() == bars_path(clean).read_bytes()


def test_c08_lost_bars(tmp_path: Path, clean: Path) -> None:
    """A tenth of the bars is gone, the same minutes in both exports; the rest and all ticks stay."""
    out = damaged(tmp_path, "C08")
    left = {}
    for path in (bars_path, simplified_path):
        found, good = lines(path(out)), lines(path(clean))
        left[path] = [bar["timestamp"][:16] for bar in found]

        assert len(found) == len(good) - len(good) // 10
        assert all(bar in good for bar in found)
    assert left[bars_path] == left[simplified_path]
    assert len(ticks(out)) == 3_000


def test_c12_no_atas(tmp_path: Path) -> None:
    """There is no ATAS file at all."""
    assert not list(damaged(tmp_path, "C12").glob("atas/**/*.jsonl"))


def _us(stamp: str) -> int:
    assert stamp.endswith("0Z")
    moment = dt.datetime.fromisoformat(stamp[:-2] + "+00:00")
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _later(stamp: str) -> str:
    return (dt.datetime.fromisoformat(stamp[:19]) + dt.timedelta(hours=8)).isoformat()
