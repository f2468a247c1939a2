#!/usr/bin/env python3
"""Holds the headers and the built libraries against the recorded ABI of libevent 2.1, and runs programs that were
compiled for libevent on them.

The .tsv files beside this script are the record: names, types and numbers. Where libevent's headers and libraries
are installed they are asked as well, so the record itself is checked. Only the headers that are there so far are
tested. The last line printed is `N passed, N failed`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
INCLUDE = os.path.join(ROOT, "include")
SYSTEM_INCLUDE = "/usr/include"
# Some of libevent's headers need these before them; ours need none, which header_alone() shows.
PRELUDE = ["sys/types.h", "sys/socket.h", "event2/util.h", "event2/event.h", "event2/buffer.h", "event2/bufferevent.h",
           "event2/http.h"]
COMPONENTS = {"core": [], "extra": ["core"], "pthreads": ["core"], "event": ["core", "extra"]}
# Built where the TLS library is installed, whose libraries they need.
TLS_COMPONENTS = {"openssl": r"lib(ssl|crypto)\.so\.\d+", "mbedtls": r"libmbedtls\.so\.\d+"}
METHODS = {
    "epoll": {},
    "poll": {"EVENT_NOEPOLL": "1"},
    "select": {"EVENT_NOEPOLL": "1", "EVENT_NOPOLL": "1"},
}

options = None
passed = []
failed = []


class Failure(Exception):
    pass


def check(name, function, *arguments):
    try:
        function(*arguments)
        passed.append(name)
        if options.verbose:
            print("ok", name)
    except Failure as problem:
        failed.append(name)
        print(f"FAIL: {name}: {problem}")
    except Exception:
        failed.append(name)
        print(f"FAIL: {name}:")
        traceback.print_exc(file=sys.stdout)


def expect(condition, message):
    if not condition:
        raise Failure(message)


def run(*command, env=None, timeout=120):
    result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, errors="replace",
                            env=None if env is None else {**os.environ, **env})
    if result.returncode != 0:
        raise Failure(f"{' '.join(command)} ended with status {result.returncode}\n"
                      f"{result.stdout[-300:]}{result.stderr[-1200:]}")
    return result.stdout


def table(name):
    with open(os.path.join(HERE, name)) as file:
        return [line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#")]


def functions():
    """Those of libevent, and those that we add."""
    return table("functions.tsv") + table("functions-eventide.tsv")


def ours(header):
    return os.path.exists(os.path.join(INCLUDE, header))


def write(name, text):
    path = os.path.join(options.scratch, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def slug(header):
    return re.sub(r"\W", "_", header)


def compiled(source, *flags, compiler="gcc"):
    program = re.sub(r"\.\w+$", "", source) + ".bin"
    run(compiler, *flags, source, "-o", program)
    return program


# ---- layouts and numbers --------------------------------------------------------------------------------------

def including(header):
    return [f"#include <{name}>" for name in PRELUDE + [header]]


def probe_source(header, structs, constants, with_macros):
    """A C program that prints what a compiler makes of one header, a line for each fact."""
    lines = ["#include <stddef.h>", "#include <stdio.h>", *including(header), "int main(void) {"]
    for struct, field, offset, *_ in structs:
        if offset == "-":
            lines.append(f'  printf("{struct} size %zu\\n", sizeof({struct}));')
        else:
            lines.append(f'  printf("{struct} {field} %zu %zu\\n", offsetof({struct}, {field}),'
                         f" sizeof((({struct} *)0)->{field}));")
    for name, *_ in constants:
        lines.append(f'  printf("{name} %lld\\n", (long long)({name}));')
    for name, *_ in with_macros:
        lines.append(f'#ifdef {name}\n  printf("{name} is a macro\\n");\n#endif')
    return "\n".join(lines + ["  return 0;", "}", ""])


def recorded_lines(structs, constants):
    for struct, field, offset, size, *_ in structs:
        yield f"{struct} size {size}" if offset == "-" else f"{struct} {field} {offset} {size}"
    for name, value, *_ in constants:
        yield f"{name} {value}"


def struct_rows(header):
    rows = []
    for row in table("structs.tsv"):
        if row[4] == header:
            rows.append([row[0], row[1], row[2] if row[1] else "-", row[3]])
    return rows


def compare(name, expected, found):
    expected, found = sorted(expected), sorted(found)
    if expected != found:
        missing = [line for line in expected if line not in found]
        surplus = [line for line in found if line not in expected]
        raise Failure(f"{name}: expected {missing[:10]}, found {surplus[:10]}")


def layout(header):
    structs = struct_rows(header)
    old = [row for row in table("constants.tsv") if row[2] == header]
    new = [row for row in table("constants-2.2.tsv") if row[2] == header]
    # Lists are offered only while the header itself is read.
    macros = [row for row in table("macros.tsv")
              if row[2] == header and row[1].startswith("(") and not re.match(r"(LIST|TAILQ)_", row[0])]
    name = slug(header)
    mine = compiled(write(f"layout_{name}.c", probe_source(header, structs, old + new, macros)), f"-I{INCLUDE}")
    my_lines = run(mine).splitlines()
    expected = list(recorded_lines(structs, old + new))
    expected += [f"{row[0]} is a macro" for row in macros]
    compare("record against our header", expected, my_lines)

    if os.path.exists(os.path.join(SYSTEM_INCLUDE, header)):
        source = write(f"layout_{name}_system.c", probe_source(header, structs, old, macros))
        their_lines = run(compiled(source)).splitlines()
        new_lines = set(recorded_lines([], new))
        compare("libevent's header against ours", their_lines, [line for line in my_lines if line not in new_lines])


def type_aliases(header):
    """ev_uint64_t and the like, which may be macros or typedefs: each must name a type of the same size."""
    names = [row[0] for row in table("macros.tsv") if row[2] == header and not row[1]]
    if not names:
        return
    lines = ["#include <stdio.h>", *including(header), "int main(void) {"]
    for name in names:
        spelled = f"struct {name}" if name in ("evutil_addrinfo", "evbuffer_iovec") else name
        negative = f"({spelled})-1 < 0" if re.match(r"ev_|evutil_socket_t", name) else "0"
        lines.append(f'  printf("{name} %zu %d\\n", sizeof({spelled}), {negative});')
    text = "\n".join(lines + ["  return 0;", "}", ""])
    mine = run(compiled(write(f"alias_{slug(header)}.c", text), f"-I{INCLUDE}")).splitlines()
    if os.path.exists(os.path.join(SYSTEM_INCLUDE, header)):
        theirs = run(compiled(write(f"alias_{slug(header)}_system.c", text))).splitlines()
        compare("type aliases", theirs, mine)


# ---- function types -------------------------------------------------------------------------------------------

def function_types(header):
    """The type of each function that is there, as the C++ compiler sees it, is the recorded one."""
    to_come = listed("to_come")
    rows = [row for row in functions() if row[2] == header and row[0] not in to_come]
    lines = ["#include <cstdarg>", "#include <cstdint>", "#include <cstdio>", "#include <type_traits>",
             *including(header)]
    for name, _, _, kind in rows:
        kind = kind.replace("struct __va_list_tag *", "va_list")
        lines.append(f'static_assert(std::is_same_v<decltype({name}), {kind}>, "type of {name}");')
    path = write(f"types_{slug(header)}.cc", "\n".join(lines) + "\n")
    run("g++", "-std=c++20", "-Wno-ignored-attributes", f"-I{INCLUDE}", "-fsyntax-only", path)


# ---- each header alone ----------------------------------------------------------------------------------------

LANGUAGES = {
    "C89": ("gcc", ["-std=c89", "-pedantic", "-Wno-long-long", "-D_GNU_SOURCE"], ".c"),
    "C11": ("gcc", ["-std=c11", "-pedantic"], ".c"),
    "C++11": ("g++", ["-std=c++11", "-pedantic"], ".cc"),
    "C++20": ("g++", ["-std=c++20", "-pedantic"], ".cc"),
}


def header_alone(header, language):
    compiler, flags, suffix = LANGUAGES[language]
    text = f"#include <{header}>\n#include <{header}>\nint main(void);\nint main(void) {{ return 0; }}\n"
    path = write(f"alone_{slug(header)}_{slug(language)}{suffix}", text)
    if suffix == ".cc":
        text = text.replace("int main(void);\n", "")
        path = write(os.path.basename(path), text)
    run(compiler, *flags, "-Wall", "-Wextra", "-Wundef", "-Werror", f"-I{INCLUDE}", "-fsyntax-only", path)


def headers_together(language):
    compiler, flags, suffix = LANGUAGES[language]
    text = "".join(f"#include <{header}>\n" for header in reversed(all_headers())) + "int main(void) { return 0; }\n"
    path = write(f"together_{slug(language)}{suffix}", text)
    run(compiler, *flags, "-Wall", "-Wextra", "-Werror", f"-I{INCLUDE}", "-fsyntax-only", path)


def all_headers():
    found = []
    for folder, _, files in os.walk(INCLUDE):
        found += [os.path.relpath(os.path.join(folder, name), INCLUDE) for name in files if name.endswith(".h")]
    return sorted(found)


# ---- the built libraries --------------------------------------------------------------------------------------

def lib(*name):
    return os.path.join(options.lib, *name)


def library_stem(component):
    return "libevent" if component == "event" else f"libevent_{component}"


def soname(component):
    return f"{library_stem(component)}-2.1.so.7"


def dynamic(path, tag):
    return re.findall(rf"\({tag}\).*\[(.*)\]", run("readelf", "-dW", path))


def symbols(path, *flags):
    return [line.split()[-1].split("@")[0] for line in run("nm", *flags, path).splitlines() if len(line.split()) > 1]


def names_of(path):
    """A name a line; what follows a blank is a remark."""
    if not os.path.exists(path):
        return []
    with open(path) as file:
        return [line.split()[0] for line in file if re.match(r"[A-Za-z_]", line)]


def listed(component):
    return set(names_of(os.path.join(ROOT, "cmake", "exports", f"{component}.txt")))


def exported(component):
    """Names and versions, C++ names readable and without parameters. GNU ld and gold define each version's name too."""
    lines = run("nm", "-DC", "--defined-only", lib(soname(component))).splitlines()
    found = [re.fullmatch(r"[0-9a-f]+ (\w) ([\w:]+)(?:\(.*\))?(?:@@?(\w*))?", line) or expect(False, line) for line in lines]
    return {(match[2], match[3] or "") for match in found if not (match[1] == "A" and match[2] == node())}


