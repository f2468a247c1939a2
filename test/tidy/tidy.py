#!/usr/bin/env python3
"""Reads the source tree and the built libraries and holds them against the rules of the house.

Gates: the include graph has no cycle and respects the layers and libraries; libevent_core offers its siblings what
they use and what is listed; each source file opens with a sentence; nothing in src/ uses what would pull in the C++
runtime; tests mirror sources; the public headers are C; the libraries NEED libc alone. Then a report, which fails nothing: sizes and how much #if there is. The last line printed is
`N passed, N failed`.
"""

import argparse
import fnmatch
import os
import re
import statistics
import subprocess
import sys

import prose
import references

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Each layer may include itself and these.
LAYERS = {
    "util": [],
    "thread": ["util"],
    "core": ["thread", "util"],
    "backends": ["core", "thread", "util"],
    "buffer": ["core", "thread", "util"],
    "bufferevent": ["buffer", "core", "thread", "util"],
    "tls": ["bufferevent", "buffer", "core", "thread", "util"],
    "dns": ["bufferevent", "buffer", "core", "thread", "util"],
    "http": ["bufferevent", "buffer", "core", "thread", "util"],
    "ws": ["http", "bufferevent", "buffer", "core", "thread", "util"],
    "rpc": ["http", "bufferevent", "buffer", "core", "thread", "util"],
}

# Those of libevent_extra. All others are libevent_core's, but for the files that CMake gives to other libraries.
EXTRA_LAYERS = {"dns", "http", "ws", "rpc"}

# What library code may not contain, outside of comments and strings. `= delete` and placement new are not meant.
FORBIDDEN = (
    (r"(?<!operator )\bnew\b(?!\s*\()", "a new-expression: use make<T>()"),
    (r"(?<!= )(?<!operator )\bdelete\b", "a delete-expression: use destroy()"),
    (r"\bstd::(string|vector|map|set|unordered_\w+|list|deque|function|mutex|recursive_mutex|shared_ptr|thread|"
     r"condition_variable|[io]?stringstream|c(out|err|in)|stable_sort|to_string)\b", "needs libstdc++"),
    (r"\.substr\s*\(", "string_view::substr throws: use tail()"),
    (r"\b(throw|try|catch|dynamic_cast|typeid)\b", "exceptions and RTTI are off"),
    (r"\bvirtual\b", "no virtual functions: a table of function pointers"),
    (r"(?<![\w.>])(malloc|calloc|realloc|free|strdup)\s*\(", "memory goes through util/alloc.h"),
    (r"\b(abort|exit|_exit|_Exit)\s*\(", "the library never ends the program"),
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)\s*\(", "has no bound"),
)
# Where a rule does not hold, and why.
ALLOWED = {
    "src/util/alloc.h": "the home of allocation",
    "src/util/alloc.cc": "the home of allocation",
    "src/util/runtime.cc": "stands in for the C++ runtime",
    "src/util/log.cc": "event_errx() ends the program, as documented",
    "src/util/assert.h": "a broken contract ends the program",
}

# What the libraries of the TLS engines need besides libc.
TLS_LIBRARIES = {"libevent_openssl": r"lib(ssl|crypto)\.so\.\d+", "libevent_mbedtls": r"libmbedtls\.so\.\d+"}

# Defines a public function outside of a facade, and why.
OWN_FACADE = {
    "src/thread/pthread.cc": "all of event_pthreads",
    "src/core/watchers.cc": "reads a struct that is defined there alone",
}

passed = 0
failed = 0


def gate(name, problems):
    global passed, failed
    if problems:
        failed += 1
        print(f"FAIL: {name}")
        for problem in problems[:40]:
            print(f"  {problem}")
        if len(problems) > 40:
            print(f"  ... and {len(problems) - 40} more")
    else:
        passed += 1
        print(f"ok: {name}")


