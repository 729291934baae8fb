#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package on this very system: lintian, install, run as its user, upgrade, remove, purge.

    check_deb.py --deb FILE --tools DIR_OF_MOCK_KAFKA

Wants root, and a system on which livectr is not installed. What the unit would start is started as
the unit's user by setpriv, where no systemd runs. Ends with "N passed, N failed", and leaves nothing.
"""
import argparse
import contextlib
import grp
import json
import os
import pathlib
import pwd
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "contract"))
from world import World, records  # noqa: E402

CONF = "/etc/livectr/livectr.conf"
DATA = "/var/lib/livectr"
PATIENCE_S = 60
# Where packages leave traces; not what apt and man-db keep for themselves, nor folders of others' programs.
TREES = ("/etc", "/usr", "/lib", "/bin", "/sbin", "/var/lib", "/var/cache", "/var/log", "/opt", "/srv", "/home")
OTHERS = re.compile(r"/var/cache/(man|apt|debconf|ldconfig)|/var/log/|/var/lib/(dpkg|apt|ucf|systemd)/"
                    r"|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|__pycache__|/usr/local/")
failures, passed = [], 0


def expect(true, words):
    global passed
    if true:
        passed += 1
    else:
        failures.append(words)
        print(f"FAILED {words}", flush=True)


def run(*command, check=True):
    found = subprocess.run(command, capture_output=True, text=True, check=False,
                           env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if check and found.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit {found.returncode}\n{found.stdout}{found.stderr}")
    return found


def apt(*words):
    """Waits for whoever else has the lock of packages."""
    return run("apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=60", "-o", "Dpkg::Use-Pty=0",
               "-o", "Dpkg::Options::=--force-confold", *words)


def files():
    found = set()
    for tree in TREES:
        for folder, folders, names in os.walk(tree):
            folders[:] = [name for name in folders if not OTHERS.search(f"{folder}/{name}/")]
            found.update(path for path in (f"{folder}/{name}" for name in [*folders, *names])
                         if not OTHERS.search(path))
    return found


def has_user():
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam("livectr"))
    with contextlib.suppress(KeyError):
        return bool(grp.getgrnam("livectr"))
    return False


def writable_to(user, group):
    """Files and folders of the system that a user may write to, by their modes."""
    found = set()
    for tree in ("/etc", "/usr", "/var", "/opt", "/srv", "/home", "/root"):
        for folder, folders, names in os.walk(tree):
            for name in [*folders, *names]:
                with contextlib.suppress(OSError):
                    mode = os.lstat(path := f"{folder}/{name}")
                    if stat.S_ISLNK(mode.st_mode):
                        continue
                    if (mode.st_uid == user and mode.st_mode & stat.S_IWUSR) or \
                            (mode.st_gid == group and mode.st_mode & stat.S_IWGRP):
                        found.add(path)
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """What the unit starts, as whom the unit names."""

    def __init__(self, url):
        unit = pathlib.Path("/lib/systemd/system/livectr.service").read_text(encoding="utf-8")
        command = re.search(r"^ExecStart=(.*)$", unit, re.M)[1].split()
        user = re.search(r"^User=(.*)$", unit, re.M)[1]
        self.url = url
        self.process = subprocess.Popen(
            ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs",
             "--bounding-set=-all", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd="/", env={"PATH": "/usr/bin:/bin"})
        line = self.process.stdout.readline()
        if not line.startswith("listening"):
            raise SystemExit(f"it did not start: {self.process.stderr.read()}")

    def status(self):
        with urllib.request.urlopen(self.url + "/v1/status", timeout=20) as response:
            return json.load(response)

    def await_read(self, count):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            status = self.status()
            if status["state"] == "live" and sum(part["read"] for part in status["partitions"]) == count:
                return
            if time.monotonic() > deadline:
                raise SystemExit(f"not read: {status}")
            time.sleep(0.1)

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def newer(deb, folder):
    """The same package with a later version, and settings of the packager that changed."""
    tree = f"{folder}/tree"
    run("dpkg-deb", "-R", deb, tree)
    control = pathlib.Path(tree, "DEBIAN/control")
    control.write_text(re.sub(r"^Version: (.*)$", r"Version: \1+next", control.read_text(), flags=re.M))
    with open(tree + CONF, "a", encoding="utf-8") as file:
        file.write("# a line of the next version\n")
    run("dpkg-deb", "--root-owner-group", "-b", tree, f"{folder}/next.deb")
    return f"{folder}/next.deb"


def check_lintian(deb):
    if not shutil.which("lintian"):
        raise SystemExit("lintian is not installed")
    found = run("lintian", "--allow-root", "--fail-on", "error,warning", deb, check=False)
    expect(found.returncode == 0 and not re.search(r"^[EW]:", found.stdout, re.M), f"lintian: {found.stdout}")


def check_installed():
    user = pwd.getpwnam("livectr")
    expect(user.pw_uid < 1000 and user.pw_shell.endswith(("nologin", "false")), f"the user is {user}")
    for path, owner, mode in ((DATA, user.pw_uid, 0o700), ("/etc/livectr", 0, 0o750), (CONF, 0, 0o640)):
        found = os.stat(path)
        expect((found.st_uid, stat.S_IMODE(found.st_mode), found.st_gid) == (owner, mode, user.pw_gid),
               f"{path}: {found}")
    expect(writable_to(user.pw_uid, user.pw_gid) == {DATA}, f"writable: {writable_to(user.pw_uid, user.pw_gid)}")
    expect(run("man", "-w", "livectr").stdout.strip() != "", "no man page")
    expect("livectr" in run("livectr", "version").stdout, "not in the path")
    completed = run("bash", "--norc", "-c", "source /usr/share/bash-completion/completions/livectr; "
                    "COMP_WORDS=(livectr to); COMP_CWORD=1; _livectr; echo ${COMPREPLY[*]}").stdout.split()
    expect(completed == ["top", "token"], f"completed: {completed}")
    return user


def settings(world, http, admin):
    text = pathlib.Path(CONF).read_text(encoding="utf-8")
    for name, value in (("brokers", world.brokers), ("topics", "events"), ("listen", f"127.0.0.1:{http}"),
                        ("admin_listen", f"127.0.0.1:{admin}")):
        text, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.M)
        expect(count == 1, f"{name} is not in {CONF}")
    pathlib.Path(CONF).write_text(text + "start = earliest\nlate = off\nsnapshot_interval = 1s\ndrain = 0s\n"
                                  "scout_after = off\n", encoding="utf-8")


def life(deb, world, folder):
    apt("install", "--no-install-recommends", os.path.abspath(deb))
    user = check_installed()
    http = free_port()
    settings(world, http, free_port())
    count = world.produce(records(int(time.time() * 1000)))
    service = Service(f"http://127.0.0.1:{http}")
    service.await_read(count)
    status = pathlib.Path(f"/proc/{service.process.pid}/status").read_text(encoding="utf-8")
    expect(re.search(rf"^Uid:\s+{user.pw_uid}\s", status, re.M) and re.search(r"^CapEff:\s+0+$", status, re.M),
           "it runs as another user, or with capabilities")
    got = run("livectr", "get", "--url", service.url, "--json", "--page", "/offer/list", check=False)
    expect(got.returncode == 0 and json.loads(got.stdout)["impressions"] > 0, f"livectr get: {got}")
    theirs = writable_to(user.pw_uid, user.pw_gid)
    expect(f"{DATA}/livectr.db" in theirs and all(path.startswith(DATA) for path in theirs), f"writes: {theirs}")
    expect(service.stop() == 0, "it did not end with 0")

    kept = pathlib.Path(CONF).read_text(encoding="utf-8")
    apt("install", "--no-install-recommends", newer(deb, folder))
    expect("+next" in run("dpkg-query", "-W", "livectr").stdout, "not upgraded")
    expect(pathlib.Path(CONF).read_text(encoding="utf-8") == kept, "the upgrade took the settings away")
    service = Service(service.url)
    service.await_read(count)
    expect(service.stop() == 0, "after the upgrade it did not end with 0")

    apt("remove", "livectr")
    expect(not shutil.which("livectr") and os.path.exists(CONF) and os.path.exists(f"{DATA}/livectr.db"),
           "removed: the program is there, or settings or data are gone")
    apt("install", "--no-install-recommends", os.path.abspath(deb))
    expect(pathlib.Path(CONF).read_text(encoding="utf-8") == kept, "installed again: other settings")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--deb", required=True)
    parser.add_argument("--tools", required=True)
    options = parser.parse_args()
    if os.geteuid() != 0 or run("dpkg-query", "-W", "livectr", check=False).returncode == 0 or has_user():
        raise SystemExit("check_deb.py wants root, and no livectr on this system")
    check_lintian(options.deb)
    before = files()
    world = World("/usr/bin/livectr", os.path.join(options.tools, "mock_kafka"), os.path.join(options.tools, "ktool"))
    try:
        with tempfile.TemporaryDirectory() as folder:
            life(options.deb, world, folder)
    finally:
        world.close()
        apt("purge", "livectr")
    left = {path for path in files() - before if "livectr" in path}
    expect(not left and not has_user(), f"purged, and still there: {left}, the user {has_user()}")
    others = files() - before
    print(f"others' files that came meanwhile: {len(others)}" if others else "nothing is left")
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
