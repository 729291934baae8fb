# SPDX-License-Identifier: Apache-2.0
"""That the benchmarks still give their figures; what these say is none of a test's business."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from kit import ROOT
from kit.world import Scene

PARTS = ("ingest", "latency", "restart", "beside", "growth", "flood")


def run(scene: Scene) -> None:
    """./dev bench gives every figure of the parts that need a Kafka."""
    out = os.path.join(scene.home, "bench")
    build = os.path.dirname(scene.world.binary)
    done = subprocess.run(
        [sys.executable, os.path.join(ROOT, "tests/bench/run.py"), "--quick", "--check", "--build",
         build, "--out", out, "--kafka", scene.world.versions[-1], *PARTS],
        capture_output=True, text=True, timeout=300, check=False)
    scene.checks.true("every part gave its figures", done.returncode == 0, done.stderr[-1500:])
    with open(os.path.join(out, "results.json"), encoding="utf-8") as file:
        found = json.load(file)["parts"]
    scene.checks.equal("parts", sorted(found), sorted(PARTS))
    beside = [row for rows in found.values() for row in rows if row["ratio"] is not None]
    scene.checks.true("figures stand beside a yardstick", len(beside) >= 10, len(beside))
    scene.checks.equal("plots", os.path.exists(os.path.join(out, "growth.svg")), True)
