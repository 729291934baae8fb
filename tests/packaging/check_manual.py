#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everything that says what livectr can be told says the same, and the program takes it.

    check_manual.py --binary LIVECTR --tool MANUAL_PAGE --root TREE

Compared with each other: `livectr help`, `livectr VERB --help`, packaging/livectr.1,
docs/configuration.md, and what bash and zsh offer with packaging/completion. Then every flag and
setting is given to the program with a value that the documents allow, and the settings with values
at and beyond the edges they name. Standard library only. Exit 0: all is well; 1: a complaint a line.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

PAGES = {"man": "packaging/livectr.1", "settings": "docs/configuration.md",
         "bash": "packaging/completion/livectr.bash", "zsh": "packaging/completion/_livectr"}
SAMPLES = {"FILE": "/dev/null", "DIR": "/tmp", "text": "word", "HOST:PORT": "127.0.0.1:0",
           "FIELD=VALUE": "bot=true", "1 to 8 durations, 1s to 400d, with commas": "1m,2h",
           "NAME, NAME:view or NAME:click, with commas": "a,b:view,c:click",
           "horizon, earliest, latest, or a time": "2026-11-23T17:00:00Z"}
# What stands for a value in --help.
FLAG_SAMPLES = {"FILE": "/dev/null", "N": "2", "SPAN": "2s", "TIME": "2026-11-23T17:00:00Z",
                "FIELD=NAME": "ts=t", "FIELD=VALUE": "type=view", "COLUMN=VALUE": "click=1", "V,C": "v,c",
                "C": ";", "max|N": "max", "URL": "http://127.0.0.1:1", "LIST": "127.0.0.1:1",
                "BROKERS": "127.0.0.1:1"}
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("LIVECTR_")}
complaints = []


def complain(words):
    complaints.append(words)


def run(*command, text=None):
    return subprocess.run(command, capture_output=True, text=True, input=text, env=ENVIRONMENT,
                          check=False, timeout=60)


def same(what, **lists):
    """Complains unless all lists hold the same names, each once."""
    (first, names), *others = lists.items()
    for who, found in lists.items():
        if len(set(found)) != len(found):
            complain(f"{what}: {who} has one twice: {sorted(n for n in found if found.count(n) > 1)}")
        if not found:
            complain(f"{what}: {who} has none")
    for who, found in others:
        if set(found) != set(names):
            complain(f"{what}: only in {first}: {sorted(set(names) - set(found))}, only in {who}: "
                     f"{sorted(set(found) - set(names))}")


# ---- what each says -----------------------------------------------------------------------------

def help_of(binary, verb):
    """({flag: (word for its value, choices)}, [setting]) of --help."""
    found = run(binary, verb, "--help")
    if found.returncode != 0 or found.stderr:
        complain(f"livectr {verb} --help: exit {found.returncode}: {found.stderr}")
    flags, settings = {}, []
    for line in found.stdout.split("\n"):
        flag = re.match(r"  (--[a-z-]+)(?: ([A-Z|=,a-z]+))?(?:  |$)", line)
        if flag:
            flags[flag[1]] = flag[2]
        setting = re.match(r"  ([a-z_]+) +(?=\S)", line)
        if setting and verb == "serve" and setting[1] != "livectr":
            settings.append(setting[1])
    return flags, settings


def man_of(text):
    """({verb: [flag]}, [setting]) of the manual page."""
    flags, settings, verb, begun = {}, [], None, False
    for line in text.split("\n"):
        if line.startswith((".SS ", ".SH ")):
            found = re.match(r"\.SS livectr (\S+)", line)
            verb = found[1] if found else None
            begun = begun or line == ".SH SETTINGS"
            if line.startswith(".SH ") and line != ".SH SETTINGS":
                begun = False
            if verb:
                flags[verb] = []
        flag = re.match(r"\\fB\\-\\-([a-z\\-]+)\\fR", line)
        if flag and verb:
            flags[verb].append("--" + flag[1].replace("\\", ""))
        setting = re.match(r"\\fB([a-z_]+)\\fR = ", line)
        if setting and begun:
            settings.append(setting[1])
    return flags, settings


def settings_of(text):
    """{setting: (default, values)} of docs/configuration.md."""
    found = {}
    for line in text.split("\n"):
        row = re.match(r"\| `([a-z_]+)` \| (?:`([^`]*)`)? \| (.*?) \| (yes)? \| ", line)
        if row:
            found[row[1]] = (row[2] or "", row[3])
    return found


def bash_offers(script, *words):
    line = " ".join("'" + word + "'" for word in words)
    found = run("bash", "--norc", "-c",
                f'source "$0"; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _livectr; '
                'printf "%s\\n" "${COMPREPLY[@]}"', str(script))
    if found.returncode != 0 or found.stderr:
        complain(f"bash: {found.stderr}")
    return found.stdout.split()


def zsh_offers(script, *words):
    """What would be handed to zsh's own functions: a verb each line, or flags."""
    line = " ".join("'" + word + "'" for word in words)
    found = run("zsh", "-f", "-c",
                "_describe() { print -l -- ${(P)2} }; _arguments() { print -l -- $@ }; "
                f"words=({line}); CURRENT={len(words)}; source $0", str(script))
    if found.returncode != 0 or found.stderr:
        complain(f"zsh: {found.stderr}")
    return [re.match(r"\*?([a-z_-]+)", name)[1] for name in found.stdout.split("\n")
            if re.match(r"\*?--|[a-z]", name)]


# ---- what the program takes ---------------------------------------------------------------------

