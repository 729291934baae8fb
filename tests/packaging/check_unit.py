#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The systemd unit: no line that systemd does not know, and little that the process is exposed to.

check_unit.py UNIT; exit code 77 where there is no systemd-analyze.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile

EXPOSURE_MAX = 2.0  # of 10, as systemd-analyze security counts


def main() -> int:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        return 77
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    for wanted in ("Type=notify", "WatchdogSec=", "Restart=on-failure", "TimeoutStopSec=30"):
        if wanted not in text:
            print(f"{sys.argv[1]}: no {wanted}")
            return 1
    with tempfile.TemporaryDirectory() as folder:
        unit = os.path.join(folder, "livectr-checked.service")
        with open(unit, "w", encoding="utf-8") as file:  # a program that is there
            file.write(text.replace("/usr/local/bin/livectr", "/bin/true"))
        found = subprocess.run([tool, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
        if found.returncode != 0 or found.stderr.strip():
            print(found.stdout + found.stderr)
            return 1
        found = subprocess.run([tool, "security", "--offline=yes", unit], capture_output=True,
                               text=True, check=False)
        exposure = re.search(r"exposure level for \S+: ([0-9.]+)", found.stdout)
        if exposure is None:
            return 0  # an older one cannot tell without a running systemd
        print(f"exposure {exposure[1]}")
        return 0 if float(exposure[1]) <= EXPOSURE_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
