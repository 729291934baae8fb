# SPDX-License-Identifier: Apache-2.0
"""What tool_fill says that every key must have, against an export: all keys, to the last event."""

from __future__ import annotations

import json
from urllib.request import urlopen

from kit.service import Service

Key = tuple["str | None", "str | None"]
Counts = dict[Key, list[int]]


def add(counts: Counts, key: Key, impressions: int, clicks: int) -> None:
    row = counts.setdefault(key, [0, 0])
    row[0] += impressions
    row[1] += clicks


def expected(path: str) -> Counts:
    """Of the site, pages, boxes and placements that had an event; a page's impressions are its
    boxes' (page_impressions = box_views)."""
    counts: Counts = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            row = json.loads(line)
            if row["impressions"] or row["clicks"]:
                for key in ((None, None), (row["page"], None), (None, row["box"]),
                            (row["page"], row["box"])):
                    add(counts, key, row["impressions"], row["clicks"])
    return counts


def exported(service: Service, window: str) -> Counts:
    counts: Counts = {}
    host, port = service.client.address
    with urlopen(f"http://{host}:{port}/v1/export?window={window}", timeout=60) as answer:
        for row in json.load(answer)["items"]:
            add(counts, (row.get("page"), row.get("box")), row["impressions"], row["clicks"])
    return counts


def differences(path: str, service: Service, window: str) -> tuple[int, list[str]]:
    """How many keys were compared, and what is wrong with some of them."""
    want, have = expected(path), exported(service, window)
    wrong = [f"{key}: {have.get(key)}, must be {want.get(key)}"
             for key in sorted(want.keys() | have.keys(), key=str) if have.get(key) != want.get(key)]
    return len(want), wrong[:5]
