#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one bug after the other and shows that the tests catch each.

A copy of the tree is built under build/mutation; each mutant (mutants.py) changes one line of it, the
tests are run in order until one fails, and the line is put back. The last line is
`N passed, N failed`: a mutant that no test noticed is a failure.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from mutants import MUTANTS  # noqa: E402

TREE = os.path.join(ROOT, "build", "mutation")
SECONDS_MAX = 120
PROGRAMS = ("unit_storage", "unit_api_series", "unit_service_checkpointer", "unit_service_decode",
            "unit_service_offline", "unit_service_pipeline", "unit_service_secret",
            "property_storage")


def copy_tree() -> None:
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    for name in names:
        source, target = os.path.join(ROOT, name), os.path.join(TREE, name)
        if not os.path.isfile(source):
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(source, "rb") as file:
            wanted = file.read()
        if os.path.exists(target):
            with open(target, "rb") as file:
                if file.read() == wanted:
                    continue  # its time stays, and with it what was built of it
        with open(target, "wb") as file:
            file.write(wanted)
        shutil.copymode(source, target)


def build() -> str:
    """Builds everything; the compiler's complaint, "" for none."""
    made = subprocess.run(["cmake", "--build", os.path.join(TREE, "out")], capture_output=True,
                          text=True)
    return "" if made.returncode == 0 else made.stdout[-2000:]


def configure() -> None:
    subprocess.run(["cmake", "-S", TREE, "-B", os.path.join(TREE, "out"), "-G", "Ninja",
                    "-DCMAKE_BUILD_TYPE=Release", "-DLIVECTR_TESTS=ON"],
                   check=True, stdout=subprocess.DEVNULL)


def programs(only: str) -> list[str]:
    """The test programs, quickest kind first."""
    folder = os.path.join(TREE, "out", "tests")
    found = sorted(name for name in os.listdir(folder)
                   if name.startswith(PROGRAMS) and only in name)
    return [os.path.join(folder, name)
            for name in sorted(found, key=lambda name: name.startswith("property"))]


def caught_by(tests: list[str]) -> str | None:
    for test in tests:
        try:
            ended = subprocess.run([test], cwd=TREE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return os.path.basename(test) + " (never ended)"
        if ended.returncode != 0:
            return os.path.basename(test)
    return None


def plant(path: str, old: str, new: str) -> str:
    """Puts the bug in; the file as it was."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(old) != 1:
        sys.exit(f"{path}: {text.count(old)} times, expected once:\n{old}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    return text


def restore(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", help="only these mutants")
    parser.add_argument("--list", action="store_true", help="names and lines; runs nothing")
    parser.add_argument("--tests", default="", help="only test programs with this in their name")
    args = parser.parse_args()
    wanted = [mutant for mutant in MUTANTS if not args.names or mutant[0] in args.names]
    if args.list or not wanted:
        for name, path, _, new in MUTANTS:
            print(f"{name:36} {path}: {new.strip().splitlines()[0]}")
        return 0 if args.list else 2
    copy_tree()
    configure()
    if complaint := build():
        sys.exit(complaint)
    tests = programs(args.tests)
    if name := caught_by(tests):
        sys.exit(f"{name} fails without any mutant")
    passed = failed = 0
    for at, (name, file, old, new) in enumerate(wanted, 1):
        path, begun = os.path.join(TREE, file), time.monotonic()
        text = plant(path, old, new)
        try:
            complaint = build()
            found = "the compiler" if complaint else caught_by(tests)
        finally:
            restore(path, text)
        passed, failed = (passed + 1, failed) if found else (passed, failed + 1)
        print(f"[{at}/{len(wanted)}] {name}: {'caught by ' + found if found else 'NOT CAUGHT'} "
              f"in {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
