"""The compiled scanner gives the bits that Python gives for the same text, and never leaves its block."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_atas_ticks import tick
from test_tick_columns import Text, line, needs_scanner

from kit.adapter_suite import feed_of  # isort: skip
from pipeline.sources.atas import tick_columns, tick_scan
from pipeline.sources.atas.tick_scan import Kind, Scanned, learn, scan
from pipeline.sources.atas.ticks import AtasTicks

KINDS = {"ts": Kind.INSTANT, "n": Kind.NUMBER, "w": Kind.WORD, "id": Kind.ID}

pytestmark = needs_scanner


def scanned(first: bytes, *others: bytes) -> Scanned:
    """Lines of the form of the first."""
    form = learn(first, KINDS)
    run = tick_scan.scanner()
    assert form is not None
    assert run is not None
    lines = (first, *others)
    return scan(run, b"\n".join(lines), len(lines), form)


def numbers(*texts: str) -> tuple[list[bytes], list[int]]:
    """The bits of each number that is taken, and the places of those that are not."""
    found = scanned(b'{"n":0}', *(b'{"n":' + text.encode() + b"}" for text in texts))
    return [struct.pack("<d", value) for value in found.values["n"][1:]], (found.odd - 1).tolist()


DIGITS = st.text("0123456789", min_size=1, max_size=25)
WHOLE = st.one_of(st.integers(0, 10**25).map(str), st.just("0"))
NUMBERS = st.builds(
    lambda sign, whole, fraction, exponent: sign + whole + fraction + exponent,
    st.sampled_from(["", "-"]),
    WHOLE,
    st.one_of(st.just(""), DIGITS.map(lambda text: "." + text)),
    st.one_of(
        st.just(""),
        st.builds("{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), DIGITS),
    ),
)


@given(texts=st.lists(NUMBERS, min_size=1, max_size=20))
def test_numbers_have_the_bits_that_python_reads(texts: list[str]) -> None:
    """Any spelling of a finite number in JSON; one that overflows or underflows may be left aside."""
    bits, odd = numbers(*texts)
    taken = [text for place, text in enumerate(texts) if place not in odd]

    assert bits == [struct.pack("<d", float(text)) for text in taken]
    assert all(
        abs(float(texts[place])) in (0.0, float("inf")) or abs(float(texts[place])) < 1e-290
        for place in odd
    )


@given(value=st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_a_double_written_by_python_comes_back(value: float) -> None:
    """The shortest text of any double is read as that double, but for -0.0, which is left to others."""
    if struct.pack("<d", value) == struct.pack("<d", -0.0):
        assert numbers(repr(value)) == ([], [0])
        return
    assert numbers(repr(value)) == ([struct.pack("<d", value)], [])


@pytest.mark.parametrize(
    "text",
    ["", "-", "+1", "01", "-01", ".5", "5.", "1e", "1e+", "0x1", "1_0", "inf", "nan", "NaN", "1 "],
)
def test_what_json_does_not_call_a_number_is_odd(text: str) -> None:
    """And leaves the lines around it alone."""
    assert numbers("1.5", text, "2.5") == ([struct.pack("<d", n) for n in (1.5, 2.5)], [1])


EPOCH = dt.datetime.fromtimestamp(0, dt.UTC)
INSTANTS = st.integers(0, 253_402_300_799_999_999).map(
    lambda us: EPOCH + dt.timedelta(microseconds=us)
)


@given(stamp=INSTANTS, last=st.integers(0, 9))
def test_instants_are_those_of_the_calendar(stamp: dt.datetime, last: int) -> None:
    """Any instant from 1970 on; the seventh digit is cut, not rounded."""
    text = stamp.strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0") + f"{last}Z"
    found = scanned(b'{"ts":"' + text.encode() + b'"}')

    since = stamp - EPOCH
    assert found.values["ts"].tolist() == [since // dt.timedelta(microseconds=1)]


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-29T00:00:00.0000000Z",
        "1900-02-29T00:00:00.0000000Z",
        "2025-00-01T00:00:00.0000000Z",
        "2025-01-01T24:00:00.0000000Z",
        "2025-01-01T00:00:60.0000000Z",
        "2025-01-01T00:00:00.000000Z",
        "2025-01-01 00:00:00.0000000Z",
        "2025-01-01T00:00:00.0000000+",
    ],
)
def test_what_is_no_instant_is_odd(text: str) -> None:
    """Whether by the calendar or by its form."""
    good = b'{"ts":"2024-02-29T23:59:59.9999999Z"}'

    assert scanned(good, b'{"ts":"' + text.encode() + b'"}', good).odd.tolist() == [1]


def test_ids_words_and_unread_members() -> None:
    """Ids as text, empty ones null; words and keys by their distinct texts."""
    found = scanned(
        b'{"id":"a-1","w":"buy","x":1}',
        b'{"id":17,"w":null,"y":"z"}',
        b'{"id":"","w":"buy","x":true}',
        b'{"id":null,"w":"buy","x":-1e400}',
        b'{"id":017,"w":"buy","x":1}',
        b'{"id":"1","w":"b\\u0075y","x":1}',
        b'{"id":"1","w":"buy","x":[1]}',
    )

    assert found.ids["id"].to_pylist() == ["a-1", "17", None, None]
    assert (found.words["w"], found.values["w"].tolist()) == ([b'"buy"', b"null"], [0, 1, 0, 0])
    assert (found.words["x"], found.values["x"].tolist()) == ([b'"x"', b'"y"'], [0, 1, 0, 0])
    assert found.odd.tolist() == [4, 5, 6]


def test_what_begins_as_in_the_row_before_is_read_to_its_end() -> None:
    """Numbers that go on, words and instants that come again, line ends of both kinds."""
    texts = ("1", "12", "1.5", "1e3", '"1"', "1")
    found = scanned(
        b'{"ts":"2024-02-29T23:59:59.0000000Z","w":"buy","x":1}',
        *(b'{"ts":"2024-02-29T23:59:59.5000000Z","w":"buy","x":%b}' % t.encode() for t in texts),
        b'{"ts":"2024-03-01T00:00:00.0000000Z","w":"buys","y":1}\r',
        b'{"ts":"2024-02-29T23:59:59.0000000Z","w":"buy","x":1} ',
    )

    assert found.odd.tolist() == [8]
    assert np.diff(found.values["ts"]).tolist() == [500_000, 0, 0, 0, 0, 0, 500_000]
    assert found.words["w"] == [b'"buy"', b'"buys"']
    assert found.values["w"].tolist() == found.values["x"].tolist() == [0] * 7 + [1]


def test_a_word_beyond_those_that_are_counted_costs_its_line_alone() -> None:
    """32 distinct words fit; lines with others are odd, those with known ones are not."""
    texts = [b'{"w":"%d"}' % (n % 40) for n in range(80)]
    found = scanned(*texts)

    assert len(found.words["w"]) == 32
    assert found.odd.tolist() == [n for n in range(80) if n % 40 >= 32]


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"n":1',
        b'{"n":1}}',
        b'{"n":{"n":1}}',
        b'"n":1}',
        b',"n":1}',
        b'{"n"\x0b:1}',
        b'{"n":1}\x0c',
        b'{{"n":1}',
        b'{"n":1,}',
        b'{"n":1 2}',
    ],
)
def test_a_line_without_a_form_teaches_none(bad: bytes) -> None:
    """Only a flat object in JSON's own blanks can be the pattern of others."""
    assert learn(bad, KINDS) is None