def edges(values):
    """(what must be taken, what must not) of a setting, from the words for its values."""
    number = re.match(r"(\d+)(ms|[smhdg])? to (\d+)(ms|[smhdg])?(, or off)?$", values)
    if number:
        low, low_unit, high, high_unit, off = number.groups("")
        good = [low + low_unit, high + high_unit] + (["off"] if off else [])
        bad = [str(int(high) + 1) + high_unit, "x"] + ([] if off else ["off"])
        bad += [str(int(low) - 1) + low_unit] if int(low) > 0 else []
        return good, bad
    if values in SAMPLES:
        return [SAMPLES[values]], []
    choices = values.split(", ")
    if all(re.fullmatch(r"[a-z_]+", choice) for choice in choices):
        return choices, ["nosuch", ""]
    complain(f"no sample for the values '{values}'")
    return [], []


def check_setting(binary, name, default, values):
    good, bad = edges(values)
    for value in good + ([default] if default else []):
        said = run(binary, "serve", f"--{name}", value, "--nosuch", "1").stderr
        if 'no setting "nosuch"' not in said:
            complain(f"--{name} {value} is documented and not taken: {said.strip()}")
    for value in bad:
        said = run(binary, "serve", f"--{name}", value, "--nosuch", "1").stderr
        if f"{name} = " not in said:
            complain(f"--{name} {value} is taken and not documented: {said.strip()}")


def check_flag(binary, script, verb, flag, value):
    """With each of what bash offers for it, or else with a sample."""
    offered = [] if value in (None, "FILE") else bash_offers(script, "livectr", verb, flag, "")
    for sample in offered or [FLAG_SAMPLES.get(value, "word")]:
        check_flag_with(binary, verb, flag, [sample] if value else [])


def check_flag_with(binary, verb, flag, value):
    said = run(binary, verb, flag, *value, "--nosuch").stderr
    if flag == "--help":
        return
    if "nosuch" not in said or f"unknown option {flag} " in said:
        complain(f"livectr {verb} {flag} {value} is documented and not taken: {said.strip()}")


def check_program(binary, script, flags, settings):
    for name, (default, values) in settings.items():
        check_setting(binary, name, default, values)
    for verb, known in flags.items():
        for flag, value in known.items():
            if verb != "snapshot" and (verb, flag) != ("serve", "--config"):
                check_flag(binary, script, verb, flag, value)
    said = run(binary, "serve", "--config", "/nowhere/livectr.conf").stderr
    if "/nowhere/livectr.conf" not in said:
        complain(f"livectr serve --config is not taken: {said.strip()}")


def check_environment(binary):
    """What get and top read there is no setting, and does not stop the service; a slip does."""
    for name, words in (("LIVECTR_URL", 'no setting "nosuch"'), ("LIVECTR_BEARER", 'no setting "nosuch"'),
                        ("LIVECTR_TOKEN", "LIVECTR_TOKEN: there is no setting")):
        said = subprocess.run([binary, "serve", "--nosuch", "1"], capture_output=True, text=True, check=False,
                              env={**ENVIRONMENT, name: "x"}).stderr
        if words not in said:
            complain(f"livectr serve with {name} in the environment: {said.strip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--root", required=True, type=pathlib.Path)
    options = parser.parse_args()
    text = {kind: (options.root / path).read_text(encoding="utf-8") for kind, path in PAGES.items()}
    for kind, path in PAGES.items():
        if run(options.tool, kind).stdout != text[kind]:
            complain(f"{path} is old: run ./dev docs")
    usage = run(options.binary, "help").stdout
    verbs = [verb for verb in re.findall(r"^  ([a-z]+) +\S", usage, re.M)]
    man_flags, man_settings = man_of(text["man"])
    settings = settings_of(text["settings"])
    has_zsh = shutil.which("zsh") is not None
    flags = {}
    for verb in man_flags:
        flags[verb], helped = help_of(options.binary, verb)
        offers = {"bash": bash_offers(options.root / PAGES["bash"], "livectr", verb, "--")}
        if has_zsh:
            offers["zsh"] = zsh_offers(options.root / PAGES["zsh"], "livectr", verb, "--")
        if verb == "serve":
            same("settings", help=helped, man=man_settings, configuration=list(settings))
            more = {"--" + name for name in settings}
            same("settings offered", configuration=list(more),
                 **{who: [name for name in names if name in more] for who, names in offers.items()})
            offers = {who: [name for name in names if name not in more] for who, names in offers.items()}
        same(f"flags of {verb}", help=list(flags[verb]), man=man_flags[verb], **offers)
    offers = {"bash": bash_offers(options.root / PAGES["bash"], "livectr", "")}
    if has_zsh:
        offers["zsh"] = zsh_offers(options.root / PAGES["zsh"], "livectr", "")
    same("verbs", usage=verbs, man=[*man_flags, "help", "version"], **offers)
    if bash_offers(options.root / PAGES["bash"], "livectr", "token", "--scope", "s") != ["stream"]:
        complain("bash: token --scope s is not completed to stream")
    if shutil.which("man"):
        said = run("man", "--warnings", "-l", str(options.root / PAGES["man"])).stderr
        if said:
            complain(f"man: {said.strip()}")
    check_environment(options.binary)
    check_program(options.binary, options.root / PAGES["bash"], flags, settings)
    for line in complaints:
        print(line)
    print(f"{len(verbs)} verbs, {sum(map(len, flags.values()))} flags, {len(settings)} settings"
          f"{'' if has_zsh else '; no zsh here'}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