def files(folder, *suffixes):
    found = []
    for path, _, names in os.walk(os.path.join(ROOT, folder)):
        found += [os.path.relpath(os.path.join(path, name), ROOT) for name in names if name.endswith(suffixes)]
    return sorted(found)


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code(path):
    """The text with comments and literals blanked, line by line where it was."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return TOKEN.sub(blank, text(path))


# ---- includes -------------------------------------------------------------------------------------------------

def local_includes(path):
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', text(path), re.M)


def layer_of(path):
    return path.split("/")[1]


def check_includes(sources):
    missing, layers, upward = [], [], []
    graph = {}
    for path in sources:
        graph[path] = []
        if layer_of(path) not in LAYERS:
            layers.append(f"{path}: no such layer")
            continue
        for name in local_includes(path):
            target = f"src/{name}"
            if name.startswith("event2/") and os.path.exists(os.path.join(ROOT, "include", name)):
                continue
            if target not in sources:
                missing.append(f'{path}: "{name}" is not written from src/, or does not exist')
                continue
            graph[path].append(target)
            if layer_of(target) != layer_of(path) and layer_of(target) not in LAYERS[layer_of(path)]:
                upward.append(f"{path} includes {name}")
    gate("every folder of src/ is a layer", layers)
    gate("includes are written from src/", missing)
    gate("no include goes up or across layers", upward)
    gate("the include graph has no cycle", cycles(graph))


# ---- the boundary between libevent_core and its siblings ------------------------------------------------------

def file_libraries(sources):
    """Which library each file of src/ belongs to: a header to that of the source file of its name."""
    given = {}
    for path in files("src", "CMakeLists.txt"):
        for library, names in re.findall(r"target_sources\(event_(\w+)_objects PRIVATE\s+([^)]*)\)", text(path)):
            given.update((os.path.join(os.path.dirname(path), name), library) for name in names.split())

    def library_of(path):
        source = re.sub(r"\.h$", ".cc", path)
        return given.get(source, "extra" if layer_of(path) in EXTRA_LAYERS else "core")

    return {path: library_of(path) for path in sources}


def check_boundary(sources):
    """A sibling library includes its own headers and core's; core includes only its own."""
    library = file_libraries(sources)
    problems = [f"{path} (event_{library[path]}) includes {name} (event_{library[f'src/{name}']})"
                for path in sources for name in local_includes(path)
                if library.get(f"src/{name}", "core") not in ("core", library[path])]
    gate("no include reaches into a sibling library", problems)

    names = [line.split()[0] for line in private_lines()]
    problems = [] if names == sorted(set(names)) else ["cmake/private_exports.txt is not sorted, or names something twice"]
    listed, declared = {name.split("::")[-1] for name in names}, {}
    for path in sources:
        for name in re.findall(r"^(?!\s*#).*\bEVI_VISIBLE\b[^;()]*?(\w+)\(", code(path), re.M):
            declared[name] = path
    problems += [f"{name} is listed, but not declared EVI_VISIBLE" for name in sorted(listed - set(declared))]
    problems += [f"{path}: {name} is EVI_VISIBLE, but not listed" for name, path in sorted(declared.items())
                 if name not in listed]
    problems += [f"{path}: EVI_VISIBLE in a sibling library" for path in sorted(set(declared.values()))
                 if library[path] != "core"]
    gate("libevent_core's private symbols are those of cmake/private_exports.txt", problems)


def private_lines():
    return [line for line in text("cmake/private_exports.txt").split("\n") if re.match(r"[A-Za-z_]", line)]


def check_private_use(lib):
    """The siblings use the whole list, and nothing else of libevent_core's that is internal."""
    listed = {line.split()[0]: line for line in private_lines()}
    siblings = [name for name in built_libraries(lib) if re.match(r"libevent_(?!core)", name)]
    used = {}
    for name in siblings:
        for symbol in re.findall(r" U (evi(?:::|_)[\w:]+)", listing(lib, name, "-DC", "--undefined-only")):
            used[symbol] = name
    problems = [f"{name} uses {symbol}, which is not listed" for symbol, name in sorted(used.items()) if symbol not in listed]
    # Without a TLS library here, its functions have no user.
    if len(siblings) == 2 + len(TLS_LIBRARIES):
        problems += [f"no sibling uses {symbol}" for symbol, line in listed.items()
                     if symbol not in used and not line.endswith(" (assertions)")]
    gate("the sibling libraries use what cmake/private_exports.txt lists", problems)


