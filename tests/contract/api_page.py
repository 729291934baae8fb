#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/api.html, the page that the service shows at /docs, from openapi.yaml.

    api_page.py            the page, to standard output (./dev docs)
    api_page.py --check    exit 1 unless docs/api.html is that page, and api/documents.c names its style

One file of HTML: no script, nothing from elsewhere, light or dark as the reader's system is.
Standard library only.
"""
import argparse
import base64
import hashlib
import html
import json
import os
import re
import sys

from openapi import Contract

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
STYLE = """
:root { color-scheme: light dark; --line: #d5d9e0; --soft: #5b6472; --back: #f6f7f9; --get: #0b6bcb;
  --post: #1a7f37; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a414d; --soft: #9aa4b2; --back: #1d2129; --get: #6cb2ff; --post: #5fd07a; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; display: grid;
  grid-template-columns: 17rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; font-size: 0.9rem;
  border-right: 1px solid var(--line); background: var(--back); }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0; }
nav li { padding: 0.1rem 0; overflow-wrap: anywhere; }
nav a { text-decoration: none; }
main { padding: 1rem 2rem 4rem; max-width: 70rem; }
a { color: var(--get); }
a:hover { text-decoration: underline; }
h1 { margin: 0; }
h2 { margin: 2.5rem 0 0.5rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 1.25rem;
  overflow-wrap: anywhere; }
h3 { margin: 1.2rem 0 0.4rem; font-size: 1rem; }
p { margin: 0.5rem 0; max-width: 48rem; }
code, pre { font: 0.875em/1.45 ui-monospace, monospace; }
pre { margin: 0.4rem 0; padding: 0.7rem; overflow: auto; max-height: 28rem; background: var(--back);
  border: 1px solid var(--line); border-radius: 4px; }
.method { font-weight: 700; color: var(--get); }
.method.post { color: var(--post); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.7rem 0.3rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
td:first-child { white-space: nowrap; }
td p { margin: 0; }
.soft { color: var(--soft); }
summary { cursor: pointer; margin: 0.4rem 0; }
@media (max-width: 50rem) {
  body { display: block; }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); }
  main { padding: 1rem; }
}
@media print { nav { display: none; } body { display: block; } pre { max-height: none; } }
"""


def style_hash():
    digest = hashlib.sha256(STYLE.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")


def words(text):
    """A line of text with `code` in it."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def prose(text):
    return "".join(f"<p>{words(' '.join(part.split()))}</p>\n"
                   for part in re.split(r"\n\s*\n", text.strip()) if part.strip())


def anchor(text):
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")


def table(heads, rows):
    if not rows:
        return ""
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n'


def shown(example):
    return example.replace("\r", "") if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)


def folded_example(title, example):
    return (f"<details><summary>{title}</summary>\n<pre>{html.escape(shown(example), quote=False)}"
            "</pre></details>\n")


