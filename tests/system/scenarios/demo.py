# SPDX-License-Identifier: Apache-2.0
"""The demo: runs by itself, shows numbers near the true ones, leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import time

from kit.service import clean_environment
from kit.world import Scene

SECONDS = 15
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")


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
    pairs = last_table(text)
    checks.true("a table of measured and true CTR", len(pairs) >= 3, text[-1500:])
    for measured, true in pairs:
        checks.true("measured within half of true and two points", abs(measured - true)
                    <= max(true / 2, 2.0), (measured, true))
    checks.figure("seconds", round(took, 1))
    checks.figure("rows_percent_measured_true", pairs)


def last_table(text: str) -> list[tuple[float, float]]:
    """(measured, true) per row of the last picture: the rows with two or more percentages."""
    rows = []
    for line in text.splitlines():
        found = [float(part) for part in _PERCENT.findall(line)]
        if len(found) >= 2:
            rows.append((line.split()[0] if line.split() else "", (found[0], found[-1])))
    newest = {}
    for key, pair in rows:
        newest[key] = pair
    return list(newest.values())
