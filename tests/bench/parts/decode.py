# SPDX-License-Identifier: Apache-2.0
"""decode: one event's bytes to its fields, beside jansson on the same bytes."""

from __future__ import annotations

from parts import Row, Unusable
from parts.bench import Bench


def run(bench: Bench) -> list[Row]:
    try:
        lines = bench.lines("service_decode")
    except Unusable:
        lines = []
    rows = [Row(f"{line['input']}, {line['bytes']:.0f} bytes", line["decode_ns"], "ns/event",
                "jansson", line["jansson_ns"], line["times_jansson"],
                f"{line['not_plain']:.2%} took the slow path" if "not_plain" in line else "",
                more=line) for line in lines if line.get("part") == "decode"]
    if not rows:
        line = next(one for one in bench.lines("service_path") if one["part"] == "decode")
        rows = [Row("one event, by jansson still", line["ns_per_event"], "ns/event", "jansson",
                    line["ns_per_event"], 1.0)]
    return rows
