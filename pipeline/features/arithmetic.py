"""Arithmetic whose last bit is the same on every machine.

numpy and libm choose their logarithm by processor, and the choices differ in the last bit. The functions
here use only operations that IEEE 754 fixes (+, -, x, /, sqrt, rounding), one numpy call each, so that no
compiler can fuse two of them. Belongs here: numbers -> numbers. Windows are `windows.py`,
decimals are `pipeline/tables/exact.py`.
"""

from __future__ import annotations

import math

import numpy as np

from pipeline.tables.arrays import Floats, Ints

_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_LN2_INVERSE = 1.44269504088896338700e00
_LN = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)
_EXP = (
    1.66666666666666019037e-01,
    -2.77777777770155933842e-03,
    6.61375632143793436117e-05,
    -1.65339022054652515390e-06,
    4.13813679705723846039e-08,
)
_SIN = (
    -1.66666666666666324348e-01,
    8.33333333332248946124e-03,
    -1.98412698298579493134e-04,
    2.75573137070700676789e-06,
    -2.50507602534068634195e-08,
    1.58969099521155010221e-10,
)
_COS = (
    4.16666666666666019037e-02,
    -1.38888888888741095749e-03,
    2.48015872894767294178e-05,
    -2.75573143513906633035e-07,
    2.08757232129817482790e-09,
    -1.13596475577881948265e-11,
)


def _polynomial(x: Floats, coefficients: tuple[float, ...]) -> Floats:
    value = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * x + coefficient
    return value


def ln(x: Floats) -> Floats:
    """Natural logarithm within 1 ulp; NaN where `x` is not a positive finite number.

    Source: FreeBSD msun e_log.c (Sun Microsystems, 1993).
    """
    x = np.where(np.isfinite(x) & (x > 0), x, np.nan)
    mantissa, exponent = np.frexp(x)
    low = mantissa < math.sqrt(0.5)
    f: Floats = np.where(low, 2 * mantissa, mantissa) - 1
    k: Floats = (exponent - low).astype(np.float64)
    s = f / (2 + f)
    z = s * s
    r = z * _polynomial(z, _LN)
    half_square = 0.5 * f * f
    return k * _LN2_HIGH + ((s * (half_square + r) + k * _LN2_LOW) - half_square + f)


def exp(x: Floats) -> Floats:
    """e^x within 1 ulp for |x| <= 700, where it neither overflows nor loses digits; else NaN.

    Source: FreeBSD msun e_exp.c (Sun Microsystems, 1993).
    """
    x = np.where(np.abs(x) <= 700, x, np.nan)
    k = np.rint(x * _LN2_INVERSE)
    high, low = x - k * _LN2_HIGH, k * _LN2_LOW
    r = high - low
    square = r * r
    c = r - square * _polynomial(square, _EXP)
    value = 1 + (r * c / (2 - c) - low + high)
    scaled: Floats = np.ldexp(value, np.where(np.isnan(k), 0, k).astype(np.int32))
    return scaled


def _octant_sin(x: Floats) -> Floats:
    return x + x * (x * x) * _polynomial(x * x, _SIN)


def _octant_cos(x: Floats) -> Floats:
    square = x * x
    return 1 - (0.5 * square - square * square * _polynomial(square, _COS))


def turn_sin(part: Ints, whole: int) -> Floats:
    """sin(2 pi part / whole) within 1 ulp; exact at the quarters. `whole` is a multiple of 8.

    The angle is folded into the first octant in whole numbers, so no digit is lost there.
    Source: FreeBSD msun k_sin.c and k_cos.c (Sun Microsystems, 1993).
    """
    part = part % whole
    half, quarter = whole // 2, whole // 4
    sign = np.where(part < half, 1.0, -1.0)
    part = part % half
    part = np.where(part > quarter, half - part, part)
    steep = 2 * part <= quarter
    angle = np.where(steep, part, quarter - part) * (2 * math.pi / whole)
    return sign * np.where(steep, _octant_sin(angle), _octant_cos(angle))


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """`numerator / denominator`, NaN where the denominator is 0."""
    return numerator / np.where(denominator == 0, np.nan, denominator)


def root(x: Floats) -> Floats:
    """Square root, NaN below 0."""
    return np.sqrt(np.where(x < 0, np.nan, x))


def previous(x: Floats, rows: int = 1) -> Floats:
    """`x` of `rows` rows before, NaN where the grid has none."""
    return np.concatenate((np.full(min(rows, x.size), np.nan), x[:-rows]))
