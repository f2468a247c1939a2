"""Finds small changes to make in C++ source: each is one line, changed or left out.

Works on lines as clang-format leaves them, so a statement on one line begins and ends there, and a comparison has spaces
around it where a template's brackets have none.
"""

import re
from typing import NamedTuple


class Mutant(NamedTuple):
    path: str
    line: int  # counted from 1
    kind: str
    old: str
    new: str

    def place(self):
        return f"{self.path}:{self.line}"

    def change(self):
        return f"{self.kind}: {self.old.strip()} -> {self.new.strip() or 'nothing'}"


# Lines that change no behaviour, or do not compile when they change.
SKIPPED = re.compile(r"^\s*(#|using\b|namespace\b|template\b|static_assert\b|EVI_ASSERT|extern\b|friend\b|case\b|default:"
                     r"|public:|private:|struct\b|class\b|enum\b|\}|\{|$)")
# What holds a lock or an object until the end of its block.
GUARD = re.compile(r"^\s*(?:const )?(?:evi::)?\w*(?:Guard|Use|Hold|Unlocked|RegistryGuard)\b[^;=]*[({][^;]*;\s*$")
ONE_LINE_IF = re.compile(r"^\s*if \(.*\) (?:return|continue|break|goto)\b[^;]*;\s*$")
CALL = re.compile(r"^\s*(?:static_cast<void>\()?[A-Za-z_][\w:]*(?:(?:\.|->)\w+|\[[^\]]*\])*\([^;{}]*\)+;\s*$")
ASSIGNMENT = re.compile(r"^\s*[A-Za-z_*][\w:]*(?:(?:\.|->)\w+|\[[^\]]*\])* [-+|&^]?= [^;{}]*;\s*$")

# kind, pattern, replacement.
REPLACEMENTS = (
    ("&& to ||", r" && ", " || "),
    ("|| to &&", r" \|\| ", " && "),
    ("< to <=", r" < ", " <= "),
    ("<= to <", r" <= ", " < "),
    ("> to >=", r" > ", " >= "),
    (">= to >", r" >= ", " > "),
    ("== to !=", r" == ", " != "),
    ("!= to ==", r" != ", " == "),
    ("|= to =", r" \|= ", " = "),
    ("&= to =", r" &= ", " = "),
    ("+= to -=", r" \+= ", " -= "),
    ("-= to +=", r" -= ", " += "),
    ("+ to -", r" \+ ", " - "),
    ("- to +", r"(?<=[\w)\]]) - ", " + "),
    ("++ to --", r"\+\+", "--"),
    ("-- to ++", r"--", "++"),
    ("true to false", r"\btrue\b", "false"),
    ("false to true", r"\bfalse\b", "true"),
    ("not dropped", r"!(?=[\w(])", ""),
)
NUMBER = re.compile(r"(?<![\w.'])\d+(?![\w.'])")


def blank_comments_and_strings(text):
    """The same text, in the same places, with what is in comments, strings and characters replaced by spaces."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def closing(text, start):
    """Where the bracket at `start` is closed, or None if it is not on this line."""
    depth = 0
    for i in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i
    return None


def negated(code, line):
    """The line with the condition of its `if` or its conditional operator negated, or None."""
    start = re.search(r"\bif \(", code)
    if not start:
        return None
    opened = start.end() - 1
    closed = closing(code, opened)
    if closed is None or ";" in code[opened:closed]:
        return None
    return f"{line[:opened]}(!{line[opened:closed + 1]}){line[closed + 1:]}"


def whole_line_kind(code):
    if GUARD.match(code):
        return "hold dropped"
    if ONE_LINE_IF.match(code):
        return "guard dropped"
    if CALL.match(code) and not code.lstrip().startswith("return"):
        return "call dropped"
    if ASSIGNMENT.match(code):
        return "assignment dropped"
    return None


def line_mutants(code, line):
    """(kind, new line) for each change to one line; `code` is the line without comments and strings."""
    if SKIPPED.match(code):
        return
    kind = whole_line_kind(code)
    if kind:
        yield kind, ""
    changed = negated(code, line)
    if changed:
        yield "negated", changed
    for kind, pattern, replacement in REPLACEMENTS:
        for match in re.finditer(pattern, code):
            yield kind, line[:match.start()] + replacement + line[match.end():]
    for match in NUMBER.finditer(code):
        value = int(match.group())
        for other in {value + 1, max(value - 1, -1)}:
            yield f"{value} to {other}", line[:match.start()] + str(other) + line[match.end():]


def file_mutants(path, text):
    """All mutants of one file. A statement over several lines is left alone where it would have to go as a whole."""
    lines = text.split("\n")
    code_lines = blank_comments_and_strings(text).split("\n")
    begins = True  # whether this line begins a statement
    for number, (line, code) in enumerate(zip(lines, code_lines), 1):
        for kind, new in line_mutants(code, line):
            if new == "" and not begins:
                continue
            yield Mutant(path, number, kind, line, new)
        stripped = code.rstrip()
        if stripped:
            begins = stripped[-1] in ";{}:" or stripped.lstrip().startswith("#")


def choose(mutants, count, rng):
    """`count` of them, in random order, no two on one line: each line is as likely as the next, however much can be
    changed in it."""
    by_place = {}
    for mutant in mutants:
        by_place.setdefault(mutant.place(), []).append(mutant)
    places = sorted(by_place)
    rng.shuffle(places)
    return [rng.choice(by_place[place]) for place in places[:count]]
