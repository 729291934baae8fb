# SPDX-License-Identifier: Apache-2.0
"""reads: requests a second beside nginx with the same bytes (tests/bench/reads.py measures)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from parts import Row, Unusable
from parts.bench import Bench

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CASES = "ctr_many,batch_100,top_100"  # beside ctr; reads.py has more
UNDER = {"idle": "", "ingest": ", under 10,000 events/s", "tls": ", in TLS"}


def run(bench: Bench) -> list[Row]:
    found = os.environ.get("PATH", "") + ":/usr/sbin"
    missing = [name for name in ("nginx", "wrk") if not shutil.which(name, path=found)]
    if missing:
        raise Unusable(f"there is no {' and no '.join(missing)}")
    seconds = 1 if bench.quick else 2
    done = subprocess.run([sys.executable, os.path.join(HERE, "reads.py"), "--seconds", str(seconds),
                           "--binary", bench.world.binary, "--tools",
                           os.path.join(bench.build, "tests"), "--only", CASES],
                          stdout=subprocess.PIPE, text=True, check=False, timeout=600)
    if done.returncode != 0:
        raise Unusable(f"reads.py: exit {done.returncode}")
    rows = []
    for line in map(json.loads, filter(None, done.stdout.splitlines())):
        note = f"p99 {line['p99_us'] / 1000:.2f} ms" if "p99_us" in line else ""
        if "bare_ratio" in line:
            note += f", {line['bare_ratio']:.2f} of bare libmicrohttpd"
        if line.get("errors", 0):
            note += f", {line['errors']} errors"
        rows.append(Row(line["case"] + UNDER.get(line["under"], f", {line['under']}"),
                        line["requests_s"], "1/s", "nginx, the same bytes",
                        line.get("nginx_requests_s"), line.get("ratio"), note, more=line))
    return rows
