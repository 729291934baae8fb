# SPDX-License-Identifier: Apache-2.0
"""Ratios, intervals and priors against the literature and against arithmetic done by hand."""

from __future__ import annotations

import math
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rates  # noqa: E402


class Rates(unittest.TestCase):
    def test_known_intervals(self) -> None:
        # Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3; four digits.
        for (n, k), (low, high) in {(263, 81): (0.2553, 0.3662), (148, 15): (0.0624, 0.1605),
                                    (20, 0): (0.0, 0.1611), (29, 1): (0.0061, 0.1718)}.items():
            bounds = rates.wilson(n, k)
            assert bounds is not None
            self.assertAlmostEqual(bounds[0], low, places=4)
            self.assertAlmostEqual(bounds[1], high, places=4)

    def test_bounds_solve_the_equation(self) -> None:
        for n, k in ((1, 0), (1, 1), (10, 3), (1234, 56), (10**9, 1), (10**9, 10**9 - 1)):
            for p in rates.wilson(n, k) or ():
                error = (k / n - p) ** 2 - rates.Z**2 * p * (1 - p) / n
                self.assertLess(abs(error), 1e-12, (n, k))

    def test_ends(self) -> None:
        self.assertEqual((rates.wilson(5, 0) or (1,))[0], 0.0)
        self.assertEqual((rates.wilson(5, 5) or (0, 0))[1], 1.0)
        self.assertIsNone(rates.wilson(0, 0))
        self.assertIsNone(rates.wilson(3, 4))
        self.assertIsNone(rates.ctr(0, 4))
        self.assertEqual(rates.ctr(3, 4), 4 / 3)

    def test_known_differences(self) -> None:
        # Newcombe 1998 (Statistics in Medicine 17, 873-890), table II, method 10; four digits.
        for (one, other), (low, high) in {
                ((70, 56), (80, 48)): (0.0524, 0.3339), ((10, 9), (10, 3)): (0.1705, 0.8090),
                ((7, 6), (7, 2)): (0.0582, 0.8062), ((56, 5), (29, 0)): (-0.0381, 0.1926),
                ((10, 10), (10, 0)): (0.6075, 1.0), ((10, 0), (20, 0)): (-0.1611, 0.2775)}.items():
            found = rates.difference(one, other)
            assert found is not None
            self.assertAlmostEqual(found[0], one[1] / one[0] - other[1] / other[0], places=15)
            self.assertAlmostEqual(found[1], low, places=4, msg=str(one))
            self.assertAlmostEqual(found[2], high, places=4, msg=str(one))
        self.assertIsNone(rates.difference((0, 0), (5, 1)))
        self.assertIsNone(rates.difference((5, 1), (5, 6)))

    def test_enough(self) -> None:
        # k of 2k impressions: the half-width is z sqrt(z^2 + 2k) / (2 (2k + z^2)), which is
        # 0.1 = 0.2 * 0.5 where 2k + z^2 = 25 z^2, that is at 2k = 24 z^2 = 92.2.
        self.assertFalse(rates.enough(92, 46))
        self.assertTrue(rates.enough(94, 47))
        for n, k in ((0, 0), (10**6, 0), (5, 6), (0, 3)):
            self.assertFalse(rates.enough(n, k), (n, k))
        self.assertTrue(rates.enough(10**6, 5_000))
        self.assertTrue(rates.enough(17, 17))  # 1 - z^2 / (n + z^2) and 1: n >= 1.5 z^2 = 5.8
        self.assertTrue(rates.enough(6, 6))
        self.assertFalse(rates.enough(5, 5))

    def test_smoothed(self) -> None:
        found = rates.smoothed(10, 1, 0.05, 100)
        assert found is not None
        self.assertTrue(math.isclose(found, 6 / 110))
        self.assertIsNone(rates.smoothed(0, 0, 0.05, 100))


class PriorWeight(unittest.TestCase):
    def test_by_hand(self) -> None:
        # n = 100 each, k = 10, 20, 30, 40, 50: N = 500, K = 150, p = 0.3, p(1 - p) = 0.21,
        # S = (100 + 400 + 900 + 1600 + 2500) / 100 - 45 = 10,
        # gamma = (10 - 0.84) / (0.21 (500 - 100 - 4)) = 9.16 / 83.16, M = 74 / 9.16.
        siblings = [(100, k) for k in (10, 20, 30, 40, 50)]
        self.assertEqual(rates.prior_weight(siblings), 10)  # 8.08 is below
        # k = 25, 28, 30, 32, 35: S = (625 + 784 + 900 + 1024 + 1225) / 100 - 45 = 0.58: too even.
        self.assertEqual(rates.prior_weight([(100, k) for k in (25, 28, 30, 32, 35)]), 10_000)
        # n = 1000 each, k ten times as many: S = 45.58 * 10 - 450 = 5.8, gamma = (5.8 - 0.84) /
        # (0.21 (5000 - 1000 - 4)) = 4.96 / 839.16, M = 834.2 / 4.96.
        wide = [(1000, k) for k in (250, 280, 300, 320, 350)]
        self.assertAlmostEqual(rates.prior_weight(wide), 834.2 / 4.96, delta=1e-5)

    def test_order_and_outsiders_play_no_part(self) -> None:
        siblings = [(997, 31), (1013, 77), (101, 5), (37, 1), (5001, 140), (7, 0)]
        weight = rates.prior_weight(siblings)
        self.assertTrue(10 < weight < 10_000 and weight != 100)
        self.assertEqual(rates.prior_weight(siblings[::-1] + [(0, 0), (3, 4), (0, 9)]), weight)
        self.assertNotEqual(rates.prior_weight(siblings + [(3, 3)]), weight)

    def test_the_squares_are_cut(self) -> None:
        # By the definition, with every k^2/n cut at 2^-32; without the cut the sum differs.
        siblings = [(3, 1), (3, 2), (7, 3), (7, 1), (11, 9)]
        cut = sum(2**32 * k * k // n for n, k in siblings) / 2**32
        n, k = 31, 16
        p = k / n
        room = p * (1 - p) * (n - sum(one * one for one, _ in siblings) / n - 4)
        gamma = (cut - k * k / n - p * (1 - p) * 4) / room
        self.assertTrue(math.isclose(rates.prior_weight(siblings), max(10, (1 - gamma) / gamma),
                                     rel_tol=1e-12))

    def test_unlearned(self) -> None:
        even = [(100, 10), (100, 20), (100, 30), (100, 40)]
        self.assertEqual(rates.prior_weight(even), 100)  # four
        self.assertEqual(rates.prior_weight([]), 100)
        self.assertEqual(rates.prior_weight([(100, 0)] * 9), 100)
        self.assertEqual(rates.prior_weight([(100, 100)] * 9), 100)
        self.assertEqual(rates.prior_weight([(1, 1), (1, 0)] * 5), 100)  # the denominator is 0
        self.assertEqual(rates.prior_weight([(100, 7)] * 5), 10_000)  # no spread at all
        self.assertEqual(rates.prior_weight([(100, 100), (100, 0)] * 5), 10)  # nothing but spread


if __name__ == "__main__":
    unittest.main()