def test_without_the_compiled_scanner_the_rows_are_the_same() -> None:
    """A package that was installed where no compiler is reads the same, slower."""
    data = b"\n".join([line(n, side="sell" if n % 3 else "buy") for n in range(50)] + [tick(51)])
    feed = feed_of("atas_ticks")
    fast = AtasTicks().parse(Text(data, 1 << 20), feed)
    with mock.patch.object(tick_columns, "scanner", return_value=None):
        slow = AtasTicks().parse(Text(data, 1 << 20), feed)

    assert fast.rows.combine_chunks().equals(slow.rows.combine_chunks())
    assert (fast.notes, fast.read) == (slow.notes, slow.read)


HOSTILE = """
import ctypes, random, sys
sys.path[:0] = sys.argv[3:]
import numpy as np
from pipeline.sources.atas import tick_scan
from test_tick_columns import line
from pipeline.sources.atas.tick_columns import _form
run = ctypes.CDLL(sys.argv[1]).scan
run.restype = ctypes.c_int64
dice = random.Random(int(sys.argv[2]))
good = [line(n, side="sell" if n % 2 else "buy", price=100 + n / 10) for n in range(12)]
form = _form(good[0])
for turn in range(20_000):
    body = bytearray(b"\\n".join(good[: dice.randint(1, 12)]))
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(body) + 1)
        body[at : at + dice.randint(0, 4)] = dice.choice(
            [b"", b"\\n", b'"', b"9" * 30, b"\\0", b"-", b"e", b",", b"\\xff", dice.randbytes(3)]
        )
    body = bytes(body[: dice.randint(0, len(body))])
    tick_scan.scan(run, body, body.count(b"\\n") + 1, form)
print("ended")
"""


@pytest.mark.slow
def test_no_byte_outside_the_block_is_touched(tmp_path: Path) -> None:
    """Built with the compiler's own checks of every access, on 20,000 blocks of damaged lines."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs gcc and its sanitizers")
    source = Path(tick_scan.__file__).with_name("tick_scan.c")
    built = tmp_path / "checked.so"
    flags = [
        "-g",
        "-O1",
        "-fPIC",
        "-shared",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover",
    ]
    subprocess.run([compiler, *flags, str(source), "-o", str(built)], check=True)
    name = [compiler, "-print-file-name=libasan.so"]
    runtime = subprocess.run(name, check=True, capture_output=True, text=True).stdout.strip()
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            HOSTILE,
            str(built),
            "7",
            *sys.path[:4],
            str(Path(__file__).parent),
            str(Path(__file__).parents[1]),
        ],
        env={
            **os.environ,
            "LD_PRELOAD": runtime,
            "ASAN_OPTIONS": "detect_leaks=0",
            "PYTHONMALLOC": "malloc",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.stdout.strip(), ended.returncode) == ("ended", 0), ended.stderr[-2000:]
