#!/usr/bin/env python3
"""Tests of mutants.py: which changes are found in a line, and which lines are left alone."""

import random
import sys

import mutants

# A line, and the kinds of changes in it.
CASES = (
    ("  if (a && b) return 0;", ["guard dropped", "negated", "&& to ||", "0 to 1", "0 to -1"]),
    ("  const LockGuard held(lock_);", ["hold dropped"]),
    ("  const evi::Unlocked open(lock_);", ["hold dropped"]),
    ("  const BuffereventUse use(*this, BuffereventUse::Locked{});", ["hold dropped"]),
    ("  evi::set_socket_error(error);", ["call dropped"]),
    ("  static_cast<void>(flush(EV_READ));", ["call dropped"]),
    ("  list.entries[3].remove(ev);", ["call dropped", "3 to 4", "3 to 2"]),
    ("  what |= EV_READ;", ["assignment dropped", "|= to ="]),
    ("  return !empty();", ["not dropped"]),
    ("  return size < kMost;", ["< to <="]),
    ("  std::array<char, kSize> bytes{};", []),
    ("  ++count;", ["++ to --"]),
    ("  // if (a && b) return 0;", []),
    ('  log("a && b");', ["call dropped"]),
    ("#if A && B", []),
    ("}  // namespace evi", []),
    ("  EVI_ASSERT(a == b);", []),
    ("    case 3:", []),
    ("  int x = 16'384;", []),
    ("  bool on = true;", ["true to false"]),
)


def check_cases():
    wrong = []
    for line, wanted in CASES:
        found = [m.kind for m in mutants.file_mutants("x.cc", ";\n" + line)]
        if sorted(found) != sorted(wanted):
            wrong.append(f"{line!r}: {found}, not {wanted}")
    return wrong


def check_continued_statements():
    text = "  value = first +\n      other(a);\n  done();"
    dropped = [m.line for m in mutants.file_mutants("x.cc", text) if m.new == ""]
    return [] if dropped == [3] else [f"lines {dropped} of a statement over two lines would be dropped"]


def check_changed_lines():
    wrong = []
    for line, kind, new in (("  if (f(a) == 1) {", "negated", "  if (!(f(a) == 1)) {"),
                            ("  a += 2;", "2 to 3", "  a += 3;"),
                            ('  f("1", 2);', "2 to 1", '  f("1", 1);')):
        found = {m.kind: m.new for m in mutants.file_mutants("x.cc", line)}
        if found.get(kind) != new:
            wrong.append(f"{line!r}, {kind}: {found.get(kind)!r}, not {new!r}")
    return wrong


def check_choice():
    found = list(mutants.file_mutants("x.cc", "\n".join(f"  if (a < {i} && b) return;" for i in range(50))))
    first, again, other = (mutants.choose(found, 20, random.Random(seed)) for seed in (1, 1, 2))
    wrong = []
    if first != again:
        wrong.append("the same seed chooses other mutants")
    if first == other:
        wrong.append("another seed chooses the same mutants")
    if len({m.line for m in first}) != 20:
        wrong.append("a line is chosen twice")
    return wrong


def main():
    failed = 0
    checks = (check_cases, check_continued_statements, check_changed_lines, check_choice)
    for check in checks:
        problems = check()
        failed += bool(problems)
        for problem in problems:
            print(f"FAILED {check.__name__}: {problem}")
    print(f"{len(checks) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