def cycles(graph):
    state, found, stack = {}, [], []

    def visit(node):
        state[node] = "open"
        stack.append(node)
        for target in graph[node]:
            if state.get(target) == "open":
                found.append(" -> ".join(stack[stack.index(target):] + [target]))
            elif target not in state:
                visit(target)
        stack.pop()
        state[node] = "done"

    for node in graph:
        if node not in state:
            visit(node)
    return found


# ---- text -----------------------------------------------------------------------------------------------------

def check_openings(sources):
    """A file says in its first lines, in a sentence, what lives there."""
    problems = []
    for path in sources:
        opening = re.match(r"((?://[^\n]*\n)+)|/\*(.*?)\*/", text(path), re.S)
        words = re.sub(r"^\s*(//|\*)", "", opening.group(0), flags=re.M) if opening else ""
        if len(words.split()) < 4 or "." not in words:
            problems.append(f"{path}:1: no opening sentence")
    gate("each source file opens with a sentence", problems)


def check_forbidden(sources):
    problems = []
    for path in sources:
        if path in ALLOWED:
            continue
        for number, line in enumerate(code(path).split("\n"), 1):
            if line.lstrip().startswith("#"):
                continue
            for pattern, why in FORBIDDEN:
                match = re.search(pattern, line)
                if match:
                    problems.append(f"{path}:{number}: {match.group(0).strip()}: {why}")
    gate("nothing that libc alone does not offer, and no memory behind the allocator's back", problems)


def check_facade(sources):
    """Only a facade defines what users call, and the library's own code calls what is behind it. libevent_extra may
    call libevent_core's public functions, as programs do."""
    records = text("test/abi/functions.tsv") + text("test/abi/functions-eventide.tsv")
    public = [line.split("\t")[0] for line in records.splitlines() if line and not line.startswith("#")]
    core = text("cmake/exports/core.txt").split()
    # Only what stands as a call by a plain name: a member or a name of a namespace may be called the same.
    def calls(names):
        return re.compile(rf"(?<![\w.>:])(?:::)?({'|'.join(names)})\s*\(")
    within_core, within_extra = calls(public), calls([name for name in public if name not in core])
    problems = []
    for path in sources:
        if path.endswith("_api.cc") or path in OWN_FACADE:
            continue
        for number, line in enumerate(code(path).split("\n"), 1):
            match = (within_extra if layer_of(path) in EXTRA_LAYERS else within_core).search(line)
            if match and not line.lstrip().startswith("#"):
                problems.append(f"{path}:{number}: {match.group(1)}()")
    gate("nothing calls a facade", problems)


def check_headers():
    """A public header is guarded, and shields itself from C++ name mangling when it declares functions."""
    problems = []
    for path in files("include", ".h"):
        body = text(path)
        if not re.search(r"^#ifndef \w+\n#define \w+$", body, re.M):
            problems.append(f"{path}: no include guard")
        if re.search(r"EXPORT_SYMBOL\s*\n?[^#]*;", code(path)) and 'extern "C"' not in body:
            problems.append(f'{path}: declares functions without extern "C"')
        if re.search(r"^[^#\n]*//", TOKEN.sub(lambda m: m.group(0) if m.group(0).startswith("//") else "", body), re.M):
            problems.append(f"{path}: a // comment is not C89")
    gate("public headers are guarded and plain C", problems)


def check_paths():
    problems = []
    for path in tracked():
        try:
            body = text(path)
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for number, line in enumerate(body.split("\n"), 1):
            if re.search(r"(?<![\w.])/(work|home|root)/\w", line):
                problems.append(f"{path}:{number}: an absolute path of one machine")
            if line != line.rstrip() and not path.endswith((".md", ".tsv")):
                problems.append(f"{path}:{number}: trailing white space")
    gate("no path of one machine, no trailing white space", problems)


def tracked():
    result = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    return result.stdout.split("\n")[:-1] if result.returncode == 0 else files(".", ".cc", ".h", ".c", ".py", ".txt")


