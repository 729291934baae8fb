# SPDX-License-Identifier: Apache-2.0
"""What the fault suite has besides the kit of the system tests."""

from __future__ import annotations

import os

from kit.kafka import Failed
from kit.world import Scene


def shim(scene: Scene, name: str) -> str:
    """Path of a library for LD_PRELOAD."""
    path = os.path.join(os.path.dirname(scene.world.ktool), "faults", f"libshim_{name}.so")
    if not os.path.exists(path):
        raise Failed(f"{path} is missing; ./dev faults builds it")
    return path
