#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every command that README.md and docs/*.md show, and follows every link between documents.

    check_docs.py --binary LIVECTR --tools DIR_OF_MOCK_KAFKA --root TREE

A command is a line of a block ```console that begins with "$ ", with what a backslash continues. Where
it would go is put in its place (RENAMED), the rest stays as it is written; what stands below it names
members that the real answer must have. What cannot be run here is in NOT_RUN with its reason, which is
printed; a command that no rule knows is a failure. Standard library only.
"""
import argparse
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "contract"))
from world import World, records  # noqa: E402

# (what begins a command, why it is not run); that it is there is looked at all the same.
NOT_RUN = [("./dev demo", "runs until Ctrl-C; the system tests have a scenario of it"),
           ("./dev test", "runs this"), ("./dev build", "built what is tested here"),
           ("systemctl ", "there may be no systemd; tests/packaging looks at the unit"),
           ("docker ", "there is no docker; hadolint reads the Dockerfile"),
           ("kubectl ", "there is no cluster; the manifests are checked against their schemas"),
           ("sudo ", "changes the machine; tests/packaging/check_deb.py does it where that is allowed"),
           ("apt-get ", "changes the machine")]
PROGRAM = re.compile(r"^(?:build/release/)?livectr(?= )")
failures, done = [], []


def fail(words):
    failures.append(words)
    print(f"FAILED {words}", flush=True)


def commands(text):
    """[(command, what stands below it)] of the blocks."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        block = re.sub(r"[ \t]*\\\n\s*", " ", block)
        for piece in re.split(r"^\$ ", block, flags=re.M)[1:]:
            line, _, below = piece.partition("\n")
            yield re.sub(r"\s+#.*$", "", line), below


class Place:
    """Where commands are run: a Kafka, a service that answers, a folder."""

    def __init__(self, options):
        self.root, self.binary = options.root, options.binary
        self.world = World(options.binary, os.path.join(options.tools, "mock_kafka"),
                           os.path.join(options.tools, "ktool"))
        count = self.world.produce(records(int(time.time() * 1000)))
        self.url, _ = self.world.start("docs")
        self.world.await_read(self.url, count)
        self.folder = os.path.join(self.world.home, "here")
        os.makedirs(self.folder)
        data = self.root / "tests/data/open-bandit/random-men.csv"
        os.symlink(data, os.path.join(self.folder, "random-men.csv"))
        self.renamed = [(r"http://127\.0\.0\.1:8080", self.url), (r"(?<=--brokers )\S+", self.world.brokers),
                        (r"(?<=--topics )\S+", "events"), (r"(?<=--topic )\S+", "events"),
                        (r"/etc/livectr/tokens", os.path.join(self.folder, "tokens"))]

    def rename(self, command):
        for pattern, place in self.renamed:
            command = re.sub(pattern, place, command)
        if re.match(r"livectr (get|top) ", command) and "--url" not in command:
            command += f" --url {self.url}"
        return re.sub(r"^livectr", shlex.quote(self.binary), command)

    def run(self, command):
        return subprocess.run(["bash", "-c", command], cwd=self.folder, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, env=self.world.environment, check=False)

    def serve(self, command):
        """It must listen, and end well when it is told to."""
        more = "--listen 127.0.0.1:0 --admin_listen 127.0.0.1:0 --drain 0s --data_dir " + \
            os.path.join(self.folder, f"data-{len(done)}")
        with subprocess.Popen(shlex.split(self.rename(command) + " " + more), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, cwd=self.folder,
                              env=self.world.environment) as process:
            line = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=60)[1]
        if not line.startswith("listening http=") or process.returncode != 0:
            fail(f"{command}: '{line}', exit {process.returncode}: {said[-500:]}")


def check_command(place, command, below):
    for begin, reason in NOT_RUN:
        if command.startswith(begin.strip()):
            if begin.startswith("./dev"):
                listed = place.run(shlex.quote(str(place.root / "dev")) + " --help").stdout
                if not re.search(rf"^  {command.split()[1]} ", listed, re.M):
                    fail(f"{command}: ./dev --help does not list it")
            print(f"not run: {command}: {reason}")
            return
    short = PROGRAM.sub("livectr", command)
    if short.startswith("livectr serve"):
        place.serve(short)
    elif short.startswith(("livectr ", "curl ")):
        found = place.run(place.rename(short))
        if found.returncode != 0 or not (found.stdout or found.stderr or "--output" in command):
            fail(f"{command}: exit {found.returncode}: {found.stdout[-300:]}{found.stderr[-500:]}")
        for name in re.findall(r'"([a-z_]+)":', below):
            if f'"{name}":' not in found.stdout:
                fail(f"{command}: shows a member \"{name}\", which the answer has not")
        output = re.search(r"--output (\S+)", command)
        path = os.path.join(place.folder, output[1]) if output else ""
        if output and not (os.path.exists(path) and os.path.getsize(path)):
            fail(f"{command}: {output[1]} is empty")
    else:
        fail(f"no rule for the command: {command}")
        return
    done.append(command)
    print(f"ok {command}")


def anchor(heading):
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def check_links(root, documents):
    text = {path: re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
            for path in documents}
    for path in documents:
        for target in re.findall(r"\]\(([^)\s]+)\)", text[path]):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, part = target.partition("#")
            to = (path.parent / name).resolve() if name else path
            if not to.exists():
                fail(f"{path.relative_to(root)}: there is no {target}")
            elif part and to.suffix == ".md":
                headings = re.findall(r"^#+ (.*)$", to.read_text(encoding="utf-8"), re.M)
                if part not in [anchor(heading) for heading in headings]:
                    fail(f"{path.relative_to(root)}: {target} has no such section")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--tools", required=True)
    parser.add_argument("--root", required=True, type=pathlib.Path)
    options = parser.parse_args()
    options.root, options.binary = options.root.resolve(), os.path.abspath(options.binary)
    documents = [options.root / "README.md", *sorted((options.root / "docs").glob("*.md"))]
    check_links(options.root, [*documents, *(options.root / name for name in (
        "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"))])
    place = Place(options)
    try:
        for path in documents:
            for command, below in commands(path.read_text(encoding="utf-8")):
                check_command(place, command, below)
    finally:
        place.world.close()
    if not done:
        fail("no command was run")
    print(f"{len(done)} commands run, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
