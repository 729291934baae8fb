# SPDX-License-Identifier: Apache-2.0
"""The demo: runs by itself, shows numbers near the true ones, leaves nothing behind."""

from __future__ import annotations

import math
import os
import re
import subprocess
import time

from kit.service import clean_environment
from kit.world import Scene

SECONDS = 15
# page, box, impressions, clicks, ctr %, interval %, true %, in?
_ROW = re.compile(r"^(\S+) +(\(the page\)|\S+) +([0-9]+) +[0-9]+ +([0-9.]+) +\S+ +([0-9.]+) +"
                  r"(?:yes|NO)$", re.MULTILINE)
_FIRST = re.compile(r"First live CTR after ([0-9.]+) s")


def children_of(pid: int) -> list[int]:
    """Processes that a process left behind in its session (it was started as a leader of one)."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii") as file:
                fields = file.read().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if entry.isdigit() and int(fields[3]) == pid and int(entry) != pid:
            found.append(int(entry))
    return found


def run(scene: Scene) -> None:
    """`livectr demo --seconds 15`: exit 0, measured near true CTR, no file and no process left."""
    checks = scene.checks
    temporary, home = (os.path.join(scene.home, name) for name in ("tmp", "home"))
    os.makedirs(temporary)
    os.makedirs(home)
    begun = time.monotonic()
    process = subprocess.Popen([scene.world.binary, "demo", "--seconds", str(SECONDS)], cwd=home,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True,
                               env=clean_environment(TMPDIR=temporary, HOME=home))
    try:
        out, err = process.communicate(timeout=SECONDS + 45)
    finally:
        process.kill()
    took = time.monotonic() - begun
    text = out.decode(errors="replace")
    with open(os.path.join(scene.home, "demo.out"), "w", encoding="utf-8") as file:
        file.write(text + err.decode(errors="replace"))
    checks.equal("exit code", process.returncode, 0)
    checks.true("it shows how to ask", "curl" in text and "/v1/" in text, text[-1500:])
    checks.true("as long as it was told", SECONDS - 2 <= took <= SECONDS + 25, took)
    checks.equal("files left in the temporary directory", os.listdir(temporary), [])
    checks.equal("files left where it was started", os.listdir(home), [])
    checks.equal("processes left", children_of(process.pid), [])
    rows = last_table(text)
    checks.true("a table of measured and true CTR", len(rows) >= 3, text[-1500:])
    for what, (impressions, measured, true) in rows.items():
        # Five standard errors and the rounding of the table: never by chance.
        spread = 500 * math.sqrt(true / 100 * (1 - true / 100) / impressions) + 0.01
        checks.true(f"{what}: measured near true", abs(measured - true) <= spread,
                    (impressions, measured, true))
    first = _FIRST.search(text)
    checks.true("it says when the first CTR was there", first)
    checks.figure("seconds", round(took, 1))
    checks.figure("first_ctr_after_s", first[1] if first else None)
    checks.figure("rows", len(rows))
    checks.figure("impressions", sum(row[0] for row in rows.values()))


def last_table(text: str) -> dict[str, tuple[int, float, float]]:
    """The newest picture of each row: impressions, measured and true CTR in percent."""
    found = {}
    for row in _ROW.finditer(text):
        found[f"{row[1]} {row[2]}"] = (int(row[3]), float(row[4]), float(row[5]))
    return found
