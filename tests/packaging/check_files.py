#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The files around the program, looked at with the tools they are for.

    check_files.py --root TREE [--promtool PROMTOOL] [--venv DIR]

Without promtool, or without hadolint and kubernetes-validate in DIR, their part is left out and said
so (exit code 77, where nothing else is wrong). Always: each metric that an alert or a panel names
exists, each alert has a section in docs/operations.md, and versions agree.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def run(*command):
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.returncode, (found.stdout + found.stderr).strip()


def metrics_of(expression):
    bare = re.sub(r'"(?:\\.|[^"\\])*"', '""', expression)
    return set(re.findall(r"\b(?:livectr|process)_[a-z_]+\b", bare))


def known_metrics(root):
    """{name as it is asked for: its labels}, of the page that is made of api/metrics.def."""
    found = {}
    text = (root / "docs/metrics.md").read_text(encoding="utf-8")
    for name, kind, labels in re.findall(r"^\| `([a-z_]+)` \| (\w+) \| [^|]*\| ([^|]*)\|", text, re.M):
        names = [name + ending for ending in ("_bucket", "_sum", "_count")] if kind == "histogram" else [name]
        for one in names:
            found[one] = {label.strip() for label in labels.split(",") if label.strip()}
    return found


def check_metrics(known, where, expression):
    for name in metrics_of(expression):
        if name not in known:
            yield f"{where}: there is no metric {name}"
    for name, labels in re.findall(r"\b((?:livectr|process)_[a-z_]+){([^}]*)}", expression):
        for label in re.findall(r"([a-z_]+) *(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', labels)):
            if label not in known.get(name, set()) | {"job", "instance"}:
                yield f"{where}: {name} has no label {label}"


def panels(root):
    dashboard = json.loads((root / "packaging/grafana/livectr.json").read_text(encoding="utf-8"))
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(ids) != len(set(ids)):
        raise SystemExit("two panels have one id")
    taken = {}
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        for cell in ((place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])):
            if cell in taken or cell[0] >= 24:
                raise SystemExit(f"{panel['title']} lies on {taken.get(cell)}")
            taken[cell] = panel["title"]
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"].split("(", 1)[1].rsplit(",", 1)[0]


def check_with_promtool(root, promtool):
    rules = str(root / "packaging/prometheus/livectr.rules.yml")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "panels.yml")
        with open(path, "w", encoding="utf-8") as file:  # JSON is YAML
            json.dump({"groups": [{"name": "panels", "rules": [
                {"record": f"panel:{at}", "expr": re.sub(r"\$\w+", "x", expression)}
                for at, (_, expression) in enumerate(panels(root))]}]}, file)
        for name in (rules, path):
            code, said = run(promtool, "check", "rules", name)
            if code != 0:
                yield f"{os.path.basename(name)}: {said}"
        code, tests = run(sys.executable, str(HERE / "make_alert_tests.py"), rules)
        if code != 0:
            yield f"make_alert_tests.py: {tests}"
            return
        path = os.path.join(folder, "alerts.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(tests)
        code, said = run(promtool, "test", "rules", path)
        if code != 0:
            yield f"an alert does not fire as it should: {said[:3000]}"


def check_words(root):
    rules = (root / "packaging/prometheus/livectr.rules.yml").read_text(encoding="utf-8")
    operations = (root / "docs/operations.md").read_text(encoding="utf-8")
    headings = {re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-")
                for line in re.findall(r"^#+ (.*)$", operations, re.M)}
    for alert, anchor in re.findall(r"alert: (\w+)\n.*?runbook: docs/operations\.md#(\S+)", rules, re.S):
        if anchor not in headings or anchor != alert.lower():
            yield f"docs/operations.md has no section for {alert}"
    version = re.search(r"project\(livectr VERSION (\S+)", (root / "CMakeLists.txt").read_text("utf-8"))[1]
    for name, pattern in (("packaging/deb/changelog", rf"livectr \({re.escape(version)}-\d+\)"),
                          ("packaging/kubernetes/livectr.yaml", rf"/livectr:{re.escape(version)}\n")):
        if not re.search(pattern, (root / name).read_text(encoding="utf-8")):
            yield f"{name} is of another version than {version}"
    docker = (root / "packaging/docker/Dockerfile").read_text(encoding="utf-8")
    wanted = set(re.search(r"lib_packages='([^']*)'", (root / "dev").read_text(encoding="utf-8"))[1].split())
    missing = [name for name in wanted if name not in docker]
    if missing:
        yield f"packaging/docker/Dockerfile installs no {missing}"


def check_containers(root, venv):
    code, said = run(str(venv / "bin/hadolint"), str(root / "packaging/docker/Dockerfile"))
    if code != 0 or said:
        yield f"hadolint: {said}"
    code, said = run(str(venv / "bin/kubernetes-validate"), "--strict",
                     str(root / "packaging/kubernetes/livectr.yaml"))
    if code != 0:
        yield f"kubernetes-validate: {said}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", required=True, type=pathlib.Path)
    parser.add_argument("--promtool", default="")
    parser.add_argument("--venv", type=pathlib.Path)
    options = parser.parse_args()
    options.root = options.root.resolve()
    known, complaints, left = known_metrics(options.root), [], []
    rules = (options.root / "packaging/prometheus/livectr.rules.yml").read_text(encoding="utf-8")
    for line in re.findall(r"^ +expr: (.*)$", rules, re.M):
        complaints += check_metrics(known, "livectr.rules.yml", line)
    for title, expression in panels(options.root):
        complaints += check_metrics(known, f"panel {title}", expression)
    complaints += check_words(options.root)
    if options.promtool and os.path.exists(options.promtool):
        complaints += check_with_promtool(options.root, options.promtool)
    else:
        left.append("promtool")
    if options.venv and (options.venv / "bin/hadolint").exists():
        complaints += check_containers(options.root, options.venv)
    else:
        left.append("hadolint and kubernetes-validate")
    for line in complaints:
        print(line)
    if left:
        print(f"left out: {', '.join(left)}")
    return 1 if complaints else 77 if left else 0


if __name__ == "__main__":
    sys.exit(main())
