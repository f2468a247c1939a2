"""Checks what the documentation refers to: requirements, tests, programs of the tests, and files; and that each public
function is documented.

Within backticks of a page: `Suite.name` is a GoogleTest, `must_not_07_...` and `behaviour_07_...` are C tests, `api_x`
and the like are programs that CMake registers or stages of ./dev, and what has a slash or the suffix of a source file
is a path from the root, `src/`, `include/`, `test/` or the page's own folder, or the end of one. Requirements are cited
as "must-not N" and "behaviour N".
"""

import fnmatch
import os
import re

PAGES = re.compile(r"(docs/.*|(\w+/)*README)\.md$")
SUFFIX = re.compile(r"\.(cc|c|h|py|sh|txt|tsv|md|cmake|in|ld)$")
PROGRAM = re.compile(r"(api|unit|bench|fuzz)_\w+$")
# The parts of a backticked text that can be a path: no option, no code, no glob of words.
PATH = re.compile(r"[\w.*-]+(/[\w.*<>-]+)*/?$")
# Files that exist outside of the tree, or only once it is built or used.
ELSEWHERE = re.compile(r"/|event2/(dns|rpc|tag|ws)|sys/|(dns|rpc|tag|ws)\.h$|PREFIX|build/|chart\.svg|table\.txt")
# Names that stand for any.
PLACEHOLDERS = ("x_api.cc", "event2/x.h")


def cited_requirements(root, read):
    listed = set(re.findall(r"^\| ((?:must-not|behaviour) \d+) \|", read("docs/requirements.md"), re.M))
    return lambda kind, number: f"{kind.lower().replace(' ', '-')} {number}" in listed


def is_there(root, tracked, page, name):
    """Whether a path, perhaps with a star, is one of the tree, or the end of one."""
    name = name.rstrip("/")
    places = [name, f"src/{name}", f"include/{name}", f"include/event2/{name}", f"test/{name}",
              os.path.join(os.path.dirname(page), name)]
    return (any(os.path.exists(os.path.join(root, place)) for place in places)
            or any(fnmatch.fnmatch(path, place) for path in tracked for place in (*places, f"*/{name}")))


def registered(tracked, read):
    """The text in which programs of tests are named: CMake's files, and those from whose names CMake makes them."""
    cmake = "\n".join(read(path) for path in tracked if path.startswith(("test/", "fuzz/", "bench/"))
                      and path.endswith(("CMakeLists.txt", ".cmake")))
    stems = {re.sub(r"(_test)?\.(c|cc)$", "", os.path.basename(path)) for path in tracked
             if path.startswith(("test/", "fuzz/", "bench/"))}
    folders = {path.split("/")[2] for path in tracked if path.startswith("test/unit/") and path.count("/") > 2}
    def known(name):
        kind, _, rest = name.partition("_")
        return re.search(rf"\b{name}\b", cmake) or rest in (folders if kind == "unit" else stems)
    return known


def problems(root, tracked, tests, read):
    """What the pages refer to and is not there. `tests` are the names of the tests, `read` reads a file."""
    found = []
    cited, program = cited_requirements(root, read), registered(tracked, read)
    for page in [path for path in tracked if PAGES.match(path)]:
        for number, line in enumerate(read(page).split("\n"), 1):
            def missing(what):
                found.append(f"{page}:{number}: there is no {what}")
            for kind, which in re.findall(r"\b([Mm]ust[- ]not|[Bb]ehaviour) (\d+)", line):
                if not cited(kind, which):
                    missing(f"{kind} {which} in docs/requirements.md")
            for name in re.findall(r"`([^`]+)`", line):
                if re.fullmatch(r"[A-Z]\w+\.[a-z]\w+", name) and not SUFFIX.search(name) or re.match(
                        r"(must_not|behaviour)_\d\d_", name):
                    if name not in tests:
                        missing(f"test {name}")
                elif PROGRAM.fullmatch(name):
                    if not program(name):
                        missing(f"test program {name}")
                elif PATH.fullmatch(name) and ("/" in name or SUFFIX.search(name)) and not ELSEWHERE.match(name):
                    if not (name in PLACEHOLDERS or is_there(root, tracked, page, name)):
                        missing(f"file {name}")
            if page == "docs/compatibility.md" and line.startswith("|") and line.count("|") > 3:
                for name in re.findall(r"`(\w+)`", line.split("|")[-2]):
                    if not program(name) and not is_there(root, tracked, page, f"test/{name}"):
                        missing(f"test program {name}")
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", line):
                if not is_there(root, tracked, page, target):
                    missing(f"file {target}")
    return found


def undocumented(headers, read):
    """Public functions without a comment: neither directly before the declaration nor before its group, which is a run
    of declarations without a blank line."""
    found = []
    for path in headers:
        lines = read(path).split("\n")
        for number, line in enumerate(lines):
            if re.match(r"EVENT2_\w*EXPORT_SYMBOL$", line) and not lines[number - 1].strip():
                found.append(f"{path}:{number + 1}: {lines[number + 1]}")
    return found