def node():
    """The version of what libevent_core offers to its sibling libraries alone."""
    names = defined_versions("core")
    expect(len(names) == 1 and re.fullmatch(r"EVENTIDE_PRIVATE_[0-9a-f]{16}", names[0]), f"libevent_core defines {names}")
    return names[0]


def defined_versions(component):
    """Without the one that stands for the symbols without a version."""
    section = run("readelf", "-VW", lib(soname(component))).split("Version needs section")[0]
    return re.findall(r"Flags: (?!BASE).*Name: (\S+)", section)


def expect_listed(found, names):
    missing, surplus = sorted(names - found), sorted(found - names)
    expect(not missing, f"{len(missing)} listed but not exported: {' '.join(missing)}")
    expect(not surplus, f"{len(surplus)} exported but not listed: {' '.join(surplus)}")


def exported_as_listed(component):
    expect_listed({name for name, version in exported(component) if not version}, listed(component))


def private_exported_as_listed():
    private = {name: version for name, version in exported("core") if version}
    expect(set(private.values()) == {node()}, f"versions: {set(private.values())}")
    expect_listed(set(private), {*names_of(os.path.join(ROOT, "cmake", "private_exports.txt")), node().lower()})


def lists_sorted_and_named(component):
    path = os.path.join(ROOT, "cmake", "exports", f"{component}.txt")
    if not os.path.exists(path):
        return
    with open(path) as file:
        lines = file.read().split()
    expect(lines == sorted(set(lines)), f"{path} is not sorted, or names something twice")
    declared = {row[0] for row in functions()}
    unknown = [name for name in lines if name not in declared]
    expect(not unknown, f"not in the record of functions: {' '.join(unknown)}")


