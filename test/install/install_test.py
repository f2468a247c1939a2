#!/usr/bin/env python3
"""Installs the built libraries into a fresh prefix, moves it, and builds and runs programs with what is there.

By pkg-config and by find_package, with the shared and with the static libraries. The last line printed is
`N passed, N failed`.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CONSUMER = os.path.join(HERE, "consumer")
EXPECTED = "2.1.12-stable timer 0x1\n"
STEMS = ["libevent", "libevent_core", "libevent_extra", "libevent_pthreads"]
# Where the TLS library was there to build with.
TLS_STEMS = ("libevent_openssl", "libevent_mbedtls")

passed = 0
failed = 0


class Failure(Exception):
    pass


def check(name, function, *arguments):
    global passed, failed
    try:
        function(*arguments)
        passed += 1
        print(f"ok: {name}")
    except (Failure, OSError, subprocess.TimeoutExpired) as problem:
        failed += 1
        print(f"FAIL: {name}: {problem}")


def expect(condition, message):
    if not condition:
        raise Failure(message)


def run(*command, **env):
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **env})
    expect(result.returncode == 0, f"{' '.join(command)} ended with status {result.returncode}\n"
                                   f"{result.stdout[-1500:]}{result.stderr[-1500:]}")
    return result.stdout


class Prefix:
    """An installation that was moved after it was made."""

    def __init__(self, build, scratch):
        self.scratch = scratch
        first = os.path.join(scratch, "first")
        run("cmake", "--install", build, "--prefix", first)
        self.path = os.path.join(scratch, "moved")
        os.rename(first, self.path)
        found = subprocess.run(["find", self.path, "-name", "libevent_core.so"], capture_output=True, text=True).stdout
        self.lib = os.path.dirname(found.strip())

    def files(self, *parts):
        top = os.path.join(self.path, *parts)
        return [os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names]


def what_is_installed(prefix):
    headers = {os.path.relpath(path, os.path.join(prefix.path, "include")) for path in prefix.files("include")}
    source = os.path.join(ROOT, "include")
    ours = {os.path.relpath(os.path.join(folder, name), source)
            for folder, _, names in os.walk(source) for name in names if name.endswith(".h")}
    expect(headers == ours, f"headers: {sorted(headers ^ ours)}")
    names = set(os.listdir(prefix.lib)) - {"cmake", "pkgconfig"}
    expected = {name for stem in STEMS
                for name in (f"{stem}.a", f"{stem}.so", f"{stem}-2.1.so.7", f"{stem}-2.1.so.7.0.1")}
    expect(names == expected, f"libraries: {sorted(names ^ expected)}")
    top = set(os.listdir(prefix.path))
    expect(top == {"include", os.path.relpath(prefix.lib, prefix.path).split(os.sep)[0]}, f"installed {sorted(top)}")


def no_absolute_path(prefix):
    for path in prefix.files():
        if path.endswith((".pc", ".cmake")):
            with open(path) as file:
                text = file.read()
            for place in (ROOT, prefix.scratch):
                expect(place not in text, f"{path} names {place}")


def runs(program, prefix=None):
    """Runs a program, with our libraries on its path if a prefix is given; it must load those and no others."""
    env = {"LD_LIBRARY_PATH": prefix.lib if prefix else ""}
    expect(run(program, **env) == EXPECTED, f"{program} printed {run(program, **env)!r}")
    mapped = run("ldd", program, **env)
    libraries = re.findall(r"(libevent\S*) => (\S+)", mapped)
    if prefix:
        expect(libraries and all(path.startswith(prefix.lib) for _, path in libraries), f"it loads {libraries}")
    else:
        expect(not libraries, f"it loads {libraries}")


def pkg_config(prefix, package, *flags):
    path = os.path.join(prefix.lib, "pkgconfig")
    return run("pkg-config", *flags, package, PKG_CONFIG_LIBDIR=path, PKG_CONFIG_PATH="").split()


def by_pkg_config(prefix, package, static):
    defines = {"libevent_pthreads": ["-DWITH_PTHREADS"], "libevent_openssl": ["-DWITH_OPENSSL"],
               "libevent_mbedtls": ["-DWITH_MBEDTLS"]}.get(package, [])
    program = os.path.join(prefix.scratch, f"{package}_{'static' if static else 'shared'}")
    flags = pkg_config(prefix, package, "--cflags")
    libs = pkg_config(prefix, package, "--libs", *(["--static"] if static else []))
    if static:
        libs = ["-Wl,-Bstatic", *libs, "-Wl,-Bdynamic"]
    run("gcc", "-Wall", "-Werror", *defines, *flags, os.path.join(CONSUMER, "consumer.c"), "-o", program, *libs)
    runs(program, None if static else prefix)
    expect(pkg_config(prefix, package, "--modversion") == ["2.1.12-stable"], "its version")


def by_find_package(prefix, static):
    build = os.path.join(prefix.scratch, "cmake_static" if static else "cmake_shared")
    run("cmake", "-S", CONSUMER, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix.path}",
        f"-DEXPECT_OPENSSL={'ON' if 'libevent_openssl' in STEMS else 'OFF'}",
        f"-DEXPECT_MBEDTLS={'ON' if 'libevent_mbedtls' in STEMS else 'OFF'}",
        f"-DLIBEVENT_STATIC_LINK={'ON' if static else 'OFF'}")
    used = [line for line in open(os.path.join(build, "CMakeCache.txt")) if line.startswith("Libevent_DIR")]
    expect(used and prefix.path in used[0], f"it found {used}")
    run("cmake", "--build", build)
    tls = [f"by_target_{stem[len('libevent_'):]}" for stem in TLS_STEMS if stem in STEMS]
    for program in ("by_target", "by_target_threads", "by_variable", *tls):
        runs(os.path.join(build, program), None if static else prefix)


def from_cxx(prefix):
    program = os.path.join(prefix.scratch, "cxx")
    run("g++", "-x", "c++", "-std=c++17", *pkg_config(prefix, "libevent", "--cflags"),
        os.path.join(CONSUMER, "consumer.c"), "-x", "none", "-o", program, *pkg_config(prefix, "libevent", "--libs"))
    runs(program, prefix)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, metavar="DIR", help="build folder to install from")
    options = parser.parse_args()
    STEMS.extend(stem for stem in TLS_STEMS if os.path.exists(os.path.join(options.build, "lib", f"{stem}.so")))
    with tempfile.TemporaryDirectory(prefix="eventide-install.") as scratch:
        prefix = Prefix(options.build, os.path.realpath(scratch))
        check("headers and libraries, and nothing else", what_is_installed, prefix)
        check("no absolute path in the package files", no_absolute_path, prefix)
        for package in STEMS:
            for static in (False, True):
                check(f"pkg-config {package} {'static' if static else 'shared'}", by_pkg_config, prefix, package, static)
        for static in (False, True):
            check(f"find_package {'static' if static else 'shared'}", by_find_package, prefix, static)
        check("a C++ program", from_cxx, prefix)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
