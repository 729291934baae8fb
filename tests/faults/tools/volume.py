# SPDX-License-Identifier: Apache-2.0
"""A file system of its own for one data_dir: it can lose power, fill up, turn read-only.

Power: EXT4_IOC_SHUTDOWN without flushing the journal, on a loop device; what had not reached the
device by then is gone, as it would be with the mains. Wants root and loop devices."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess

from kit.service import Service
from kit.wait import until
from kit.world import Scene

from tools import files

SHUTDOWN, WITHOUT_FLUSH = 0x8004587D, 2  # _IOR('X', 125, __u32), EXT4_GOING_FLAGS_NOLOGFLUSH


class Cannot(Exception):
    """This machine does not have what the fault needs."""


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Cannot(f"{command[0]}: {done.stderr.strip()[:200]}")


class Volume:
    """An ext4 in a file, mounted."""

    def __init__(self, scene: Scene, megabytes: int) -> None:
        if os.geteuid() != 0:
            raise Cannot("mounting a file system of its own takes root")
        self.image = os.path.join(scene.home, "volume.img")
        self.path = os.path.join(scene.home, "volume")
        os.makedirs(self.path)
        with open(self.image, "wb") as file:
            file.truncate(megabytes << 20)
        _run("mkfs.ext4", "-q", self.image)
        self.mount()

    def __enter__(self) -> "Volume":
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", self.path], capture_output=True, check=False)

    def mount(self, *options: str) -> None:
        _run("mount", "-o", ",".join(("loop", *options)), self.image, self.path)

    def folder(self, name: str) -> str:
        return os.path.join(self.path, name)

    def cut(self, service: Service) -> None:
        """The power goes and comes back; the service went with it."""
        handle = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(handle, SHUTDOWN, struct.pack("I", WITHOUT_FLUSH))
        os.close(handle)
        service.kill9()
        until("unmounted", self._unmounted, 10)
        self.mount()

    def _unmounted(self) -> bool:
        return subprocess.run(["umount", self.path], capture_output=True,
                              check=False).returncode == 0

    def examine(self, name: str) -> files.Examined:
        return files.examine(self.folder(name))


class Tmpfs:
    """A small file system in memory."""

    def __init__(self, scene: Scene, megabytes: int) -> None:
        if os.geteuid() != 0:
            raise Cannot("mounting a file system of its own takes root")
        self.path = os.path.join(scene.home, "tmpfs")
        os.makedirs(self.path, exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", self.path)

    def __enter__(self) -> "Tmpfs":
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", self.path], capture_output=True, check=False)

    @property
    def ballast(self) -> str:
        return os.path.join(self.path, "ballast")

    def fill(self) -> None:
        """Not a byte is left."""
        with open(self.ballast, "ab", buffering=0) as file:
            for size in (1 << 16, 4096):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    pass

    def free(self) -> None:
        if os.path.exists(self.ballast):
            os.remove(self.ballast)