def headers_defined():
    """What the headers that we ship declare is there to be linked to, but for what is written down as to come."""
    offered = set().union(*(listed(component) for component in [*COMPONENTS, *TLS_COMPONENTS]))
    missing = {row[0] for row in functions() if ours(row[2]) and row[0] not in offered}
    to_come = listed("to_come")
    surprising, arrived = sorted(missing - to_come), sorted(to_come - missing)
    expect(not surprising, f"{len(surprising)} declared but not in an export list: {' '.join(surprising)}")
    expect(not arrived, f"in cmake/exports/to_come.txt though exported or not declared: {' '.join(arrived)}")


def names_and_needs(component):
    path = lib(soname(component))
    expect(dynamic(path, "SONAME") == [soname(component)], f"soname is {dynamic(path, 'SONAME')}")
    expected = {"libc.so.6"} | {soname(other) for other in COMPONENTS[component]}
    foreign = TLS_COMPONENTS.get(component)
    needed = {name for name in dynamic(path, "NEEDED") if not (foreign and re.fullmatch(foreign, name))}
    expect(needed == expected, f"NEEDED is {sorted(needed)}, not {sorted(expected)}")
    expect(os.readlink(path) == f"{soname(component)}.0.1", f"{path} is a link to {os.readlink(path)}")
    expect(os.path.exists(lib(f"{library_stem(component)}.so")), "no name for the linker")
    expect(os.path.exists(lib(f"{library_stem(component)}.a")), "no archive")


