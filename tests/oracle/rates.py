# SPDX-License-Identifier: Apache-2.0
"""From counts to ratios, intervals and priors (docs/definitions.md "Rates")."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt
from typing import Iterable

Z = 1.959963984540054
ENOUGH = 0.2  # the half-width of the interval, as a part of the CTR

WEIGHT_MIN, WEIGHT_MAX = 10.0, 10_000.0
WEIGHT_UNLEARNED = 100.0
SIBLINGS_MIN = 5


def ctr(impressions: int, clicks: int) -> float | None:
    """clicks / impressions, correctly rounded (as Python divides integers); may exceed 1.
    None: a ratio of nothing."""
    return clicks / impressions if impressions else None


def wilson(impressions: int, clicks: int) -> tuple[float, float] | None:
    """The two roots p of (k/n - p)^2 = z^2 p (1 - p) / n, solved as a quadratic in p.

    None without impressions or with more clicks than impressions. The smaller root is taken from
    the product of both, so that nothing cancels when clicks are few.
    """
    n, k = impressions, clicks
    if n == 0 or k > n:
        return None
    z2 = Z * Z
    half = 2 * k + z2
    root = Z * sqrt(z2 + 4 * k * (n - k) / n)
    high = (half + root) / (2 * (n + z2))
    low = 0.0 if k == 0 else (k / n) * k / ((n + z2) * high)
    return low, min(high, 1.0)


def spare(impressions: int, clicks: int) -> float | None:
    """How far the half-width of the interval is below what is enough, as a part of the CTR.
    None: never enough."""
    bounds = wilson(impressions, clicks)
    if bounds is None or not clicks:
        return None
    return ENOUGH - (bounds[1] - bounds[0]) / 2 / (clicks / impressions)


def enough(impressions: int, clicks: int) -> bool:
    left = spare(impressions, clicks)
    return left is not None and left >= 0


def smoothed(impressions: int, clicks: int, prior_ctr: float, prior_weight: float) -> float | None:
    """None: no impressions."""
    if not impressions:
        return None
    return (clicks + prior_ctr * prior_weight) / (impressions + prior_weight)


def prior_weight(siblings: Iterable[tuple[int, int]]) -> float:
    """What the spread among siblings' (impressions, clicks) says their own mean is worth.

    In exact fractions, but for the floors that are part of the definition.
    """
    kept = [(n, k) for n, k in siblings if n > 0 and k <= n]
    count = len(kept)
    all_n, all_k = sum(n for n, _ in kept), sum(k for _, k in kept)
    if count < SIBLINGS_MIN or all_k in (0, all_n):
        return WEIGHT_UNLEARNED
    squares = Fraction(sum(2**32 * k * k // n for n, k in kept), 2**32)
    spread = squares - Fraction(all_k * all_k, all_n)
    binomial = Fraction(all_k * (all_n - all_k), all_n * all_n)
    room = binomial * (all_n - Fraction(sum(n * n for n, _ in kept), all_n) - (count - 1))
    if room <= 0:
        return WEIGHT_UNLEARNED
    gamma = (spread - binomial * (count - 1)) / room
    if gamma <= 0:
        return WEIGHT_MAX
    return min(max(float((1 - gamma) / gamma), WEIGHT_MIN), WEIGHT_MAX)


def difference(one: tuple[int, int], other: tuple[int, int]) -> tuple[float, float, float] | None:
    """The CTR of one minus that of the other, each (impressions, clicks), and its bounds:
    Newcombe's method 10. None where one of them has no interval."""
    bounds, others = wilson(*one), wilson(*other)
    if bounds is None or others is None:
        return None
    p, q = one[1] / one[0], other[1] / other[0]
    down = sqrt((p - bounds[0]) ** 2 + (others[1] - q) ** 2)
    up = sqrt((bounds[1] - p) ** 2 + (q - others[0]) ** 2)
    return p - q, p - q - down, p - q + up
