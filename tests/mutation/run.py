#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one bug after the other and shows that the tests catch each.

A copy of the tree is built under build/mutation; each mutant (mutants.py) changes one line of it, the
tests are run in order until one fails, and the line is put back. The last line is
`N passed, N failed`: a mutant that no test noticed is a failure.
"""

from __future__ import annotations

import argparse
import json
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
SECONDS = os.path.join(TREE, "seconds.json")
SECONDS_MAX = 120
PROGRAMS = ("property_service_memory", "property_storage", "unit_api_accept", "unit_api_auth",
            "unit_api_backfill", "unit_api_callers", "unit_api_cors", "unit_api_cursor",
            "unit_api_digest", "unit_api_documents", "unit_api_etag", "unit_api_export",
            "unit_api_flow", "unit_api_fresh", "unit_api_guard", "unit_api_http", "unit_api_list",
            "unit_api_overload", "unit_api_router", "unit_api_rows", "unit_api_series",
            "unit_api_stream", "unit_api_tokens", "unit_service_ceiling",
            "unit_service_checkpointer", "unit_service_decode", "unit_service_gate",
            "unit_service_life", "unit_service_offline", "unit_service_pipeline",
            "unit_service_printable", "unit_service_replay", "unit_service_scan",
            "unit_service_scout", "unit_service_secret", "unit_service_snapshot",
            "unit_service_token", "unit_storage")


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
    """Builds the test programs; the compiler's complaint, "" for none."""
    folder = os.path.join(ROOT, "tests")
    names = [f"{kind}_{name[:-2]}" for kind in ("unit", "property")
             for name in sorted(os.listdir(os.path.join(folder, kind)))
             if name.endswith(".c") and f"{kind}_{name}".startswith(PROGRAMS)]
    made = subprocess.run(["cmake", "--build", os.path.join(TREE, "out"), "--target", *names],
                          capture_output=True, text=True)
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


def load_seconds() -> dict[str, float]:
    """How long each test program took the last time that nothing was planted."""
    if not os.path.exists(SECONDS):
        return {}
    with open(SECONDS, encoding="utf-8") as file:
        return dict(json.load(file))


def in_order(tests: list[str], path: str, seconds: dict[str, float]) -> list[str]:
    """The programs named after the file first, then the quick ones."""
    layer, _, file = path.partition("/")
    own = f"unit_{layer}_{file.removesuffix('.c')}"

    def rank(test: str) -> tuple[bool, float]:
        name = os.path.basename(test)
        return not name.startswith(own), seconds.get(name, 0.0)
    return sorted(tests, key=rank)


def fails(test: str) -> str:
    """In which way, "" for not at all."""
    try:
        ended = subprocess.run([test], cwd=TREE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return os.path.basename(test) + " (never ended)"
    return os.path.basename(test) if ended.returncode != 0 else ""


def caught_by(tests: list[str]) -> str:
    """The first test that fails; "": none does."""
    return next((how for test in tests if (how := fails(test))), "")


def without_mutant(tests: list[str]) -> dict[str, float]:
    """How long each takes; ends where one fails."""
    seconds = {}
    for test in tests:
        begun = time.monotonic()
        if how := fails(test):
            sys.exit(f"{how} fails without any mutant")
        seconds[os.path.basename(test)] = round(time.monotonic() - begun, 3)
    with open(SECONDS, "w", encoding="utf-8") as file:
        json.dump(seconds, file)
    return seconds


def plant(path: str, old: str, new: str) -> str:
    """Puts the bug in; the file as it was."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(old) != 1:
        sys.exit(f"{path}: {text.count(old)} times, expected once:\n{old}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    return text


def check(wanted: list[tuple[str, str, str, str]]) -> int:
    """The code moves on under the list: which lines are not where they were."""
    stale = 0
    for name, file, old, _ in wanted:
        with open(os.path.join(ROOT, file), encoding="utf-8") as source:
            count = source.read().count(old)
        if count != 1:
            print(f"{name}: its line is {count} times in {file}, expected once")
            stale += 1
    return 1 if stale else 0


def restore(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", help="only these mutants")
    parser.add_argument("--check", action="store_true",
                        help="whether each can still be planted; runs nothing")
    parser.add_argument("--list", action="store_true", help="names and lines; runs nothing")
    parser.add_argument("--tests", default="", help="only test programs with this in their name")
    parser.add_argument("--trust", action="store_true",
                        help="does not show first that the tests pass without a mutant")
    args = parser.parse_args()
    wanted = [mutant for mutant in MUTANTS if not args.names or mutant[0] in args.names]
    if args.check:
        return check(wanted)
    if args.list or not wanted:
        for name, path, _, new in MUTANTS:
            planted = new.strip().splitlines() or ["(the line is gone)"]
            print(f"{name:36} {path}: {planted[0]}")
        return 0 if args.list else 2
    copy_tree()
    configure()
    if complaint := build():
        sys.exit(complaint)
    tests = programs(args.tests)
    seconds = load_seconds() if args.trust else without_mutant(tests)
    passed = failed = 0
    for at, (name, file, old, new) in enumerate(wanted, 1):
        path, begun = os.path.join(TREE, file), time.monotonic()
        text = plant(path, old, new)
        try:
            complaint = build()
            found = "the compiler" if complaint else caught_by(in_order(tests, file, seconds))
        finally:
            restore(path, text)
        passed, failed = (passed + 1, failed) if found else (passed, failed + 1)
        print(f"[{at}/{len(wanted)}] {name}: {'caught by ' + found if found else 'NOT CAUGHT'} "
              f"in {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
