# SPDX-License-Identifier: Apache-2.0
"""From two counts to a ratio and its interval (CONTRACT 13)."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

Z = 1.959963984540054


def ctr(impressions: int, clicks: int) -> float | None:
    """clicks / impressions, correctly rounded; may exceed 1. None: a ratio of nothing."""
    return float(Fraction(clicks, impressions)) if impressions else None


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


def smoothed(impressions: int, clicks: int, prior_ctr: float, prior_weight: float) -> float:
    """CONTRACT 14."""
    return (clicks + prior_ctr * prior_weight) / (impressions + prior_weight)
