#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tidy.sh CLANG_VERSION BUILD_DIR <files: clang-tidy over C files, two at a time.
#
# BUILD_DIR holds compile_commands.json. A file that was clean is skipped until it, a header of the
# tree, .clang-tidy or the compiler's flags change (stamps under BUILD_DIR/tidy). Exit 1 if any file
# has findings or is not part of the build.
set -euo pipefail

tidy=clang-tidy-$1 build=$2
stamps=$build/tidy
mkdir -p "$stamps"
files=$(mktemp) work=$(mktemp -d)
trap 'rm -rf "$files" "$work"' EXIT
cat >"$files"
total=$(wc -l <"$files")

export tidy build stamps work total
common=$({
    "$tidy" --version
    cat .clang-tidy cmake/flags.cmake CMakeLists.txt
    find api service storage tests -name '*.h' -type f | sort | xargs -r -d '\n' cat
} | sha256sum | cut -d ' ' -f 1)
export common

one() {
    local file=$1 stamp key count
    stamp=$stamps/${file//\//_}
    key=$({ echo "$common" && cat "$file"; } | sha256sum | cut -d ' ' -f 1)
    if [ "$(cat "$stamp" 2>/dev/null)" != "$key" ]; then
        if ! grep -qF "/$file\"" "$build/compile_commands.json"; then
            echo "$file: not part of the build, so it cannot be checked" >>"$work/findings"
        # gcc's own warning flags are unknown to clang.
        elif "$tidy" -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option \
            --extra-arg=-Wno-unused-command-line-argument "$file" >"$work/${file//\//_}" 2>"$work/err-${file//\//_}"; then
            echo "$key" >"$stamp"
        else
            cat "$work/${file//\//_}" >>"$work/findings"
            grep -v ' warnings\? \(generated\|treated\)' "$work/err-${file//\//_}" >>"$work/findings" || true
        fi
    fi
    echo "$file" >>"$work/done"
    count=$(wc -l <"$work/done")
    if [ -t 2 ]; then
        printf '\r\033[Ktidy %d/%d %s' "$count" "$total" "$file" >&2
    elif [ $((count % 20)) = 0 ]; then
        printf 'tidy %d/%d\n' "$count" "$total" >&2
    fi
}
export -f one

# shellcheck disable=SC2016 # expanded by the inner bash
xargs -r -d '\n' -P 2 -I {} bash -c 'one "$1"' one {} <"$files"
[ ! -t 2 ] || printf '\r\033[K' >&2
if [ -s "$work/findings" ]; then
    cat "$work/findings" >&2
    exit 1
fi
printf 'tidy: %d files are clean\n' "$total" >&2
