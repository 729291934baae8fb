#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that a compiler does not know.

lint.py RULE [ROOT]             exit 1 and a line per finding if ROOT breaks the rule
lint.py --self-test RULE [ROOT] plants each violation the rule is for in a copy of ROOT's sources and
                                exits 1 unless the rule finds every one of them
lint.py --list                  the rules

Standard library only. A finding reads file:line: what is wrong and what to do instead.
"""
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

LAYERS = ("storage", "api", "service")  # an include may only point to the left of this list
TREES = LAYERS + ("tests",)

# library: {layer: how many files of it may include the library}
LIBRARIES = {
    "microhttpd.h": {"api": 1},
    "gnutls/": {"api": 2},  # SHA-256, and the certificates of TLS
    "jansson.h": {"api": 1, "service": 3},  # there: events, librdkafka's statistics, answers
    "curl/": {"service": 1},
    "zlib.h": {"api": 1},
    "sqlite3.h": {"storage": 1},
    "xxhash.h": {"storage": 1},
    "librdkafka/": {"service": 1},
}
# Headers that may show a library, and whose own files alone may include them.
DOORS = {
    "microhttpd.h": ("api/http_raw.h", "api/http"),
    "librdkafka/": ("service/kafka/rd.h", "service/kafka/"),
    "sqlite3.h": ("storage/sql_raw.h", "storage/sql"),
}

UNSAFE = {
    "sprintf": "snprintf", "vsprintf": "vsnprintf", "strcpy": "snprintf or memcpy",
    "strcat": "snprintf", "strncpy": "memcpy with a checked length", "strncat": "snprintf",
    "atoi": "strtol and its checks", "atol": "strtol", "atof": "strtod", "strtok": "strcspn",
    "localtime": "storage/moment", "gmtime": "gmtime_r", "ctime": "storage/moment",
    "asctime": "storage/moment", "rand": "a seeded generator", "srand": "a seeded generator",
    "gets": "fgets", "alloca": "malloc",
}
# what: (names, files that may, in storage/, api/ and service/; tests are free)
RESTRICTED = {
    "ends the program: return a status instead": (
        ("exit", "_exit", "_Exit", "quick_exit", "abort"),
        ("service/main.c", "service/ending.c", "storage/status.c")),
    "reads a clock: take the time as an argument, or use service/clock.h": (
        ("time", "clock_gettime", "gettimeofday", "clock", "timespec_get"),
        ("service/clock.c",)),
    "waits by a clock that can be set: use storage/cond.h": (
        ("pthread_cond_init",), ("storage/cond.c",)),
    "may be dropped with the calls of a function that does nothing else: use storage/prefetch.h": (
        ("__builtin_prefetch",), ("storage/prefetch.h",)),
    "prints: return an error, count, or use service/log.h": (
        ("printf", "fprintf", "vprintf", "vfprintf", "dprintf", "puts", "fputs", "putchar", "fputc",
         "perror"),
        ("service/log.c", "service/main.c", "service/serve_main.c", "service/terminal.c",
         "storage/status.c", "service/demo*.c", "service/offline.c", "service/replay*.c",
         "service/snapshot_verb.c", "service/token_verb.c", "service/get_verb.c", "service/top_*.c",
         "service/manual*.c")),
}
LINES_MAX = {".c": 400, ".h": 200}
TEST_LINES_MAX = {".c": 800, ".h": 500}
FUNCTION_LINES_MAX = 60
SPDX = "SPDX-License-Identifier: Apache-2.0"


# ---- reading ------------------------------------------------------------------------------------

def files(root, suffixes, trees=TREES):
    for tree in trees:
        for path in sorted((root / tree).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path.relative_to(root).as_posix()


def read(root, name):
    return (root / name).read_text(encoding="utf-8")


TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


@functools.lru_cache(maxsize=None)
def code_only(text):
    """`text` without comments, strings and characters, with every line still where it was."""
    return TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


@functools.lru_cache(maxsize=None)
def includes_of(text):
    text = re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match.group()), text,
                  flags=re.S)
    return [(text.count("\n", 0, match.start()) + 1, match.group(1) == '"', match.group(2))
            for match in INCLUDE.finditer(text)]


def includes(root, name):
    """(line, quoted, path) of each include of a file that is not in a comment."""
    return includes_of(read(root, name))


def layer_of(name):
    return name.split("/", 1)[0]


# ---- rules: each yields findings ----------------------------------------------------------------

def rule_layers(root):
    """service -> api -> storage; includes from the root; the Kafka tool knows nothing of ours."""
    for name in files(root, (".c", ".h")):
        layer = layer_of(name)
        for line, quoted, path in includes(root, name):
            target = layer_of(path)
            where = f"{name}:{line}: "
            if not quoted:
                if target in TREES:
                    yield where + f'<{path}> is ours: include it as "{path}"'
                continue
            if layer == "tests" and (root / name).parent.joinpath(path).is_file():
                continue  # a test's own helper beside it
            if not (root / path).is_file():
                yield where + f'"{path}" is not a file from the root of the tree'
            elif layer in LAYERS and target not in LAYERS:
                yield where + f"{layer}/ must not include {target}/"
            elif layer in LAYERS and LAYERS.index(target) > LAYERS.index(layer):
                yield where + f"{layer}/ must not include {target}/ (service -> api -> storage)"
            elif name.startswith("tests/support/ktool") and not path.startswith("tests/support/ktool"):
                yield where + "ktool shares no code with what it tests"


def rule_libraries(root):
    """Each outside library is included by one file of a layer."""
    for library, allowed in LIBRARIES.items():
        users = {}
        for name in files(root, (".c", ".h"), LAYERS):
            lines = [line for line, quoted, path in includes(root, name)
                     if path == library or (library.endswith("/") and path.startswith(library))]
            if lines:
                users.setdefault(layer_of(name), []).append(f"{name}:{lines[0]}")
        for layer, places in users.items():
            if len(places) > allowed.get(layer, 0):
                for place in places:
                    yield (f"{place}: {library} may be included by {allowed.get(layer, 0)} file(s) of "
                           f"{layer}/, here by {len(places)}")
            for place in places:
                name = place.rsplit(":", 1)[0]
                door, _ = DOORS.get(library, (None, None))
                if door is not None and name != door:
                    yield f"{place}: {library} is included by {door} only"
                elif name.endswith(".h") and name != door:
                    yield f"{place}: a header must not show {library} to others"
    for name in files(root, (".c", ".h"), LAYERS):
        for line, _, path in includes(root, name):
            for door, room in DOORS.values():
                if path == door and not name.startswith(room):
                    yield f"{name}:{line}: only {room}* may include {door}"


COMPILED = {}


def rule_headers(root):
    """Every header compiles alone, without a warning."""
    compiler = os.environ.get("CC") or "cc"
    libraries = "libmicrohttpd rdkafka jansson sqlite3 libxxhash cmocka".split()
    found = subprocess.run(["pkg-config", "--cflags", *libraries], capture_output=True, text=True,
                           check=False)
    command = [compiler, "-std=c17", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Wpedantic",
               "-Wstrict-prototypes", "-Werror", "-fsyntax-only", "-I", str(root),
               *found.stdout.split(), "-x", "c", "-"]
    # What a header says alone changes only with it: the self-test plants one at a time.
    for name in files(root, (".h",)):
        # Twice: the guard is tested as well.
        source = f'#include "{name}"\n#include "{name}"\nextern int nothing;\n'
        key = (name, read(root, name))
        if key not in COMPILED:
            COMPILED[key] = subprocess.run(command, input=source, capture_output=True, text=True,
                                           check=False)
        result = COMPILED[key]
        if result.returncode != 0:
            detail = "\n    ".join(result.stderr.splitlines()[:6])
            yield f"{name}:1: does not compile alone:\n    {detail}"


def rule_banned(root):
    """Unsafe functions nowhere; ending, clocks and printing in their one place."""
    calls = re.compile(r"(?<![\w.>])(\w+)\s*\(")
    for name in files(root, (".c", ".h")):
        code = code_only(read(root, name))
        for number, line in enumerate(code.splitlines(), 1):
            for called in calls.findall(line):
                if called in UNSAFE:
                    yield f"{name}:{number}: {called}() is banned: use {UNSAFE[called]}"
                if layer_of(name) not in LAYERS:
                    continue
                for why, (names, homes) in RESTRICTED.items():
                    if called in names and not any(
                            pathlib.PurePosixPath(name).match(home) for home in homes):
                        yield f"{name}:{number}: {called}() {why}"


def functions(code):
    """(first line, lines) of each function of formatted code: its braces stand alone in column 0."""
    lines = code.splitlines()
    opened = None
    for at, line in enumerate(lines):
        if line.rstrip() == "{" and opened is None:
            opened = at
            while opened > 0 and lines[opened - 1].strip() and not re.match(
                    r"[#}]|.*[;}]\s*$", lines[opened - 1]):
                opened -= 1
        elif line.rstrip() == "}" and opened is not None:
            yield opened + 1, at - opened + 1
            opened = None


def rule_size(root):
    """Files and functions stay small enough to be read at once."""
    for name in files(root, (".c", ".h")):
        text = read(root, name)
        limits = LINES_MAX if layer_of(name) in LAYERS else TEST_LINES_MAX
        count, limit = len(text.splitlines()), limits[pathlib.PurePosixPath(name).suffix]
        if count > limit:
            yield f"{name}:{count}: {count} lines, {limit} is the most: split it by what it is about"
        for first, length in functions(code_only(text)):
            if length > FUNCTION_LINES_MAX:
                yield f"{name}:{first}: a function of {length} lines, {FUNCTION_LINES_MAX} is the most"


def rule_spdx(root):
    """Every source file names its licence in its first lines."""
    names = list(files(root, (".c", ".h", ".py", ".sh", ".cmake", ".js", ".mjs", ".css"),
                       TREES + ("cmake", ".ci")))
    names += [name for name in ("dev", ".ci/run", "CMakeLists.txt", "tests/CMakeLists.txt",
                                "openapi.yaml") if (root / name).is_file()]
    for name in names:
        if name.endswith(".py") and not read(root, name).strip():
            continue  # an empty __init__.py says nothing
        if not any(SPDX in line for line in read(root, name).splitlines()[:3]):
            yield f"{name}:1: the line '{SPDX}' is missing"


def rule_shell(root):
    """Shell scripts are clean under shellcheck (exit 77, skipped, where it is not installed)."""
    if not shutil.which("shellcheck"):
        print("shellcheck is not installed")
        sys.exit(77)
    names = [name for name in ("dev", ".ci/run") if (root / name).is_file()]
    names += list(files(root, (".sh",)))
    result = subprocess.run(["shellcheck", "--format=gcc", "--exclude=SC1091", *names], cwd=root,
                            capture_output=True, text=True, check=False)
    yield from (result.stdout + result.stderr).splitlines()


RULES = {name[len("rule_"):]: function for name, function in sorted(globals().items())
         if name.startswith("rule_")}

# ---- self-test ----------------------------------------------------------------------------------

GUARD = "/* " + SPDX + " */\n"
LONG = "void planted(int *x)\n{\n" + "    (*x)++;\n" * 58 + "}\n"

# rule: [(file to write, its text)], each planted alone; a finding must name the file
PLANTED = {
    "layers": [
        ("storage/planted.c", GUARD + '#include "api/request.h"\n'),
        ("storage/planted.h", GUARD + '  #  include "service/source.h"\n'),
        ("api/planted.c", GUARD + '#include "service/clock.h"\n'),
        ("service/planted.c", GUARD + '#include "tests/support/test.h"\n'),
        ("service/planted.c", GUARD + '#include "clock.h"\n'),
        ("service/kafka/planted.c", GUARD + "#include <storage/event.h>\n"),
        ("tests/support/ktool_planted.c", GUARD + '#include "storage/event.h"\n'),
    ],
    "libraries": [
        ("storage/planted.c", GUARD + "#include <jansson.h>\n"),
        ("storage/planted.c", GUARD + "#include <microhttpd.h>\n"),
        ("api/planted.c", GUARD + "#include <sqlite3.h>\n"),
        ("api/planted.h", GUARD + "#include <microhttpd.h>\n"),
        ("service/planted.c", GUARD + "#include <librdkafka/rdkafka.h>\n"),
        ("service/kafka/planted.c", GUARD + "#include <librdkafka/rdkafka_mock.h>\n"),
        ("service/planted.c", GUARD + '#include "service/kafka/rd.h"\n'),
        ("storage/planted.c", GUARD + '#include "storage/sql_raw.h"\n'),
        ("service/planted.c", GUARD + "#include <xxhash.h>\n"),
        ("service/planted.c", GUARD + "#include <gnutls/crypto.h>\n"),
        ("api/planted.c", GUARD + "#include <gnutls/gnutls.h>\n"),
        # A second user of a library beside the first (planted too where there is none yet).
        ("api/planted.c api/planted_too.c", GUARD + "#include <jansson.h>\n"),
        ("storage/planted.c storage/planted_too.c", GUARD + "#include <sqlite3.h>\n"),
    ],
    "headers": [
        ("storage/planted.h", GUARD + "size_t planted(void);\n"),
        ("api/planted.h", GUARD + "struct planted {\n    int a;\n};\n"),  # no guard
        ("service/planted.h", GUARD + "#ifndef X\n#define X\nint planted();\n#endif\n"),
    ],
    "banned": [(file, GUARD + f"void planted(void)\n{{\n    {call};\n}}\n") for file, call in (
        ("storage/planted.c", "sprintf(a, b)"), ("tests/unit/storage_planted.c", "strcpy(a, b)"),
        ("api/planted.c", "(void)strtok(a, b)"), ("service/planted.c", "x = rand()"),
        ("service/planted.c", "x = gmtime(&t)"), ("api/planted.c", "exit(1)"),
        ("service/planted.c", "abort()"), ("storage/planted.c", "x = time(NULL)"),
        ("service/planted.c", "clock_gettime (CLOCK_REALTIME, &t)"),
        ("service/planted.c", "(void)pthread_cond_init(&x, NULL)"),
        ("api/planted.c", "printf(a)"), ("storage/planted.h", "__builtin_prefetch(a)"),
        ("service/kafka/planted.c", "fprintf(stderr, a)"),
        ("storage/planted.c", "if (a && !strcat(a, b)) { x = atoi(a); }"))],
    "size": [
        ("storage/planted.c", GUARD + "int x;\n" * 400),
        ("api/planted.h", GUARD + "int x;\n" * 200),
        ("service/planted.c", GUARD + LONG),
        ("service/planted.c", GUARD + "static int\nplanted(int a,\n        int b)\n{\n"
         + "    a++;\n" * 56 + "}\n"),
        ("tests/unit/storage_planted.c", GUARD + "#define X 1\n" + LONG),
    ],
    "spdx": [("storage/planted.c", "int x;\n"), ("tests/lint/planted.py", "import os\n"),
             ("tests/kafka/planted.sh", "#!/bin/sh\ntrue\n"), ("api/dashboard/planted.js", "export {};\n")],
    "shell": [("tests/kafka/planted.sh", f"#!/bin/sh\n# {SPDX}\nfor f in $(ls *.c); do rm $f; done\n")],
}
# What looks like a violation and is none: planting it must not add a finding.
HARMLESS = {
    "layers": [("api/planted.c", GUARD + '#include "storage/event.h"\n/* #include "service/log.h" */\n')],
    "banned": [("api/planted.c", GUARD + 'const char *x = "exit(1) printf(2)"; /* time(0), atoi(x) */\n'
                "void planted(void)\n{\n    y->time(1);\n    snprintf(a, 1, b);\n    gmtime_r(a, b);\n}\n")],
    "size": [("api/planted.c", GUARD + LONG.replace("    (*x)++;\n", "", 1)
              + "static const int table[] = {\n" + "    1,\n" * 90 + "};\n")],
}


def self_test(rule, root):
    """Returns what the rule failed to notice, or noticed for nothing."""
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for tree in TREES + ("cmake", ".ci"):
            if (root / tree).is_dir():
                shutil.copytree(root / tree, copy / tree, ignore=shutil.ignore_patterns("__pycache__"))
        before = set(RULES[rule](copy))
        cases = [(names, text, True) for names, text in PLANTED[rule]]
        cases += [(names, text, False) for names, text in HARMLESS.get(rule, [])]
        for names, text, wrong in cases:
            for name in names.split():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                (copy / name).write_text(text, encoding="utf-8")
            found = [finding for finding in set(RULES[rule](copy)) - before
                     if any(name in finding for name in names.split())]
            if bool(found) != wrong:
                missed.append(f"{'not found' if wrong else 'found for nothing'}: {names}: {text!r}")
            for name in names.split():
                (copy / name).unlink()
        print(f"{rule}: {len(cases)} cases planted")
    return missed


def main():
    arguments = sys.argv[1:]
    if arguments == ["--list"]:
        for name, function in RULES.items():
            print(f"{name:10} {function.__doc__}")
        return 0
    testing = arguments[:1] == ["--self-test"]
    arguments = arguments[testing:]
    if not arguments or arguments[0] not in RULES:
        sys.exit(__doc__)
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else ".").resolve()
    findings = self_test(arguments[0], root) if testing else list(RULES[arguments[0]](root))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


sys.exit(main())
