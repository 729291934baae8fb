# SPDX-License-Identifier: Apache-2.0
"""The parts of ./dev bench, one module each: run(bench) gives its rows.

A row is a figure beside its yardstick of the same run. Whatever a part wants besides is a number in
`more` of the row, which only the JSON file shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Row:
    name: str
    value: float
    unit: str
    beside: str = ""  # what the yardstick is
    yardstick: float | None = None
    ratio: float | None = None  # larger is better for us
    note: str = ""
    may_be_zero: bool = False  # a share that may be too small to be seen
    line: list[float] = field(default_factory=list)  # values of a sweep, drawn small
    more: dict[str, Any] = field(default_factory=dict)


class Unusable(Exception):
    """A part that cannot give its figures here; the text says why."""
