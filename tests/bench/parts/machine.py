# SPDX-License-Identifier: Apache-2.0
"""What the machine is, and what else it was doing."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from typing import Any

BUSY = 0.05  # of a core: less is not worth naming


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _cpu_model() -> str:
    found = re.search(r"^model name\s*: (.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory_gb() -> float:
    found = re.search(r"^MemTotal:\s+(\d+)", _read("/proc/meminfo"), re.MULTILINE)
    return int(found[1]) / 1048576 if found else 0


def _version(package: str) -> str:
    done = subprocess.run(["pkg-config", "--modversion", package], capture_output=True, text=True,
                          check=False)
    return done.stdout.strip()


def _busy_ticks() -> tuple[int, int, int]:
    """(busy, stolen by the host, all) of all cores so far."""
    numbers = [int(word) for word in _read("/proc/stat").splitlines()[0].split()[1:9]]
    return sum(numbers) - numbers[3] - numbers[4], numbers[7], sum(numbers)


class Watch:
    """Load before, and how much of the cores was ours, others' and the host's while it ran."""

    def __init__(self) -> None:
        self.load = os.getloadavg()[0]
        self.before = self._others(0.5)
        self.begun = time.monotonic()
        self.ticks = _busy_ticks()

    @staticmethod
    def _others(seconds: float) -> float:
        """Cores that others keep busy, before anything of ours runs."""
        first = _busy_ticks()
        time.sleep(seconds)
        last = _busy_ticks()
        return (last[0] - first[0]) / max(1, last[2] - first[2]) * (os.cpu_count() or 1)

    def end(self) -> dict[str, Any]:
        last = _busy_ticks()
        span = max(1, last[2] - self.ticks[2])
        cores = os.cpu_count() or 1
        return {"cpu": _cpu_model(), "cores": cores, "memory_gb": round(_memory_gb(), 1),
                "system": platform.platform(), "librdkafka": _version("rdkafka"),
                "load_before": round(self.load, 2), "busy_before": round(self.before, 2),
                "busy": round((last[0] - self.ticks[0]) / span * cores, 2),
                "stolen": round((last[1] - self.ticks[1]) / span * cores, 3),
                "seconds": round(time.monotonic() - self.begun),
                "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime())}


def sentence(facts: dict[str, Any]) -> str:
    quiet = facts["busy_before"] < BUSY * facts["cores"]
    other = "nothing else ran at the start" if quiet else \
        f"other work kept {facts['busy_before']:.1f} cores busy at the start: read ratios, not rates"
    return (f"{facts['date']} UTC, {facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB, "
            f"librdkafka {facts['librdkafka']}; load {facts['load_before']} before, {other}; "
            f"{facts['seconds']} s")
