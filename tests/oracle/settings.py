# SPDX-License-Identifier: Apache-2.0
"""The settings that decide what a log means, read from the same `key = value` lines as the service.

Only what the numbers depend on is looked at; every other key is ignored, so that one file can be
given to both. Not modelled: `max_visitors` and `max_ids` (and the other limits). A log that reaches
them is judged where its counts stay exact; people may then be null (see checking.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Iterable, Mapping

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SPAN = re.compile(r"([0-9]+)(ms|s|m|h|d)\Z")

EVENT_FIELDS = ("type", "ts", "page", "box", "visitor", "id")


def span_ms(text: str) -> int:
    """`500ms`, `10s`, `10m`, `48h`, `8d` (CONTRACT 11)."""
    match = _SPAN.match(text)
    if not match:
        raise ValueError(f"no span: {text!r}")
    return int(match[1]) * _UNITS[match[2]]


def _span_or_off(text: str) -> int | None:
    return None if text == "off" else span_ms(text)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _filter(text: str) -> tuple[str, str] | None:
    """`FIELD=VALUE`, FIELD a name or a JSON pointer; empty: nothing is filtered."""
    name, found, value = text.partition("=")
    if not text:
        return None
    if not found or not name.strip():
        raise ValueError(f"no FIELD=VALUE: {text!r}")
    return name.strip(), value.strip()


@dataclass
class Settings:
    """What the answers depend on besides the log."""

    topics: dict[str, str | None] = field(default_factory=dict)  # name -> view, click, None
    event_clock: bool = False
    late_ms: int | None = 48 * 3_600_000  # None: off
    future_ms: int | None = 60_000
    windows: dict[str, int] = field(default_factory=dict)  # name -> ms
    people_horizon_ms: int = 600_000  # people are null in longer windows
    dedup_horizon_ms: int = 600_000  # a record more delayed is not looked up
    lateness_ms: int = 120_000  # after its end until a minute is final
    click_gap_ms: int | None = None  # None: off
    filter: tuple[str, str] | None = None  # field, value
    box_views_count_for_pages: bool = False
    view_types: frozenset[str] = frozenset({"view"})
    click_types: frozenset[str] = frozenset({"click"})
    fields: dict[str, str] = field(default_factory=lambda: {name: name for name in EVENT_FIELDS})
    record_bytes_max: int = 16_384
    read_at_ms: int | None = None  # wall clock when the log was read; None: no record is that new

    def __post_init__(self) -> None:
        if not self.windows:
            self.windows = {name: span_ms(name) for name in ("1m", "10m", "1h", "24h")}

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> "Settings":
        """From setting names and values as they stand in a configuration file."""
        made = cls()
        made.event_clock = pairs.get("clock", "wall") == "event"
        for entry in _list(pairs.get("topics", "")):
            name, _, kind = entry.partition(":")
            made.topics[name] = kind or None
        if "late" in pairs:
            made.late_ms = _span_or_off(pairs["late"])
        if "future" in pairs:
            made.future_ms = _span_or_off(pairs["future"])
        for name in ("people_horizon", "dedup_horizon", "lateness"):
            if name in pairs:
                setattr(made, f"{name}_ms", span_ms(pairs[name]))
        if "click_gap" in pairs:
            made.click_gap_ms = _span_or_off(pairs["click_gap"]) or None
        made.filter = _filter(pairs.get("filter", ""))
        if "windows" in pairs:
            made.windows = {name: span_ms(name) for name in _list(pairs["windows"])}
        made.box_views_count_for_pages = pairs.get("page_impressions") == "box_views"
        if "view_types" in pairs:
            made.view_types = frozenset(_list(pairs["view_types"]))
        if "click_types" in pairs:
            made.click_types = frozenset(_list(pairs["click_types"]))
        for name in EVENT_FIELDS:
            made.fields[name] = pairs.get(f"field_{name}", name)
        made.record_bytes_max = int(pairs.get("max_record_bytes", "16384"))
        return made

    @classmethod
    def of_lines(cls, lines: Iterable[str]) -> "Settings":
        pairs = {}
        for line in lines:
            name, found, value = line.partition("=")
            if found and not name.lstrip().startswith("#"):
                pairs[name.strip()] = value.strip()
        return cls.of(pairs)
