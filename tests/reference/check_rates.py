#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The service's formulas beside scipy's and statsmodels': random cases, each within 1e-9.

  Wilson interval    statsmodels.stats.proportion.proportion_confint, method "wilson", and
                     scipy.stats.binomtest(...).proportion_ci, method "wilson"
  smoothed CTR       scipy.stats.beta.mean of the posterior
  difference         statsmodels.stats.proportion.confint_proportions_2indep, method "newcomb"
  weight             no library has Kleinman's moments: exact fractions of docs/definitions.md;
                     and on data drawn from a known Beta, the weight that was drawn

The last line is one of counts and of the greatest difference of each kind; exit 1 on a miss. --lie
changes one answer by little more than the tolerance: that must be noticed.
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
SEED = 1927
Z = 1.959963984540054


# Nothing, all, one short of either, and the greatest counts that storage/spread.h allows.
EXTREMES = [(n, k) for n in (1, 2, 3, 10, 1000, 2**31, 2**32 + 1, 2**40)
            for k in sorted({0, 1, 2, n // 2, n - 2, n - 1, n}) if 0 <= k <= n]


def counts(dice: random.Random, top: int = 10**7) -> tuple[int, int]:
    """Impressions of any magnitude, and clicks of any ratio, the edges among them."""
    if dice.random() < 0.15:
        return dice.choice(EXTREMES)
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


def wilson_again(dice: random.Random) -> tuple[str, list[float]]:
    impressions, clicks = counts(dice)
    found = stats.binomtest(clicks, impressions).proportion_ci(confidence_level=0.95, method="wilson")
    enough = clicks > 0 and (found.high - found.low) / 2 <= 0.2 * clicks / impressions
    return (f"wilson {impressions} {clicks}",
            [clicks / impressions, float(found.low), float(found.high), float(enough)])


def smoothed(dice: random.Random) -> tuple[str, list[float]]:
    impressions, clicks = counts(dice)
    ctr, weight = dice.choice((1e-12, 1 - 1e-12, dice.random())), 10 ** dice.uniform(1, 4)
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


def alike(dice: random.Random, count: int) -> list[tuple[int, int]]:
    """Siblings as the model sees them: a rate each, from one Beta distribution."""
    mean, size = 10 ** dice.uniform(-3, -0.1), 10 ** dice.uniform(0, 5)
    top = dice.choice((3, 100, 10**5))
    siblings = []
    for _ in range(count):
        impressions = max(1, int(top ** dice.random()))
        ctr = dice.betavariate(mean * size, (1 - mean) * size)
        clicks = round(dice.gauss(impressions * ctr, math.sqrt(impressions * ctr * (1 - ctr))))
        siblings.append((impressions, min(impressions, max(0, clicks))))
    return siblings


def weight(dice: random.Random) -> tuple[str, list[float]]:
    count = dice.choice((0, 1, 4, 5, 6, 30, 300))
    kind = dice.random()
    if kind < 0.1:  # not all of them take part
        siblings = [(dice.randint(0, 3), dice.randint(0, 3)) for _ in range(count)]
    elif kind < 0.2:
        siblings = [counts(dice, 2**40) for _ in range(count)]
    elif kind < 0.3:  # nobody clicks, or everybody
        every = dice.choice((0, 1))
        siblings = [(n, n * every) for n in (dice.randint(1, 1000) for _ in range(count))]
    else:
        siblings = alike(dice, count)
        if siblings and kind < 0.5:  # beside a giant
            giant = int(2 ** dice.uniform(20, 40))
            siblings[0] = (giant, int(giant * 10 ** dice.uniform(-3, 0)))
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


def distance(found: float, wanted: float) -> float:
    return abs(found - wanted) / max(1.0, abs(wanted))


def check(program: str, name: str, cases: list[tuple[str, list[float]]],
          lie: random.Random | None) -> tuple[bool, float]:
    """Whether all agree, and the greatest difference."""
    found = ask(program, [line for line, _ in cases])
    if lie:
        numbers = lie.choice(found)
        at = lie.randrange(len(numbers))
        numbers[at] += 3 * TOLERANCE * max(1.0, abs(numbers[at]))
    wrong = [(line, numbers, wanted)
             for (line, wanted), numbers in zip(cases, found, strict=True)
             if differs(numbers, wanted)]
    worst = max(distance(one, two) for (_, wanted), numbers in zip(cases, found)
                for one, two in zip(numbers, wanted))
    if wrong:
        print(f"{name}: {len(wrong)} of {len(cases)} cases differ, by up to {worst:.1e}")
    for line, numbers, wanted in wrong[:5]:
        print(f"  {line[:200]}\n    livectr   {numbers}\n    reference {wanted}")
    return not wrong, worst


def check_recovery(program: str, seed: int, size: int) -> tuple[bool, float]:
    """The estimator finds the weight that the data was drawn with; on average, as it is noisy."""
    generator = numpy.random.default_rng(seed)
    lines = []
    for _ in range(50):
        impressions = generator.integers(1000, 5000, 500)
        clicks = generator.binomial(impressions, generator.beta(0.05 * size, 0.95 * size, 500))
        lines.append("weight 500" + "".join(f" {n} {k}" for n, k in zip(impressions, clicks)))
    mean = math.exp(numpy.mean(numpy.log([row[0] for row in ask(program, lines)])))
    good = 0.95 < mean / size < 1.05
    if not good:
        print(f"weight drawn {size}: learned {mean:.1f}, which is wrong")
    return good, mean


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the built tests/rate_cases")
    parser.add_argument("--cases", type=int, default=1000, help="of each kind (1000)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"({SEED})")
    parser.add_argument("--lie", action="store_true", help="change one answer; must exit 1")
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)
    assert differs([0.5], [0.5 + 2e-9]) and not differs([0.5], [0.5 + 5e-10])
    assert math.isclose(stats.norm.ppf(0.975), Z, rel_tol=1e-15)
    kinds = {"wilson (statsmodels)": wilson, "wilson (scipy)": wilson_again, "smoothed": smoothed,
             "difference": difference, "weight": weight}
    liar = random.Random(arguments.seed).choice(list(kinds)) if arguments.lie else None
    verdicts, told = [], []
    for name, kind in kinds.items():
        good, worst = check(arguments.program, name, [kind(dice) for _ in range(arguments.cases)],
                            dice if name == liar else None)
        verdicts.append(good)
        told.append(f"{name} {worst:.1e}")
    for size in (50, 500):
        good, mean = check_recovery(arguments.program, arguments.seed, size)
        verdicts.append(good)
        told.append(f"drawn {size} learned {mean:.1f}")
    wrong = verdicts.count(False)
    print(f"{len(verdicts) - wrong} passed, {wrong} failed: seed {arguments.seed}, {arguments.cases} "
          f"cases of each; greatest differences: {', '.join(told)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
