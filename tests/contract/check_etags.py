#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Strong ETags under ingest: one tag never stands for two bodies.

    check_etags.py --binary LIVECTR --tools FOLDER [--requests N] [--seed N]

Asks a service that counts all the while, N times, what a dashboard would ask, compressed and not, and
keeps every body by its tag. Two bodies with one tag are a complaint, and so are two whose tags begin with
the same part for the numbers (by which If-None-Match is answered) and that differ in more than as_of
and lag_ms. One in five asks with a tag that it was given before: a 304 names that tag, and the body
it stands for is of no earlier moment than anything that came before. Standard library only.
"""
import argparse
import gzip
import hashlib
import http.client
import json
import os
import random
import sys
import threading
import time
import urllib.parse

import world

TARGETS = [f"/v1/{what}" for what in (
    "ctr", "ctr?page=%2Foffer%2Flist", "ctr?page=%2Fp%2F1&box=b1", "ctr?window=20m", "ctr?window=1m&page=nobody",
    "pages", "pages?sort=ctr&limit=2", "pages?sort=id&window=1m", "boxes?prefix=b", "boxes?page=%2Foffer%2Flist",
    "top", "top?level=page&by=clicks", "top?by=rise", "top?by=unique_ctr&window=1m", "series",
    "series?page=%2Foffer%2Flist&step=10m", "series?compare=1d")]
MOVES_S = 30  # so long at most until the numbers have moved often enough


class Ingest(threading.Thread):
    """A hundred events every fifth of a second, and late ones among them."""

    def __init__(self, place, seed):
        super().__init__(daemon=True)
        self.place, self.dice = place, random.Random(seed)
        self.stopping = threading.Event()
        self.made = 0

    def run(self):
        while not self.stopping.wait(0.2):
            now = int(time.time() * 1000)
            found = []
            for _ in range(100):
                at = now - (self.dice.randrange(600000) if self.dice.random() < 0.1 else 0)
                number = self.dice.randrange(6)
                kind = "click" if self.dice.random() < 0.3 else "view"
                found.append((now, world.event(at, kind, f"/p/{number}", f"b{number}", f"v{self.dice.randrange(99)}")))
            self.made += self.place.produce(found)


def still(body):
    """A body without what goes on while the numbers stand still."""
    value = json.loads(body)
    for name in ("as_of", "lag_ms"):
        value.pop(name, None)
    return json.dumps(value, sort_keys=True)


class Check:
    def __init__(self, url, seed):
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        self.dice = random.Random(seed)
        self.bodies = {}   # {tag: a hash of the body's bytes}
        self.numbers = {}  # {the part for the numbers: (a hash of what stands still, target)}
        self.last = {}     # {target: the newest tag}
        self.moments = {}  # {tag: up to when its body counted}
        self.newest = ""   # of them; RFC 3339, so that they compare as text
        self.complaints, self.kept = [], 0

    def ask(self, target, headers):
        self.connection.request("GET", target, headers=headers)
        response = self.connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()

    def note(self, target, headers, body):
        tag = headers["ETag"]
        found = hashlib.sha256(body).digest()
        if self.bodies.setdefault(tag, found) != found:
            self.complaints.append(f"{target}: two bodies with {tag}")
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.moments[tag] = json.loads(body).get("counted_to") or json.loads(body)["to"]
        self.newest = max(self.newest, self.moments[tag])
        part = tag.split(".")[0]
        found = hashlib.sha256(still(body).encode()).digest()
        known = self.numbers.setdefault(part, (found, target))
        if known[0] != found:
            self.complaints.append(f"{target} and {known[1]}: other numbers, both with {part}")
        self.last[target] = tag

    def one(self):
        target = self.dice.choice(TARGETS)
        headers = {"Accept-Encoding": "gzip"} if self.dice.random() < 0.3 else {}
        tag = self.last.get(target) if self.dice.random() < 0.2 else None
        if tag is not None:
            headers = {"Accept-Encoding": "gzip", "If-None-Match": tag}
        status, got, body = self.ask(target, headers)
        if status == 200:
            self.note(target, got, body)
        elif status == 304 and tag is not None:
            self.kept += 1
            if self.moments[tag] < self.newest:
                self.complaints.append(f"{target}: 304 to a body of {self.moments[tag]}, after {self.newest}")
            if got.get("ETag") != tag or body:
                self.complaints.append(f"{target}: 304 to {tag} says {got.get('ETag')}, {len(body)} bytes")
        elif status != 503:
            self.complaints.append(f"{target}: {status} {body[:200]!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--tools", required=True, help="where mock_kafka and ktool are")
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    place = world.World(options.binary, os.path.join(options.tools, "mock_kafka"),
                        os.path.join(options.tools, "ktool"))
    try:
        count = place.produce(world.records(int(time.time() * 1000)))
        url = place.start("live", log_level="warn")[0]
        place.await_read(url, count)
        ingest = Ingest(place, options.seed)
        ingest.start()
        check = Check(url, options.seed)
        until = time.monotonic() + MOVES_S
        asked = 0
        while asked < options.requests or (len(check.numbers) < 3 * len(TARGETS)
                                           and time.monotonic() < until):
            check.one()
            asked += 1
        ingest.stopping.set()
        ingest.join()
        if len(check.numbers) < 3 * len(TARGETS):
            check.complaints.append(f"numbers hardly moved: {len(check.numbers)} of {len(TARGETS)} targets")
        if check.kept == 0:
            check.complaints.append("never a 304")
    finally:
        place.close()
    for complaint in check.complaints[:20]:
        print(complaint)
    print(f"{asked} requests, {len(check.bodies)} tags, {len(check.numbers)} states of the numbers, "
          f"{check.kept} times 304, {ingest.made} events meanwhile, {len(check.complaints)} complaints")
    return 1 if check.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
