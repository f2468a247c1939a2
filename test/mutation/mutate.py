#!/usr/bin/env python3
"""Makes small changes at random places of src/, one at a time, and reports which of them the tests notice.

Works on a copy of the tree in build/mutation/tree with a dev build of its own, so the source tree is never changed. For
each mutant: rebuild, run the unit tests of its folder, then the other unit tests, the C programs and the conformance
suite, until the first that fails. The results are printed as a table and kept in build/mutation/results.tsv.

A mutant that is not noticed fails nothing: it is a test to write, or a change without a difference. What fails is the
run itself: tests that fail without any change, or a tree that does not build. The last line printed is
`N passed, N failed`, the mutants that were judged being those that passed.
"""

import argparse
import concurrent.futures
import filecmp
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import mutants

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORK = os.path.join(ROOT, "build", "mutation")
TREE = os.path.join(WORK, "tree")
BUILD = os.path.join(TREE, "build", "dev")

# Of the tests that ctest lists.
CHOSEN_TESTS = ("unit_", "api_", "conformance")
BUILD_LIMIT_S = 1800
MEMORY_LIMIT = 8 << 30  # a mutant may allocate for ever
KEPT_OUTPUT = 65536


# --- the copy -------------------------------------------------------------------------------------------------

def source_files():
    """What the copy consists of: all files but builds, relative to the root."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in ("build", "__pycache__")]
        for name in names:
            if not name.startswith("."):
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def copy_tree():
    """Brings the copy up to date. Files that are the same keep their times, so that little is built again."""
    wanted = set(source_files())
    for path in sorted(wanted):
        source, target = os.path.join(ROOT, path), os.path.join(TREE, path)
        if os.path.exists(target) and filecmp.cmp(source, target, shallow=False):
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(source, target)
    for folder, folders, names in os.walk(TREE):
        if folder == TREE:
            folders[:] = [name for name in folders if name != "build"]
        for name in names:
            path = os.path.join(folder, name)
            if os.path.relpath(path, TREE) not in wanted:
                os.remove(path)


# --- processes ------------------------------------------------------------------------------------------------

running = set()  # the process groups of what runs now


def end_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def end_run(*_):
    """When the run itself is to end: builds and tests have process groups of their own and would go on."""
    for group in list(running):
        end_group(group)
    os._exit(1)


def limit_process():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))


def run(command, limit_s, environment=None, limited=False, folder=None):
    """(status, the end of the output). The status is None if it took too long; then all its processes are ended."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               cwd=folder, env=environment, start_new_session=True,
                               preexec_fn=limit_process if limited else None)
    running.add(process.pid)
    late = threading.Event()

    def end_late():
        late.set()
        end_group(process.pid)

    timer = threading.Timer(limit_s, end_late)
    timer.start()
    output = b""
    while block := process.stdout.read1(KEPT_OUTPUT):
        output = (output + block)[-KEPT_OUTPUT:]
    status = process.wait()
    timer.cancel()
    end_group(process.pid)  # children that a test left behind
    running.discard(process.pid)
    return None if late.is_set() else status, output.decode(errors="replace")


def build(targets, jobs):
    command = ["cmake", "--build", BUILD, "--parallel", str(jobs), "--target", *targets]
    return run(command, BUILD_LIMIT_S)