def check_tests(sources):
    """test/unit mirrors src/: the path of a test file names the source it tests."""
    folders = {layer_of(path) for path in sources}
    problems = [f"{path}: there is no src/{path.split('/')[2]}" for path in files("test/unit", "_test.cc")
                if path.split("/")[2] not in folders]
    gate("the unit tests' folders mirror those of src/", problems)


TEST_SOURCES = (("test/api", ".c"), ("test/unit", ".cc"), ("test/conformance", ".cc"), ("test/misuse", ".c"))


def check_calls():
    """Each function that the libraries export is called by its name in some test."""
    sources = [code(path) for folder, suffix in TEST_SOURCES for path in files(folder, suffix)]
    called = {name for source in sources for name in re.findall(r"(?<![\w.>:])(?:::)?(\w+)\s*\(", source)}
    libraries = ("core", "extra", "mbedtls", "openssl", "pthreads")
    problems = [f"{name}()" for library in libraries for name in text(f"cmake/exports/{library}.txt").split()
                if is_function(name) and name not in called]
    gate("each exported function is called in a test", problems)


def is_function(name):
    records = text("test/abi/functions.tsv") + text("test/abi/functions-eventide.tsv")
    return re.search(rf"^{name}\t", records, re.M) is not None


def named_tests():
    """C tests by their names, if they are run; GoogleTests as Suite.name."""
    found = set()
    for path in files("test/api", "_test.c"):
        found |= {name for name in re.findall(r"^TEST\((\w+)\)", text(path), re.M)
                  if len(re.findall(rf"\b{name}\b", code(path))) > 1}
    for path in files("test/unit", "_test.cc") + files("test/conformance", "_test.cc"):
        found |= {f"{suite}.{name}" for suite, name in
                  re.findall(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", text(path), re.M)}
    return found


def check_requirements():
    """docs/requirements.md names tests that exist, one of its own for each line; comments name its lines."""
    path = "docs/requirements.md"
    rows = re.findall(r"^\| ((?:must-not|behaviour) \d+) \|.*\|(.*)\|$", text(path), re.M)
    tests = named_tests()
    named = {name for _, cell in rows for name in re.findall(r"`([\w.]+)`", cell)}
    problems = [f"{path}: there is no test {name}" for name in sorted(named - tests)]
    lines = {line for line, _ in rows}
    for kind, last in (("must-not", 20), ("behaviour", 19)):
        problems += [f"{path}: no test of its own shows {kind} {number}" for number in range(1, last + 1)
                     if not any(name.startswith(f"{kind.replace('-', '_')}_{number:02}_") for name in named)]
    problems += [f"{path}: says nothing of the test {name}" for name in sorted(tests - named)
                 if re.match(r"(must_not|behaviour)_\d", name)]
    for source in [source for folder, suffix in TEST_SOURCES for source in files(folder, suffix)]:
        for kind, number in re.findall(r"\b([Mm]ust-not|[Bb]ehaviour) (\d+)", text(source)):
            if f"{kind.lower()} {number}" not in lines:
                problems.append(f"{source}: {path} has no line {kind.lower()} {number}")
    gate("each requirement has a test that names it", problems)


def check_left_out():
    """What is left out somewhere is there: files, and cases that a pattern of each line matches."""
    tests, problems = named_tests(), []
    for path in ("test/support/windows/left_out.txt", "test/emulator/left_out.txt"):
        for line in text(path).split("\n"):
            if not line or line.startswith("#"):
                continue
            program, *cases = line.split(": ")[0].split()
            if program.endswith((".c", ".cc")):
                problems += [] if os.path.exists(os.path.join(ROOT, "test", program)) else [f"{path}: {program}"]
                continue
            # A parameter's name comes after the case's.
            problems += [f"{path}: {program} has no {case}" for case in cases
                         if not fnmatch.filter(tests, re.sub(r"/\w+$", "", case))]
    gate("what is left out of some system's tests is there", problems)


# ---- built libraries ------------------------------------------------------------------------------------------

def built_libraries(lib):
    return sorted(name for name in os.listdir(lib) if name.endswith("-2.1.so.7"))


def listing(lib, name, *flags):
    return subprocess.run(["nm", *flags, os.path.join(lib, name)], capture_output=True, text=True).stdout


def check_libraries(build):
    lib = os.path.join(build, "lib")
    problems, exported = [], []
    names = built_libraries(lib)
    for name in names:
        dynamic = subprocess.run(["readelf", "-dW", os.path.join(lib, name)], capture_output=True, text=True).stdout
        for needed in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic):
            own = TLS_LIBRARIES.get(name.split("-")[0])
            if needed != "libc.so.6" and not needed.startswith("libevent") and not (own and re.fullmatch(own, needed)):
                problems.append(f"{name} needs {needed}")
        # test/abi looks at what has the private version.
        exported += [f"{name}: {line.split()[-1]}" for line in listing(lib, name, "-D", "--defined-only").splitlines()
                     if not re.match(r"(ev|bufferevent|libevent|.*EVENTIDE_PRIVATE_)", line.split()[-1])]
    gate("the libraries are there", [] if names else [f"none in {lib}"])
    gate("the libraries need libc alone, those of TLS engines their engine too", problems)
    gate("what the libraries export is named as libevent's functions are", exported)
    check_private_use(lib)


# ---- the report -----------------------------------------------------------------------------------------------

def function_lengths(path):
    """Lines of each function body, found by the brace at the end of a line that begins in column 0."""
    lengths, start = [], None
    for number, line in enumerate(code(path).split("\n")):
        if start is None and re.match(r"[A-Za-z].*\)[^;]*\{\s*$", line) and not re.match(r"(namespace|extern|struct)", line):
            start = number
        elif start is not None and line.startswith("}"):
            lengths.append((number - start + 1, f"{path}:{start + 1}"))
            start = None
    return lengths


def report(sources):
    print("\nReport")
    lines = {path: text(path).count("\n") for path in sources}
    conditionals = {path: len(re.findall(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b", text(path), re.M))
                    - (1 if path.endswith(".h") else 0) for path in sources}
    for layer in LAYERS:
        mine = [path for path in sources if layer_of(path) == layer]
        if mine:
            print(f"  {layer:12} {len(mine):3} files {sum(lines[p] for p in mine):6} lines, "
                  f"median {statistics.median(lines[p] for p in mine):.0f}, "
                  f"#if {sum(conditionals[p] for p in mine)}")
    lengths = sorted(length for path in sources for length in function_lengths(path))
    if lengths:
        values = [length for length, _ in lengths]
        print(f"  functions at file level: {len(values)}, median {statistics.median(values):.0f}, "
              f"p90 {values[int(len(values) * 0.9)]}, longest "
              + ", ".join(f"{where} ({length})" for length, where in lengths[-5:]))
    print("  longest files: " + ", ".join(f"{path} ({lines[path]})"
                                          for path in sorted(sources, key=lines.get, reverse=True)[:5]))
    tests = {os.path.basename(path)[:-len("_test.cc")] for path in files("test/unit", "_test.cc")}
    untested = [path for path in sources if path.endswith(".cc") and not path.endswith("_api.cc")
                and os.path.basename(path)[:-3] not in tests]
    print(f"  sources without a test file of their name: {' '.join(untested) or 'none'}")
    print("  words that plain technical English avoids:\n" + prose.summary())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", metavar="DIR", help="build folder, with the libraries in lib/")
    options = parser.parse_args()
    sources = files("src", ".cc", ".h")
    gate("there are sources", [] if sources else ["none"])
    check_includes(sources)
    check_boundary(sources)
    check_openings(sources)
    check_forbidden(sources)
    check_facade(sources)
    check_headers()
    check_paths()
    check_tests(sources)
    check_calls()
    check_requirements()
    check_left_out()
    gate("what the documentation refers to is there", references.problems(ROOT, tracked(), named_tests(), text))
    gate("each public function is documented", references.undocumented(files("include", ".h"), text))
    gate("the prose of headers, documentation, samples and benchmarks avoids the words of the glossary", prose.problems())
    if options.build:
        check_libraries(options.build)
    report(sources)
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
