"""Random numbers by name: the same name gives the same numbers, whatever else was drawn before.

Belongs here: counter-based raw words (Philox) and the two distributions made of them. Only integer
and correctly rounded operations are used, never `exp` or `log`, so that every machine draws the same.
Does not belong here: what the numbers mean (`daily.py`, `tape.py`).
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import numpy.typing as npt

from pipeline.tables.arrays import Floats, Ints

Words = npt.NDArray[np.uint64]

# A bell adds 16 draws of 0..65535; twice the sum is centred without a fraction. One draw has the
# variance (65536^2 - 1) / 12.
_BELL_MEAN = 16 * 65_535
_BELL_SCALE = 2.0 * math.sqrt(16.0 * (65_536.0**2 - 1.0) / 12.0)


def words(count: int, *names: object, at: int = 0) -> Words:
    """`count` raw 64-bit words of the stream called `names`, from its block `at` (of 4 words) on."""
    text = "/".join(str(name) for name in names)
    key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
    return np.asarray(np.random.Philox(key=key, counter=at).random_raw(count), dtype=np.uint64)


def below(limit: int, count: int, *names: object) -> Ints:
    """`count` integers of `[0, limit)`."""
    return (words(count, *names) % np.uint64(limit)).astype(np.int64)


def uniforms(count: int, *names: object) -> Floats:
    """`count` floats of `(0, 1]`."""
    return ((words(count, *names) >> np.uint64(11)).astype(np.float64) + 1.0) * 2.0**-53


def bells(count: int, *names: object, at: int = 0) -> Floats:
    """`count` nearly normal floats, mean 0 and variance 1 (Irwin-Hall of 16); number i is block `at + i`."""
    parts = words(4 * count, *names, at=at).view(np.uint16).reshape(count, 16)
    centred = 2 * parts.sum(axis=1, dtype=np.int64) - _BELL_MEAN
    return np.asarray(centred / _BELL_SCALE, dtype=np.float64)
