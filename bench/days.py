"""The days that are measured: a clean one, and the same with bad lines, compressed, or five times as busy.

The clean day comes from `kitchen sample`, or from an independent generator: a script that takes
`OUT --ticks N --kind ticks`, named in KITCHEN_TICK_GENERATOR. A day of more ticks than the sample can hold is
a sampled one with each tick several times, under ids of their own.
"""

from __future__ import annotations

import datetime as dt
import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

BAD_LINES, BAD_FILES = 64, 22
SAMPLE_MOST = 2_000_000
_ID = re.compile(rb'(?<="trade_id":")[0-9]+')


def clean(folder: Path, ticks: int) -> Path:
    """A day of so many ticks in 24 files, made once."""
    out = folder / f"clean-{ticks}"
    if not out.is_dir():
        made = folder / "being-made"
        shutil.rmtree(made, ignore_errors=True)
        generator = os.environ.get("KITCHEN_TICK_GENERATOR")
        times = -(-ticks // SAMPLE_MOST)
        if generator:
            _make(generator, str(made), "--ticks", str(ticks), "--kind", "ticks")
        elif times > 1:
            _repeat(clean(folder, ticks // times), made, times)
        else:
            # A process of its own: its peak would count as that of every process started after it.
            _make(__file__, str(made), str(ticks))
        made.rename(out)
    return out


def _make(script: str, *arguments: str) -> None:
    if subprocess.run([sys.executable, script, *arguments], check=False).returncode:
        raise SystemExit(f"{script} {' '.join(arguments)} made no day; see what it says above")


def _repeat(day: Path, out: Path, times: int) -> None:
    """The day with each tick so many times, one after the other."""
    for path in sorted(day.rglob("ticks.jsonl")):
        target = out / path.relative_to(day)
        target.parent.mkdir(parents=True)
        with open(path, "rb") as lines, open(target, "wb") as written:
            for line in lines:
                written.writelines(_ID.sub(rb"\g<0>%d" % n, line) for n in range(times))


def _sample(out: Path, ticks: int) -> None:
    from pipeline.sample.generate import SampleRequest, write_sample

    write_sample(
        SampleRequest(
            out=out, first=dt.date(2025, 1, 2), trades_per_day=ticks, bars=False, simplified=False
        )
    )


def with_bad_lines(day: Path) -> Path:
    """The day with 64 unusable lines put into 22 of its files; no good line is lost."""
    out = day.with_name(day.name + "-bad")
    if out.is_dir():
        return out
    made = day.with_name("being-made")
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(day, made)
    files = sorted(made.rglob("ticks.jsonl"))[:BAD_FILES]
    for number, path in enumerate(files):
        lines = path.read_bytes().splitlines(keepends=True)
        for bad in range(number, BAD_LINES, len(files)):
            lines.insert((bad + 1) * len(lines) // (BAD_LINES + 2), _damaged(lines[0], bad))
        path.write_bytes(b"".join(lines))
    made.rename(out)
    return out


def _damaged(good: bytes, kind: int) -> bytes:
    price = good.index(b'"price":') + len(b'"price":')
    price_end = good.index(b",", price)
    variants = [
        good[:60] + b"\r\n",
        b"#### reconnect ####\r\n",
        b"\0" * 64 + b"\r\n",
        good[: len(good) // 2] + good,
        good[:price] + b"null" + good[price_end:],
        good[:price] + b'"n/a"' + good[price_end:],
        good[:price] + b"NaN" + good[price_end:],
        good[:price] + b"-" + good[price:],
        good.replace(b'"ts":"20', b'"ts":"2025-13-45T', 1),
        good.replace(b'"symbol":"', b'"symbol":"X', 1),
        good.replace(b'"exchange":"', b'"exchange":"\xff', 1),
        b"[1,2,3]\r\n",
    ]
    return variants[kind % len(variants)]


def compressed(day: Path) -> Path:
    """The day with each file as .gz."""
    out = day.with_name(day.name + "-gz")
    if not out.is_dir():
        made = day.with_name("being-made")
        shutil.rmtree(made, ignore_errors=True)
        for path in sorted(day.rglob("ticks.jsonl")):
            target = made / path.relative_to(day).with_name("ticks.jsonl.gz")
            target.parent.mkdir(parents=True)
            target.write_bytes(gzip.compress(path.read_bytes(), 6, mtime=0))
        made.rename(out)
    return out


if __name__ == "__main__":
    from pipeline.errors import KitchenError

    try:
        _sample(Path(sys.argv[1]), int(sys.argv[2]))
    except KitchenError as error:
        sys.exit(str(error))
