# SPDX-License-Identifier: Apache-2.0
"""The files of a data_dir seen from outside, always through a copy: SQLite must not be given a file
that another process may write."""

from __future__ import annotations

import glob
import os
import shutil
import sqlite3
import struct
import tempfile
from typing import NamedTuple


class Examined(NamedTuple):
    faults: list[str]
    newest_cut: int  # number of the newest save in any of the files; 0 none
    whole: int  # files without a fault


def copy_of(path: str, folder: str) -> str:
    """Copies a database with its log; the copy's path."""
    name = os.path.basename(path)
    for suffix in ("", "-wal"):
        if os.path.exists(path + suffix):
            shutil.copyfile(path + suffix, os.path.join(folder, name + suffix))
    return os.path.join(folder, name)


def databases(data_dir: str) -> list[str]:
    return sorted(glob.glob(os.path.join(data_dir, "*.db")))


def examine(data_dir: str) -> Examined:
    """SQLite's own check of every file, and the cut that each holds."""
    faults: list[str] = []
    newest = whole = 0
    for path in databases(data_dir):
        with tempfile.TemporaryDirectory() as folder:
            copy = copy_of(path, folder)
            try:
                with sqlite3.connect(copy) as base:
                    wrong = [line for (line,) in base.execute("PRAGMA integrity_check")
                             if line != "ok"]
                    faults += [f"{os.path.basename(path)}: {line}" for line in wrong]
                    whole += not wrong
                    newest = max(newest, _cut(base))
                base.close()
            except sqlite3.DatabaseError as error:
                faults.append(f"{os.path.basename(path)}: {error}")
    return Examined(faults, newest, whole)


def _cut(base: sqlite3.Connection) -> int:
    tables = {row[0] for row in base.execute("SELECT name FROM sqlite_master")}
    if "meta" not in tables:
        return 0
    row = base.execute("SELECT value FROM meta WHERE name = 'cut'").fetchone()
    if row is None:
        return 0
    return row[0] if isinstance(row[0], int) else struct.unpack("<q", row[0])[0]
