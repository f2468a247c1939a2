#!/usr/bin/env python3
"""Counts words and phrases that plain technical English avoids, per file and per word; a person decides.

Comments, identifiers and messages of the library, the documentation, and the names of the tests are read. Folders
that are clean stay so: a finding there fails, unless prose_exceptions.txt lists it. Everywhere else it is a report.
With `--new REV` only lines added since that revision are looked at.
"""

import argparse
import collections
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
EXCEPTIONS = "test/tidy/prose_exceptions.txt"

# Word: pattern, what to write instead. A blank in a pattern stands for any space, also one across a line of a comment,
# and for the underscore of an identifier.
AVOIDED = {
    "tell": (r"tell|tells|told|telling|untold", "report, return, notify, invoke"),
    "hear": (r"hears?|heard", "receive, be notified"),
    "who": (r"whoever|whom|who", "the caller, the application, the peer, another thread"),
    "nobody": (r"(?:no|some|any|every)body(?:'s|s)?|no one|someone|anyone|everyone", "name the party"),
    "anew": (r"anew", "again, re-arm, re-add"),
    "underneath": (r"underneath", "the underlying bufferevent, the transport"),
    "goodbye": (r"goodbye", "close_notify, EOF, half-close"),
    "in vain": (r"in vain", "spurious"),
    "so many": (r"so many|so much", "threshold, limit, that number of"),
    "put off": (r"puts? off|putting off", "deferred, postponed to the next iteration"),
    "is gone": (r"(?:is|are|was|were|has|have) gone", "closed, freed, reset, removed"),
    "without memory": (r"without memory|memory (?:that )?cannot be had", "out of memory, fails with ENOMEM"),
    "a number": (r"(?:closed|reused|watched|duplicated) numbers?|numbers? (?:that )?(?:is|was|are|were) (?:closed|reused)|"
                 r"number another's|of a number is closed", "file descriptor, fd; fd reuse"),
    "is X's then": (r"(?:is|are|be|becomes?) (?:the )?[a-z]+'s(?: own)? (?:then|again)|become[s]? [a-z]+'s own",
                    "ownership passes to X; X owns"),
    "senseless": (r"senseless|nonsense|sensible", "invalid"),
}
# Often right; only counted.
COUNTED = {"turn": r"turns?|rounds?", "know": r"knows?|knew"}

# Folders that have no findings.
CLEAN = ("include/", "docs/", "README.md", "sample/", "bench/", "src/", "cmake/")
READ = (("src/", (".h", ".cc")), ("include/", (".h",)), ("docs/", (".md",)), ("README.md", (".md",)),
        ("sample/", (".c", ".h", ".md")), ("bench/", (".c", ".h", ".py", ".md", ".txt")), ("cmake/", (".cmake",)))
TEST_NAME = re.compile(r"^TEST(?:_F|_P)?\(\s*(?:\w+,\s*)?(\w+)\)", re.M)


def compiled(pattern):
    spaced = pattern.replace(" ", r"(?:[\s/*#|]+|_)")
    return re.compile(rf"(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))(?i:{spaced})(?![a-z]|(?<=[A-Z]{{2}})[A-Z])")


PATTERNS = {word: compiled(pattern) for word, (pattern, _) in AVOIDED.items()}
COUNTED_PATTERNS = {word: compiled(pattern) for word, pattern in COUNTED.items()}


def tracked():
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]


def sources():
    """Each file that is read, with its text. Of a test only the tests' names remain, each on its line; of a page all
    but what stands as code, since a name is judged where it is defined."""
    for path in tracked():
        is_test = path.startswith("test/") and path.endswith(("_test.c", "_test.cc"))
        if not is_test and not any(path.startswith(start) and path.endswith(ends) for start, ends in READ):
            continue
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            body = file.read()
        if is_test:
            found = {body.count("\n", 0, match.start()): match.group(1) for match in TEST_NAME.finditer(body)}
            body = "\n".join(found.get(number, "") for number in range(body.count("\n") + 1))
        elif path.endswith(".md"):
            body = re.sub(r"`[^`\n]*`", lambda match: " " * len(match.group(0)), body)
        yield path, body