class Page:
    def __init__(self, contract):
        self.contract, self.root = contract, contract.root

    def operations(self):
        for path, methods in self.root["paths"].items():
            for method, operation in methods.items():
                yield path, method, operation

    def kind(self, schema):
        """What a schema takes, in one line; a named object as a link to its table."""
        name = self.contract.name(schema)
        schema = self.contract.resolve(schema)
        if "properties" in schema and name:
            return f'<a href="#schema-{name}">{name}</a>'
        if "items" in schema:
            return f"list of {self.kind(schema['items'])}" + self.limits(schema)
        if "const" in schema:
            return f"<code>{html.escape(json.dumps(schema['const']))}</code>"
        if "enum" in schema:
            return ", ".join(f"<code>{html.escape(str(one))}</code>" for one in schema["enum"])
        types = schema.get("type", "text")
        return (" or ".join(types) if isinstance(types, list) else types) + self.limits(schema)

    @staticmethod
    def limits(schema):
        told = []
        for least, most, unit in (("minimum", "maximum", ""), ("minLength", "maxLength", " long"),
                                  ("minItems", "maxItems", " of them")):
            low, high = schema.get(least), schema.get(most)
            if low is not None or high is not None:
                between = (f"{low:,} to {high:,}" if None not in (low, high) else
                           f"at least {low:,}" if high is None else f"at most {high:,}")
                told.append(between + unit)
        if "pattern" in schema:
            told.append(f"<code>{html.escape(schema['pattern'])}</code>")
        return f' <span class="soft">({"; ".join(told)})</span>' if told else ""

    def navigation(self):
        links = "".join(
            f'<li><a href="#{operation["operationId"]}"><span class="method {method}">'
            f"{method.upper()}</span> {html.escape(path)}</a></li>\n"
            for path, method, operation in self.operations())
        schemas = "".join(f'<li><a href="#schema-{name}">{name}</a></li>\n'
                          for name in self.objects())
        return (f'<nav aria-label="Contents">\n<ul>\n<li><a href="#top"><strong>livectr</strong></a></li>\n'
                f'<li><a href="/openapi.yaml">openapi.yaml</a></li>\n</ul>\n<ul>\n{links}</ul>\n'
                f'<ul>\n<li><a href="#refusals">Refusals</a></li>\n<li><a href="#headers">Headers</a></li>\n'
                f"</ul>\n<ul>\n{schemas}</ul>\n</nav>\n")

    def objects(self):
        return [name for name, schema in self.root["components"]["schemas"].items()
                if "properties" in schema]

    def parameters(self, operation):
        rows = []
        for parameter in map(self.contract.resolve, operation.get("parameters", [])):
            schema = self.contract.resolve(parameter["schema"])
            said = prose(parameter.get("description", ""))
            if "default" in schema:
                said += f'<p class="soft">Default: <code>{html.escape(str(schema["default"]))}</code></p>'
            rows.append((f"<code>{parameter['name']}</code>", parameter["in"],
                         self.kind(parameter["schema"]), said,
                         f"<code>{html.escape(shown(parameter['example']))}</code>"))
        return ("<h3>Parameters</h3>\n" if rows else "") + table(
            ("Name", "In", "Takes", "Meaning", "Example"), rows)

    def responses(self, operation):
        rows, examples = [], ""
        for status, response in operation["responses"].items():
            name = self.contract.name(response)
            response = self.contract.resolve(response)
            forms = [f"<code>{media}</code>: {self.kind(content['schema'])}"
                     for media, content in response.get("content", {}).items()]
            number = f'<a href="#refusal-{name}">{status}</a>' if int(status) >= 400 else status
            headers = ", ".join(f"<code>{one}</code>" for one in response.get("headers", {}))
            rows.append((number, prose(response["description"]), "<br>".join(forms), headers))
            if int(status) < 300:
                for media, content in response.get("content", {}).items():
                    examples += folded_example(f"Example of an answer: <code>{media}</code>",
                                               content["example"])
        return "<h3>Answers</h3>\n" + table(("Status", "When", "Body", "Headers"), rows) + examples

    def operation(self, path, method, operation):
        body = ""
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            body = (f"<h3>Body</h3>\n<p><code>application/json</code>: {self.kind(content['schema'])}</p>\n" +
                    folded_example("Example of a body", content["example"]))
        return (f'<section id="{operation["operationId"]}">\n<h2><span class="method {method}">'
                f"{method.upper()}</span> <code>{html.escape(path)}</code></h2>\n"
                f"<p><strong>{words(operation['summary'])}</strong></p>\n"
                f"{prose(operation.get('description', ''))}{self.parameters(operation)}{body}"
                f"{self.responses(operation)}</section>\n")

    def refusals(self):
        said = '<section id="refusals">\n<h2>Refusals</h2>\n'
        for name, response in self.root["components"]["responses"].items():
            content = response.get("content", {}).get("application/problem+json")
            if content is None:
                continue
            said += (f'<h3 id="refusal-{name}">{name}</h3>\n{prose(response["description"])}'
                     f"<pre>{html.escape(shown(content['example']), quote=False)}</pre>\n")
        return said + "</section>\n"

    def headers(self):
        rows = [(name, self.kind(header["schema"]), prose(header.get("description", "")))
                for name, header in self.root["components"]["headers"].items()]
        return ('<section id="headers">\n<h2>Headers</h2>\n' +
                table(("Called here", "Value", "Meaning"), rows) + "</section>\n")

    def rows_of(self, schema, prefix=""):
        required = schema.get("required", [])
        for name, inner in schema.get("properties", {}).items():
            plain = self.contract.resolve(inner)
            said = prose(inner.get("description", plain.get("description", "")))
            yield (f"<code>{prefix}{name}</code>", self.kind(inner), "" if name in required else "optional",
                   said)
            nested = plain.get("items", plain)
            if "$ref" not in nested and not self.contract.name(inner) and "properties" in nested:
                yield from self.rows_of(nested, f"{prefix}{name}{'[]' if 'items' in plain else ''}.")

    def schemas(self):
        said = ""
        for name in self.objects():
            schema = self.root["components"]["schemas"][name]
            said += (f'<section id="schema-{name}">\n<h2>{name}</h2>\n{prose(schema.get("description", ""))}' +
                     table(("Member", "Type", "", "Meaning"), self.rows_of(schema)) + "</section>\n")
        return said

    def text(self):
        info = self.root["info"]
        operations = "".join(self.operation(*one) for one in self.operations())
        return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
                f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
                f'<meta name="color-scheme" content="light dark">\n'
                f"<title>{info['title']} {info['version']}</title>\n<style>{STYLE}</style>\n</head>\n"
                f'<body id="top">\n{self.navigation()}<main>\n<h1>{info["title"]} '
                f'<span class="soft">{info["version"]}</span></h1>\n'
                f"<p><strong>{words(info['summary'])}</strong></p>\n{prose(info['description'])}"
                f"{operations}{self.refusals()}{self.headers()}{self.schemas()}</main>\n</body>\n</html>\n")


def faults(text):
    with open(os.path.join(ROOT, "docs", "api.html"), encoding="utf-8") as file:
        if file.read() != text:
            yield "docs/api.html is not what openapi.yaml makes: run ./dev docs"
    with open(os.path.join(ROOT, "api", "documents.c"), encoding="utf-8") as file:
        if style_hash() not in file.read():
            yield f"api/documents.c must name the style of the page: {style_hash()}"
    ids = re.findall(r' id="([^"]+)"', text)
    for one in sorted({one for one in ids if ids.count(one) > 1}):
        yield f"two places are called {one}"
    for link in sorted(set(re.findall(r' href="#([^"]*)"', text)) - set(ids)):
        yield f"a link leads to #{link}, which is nowhere"
    for found in re.findall(r'<script|https?://[^"<\s]*"|\ssrc=|\sstyle=|\son[a-z]+=|@import|url\(', text):
        yield f"the page has {found}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    text = Page(Contract(os.path.join(ROOT, "openapi.yaml"))).text()
    if not options.check:
        sys.stdout.write(text)
        return 0
    found = list(faults(text))
    for fault in found:
        print(fault)
    print(f"{len(text)} characters, {text.count('<section')} sections, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
