# SPDX-License-Identifier: Apache-2.0
"""The other side of shim_memory.c: what fails is written into a mapped file while the process runs."""

from __future__ import annotations

import mmap
import os
import struct

from kit.world import Scene

from tools import shim

CONTROL_BYTES = 64
NOTHING, ONE, ALL, CHANCE = range(4)
# Whose allocations fail. librdkafka aborts where it gets none.
CALLERS = "livectr,libsqlite3,libjansson,libmicrohttpd"


class Memory:
    """For one service: set `environment` before it starts."""

    def __init__(self, scene: Scene, label: str, callers: str = CALLERS) -> None:
        self.path = os.path.join(scene.home, f"memory.{label}")
        with open(self.path, "wb") as file:
            file.write(bytes(CONTROL_BYTES))
        with open(self.path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), CONTROL_BYTES)
        self.environment = {"LD_PRELOAD": shim(scene, "memory"), "SHIM_MEMORY": self.path,
                            "SHIM_MEMORY_CALLERS": callers}

    def fail(self, what: int, at: int = 0) -> None:
        struct.pack_into("<I", self._map, 0, NOTHING)
        struct.pack_into("<QQ", self._map, 8, at, 0)
        struct.pack_into("<I", self._map, 0, what)

    def lift(self) -> None:
        struct.pack_into("<I", self._map, 0, NOTHING)

    @property
    def seen(self) -> int:
        return int(struct.unpack_from("<Q", self._map, 16)[0])

    @property
    def failed(self) -> int:
        return int(struct.unpack_from("<Q", self._map, 24)[0])