def exceptions():
    """path, word, and a piece of the line, separated by colons."""
    with open(os.path.join(ROOT, EXCEPTIONS), encoding="utf-8") as file:
        rows = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    return [tuple(part.strip() for part in row.split(":", 2)) for row in rows]


def added_lines(revision):
    """By file, the numbers of the lines that are not in `revision`."""
    diff = subprocess.run(["git", "diff", "-U0", "--no-color", revision], cwd=ROOT, capture_output=True, text=True,
                          check=True).stdout
    added, path = collections.defaultdict(set), None
    for line in diff.split("\n"):
        if line.startswith("+++ "):
            path = line[6:]
        hunk = re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line)
        if hunk:
            start, count = int(hunk.group(1)), int(hunk.group(2) or 1)
            added[path].update(range(start, start + count))
    return added


def findings(patterns, only=None):
    """(path, line number, word, line) for each match."""
    for path, body in sources():
        lines = body.split("\n")
        for word, pattern in patterns.items():
            for match in pattern.finditer(body):
                number = body.count("\n", 0, match.start()) + 1
                if only is None or number in only.get(path, ()):
                    yield path, number, word, lines[number - 1].strip()


def split(found):
    """Findings that no exception covers, and exceptions that cover none."""
    listed = exceptions()
    def covering(finding):
        path, _, word, line = finding
        return [row for row in listed if row[0] == path and row[1] == word and row[2] in line]
    used = {row for finding in found for row in covering(finding)}
    return [finding for finding in found if not covering(finding)], [row for row in listed if row not in used]


def problems():
    """What fails: findings in clean folders, and exceptions that are not needed any more."""
    found, stale = split(list(findings(PATTERNS)))
    return ([f"{path}:{number}: '{word}' (write: {AVOIDED[word][1]}): {line}" for path, number, word, line in found
             if path.startswith(CLEAN)] + [f"{EXCEPTIONS}: nothing to except: {': '.join(row)}" for row in stale])


def group_of(path):
    return "test names" if path.startswith("test/") else path.split("/")[0]


def table(found):
    """Counts by word for each part of the tree."""
    groups = sorted({group_of(path) for path, *_ in found})
    counts = collections.Counter((word, group_of(path)) for path, _, word, _ in found)
    words = [word for word in (*PATTERNS, *COUNTED_PATTERNS) if any(counts[word, group] for group in groups)]
    rows = [["", *groups, "all"]]
    rows += [[word, *(counts[word, group] for group in groups), sum(counts[word, group] for group in groups)]
             for word in words]
    return "\n".join("  " + f"{row[0]:15}" + "".join(f"{cell!s:>12}" for cell in row[1:]) for row in rows)


def summary():
    """The table alone, for the report of the tidy stage."""
    found, _ = split(list(findings(PATTERNS)))
    return table(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--new", metavar="REV", help="only lines added since this revision")
    parser.add_argument("--files", action="store_true", help="counts per file as well")
    parser.add_argument("--lines", metavar="PATH", help="each finding below PATH, with its line")
    options = parser.parse_args()
    only = added_lines(options.new) if options.new else None
    found, stale = split(list(findings(PATTERNS, only)))
    if options.new:
        stale = []
    counted = list(findings(COUNTED_PATTERNS, only))
    if options.new or options.lines is not None:
        for path, number, word, line in found:
            if options.lines is None or path.startswith(options.lines):
                print(f"{path}:{number}: {word} (write: {AVOIDED[word][1]}): {line}")
    if options.files:
        for path, count in sorted(collections.Counter(path for path, *_ in found).items()):
            words = collections.Counter(word for where, _, word, _ in found if where == path)
            print(f"  {count:4} {path}: " + ", ".join(f"{word} {times}" for word, times in words.most_common()))
    print(table(found))
    print("only counted:\n" + table(counted))
    for row in stale:
        print(f"nothing to except: {': '.join(row)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