def symbol_versions(component):
    """Public symbols have none, as programs ask for none. The siblings need the node, the umbrella needs nothing."""
    if component != "core":
        expect(not defined_versions(component), f"defines versions: {defined_versions(component)}")
    found = run("readelf", "-VW", lib(soname(component)))
    needed = re.findall(r"File: libevent\S*  Cnt: \d+\n((?:.*  Name: .*\n)*)", found)
    names = [re.findall(r"Name: (\S+)", names) for names in needed]
    expect(names == ([] if component in ("core", "event") else [[node()]]), f"versions needed of libevent: {names}")


# ---- libraries of different builds ----------------------------------------------------------------------------

OTHER_HASH = "0" * 16


def libraries_with(folder, component, old, new):
    """A copy of the libraries in which `old` was replaced in one of them."""
    path = os.path.join(options.scratch, folder)
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path)
    for name in COMPONENTS:
        with open(lib(soname(name)), "rb") as file:
            content = file.read()
        if name == component:
            expect(old.encode() in content, f"{soname(name)} contains no {old}")
            content = content.replace(old.encode(), new.encode())
        with open(os.path.join(path, soname(name)), "wb") as file:
            file.write(content)
    return path


def load(path):
    """The dynamic linker's complaint, empty if it has none."""
    result = subprocess.run([sys.executable, "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", path],
                            capture_output=True, text=True, timeout=60)
    return result.stderr.strip().split("\n")[-1] if result.returncode else ""


def libraries_of_one_build_load():
    folder = libraries_with("one_build", "core", node(), node())
    for component in COMPONENTS:
        complaint = load(os.path.join(folder, soname(component)))
        expect(not complaint, complaint)


def core_of_another_build(component):
    other = f"EVENTIDE_PRIVATE_{OTHER_HASH}"
    folder = libraries_with("other_core", "core", node(), other)
    complaint = load(os.path.join(folder, soname(component)))
    expect(f"version `{node()}' not found" in complaint and soname("core") in complaint, f"said: {complaint}")
    folder = libraries_with("other_sibling", component, node(), other)
    complaint = load(os.path.join(folder, soname(component)))
    expect(f"version `{other}' not found" in complaint, f"said: {complaint}")


def core_of_another_build_without_versions(component):
    """The node's function is what a loader that knows no versions looks for."""
    other = f"eventide_private_{OTHER_HASH}"
    folder = libraries_with("other_function", component, node().lower(), other)
    complaint = load(os.path.join(folder, soname(component)))
    expect(f"undefined symbol: {other}" in complaint, f"said: {complaint}")


