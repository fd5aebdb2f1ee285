"""Quantiles of the normal distribution and of Student's t, without scipy.

Student's t is the regularised incomplete beta function in disguise; that one is evaluated by Lentz's continued
fraction (Abramowitz & Stegun 26.5.8), and inverted by halving.
"""

import math
from functools import cache
from statistics import NormalDist

_TERMS_MAX = 10_000
"""The fraction needs about sqrt(max(a, b)) terms; this many is a mistake of ours."""

_TINY = 1e-300
_PRECISION = 1e-15
_HALVINGS = 200
_NORMAL_ABOVE = 1e6
"""Beyond so many degrees of freedom t differs from the normal distribution by less than a millionth."""


def normal_quantile(probability: float) -> float:
    """The z below which this share of the normal distribution lies."""
    return NormalDist().inv_cdf(probability)


def two_sided(level: float, freedom: float = math.inf) -> float:
    """How many standard errors an interval of this level reaches to each side."""
    return t_quantile((1 + level) / 2, freedom)


def one_sided(level: float, freedom: float = math.inf) -> float:
    """How many standard errors an interval of this level reaches, that has a bound on one side only."""
    return t_quantile(level, freedom)


@cache
def t_quantile(probability: float, freedom: float) -> float:
    """The value below which this share of Student's t with `freedom` > 0 degrees of freedom lies."""
    assert 0 < probability < 1
    assert freedom > 0
    if freedom > _NORMAL_ABOVE:
        return normal_quantile(probability)
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    tail = 2 * (1 - probability)
    if tail == 1:
        return 0.0
    # P(|T| > t) = I_x(freedom / 2, 1 / 2) with x = freedom / (freedom + t^2); t = exp(v) is found by halving v.
    low, high = -50.0, 350.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        square = math.exp(2 * middle)
        more = incomplete_beta(freedom / (freedom + square), freedom / 2, 0.5) > tail
        low, high = (middle, high) if more else (low, middle)
    return math.exp((low + high) / 2)


def t_tails(value: float, freedom: float) -> float:
    """How likely Student's t with `freedom` > 0 degrees of freedom is further from zero than this."""
    assert freedom > 0
    if math.isinf(value):
        return 0.0
    return incomplete_beta(freedom / (freedom + value**2), freedom / 2, 0.5) if value else 1.0


def normal_tails(value: float) -> float:
    """How likely the normal distribution is further from zero than this."""
    return math.erfc(abs(value) / math.sqrt(2))


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for 0 <= x <= 1 and a, b > 0."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x < (a + 1) / (a + b + 2):
        return math.exp(scale) * _fraction(x, a, b) / a
    return 1 - math.exp(scale) * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _TERMS_MAX):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            d = 1 / _not_zero(1 + term * d)
            c = _not_zero(1 + term / c)
            change = c * d
            value *= change
        if abs(change - 1) < _PRECISION:
            return value
    raise AssertionError(f"the continued fraction of I_{x}({a}, {b}) does not converge")


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
