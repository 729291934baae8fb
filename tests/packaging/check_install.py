#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `cmake --install` puts where, twice, into a folder that stands for the system's root.

    check_install.py --build BUILD_DIR

Exit code 0: all is well; 1: a complaint a line.
"""
import argparse
import os
import pathlib
import stat
import subprocess
import sys
import tempfile

WANTED = ["bin/livectr", "share/man/man1/livectr.1", "share/bash-completion/completions/livectr",
          "share/zsh/site-functions/_livectr", "lib/systemd/system/livectr.service",
          "lib/sysusers.d/livectr.conf", "share/doc/livectr/LICENSE", "share/doc/livectr/README.md",
          "share/doc/livectr/CHANGELOG.md", "share/doc/livectr/openapi.yaml",
          "share/doc/livectr/configuration.md", "share/doc/livectr/operations.md",
          "share/doc/livectr/metrics.md", "share/doc/livectr/definitions.md", "share/doc/livectr/api.html",
          "share/doc/livectr/examples/prometheus/livectr.rules.yml",
          "share/doc/livectr/examples/grafana/livectr.json", "share/doc/livectr/examples/nginx/livectr.conf",
          "share/doc/livectr/examples/haproxy/livectr.cfg",
          "share/doc/livectr/examples/kubernetes/livectr.yaml",
          "share/doc/livectr/examples/docker/Dockerfile", "etc/livectr/livectr.conf"]


def cache(build, name):
    for line in (build / "CMakeCache.txt").read_text(encoding="utf-8").split("\n"):
        if line.startswith(name + ":"):
            return line.split("=", 1)[1]
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", required=True, type=pathlib.Path)
    options = parser.parse_args()
    prefix = cache(options.build, "CMAKE_INSTALL_PREFIX").lstrip("/")
    complaints = []
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        environment = {**os.environ, "DESTDIR": folder}
        command = ["cmake", "--install", str(options.build)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        base = root / prefix
        found = {str(path.relative_to(base)) for path in base.rglob("*") if path.is_file()}
        complaints += [f"{name} is not installed" for name in WANTED if name not in found]
        complaints += [f"{path} lies beside the prefix" for path in root.rglob("*")
                       if path.is_file() and base not in path.parents]
        known = set(WANTED) | {name for name in found if name.startswith("share/doc/livectr/")}
        complaints += [f"{name} is installed and not known here" for name in found - known]
        for path in root.rglob("*"):
            if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                complaints.append(f"{path} is writable to others")
        said = subprocess.run([base / "bin/livectr", "version"], capture_output=True, text=True, check=False)
        if said.returncode != 0 or not said.stdout.startswith("livectr "):
            complaints.append(f"bin/livectr version: {said}")
        unit = (base / "lib/systemd/system/livectr.service").read_text(encoding="utf-8")
        if f"ExecStart=/{prefix}/bin/livectr serve --config /{prefix}/etc/livectr/livectr.conf" not in unit:
            complaints.append("the unit names other paths")
        settings = base / "etc/livectr/livectr.conf"
        settings.write_text("# mine\n", encoding="utf-8")
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        if settings.read_text(encoding="utf-8") != "# mine\n":
            complaints.append("the second installation took somebody's settings away")
    for line in complaints:
        print(line)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