def configure():
    generator = ["-GNinja"] if shutil.which("ninja") else []
    if os.path.exists(os.path.join(BUILD, "CMakeCache.txt")):
        generator = []
    # A mutant may leave a variable without use.
    return run(["cmake", "--preset", "dev", *generator, "-DEVENTIDE_WERROR=OFF", "-DEVENTIDE_SAMPLES=OFF",
                "-DEVENTIDE_BENCH=OFF", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"], BUILD_LIMIT_S, folder=TREE)


# --- the tests ------------------------------------------------------------------------------------------------

class Test:
    """One of ctest's, run here, so that all stop at the first failure and each has a limit of its own."""

    def __init__(self, listed):
        self.name = listed["name"]
        self.command = listed.get("command", [])
        self.target = os.path.basename(self.command[0]) if self.command else ""
        self.seconds = 60.0  # without a mutant, on this machine
        properties = {p["name"]: p["value"] for p in listed.get("properties", [])}
        self.folder = properties.get("WORKING_DIRECTORY", BUILD)
        self.environment = dict(os.environ)
        for change in properties.get("ENVIRONMENT_MODIFICATION", []):
            if "=unset:" in change:
                self.environment.pop(change.split("=")[0], None)
        for setting in properties.get("ENVIRONMENT", []):
            name, _, value = setting.partition("=")
            self.environment[name] = value

    def run(self):
        """(whether it passed, what it printed last)"""
        started = time.monotonic()
        status, output = run(self.command, 10 + 5 * self.seconds, self.environment, True, self.folder)
        self.last_seconds = time.monotonic() - started
        return status == 0, "too slow" if status is None else output


def test_programs():
    """The build system's targets among them: ctest knows the command of a test when it is built."""
    _, output = run(["cmake", "--build", BUILD, "--target", "help"], 120)
    names = re.findall(r"^(?:\.\.\. )?(\w+)(?=:|\s|$)", output, re.M)
    return sorted({name for name in names if name.startswith(CHOSEN_TESTS)})


def list_tests():
    listed = subprocess.run(["ctest", "--test-dir", BUILD, "--show-only=json-v1"], stdout=subprocess.PIPE, check=True)
    tests = json.loads(listed.stdout)["tests"]
    return [Test(t) for t in tests if t["name"].startswith(CHOSEN_TESTS) and t.get("command")]


def first_failure(tests, jobs):
    """The name and output of a test that fails, or None. The others are not started after it."""
    stop = threading.Event()

    def attempt(test):
        if stop.is_set():
            return None
        passed, output = test.run()
        if passed:
            return None
        stop.set()
        return test.name, output

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for failure in pool.map(attempt, tests):
            if failure:
                return failure
    return None


def measure(tests):
    """Runs all without a mutant. Returns the names of those that fail."""
    failed = []
    for test in tests:
        passed, output = test.run()
        if not passed:
            passed, output = test.run()  # a busy machine
        if not passed:
            failed.append(test.name)
            print(f"FAILED {test.name} without any change:\n{output[-2000:]}")
        test.seconds = test.last_seconds
    return failed


# --- mutants --------------------------------------------------------------------------------------------------

def compiled_sources():
    with open(os.path.join(BUILD, "compile_commands.json")) as file:
        paths = {os.path.relpath(entry["file"], TREE) for entry in json.load(file)}
    return sorted(path for path in paths if path.startswith("src" + os.sep))


def all_mutants(only):
    found = []
    for path in compiled_sources():
        if only and not path.startswith(only):
            continue
        with open(os.path.join(TREE, path)) as file:
            found += mutants.file_mutants(path, file.read())
    return found


class Applied:
    """A mutant in the copy, for as long as the block lasts."""

    def __init__(self, mutant):
        self.path = os.path.join(TREE, mutant.path)
        self.mutant = mutant

    def __enter__(self):
        with open(self.path) as file:
            self.original = file.read()
        lines = self.original.split("\n")
        lines[self.mutant.line - 1] = self.mutant.new
        self.write("\n".join(lines))

    def __exit__(self, *_):
        self.write(self.original)

    def write(self, text):
        with open(self.path, "w") as file:
            file.write(text)


def verdict(mutant, tests, jobs):
    """(verdict, by which test)"""
    own = "unit_" + mutant.path.split(os.sep)[1]
    groups = [[t for t in tests if t.name == own], [t for t in tests if t.name != own]]
    for group in filter(None, groups):
        status, output = build(sorted({t.target for t in group}), jobs)
        if status != 0:
            return "not compiled", ""
        failure = first_failure(sorted(group, key=lambda t: t.seconds), jobs)
        if failure:
            return "noticed", failure[0]
    return "not noticed", ""


def judge(chosen, tests, jobs, deadline):
    rows = []
    for mutant in chosen:
        if time.monotonic() > deadline:
            print(f"table: the time is up after {len(rows)} of {len(chosen)} mutants")
            break
        with Applied(mutant):
            row = (mutant.place(), mutant.change(), *verdict(mutant, tests, jobs))
        rows.append(row)
        print("table: " + " | ".join(filter(None, (row[2], row[0], row[1], row[3]))), flush=True)
    return rows


def report(rows, seed):
    with open(os.path.join(WORK, "results.tsv"), "w") as file:
        file.write("place\tchange\tverdict\ttest\n")
        file.writelines("\t".join(row) + "\n" for row in rows)
    noticed = sum(row[2] == "noticed" for row in rows)
    valid = sum(row[2] != "not compiled" for row in rows)
    share = f" ({100 * noticed // valid} %)" if valid else ""
    print(f"table: score: {noticed} of {valid} mutants noticed{share}, {len(rows) - valid} not compiled; seed {seed}")


# --- the run --------------------------------------------------------------------------------------------------

def prepare(jobs):
    """The tests, after all passed without a change; or None."""
    os.makedirs(TREE, exist_ok=True)
    copy_tree()
    status, output = configure()
    if status == 0:
        status, output = build(test_programs(), jobs)
    if status != 0:
        print(f"FAILED the build without any change:\n{output[-4000:]}")
        return None
    tests = list_tests()
    return None if measure(tests) else tests


def arguments():
    def number(name, default):
        return int(os.environ.get("EVENTIDE_MUTATION_" + name, default))

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mutants", type=int, default=number("COUNT", 30), help="how many (EVENTIDE_MUTATION_COUNT)")
    parser.add_argument("--seed", type=int, default=number("SEED", 1), help="which ones (EVENTIDE_MUTATION_SEED)")
    parser.add_argument("--minutes", type=int, default=number("MINUTES", 60),
                        help="no mutant is begun after that time (EVENTIDE_MUTATION_MINUTES)")
    parser.add_argument("--in", dest="only", default=os.environ.get("EVENTIDE_MUTATION_IN", ""),
                        help="only in sources whose paths begin so, as src/core/ (EVENTIDE_MUTATION_IN)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    return parser.parse_args()


def main():
    options = arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_run)
    deadline = time.monotonic() + 60 * options.minutes
    tests = prepare(options.jobs)
    if tests is None:
        print("0 passed, 1 failed")
        return 1
    chosen = mutants.choose(all_mutants(options.only), options.mutants, random.Random(options.seed))
    rows = judge(chosen, tests, options.jobs, deadline)
    report(rows, options.seed)
    print(f"{len(rows)} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
