#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The service's formulas beside scipy's and statsmodels': random cases, each within 1e-9.

  Wilson interval    statsmodels.stats.proportion.proportion_confint, method "wilson"
  smoothed CTR       scipy.stats.beta.mean of the posterior
  difference         statsmodels.stats.proportion.confint_proportions_2indep, method "newcomb"
  weight             no library has Kleinman's moments: exact fractions of docs/definitions.md;
                     and on data drawn from a known Beta, the weight that was drawn
"""

from __future__ import annotations

import argparse
import math
import random
import subprocess
import sys
from fractions import Fraction

import numpy
from scipy import stats
from statsmodels.stats import proportion

TOLERANCE = 1e-9
Z = 1.959963984540054


def counts(dice: random.Random, top: int = 10**7) -> tuple[int, int]:
    """Impressions of any magnitude, and clicks of any ratio, the edges among them."""
    impressions = max(1, int(top ** dice.random()))
    kind = dice.random()
    if kind < 0.1:
        return impressions, dice.choice((0, impressions))
    return impressions, min(impressions, int(impressions * dice.random() ** dice.choice((1, 4))))


def wilson(dice: random.Random) -> tuple[str, list[float]]:
    impressions, clicks = counts(dice)
    low, high = proportion.proportion_confint(clicks, impressions, alpha=0.05, method="wilson")
    enough = clicks > 0 and (high - low) / 2 <= 0.2 * clicks / impressions
    return (f"wilson {impressions} {clicks}",
            [clicks / impressions, float(low), float(high), float(enough)])


def smoothed(dice: random.Random) -> tuple[str, list[float]]:
    impressions, clicks = counts(dice)
    ctr, weight = dice.uniform(0.0001, 0.9), 10 ** dice.uniform(1, 4)
    mean = stats.beta.mean(clicks + ctr * weight, impressions - clicks + (1 - ctr) * weight)
    return f"smoothed {impressions} {clicks} {ctr!r} {weight!r}", [float(mean)]


def difference(dice: random.Random) -> tuple[str, list[float]]:
    (many, few), (also, less) = counts(dice), counts(dice)
    low, high = proportion.confint_proportions_2indep(few, many, less, also, method="newcomb",
                                                      compare="diff", alpha=0.05)
    return (f"difference {many} {few} {also} {less}",
            [few / many - less / also, float(low), float(high)])


def kleinman(siblings: list[tuple[int, int]]) -> float:
    """docs/definitions.md "Rates", in fractions."""
    siblings = [(n, k) for n, k in siblings if n > 0 and k <= n]
    m, total, clicks = len(siblings), sum(n for n, _ in siblings), sum(k for _, k in siblings)
    if m < 5 or clicks in (0, total):
        return 100.0
    p = Fraction(clicks, total)
    unexplained = (sum(Fraction((k * k << 32) // n, 1 << 32) for n, k in siblings)
                   - Fraction(clicks * clicks, total))
    room = p * (1 - p) * (total - Fraction(sum(n * n for n, _ in siblings), total) - (m - 1))
    if room <= 0:
        return 100.0
    gamma = (unexplained - p * (1 - p) * (m - 1)) / room
    return 10000.0 if gamma <= 0 else float(min(max((1 - gamma) / gamma, 10), 10000))


def weight(dice: random.Random) -> tuple[str, list[float]]:
    siblings = []
    mean, size = dice.uniform(0.01, 0.3), 10 ** dice.uniform(1, 4)
    for _ in range(dice.choice((0, 1, 4, 5, 6, 30, 300))):
        impressions = max(1, int(10 ** dice.uniform(0, 5)))
        ctr = dice.betavariate(mean * size, (1 - mean) * size)
        siblings.append((impressions, min(impressions, round(impressions * ctr))))
    line = f"weight {len(siblings)}" + "".join(f" {n} {k}" for n, k in siblings)
    return line, [kleinman(siblings)]


def ask(program: str, lines: list[str]) -> list[list[float]]:
    done = subprocess.run([program], input="\n".join(lines) + "\n", text=True, check=True,
                          capture_output=True)
    return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]


def differs(found: list[float], wanted: list[float]) -> bool:
    """Beyond 1e-9: of the value where it is at most 1, of its size above."""
    return len(found) != len(wanted) or not all(
        abs(one - two) <= TOLERANCE * max(1.0, abs(two)) for one, two in zip(found, wanted))


def check(program: str, name: str, cases: list[tuple[str, list[float]]]) -> int:
    found = ask(program, [line for line, _ in cases])
    wrong = [(line, numbers, wanted)
             for (line, wanted), numbers in zip(cases, found, strict=True)
             if differs(numbers, wanted)]
    worst = max(abs(one - two) / max(1.0, abs(two)) for (_, wanted), numbers in zip(cases, found)
                for one, two in zip(numbers, wanted))
    print(f"{name}: {len(cases)} cases, {len(wrong)} differ, at most {worst:.1e}")
    for line, numbers, wanted in wrong[:5]:
        print(f"  {line[:200]}\n    livectr   {numbers}\n    reference {wanted}")
    return len(wrong)


def check_recovery(program: str, seed: int) -> int:
    """The estimator finds the weight that the data was drawn with; on average, as it is noisy."""
    generator = numpy.random.default_rng(seed)
    wrong = 0
    for size in (50, 500):
        lines = []
        for _ in range(50):
            impressions = generator.integers(1000, 5000, 500)
            clicks = generator.binomial(impressions, generator.beta(0.05 * size, 0.95 * size, 500))
            lines.append("weight 500" + "".join(f" {n} {k}" for n, k in zip(impressions, clicks)))
        mean = math.exp(numpy.mean(numpy.log([row[0] for row in ask(program, lines)])))
        good = 0.95 < mean / size < 1.05
        wrong += not good
        print(f"weight drawn {size}: learned {mean:.1f}{'' if good else ', which is wrong'}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the built tests/rate_cases")
    parser.add_argument("--cases", type=int, default=1000, help="of each kind (1000)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    dice = random.Random(arguments.seed)
    assert differs([0.5], [0.5 + 2e-9]) and not differs([0.5], [0.5 + 5e-10])
    assert math.isclose(stats.norm.ppf(0.975), Z, rel_tol=1e-15)
    wrong, kinds = 0, (wilson, smoothed, difference, weight)
    for kind in kinds:
        wrong += check(arguments.program, kind.__name__,
                       [kind(dice) for _ in range(arguments.cases)])
    wrong += check_recovery(arguments.program, arguments.seed)
    print(f"{len(kinds) + 2 - min(wrong, len(kinds) + 2)} passed, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
