#!/usr/bin/env python3
"""Misuses the event core in every way of the table, on this library and on libevent, and compares.

The program is compiled once, with libevent's headers, and run on both libraries. A difference must be listed
in differences.tsv with its reason, and what is listed there must still be so. What only this library has is
asserted by value, from only-ours.tsv. The page docs/compatibility.md must list the differences:
`--write-docs` brings it up to date. The last line printed is `N passed, N failed`, one per case.
"""

import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DOCS = os.path.join(ROOT, "docs", "compatibility.md")
BEGIN = "<!-- misuse: written by test/misuse/misuse_test.py --write-docs -->\n"
END = "<!-- misuse: end -->\n"
SECONDS = 300

# One or two words over and over: a loop that does not end, which says so as often as there is room for it.
ENDLESS = re.compile(r"((?:\S+ ){1,2}?)\1{5,}.*")


def compile_program(directory):
    program = os.path.join(directory, "misuse")
    command = [os.environ.get("CC", "cc"), "-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-D_GNU_SOURCE"]
    command += ["-o", program] + sorted(glob.glob(os.path.join(HERE, "*.c")))
    command += ["-levent_core", "-levent_pthreads", "-ldl"]
    subprocess.run(command, check=True, timeout=SECONDS)
    return program


def run(program, library):
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
    if library:
        environment["LD_LIBRARY_PATH"] = library
    done = subprocess.run([program], env=environment, stdout=subprocess.PIPE, timeout=SECONDS, check=True)
    results = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        name, _, said = line.partition("\t")
        if name in results:
            raise SystemExit(f"two cases are called {name}")
        results[name] = ENDLESS.sub(r"\1...", said)
    return results


def same(ours, theirs):
    """Equal, but that we may set errno where libevent does not."""
    mine, other = ours.split(" "), theirs.split(" ")
    return len(mine) == len(other) and all(
        a == b or (re.fullmatch(r".+=-\d+", b) and a.startswith(b + "/")) for a, b in zip(mine, other)
    )


def listed(said, expected):
    return expected == "*" or said == expected


def read_table(name, columns):
    rows = {}
    with open(os.path.join(HERE, name), encoding="utf-8") as table:
        for number, line in enumerate(table, 1):
            if line.startswith("#") or not line.strip():
                continue
            fields = line.rstrip("\n").split("\t")
            if len(fields) != columns or not all(fields) or fields[0] in rows:
                raise SystemExit(f"{name}:{number}: not {columns} columns, or a case for the second time")
            rows[fields[0]] = fields[1:]
    return rows


def problem_of(name, ours, theirs, differences, only_ours):
    """What is wrong with a case, or None."""
    if name in only_ours:
        if theirs.split(" ")[-1] != "absent":
            return f"libevent has it, too: {theirs}"
        return None if ours == only_ours[name][0] else f"{ours}\n  expected: {only_ours[name][0]}"
    if name not in differences:
        return None if same(ours, theirs) else f"an unlisted difference\n  {name}\t{ours}\t{theirs}\tREASON"
    if same(ours, theirs):
        return "listed as a difference, but is none"
    expected_ours, expected_theirs, _ = differences[name]
    if listed(ours, expected_ours) and listed(theirs, expected_theirs):
        return None
    return f"differs in another way than is listed\n  {name}\t{ours}\t{theirs}\tREASON"


def documented(differences):
    """The table of the documentation: cases of one reason in one row."""
    by_reason = {}
    for name, (_, _, reason) in differences.items():
        by_reason.setdefault(reason, []).append(name)
    lines = [BEGIN, "\n", "| misuse | what Eventide does; what libevent 2.1.12 does |\n", "|---|---|\n"]
    for reason, names in by_reason.items():
        lines.append(f"| {'; '.join(names)} | {reason} |\n")
    return "".join(lines + ["\n", END])


def docs_with(table):
    with open(DOCS, encoding="utf-8") as page:
        text = page.read()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{DOCS}: the marks of the table are missing")
    before, rest = text.split(BEGIN, 1)
    return text, before + table + rest.split(END, 1)[1]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--lib", default=os.path.join(ROOT, "build", "release", "lib"))
    arguments.add_argument("--write-docs", action="store_true")
    options = arguments.parse_args()
    differences = read_table("differences.tsv", 4)
    only_ours = read_table("only-ours.tsv", 2)
    now, wanted = docs_with(documented(differences))
    if options.write_docs:
        with open(DOCS, "w", encoding="utf-8") as page:
            page.write(wanted)
        return 0

    with tempfile.TemporaryDirectory(prefix="misuse-") as directory:
        program = compile_program(directory)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            mine = pool.submit(run, program, os.path.abspath(options.lib))
            other = pool.submit(run, program, None)
            ours, theirs = mine.result(), other.result()

    problems = {}
    for name in sorted(set(ours) | set(theirs) | set(differences) | set(only_ours)):
        if name not in ours or name not in theirs:
            problems[name] = "there is no such case"
        else:
            problems[name] = problem_of(name, ours[name], theirs[name], differences, only_ours)
    problems["docs/compatibility.md"] = None if now == wanted else "is not up to date: run with --write-docs"
    for name, problem in problems.items():
        if problem:
            print(f"FAIL: {name}: {problem}")
    failed = sum(1 for problem in problems.values() if problem)
    print(f"{len(differences)} listed differences, {len(only_ours)} cases of our own")
    print(f"{len(problems) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
