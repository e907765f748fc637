"""`kitchen import` of exports that go on: a later copy takes the place of its beginning alone."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_commands import run

from kit.support import kitchen_at
from pipeline.runs.importing import bringing, growth
from pipeline.settings.config import Kitchen

BARS = "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"
WHOLE = b"".join(
    b'{"timestamp":"2025-01-02T%02d:%02d:00.0000000Z","open":1,"high":1,"low":1,"close":1,"volume":1,'
    b'"cvd":0,"vbuy":1,"vsell":0,"schema_version":"bar_1m.v6_5"}\n' % divmod(minute, 60)
    for minute in range(1440)
)
HALF, TORN = WHOLE[: len(WHOLE) // 2], WHOLE[: len(WHOLE) // 2 + 20]


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    """A configuration that the commands find."""
    found = kitchen_at(tmp_path / "home")
    monkeypatch.setenv("KITCHEN_CONFIG", str(found.file))
    return found


def imported(tmp_path: Path, *files: bytes, code: int = 0, form: str = "", link: bool = False):
    """What is said of an export that is there so many times, in this order of names."""
    shutil.rmtree(tmp_path / "in", ignore_errors=True)
    for number, data in enumerate(files):
        path = tmp_path / f"in/{number}/{BARS}{form}"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    result = run("import", str(tmp_path / "in"), "--json", *(["--link"] if link else []))
    assert result.exit_code == code, result.output
    return json.loads(result.output)["files"]


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("early", [b"", HALF, TORN])
def test_an_export_that_has_grown_takes_the_place_of_its_beginning(
    kitchen: Kitchen, tmp_path: Path, early: bytes, link: bool
) -> None:
    """Also of one that ended within a line; the earlier one, imported once more, is no news."""
    (kitchen.raw / BARS).parent.mkdir(parents=True)
    (kitchen.raw / BARS).write_bytes(early)

    (grown,) = imported(tmp_path, WHOLE, link=link)
    (there,) = imported(tmp_path, early or HALF, link=link)

    assert (grown["state"], there["state"]) == ("grown", "there")
    assert (kitchen.raw / BARS).read_bytes() == WHOLE
    assert [file.name for file in (kitchen.raw / BARS).parent.iterdir()] == ["bars_1m.jsonl"]


@pytest.mark.parametrize(
    ("files", "states"),
    [((TORN, WHOLE), ["copied", "grown"]), ((WHOLE, TORN), ["copied", "there"])],
)
def test_of_two_in_one_folder_the_whole_one_stays(
    kitchen: Kitchen, tmp_path: Path, files: tuple[bytes, ...], states: list[str]
) -> None:
    """Whichever comes first by its name."""
    assert [file["state"] for file in imported(tmp_path, *files)] == states
    assert (kitchen.raw / BARS).read_bytes() == WHOLE


@pytest.mark.parametrize("pack", [gzip.compress, lambda text: pa.compress(text, "zstd", True)])
def test_packed_exports_are_held_against_each_other_by_their_text(
    kitchen: Kitchen, tmp_path: Path, pack
) -> None:
    """Packed anew, not a byte need be the same; a torn packed file is the beginning of the whole one."""
    form = ".jsonl.gz" if pack is gzip.compress else ".jsonl.zst"
    form = form.removeprefix(".jsonl")
    half, whole = pack(HALF), pack(WHOLE)

    states = [imported(tmp_path, data, form=form)[0]["state"] for data in (half, whole, half)]

    assert states == ["copied", "grown", "there"]
    assert (kitchen.raw / f"{BARS}{form}").read_bytes() == whole


def test_one_that_goes_another_way_is_kept_and_both_are_told(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    """Longer alone is not grown: one byte differs. The sentence says which to remove for which."""
    place = kitchen.raw / BARS
    imported(tmp_path, HALF)
    os.utime(place, (1735800000, 1735800000))
    (kept,) = imported(tmp_path, WHOLE.replace(b'"open":1', b'"open":2', 1), code=20)

    assert kept["state"] == "kept"
    assert f"({len(HALF):,} bytes of 2025-01-02 06:40Z, here {len(WHOLE):,} of " in kept["why"]
    assert "this one is longer and newer); " in kept["why"]
    assert f"to take this one, remove {place} and import again" in kept["why"]
    assert place.read_bytes() == HALF


def test_what_is_no_news_is_counted_alone(kitchen: Kitchen, tmp_path: Path) -> None:
    """Each of its files is listed with -v."""
    imported(tmp_path, HALF)
    (tmp_path / "in/exporter.log").write_text("started")

    assert run("import", str(tmp_path / "in")).output == "1 ignored, 1 there\n"
    assert "there     0/atas/" in run("import", "-v", str(tmp_path / "in")).output


def test_an_archive_never_grows(kitchen: Kitchen, tmp_path: Path) -> None:
    """The exchange's files are whole when they come; a longer one is another one."""
    row = "1735776000000,1,1,1,1,1,1735776059999,1,1,1,1,0\n"
    (tmp_path / "in/futures_um").mkdir(parents=True)
    source = tmp_path / "in/futures_um/BTCUSDT-1m-2025-01-02.csv"
    source.write_text(row)
    run("import", str(tmp_path / "in"))
    source.write_text(row + row.replace("1735776000000", "1735776060000"))

    assert run("import", str(tmp_path / "in")).exit_code == 20


@given(text=st.binary(max_size=64), end=st.integers(0, 64), more=st.binary(max_size=8))
def test_what_is_a_beginning(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, end: int, more: bytes
) -> None:
    """As Python's own bytes have it."""
    folder = tmp_path_factory.mktemp("pair")
    one, other = folder / "a.jsonl", folder / "b.jsonl"
    one.write_bytes(text[:end] + more)
    other.write_bytes(text)

    assert growth.is_beginning(one, other) is text.startswith(text[:end] + more)


def test_a_packed_file_of_many_parts(tmp_path: Path) -> None:
    """Longer than a block, and appended to as gzip can be; a torn one is the beginning of its whole."""
    text = os.urandom(3 << 20)
    one, parts, torn = (tmp_path / f"{name}.jsonl.gz" for name in ("one", "parts", "torn"))
    one.write_bytes(gzip.compress(text, 1))
    parts.write_bytes(gzip.compress(text[:-70_000], 1) + gzip.compress(text[-70_000:] + b"x", 1))
    torn.write_bytes(one.read_bytes()[:-1000])

    assert growth.is_beginning(one, parts)
    assert not growth.is_beginning(parts, one)
    assert growth.is_beginning(torn, one)
    assert not growth.is_beginning(torn, parts)


def test_a_link_in_the_place_of_a_beginning(tmp_path: Path) -> None:
    """It is replaced whole: what somebody reads of the old one stays as it is."""
    source, target = tmp_path / "new.jsonl", tmp_path / "raw.jsonl"
    source.write_bytes(WHOLE)
    target.write_bytes(HALF)
    with open(target, "rb") as reader:
        bringing.link(source, target)
        assert reader.read() == HALF
    assert target.read_bytes() == WHOLE