def core_of_libevent(component):
    found = re.search(rf"{soname('core')} .*=> (\S+)", run("/sbin/ldconfig", "-p"))
    if not found:
        return
    folder = libraries_with("libevent_core", "core", node(), node())
    shutil.copy(found[1], os.path.join(folder, soname("core")))
    complaint = load(os.path.join(folder, soname(component)))
    expect("undefined symbol" in complaint and node() in complaint, f"said: {complaint}")


def node_of(files, build="Release"):
    """What write_private_node.cmake makes of a small tree."""
    tree = tempfile.mkdtemp(dir=options.scratch)
    for name, content in files.items():
        path = os.path.join(tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(content)
    run("cmake", f"-DSOURCE={tree}", "-DLAYERS=util,core", f"-DBUILD={build}", f"-DOUTPUT={tree}/node",
        "-P", os.path.join(ROOT, "cmake", "write_private_node.cmake"))
    with open(os.path.join(tree, "node", "private_node.h")) as file:
        return re.search(r"eventide_private_[0-9a-f]{16}$", file.read(), re.M)[0]


def node_follows_what_siblings_see():
    tree = {"src/util/a.h": "int a();\n", "src/core/b.h": "int b();\n", "src/core/b.cc": "int b() { return 1; }\n",
            "src/http/c.h": "int c();\n", "include/event2/s.h": "struct s { int a; };\n",
            "cmake/private_exports.txt": "# A remark.\nevi::a\n"}
    first = node_of(tree)
    for name, content in (("src/core/b.cc", ""), ("src/http/c.h", ""), ("cmake/private_exports.txt", "evi::a (new)\n")):
        expect(node_of({**tree, name: content}) == first, f"depends on {name}")
    expect(node_of({**tree, "src/core/b.h": "int b() noexcept;\n"}) != first, "does not depend on an internal header")
    expect(node_of({**tree, "include/event2/s.h": "struct s {};\n"}) != first, "does not depend on a public header")
    expect(node_of({**tree, "src/core/d.h": "int d();\n"}) != first, "does not depend on a new header")
    expect(node_of({**tree, "cmake/private_exports.txt": "evi::a\nevi::b\n"}) != first, "does not depend on the list")
    expect(node_of(tree, "Debug") != first, "does not depend on the kind of build")


def test_builds():
    siblings = [component for component in COMPONENTS if component not in ("core", "event")]
    check("one build: all libraries load", libraries_of_one_build_load)
    for component in siblings:
        stem = library_stem(component)
        check(f"{stem}: does not load with libevent_core of another build", core_of_another_build, component)
        check(f"{stem}: nor where the loader ignores versions", core_of_another_build_without_versions, component)
        check(f"{stem}: nor with libevent_core of libevent", core_of_libevent, component)
    check("the private version follows internal headers and list", node_follows_what_siblings_see)


CPP_RUNTIME = re.compile(r"^(_ZS|_ZNS|_ZNKS|_Znw|_Zna|_ZTVN10__cxxabiv|_Unwind_|__gxx_|__dynamic_cast|__cxa_"
                         r"(throw|begin|end|rethrow|allocate|guard|bad|thread_atexit))")


def no_cpp(component):
    cpp = [name for name, version in exported(component) if "::" in name and not version]
    expect(not cpp, f"exported C++ names: {cpp[:5]}")
    undefined = [name for name in symbols(lib(soname(component)), "-D", "--undefined-only") if CPP_RUNTIME.match(name)]
    expect(not undefined, f"needs of the C++ runtime: {undefined[:5]}")
    archive = lib(f"{library_stem(component)}.a")
    defined = set(symbols(archive, "--defined-only"))
    undefined = [name for name in symbols(archive, "--undefined-only")
                 if CPP_RUNTIME.match(name) and name not in defined]
    expect(not undefined, f"the archive needs of the C++ runtime: {sorted(set(undefined))[:5]}")


# ---- programs that were compiled for libevent -----------------------------------------------------------------

def transcript(program, method, library):
    """What a program prints, and the libevent libraries that were in its memory."""
    env = dict(METHODS[method])
    env["LD_LIBRARY_PATH"] = library or ""
    output = run(program, env=env, timeout=60)
    loaded = set(re.findall(r"^loaded (.*)$", output, re.M))
    text = re.sub(r"^loaded .*\n", "", output, flags=re.M)
    return text, loaded


def same_on_both(program, method, loaded_from):
    theirs, _ = transcript(program, method, None)
    mine, loaded = transcript(program, method, loaded_from)
    expect(loaded, "no libevent library was loaded")
    foreign = [path for path in loaded if not path.startswith(os.path.realpath(loaded_from) + "/")]
    expect(not foreign, f"loaded {foreign}")
    expect(f"method {method}\n" in mine, f"the method is not {method}")
    expect_same(theirs, mine)


def expect_same(theirs, mine):
    if theirs != mine:
        pairs = [(a, b) for a, b in zip(theirs.splitlines(), mine.splitlines()) if a != b]
        raise Failure(f"libevent and we differ: {pairs[:5] or 'one stops earlier'}")


def compat_program(name, *flags):
    program = os.path.join(options.scratch, name)
    run("gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", os.path.join(HERE, "compat.c"), "-o", program, *flags)
    return program


def compat(name, method, flags, library):
    same_on_both(compat_program(name, *flags), method, library)


def compat_static():
    """Our archives link into a C program by the C compiler alone, and behave as libevent does."""
    archives = [lib("libevent_pthreads.a"), lib("libevent.a")]
    theirs, _ = transcript(compat_program("compat_theirs", "-levent_core", "-levent_pthreads"), "epoll", None)
    mine, loaded = transcript(compat_program("compat_static", f"-I{INCLUDE}", *archives), "epoll", None)
    expect(not loaded, f"loaded {loaded}")
    expect_same(theirs, mine)


def test_compat():
    for method in METHODS:
        check(f"compat: linked to libevent_core, {method}", compat, "compat_core", method,
              ["-levent_core", "-levent_pthreads"], options.lib)
        check(f"compat: linked to the umbrella, {method}", compat, "compat_event", method,
              ["-levent", "-levent_pthreads"], options.lib)
    # What is compiled with our headers and linked to our libraries runs on libevent's as well.
    check("compat: compiled with ours, -levent", compat, "compat_ours", "epoll",
          [f"-I{INCLUDE}", f"-L{options.lib}", "-levent", "-levent_pthreads"], options.lib)
    check("compat: archives", compat_static)


# ---- all of it ------------------------------------------------------------------------------------------------

def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, metavar="DIR", help="build folder, with the libraries in lib/")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each test that passes")
    options = parser.parse_args()
    options.lib = os.path.join(os.path.abspath(options.build), "lib")
    os.environ.pop("LD_LIBRARY_PATH", None)
    COMPONENTS.update((component, ["core"]) for component in TLS_COMPONENTS
                      if os.path.exists(lib(f"{library_stem(component)}.so")))

    with tempfile.TemporaryDirectory(prefix="eventide-abi.") as options.scratch:
        headers = all_headers()
        for header in headers:
            for language in LANGUAGES:
                check(f"{header} alone in {language}", header_alone, header, language)
            check(f"{header}: layouts, numbers, macros", layout, header)
            check(f"{header}: types named", type_aliases, header)
            check(f"{header}: function types", function_types, header)
        for language in LANGUAGES:
            check(f"all headers together in {language}", headers_together, language)
        check("what the headers declare is exported", headers_defined)
        for component in COMPONENTS:
            stem = library_stem(component)
            check(f"{stem}: exports what is listed", exported_as_listed, component)
            check(f"{stem}: list", lists_sorted_and_named, component)
            check(f"{stem}: soname, NEEDED, file names", names_and_needs, component)
            check(f"{stem}: symbol versions", symbol_versions, component)
            check(f"{stem}: nothing of the C++ runtime", no_cpp, component)
        check("libevent_core: offers its siblings what is listed", private_exported_as_listed)
        test_builds()
        test_compat()
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
