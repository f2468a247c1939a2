#!/usr/bin/env python3
"""Runs the benchmark programs side by side and reports ratios of CPU per operation.

Each program runs in rounds: on our library, on libevent, and beside them the same work by bare system
calls or by libev. A round's runs follow each other at once, so that what disturbs the machine disturbs
them alike; the result is the median of the rounds' ratios. See README.md.
"""

import argparse
import concurrent.futures
import itertools
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

RUN_TIMEOUT_SECONDS = 180
# The kernel splits user and system time by sampling at the clock tick: less than this is no sample.
MIN_SPLIT_US = 100_000
# Ratios vary by a few per cent from run to run: within this factor no library counts as behind another.
LEVEL = 1.05


@dataclass(frozen=True)
class Measure:
    name: str
    title: str
    of: str = "libevent"  # what the target compares our library with: bare, libevent, or a plain count
    target: float | None = None
    calls: float | None = None  # target for system calls per operation


@dataclass(frozen=True)
class Change:
    """How the cost changes from one measure to another on the same library."""
    title: str
    over: str
    under: str
    target: float | None = None
    of_bare: bool = False  # the target holds for our change against that of bare system calls


@dataclass(frozen=True)
class Workload:
    name: str
    measures: tuple
    peers: tuple = ()  # bare, libev, libuv: programs beside it, which may have fewer measures
    trace_ops: int = 0  # operations under strace; 0: system calls are not the point
    repeats: int = 1  # rounds for each that is asked for: short runs can have more
    changes: tuple = ()
    smoke_ops: int = 100
    only_ours: bool = False
    optional: bool = False  # built only where another library is installed


WORKLOADS = (
    Workload("dispatch", (Measure("dispatch", "dispatch, 100 of 1000 sockets active", "bare", 1.05),),
             ("bare", "libev", "libuv"), 20_000, 3),
    Workload("scale", (
        Measure("scale_1_of_10k", "dispatch, 1 of 10 k descriptors active", "libevent", LEVEL),
        Measure("scale_100_of_100", "dispatch, 100 of 100 descriptors active", "libevent", LEVEL),
        Measure("scale_100_of_9k", "dispatch, 100 of 9 k descriptors active", "libevent", LEVEL),
        Measure("scale_9k_of_9k", "dispatch, 9 k of 9 k descriptors active", "libevent", LEVEL),
    ), ("bare",), 20_000, 2, changes=(
        Change("100 active: 9 k descriptors / 100", "scale_100_of_9k", "scale_100_of_100", 1.15),
        Change("all active: 9 k descriptors / 100", "scale_9k_of_9k", "scale_100_of_100", 1.15, of_bare=True),
    )),
    Workload("churn", (
        Measure("churn_add_del", "add and delete a persistent event", "libevent", LEVEL, calls=2),
        Measure("churn_changelist", "add and delete it with a changelist", calls=1),
        Measure("churn_one_shot", "one-shot event, added again in its callback", "libevent", LEVEL),
    ), ("bare",), 20_000, 2, smoke_ops=1000),
    Workload("activate", (
        Measure("activate", "event_active, one priority", "libevent", LEVEL),
        Measure("activate_priorities", "event_active, eight priorities", "libevent", LEVEL),
    ), ("libev",), smoke_ops=1000),
    Workload("xthread", (
        Measure("xthread_activate", "event_active from another thread", "libevent", LEVEL),
        Measure("xthread_round_trip", "round trip between two threads' loops", "libevent", LEVEL),
    ), ("bare", "libev", "libuv"), repeats=2, smoke_ops=1000),
    Workload("signals", (Measure("signals", "signal, from raise to callback", "libevent", LEVEL),),
             ("bare", "libev", "libuv"), 5_000),
    Workload("echo", (Measure("echo", "echo of 64 bytes by bufferevent", "bare", 1.15),),
             ("bare", "libuv"), 10_000, 3),
    Workload("bulk", (
        Measure("bulk", "bulk receive by bufferevent, 64 KiB in default slices", "bare", 1.44),
        Measure("bulk_large", "bulk receive by bufferevent, 64 KiB in large slices", "bare", 1.2),
    ), ("bare",), 2_000, 3, changes=(
        Change("bulk receive: default slices / large ones", "bulk", "bulk_large", 1.2),
    )),
    Workload("send", (
        Measure("send_copy", "bulk send by copy, 64 KiB", "bare", 1.2),
        Measure("send_reference", "bulk send by reference, 64 KiB", "bare", 1.2),
        Measure("send_file", "bulk send of a file, 64 KiB", "bare", 1.2),
    ), ("bare",), 2_000, 2),
    Workload("proxy", (
        Measure("proxy", "proxy between two sockets, 64 KiB in default slices", "bare", 1.2),
        Measure("proxy_large", "proxy between two sockets, 64 KiB in large slices", "bare", 1.2),
    ), ("bare",), 2_000, 3, changes=(
        Change("proxy: default slices / large ones", "proxy", "proxy_large", 1.2),
    )),
    Workload("tls_echo", (Measure("tls_echo", "echo of 64 bytes by TLS bufferevent", "libevent", 0.77),),
             ("bare",), 5_000, 2, optional=True),
    Workload("tls_bulk", (
        Measure("tls_receive", "bulk receive by TLS bufferevent, 64 KiB", "bare", 1.1),
        Measure("tls_receive_large", "the same with a large maximum for one read", "bare", 1.1),
        Measure("tls_send", "bulk send by TLS bufferevent, 64 KiB", "bare", 1.1),
    ), ("bare",), 2_000, 2, optional=True),
    Workload("multicast", (
        Measure("multicast", "multicast of 1 MiB to 200 connections", "bare", 1.2),
        Measure("multicast_heap", "multicast: heap bytes per connection", "count"),
        Measure("multicast_allocations", "multicast: allocations per connection", "count"),
    ), ("bare",), 400, smoke_ops=200),
    Workload("rate_group", (
        Measure("rate_group", "rate-limited group of 1000, per KiB received", "libevent", LEVEL),
    )),
    Workload("accept", (Measure("accept", "accept and close by evconnlistener", "bare", 1.05),),
             ("bare",), 3_000, 3),
    Workload("timers", (
        Measure("timers_add", "1 M random timers: add", target=0.8),
        Measure("timers_readd", "1 M random timers: add again", target=0.35),
        Measure("timers_delete", "1 M random timers: delete", target=0.35),
        Measure("timers_expire", "1 M random timers: expire", target=0.3),
        Measure("timers_moved_expire", "1 M random timers: expire after a move"),
    ), ("libev", "libuv")),
    Workload("idle_timers", (
        Measure("idle_push", "idle timers of 30 s: push back", target=0.1),
        Measure("idle_push_due", "idle timers of 0.5 s: push back, coming due"),
    ), ("libev",), repeats=2),
    Workload("common_timeouts", (
        Measure("common_add", "100 k common timeouts: add", target=LEVEL),
        Measure("common_readd", "100 k common timeouts: add again", target=LEVEL),
        Measure("common_delete", "100 k common timeouts: delete", target=LEVEL),
        Measure("common_expire", "100 k common timeouts: expire", target=LEVEL),
    ), repeats=3),
    Workload("evbuffer", (
        Measure("evbuffer_add_32", "evbuffer: add 32 bytes", target=0.7),
        Measure("evbuffer_add_remove_4k", "evbuffer: add and remove 4 KiB", target=0.7),
        Measure("evbuffer_move_512", "evbuffer: add and move 512 bytes", target=0.7),
        Measure("evbuffer_readln", "evbuffer: readln", target=0.7),
        Measure("evbuffer_add_printf", "evbuffer: add_printf", target=0.7),
    ), repeats=3),
    Workload("memory", (
        Measure("memory_idle", "memory per idle bufferevent", "count", 704),
        Measure("memory_after_message", "memory per bufferevent, idle again after a message", "count"),
    )),
    Workload("metrics", (), only_ours=True, changes=(
        Change("metrics enabled / never enabled", "metrics_on", "metrics_never"),
        Change("metrics disabled again / never enabled", "metrics_off", "metrics_never", 1.02),
    )),
)


class BenchError(Exception):
    pass


@dataclass
class Sample:
    """What one run printed for one measure: per operation, microseconds of CPU or a plain count."""
    ops: int
    user: float = 0.0
    system: float = 0.0
    count: float | None = None

    @property
    def cost(self):
        return self.user + self.system if self.count is None else self.count


@dataclass
class Results:
    rounds: dict = field(default_factory=dict)  # measure name -> {variant: [Sample, one per round]}
    calls: dict = field(default_factory=dict)  # measure name -> {variant: {system call: per operation}}
    skipped: dict = field(default_factory=dict)  # measure name -> why it could not be run here

    def add(self, variant, samples):
        for name, sample in samples.items():
            self.rounds.setdefault(name, {}).setdefault(variant, []).append(sample)

    def has(self, name, *variants):
        return all(v in self.rounds.get(name, {}) for v in variants)

    def ratios(self, name, over, under):
        """One ratio per round."""
        if not self.has(name, over, under):
            return []
        return [a.cost / b.cost for a, b in zip(self.rounds[name][over], self.rounds[name][under]) if b.cost > 0]

    def split_ratio(self, name, over, under, part):
        """The ratio of user or system time alone over all rounds; None where that is too short to sample."""
        if not self.has(name, over, under):
            return None
        a, b = (sum(getattr(s, part) * s.ops for s in self.rounds[name][v]) for v in (over, under))
        return a / b if min(a, b) >= MIN_SPLIT_US else None

    def changes(self, change, variant):
        """One ratio per round."""
        over, under = (self.rounds.get(name, {}).get(variant, []) for name in (change.over, change.under))
        return [a.cost / b.cost for a, b in zip(over, under) if b.cost > 0]

    def median_count(self, name, variant):
        return median([s.cost for s in self.rounds.get(name, {}).get(variant, [])])

    def system_calls(self, name, variant):
        calls = self.calls.get(name, {}).get(variant)
        return None if calls is None else sum(calls.values())


def median(values):
    return statistics.median(values) if values else None


class Runner:
    def __init__(self, options):
        self.options = options
        self.directories = {"ours": os.path.realpath(options.ours), "libevent": os.path.realpath(options.theirs)}

    def program(self, workload, variant):
        suffix = "" if variant in self.directories else "_" + variant
        return os.path.join(self.options.bin, f"bench_{workload.name}{suffix}")

    def variants(self, workload):
        """Our library, libevent and the peers, as far as they are built."""
        if workload.optional and not os.path.exists(self.program(workload, "ours")):
            return []
        if workload.only_ours:
            return ["ours"] * os.path.exists(self.program(workload, "ours"))
        built = [peer for peer in workload.peers if os.path.exists(self.program(workload, peer))]
        if "bare" in workload.peers and "bare" not in built:
            raise BenchError(f"{self.program(workload, 'bare')} is not built")
        return ["ours", "libevent"] + built

    def environment(self, variant):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("LD_", "EVENT_"))}
        if variant in self.directories:
            environment["LD_LIBRARY_PATH"] = self.directories[variant]
        return environment

    def run(self, workload, variant, ops=0, trace=None):
        """Runs a program once and returns its lines, after checking which library it ran on."""
        command = [self.program(workload, variant)] + ([str(ops)] if ops else [])
        if trace:
            # Without -f: the load generator is a child of the server and is not followed.
            command = ["strace", "-o", trace, "-e", "raw=all", "-e", "signal=none"] + command
        try:
            done = subprocess.run(command, env=self.environment(variant), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=RUN_TIMEOUT_SECONDS, text=True, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BenchError(f"{workload.name} ({variant}): {error}") from error
        if done.returncode != 0:
            raise BenchError(f"{workload.name} ({variant}) ended with {done.returncode}: {done.stderr.strip()}")
        lines = [line.split(maxsplit=3) for line in done.stdout.splitlines()]
        libraries = [line[1] for line in lines if line[0] == "library"]
        self.check_libraries(workload, variant, libraries)
        return [line for line in lines if line[0] != "library"]

    def check_libraries(self, workload, variant, libraries):
        """The program lists the event libraries that /proc/self/maps shows; they must be the intended."""
        names = [os.path.basename(path) for path in libraries]
        if variant in self.directories:
            right = [path for path in libraries
                     if os.path.dirname(os.path.realpath(path)) == self.directories[variant]]
            good = len(right) == len(libraries) > 0 and all(n.startswith("libevent") for n in names)
        elif variant in ("libev", "libuv"):
            good = len(names) == 1 and names[0].startswith(variant + ".")
        else:
            good = not names
        if not good:
            raise BenchError(f"{workload.name} ({variant}) ran on the wrong library: {libraries or 'none'}")

    def samples(self, workload, variant, results, ops=0):
        found = {}
        for name, *words in self.run(workload, variant, ops):
            if name == "skipped":
                results.skipped[words[0]] = " ".join(words[1:])
                continue
            ops, *numbers = (int(word) for word in words)
            found[name] = (Sample(ops, count=numbers[0] / ops) if len(numbers) == 1
                           else Sample(ops, user=numbers[0] / ops, system=numbers[1] / ops))
        wanted = {m.name for m in workload.measures} | {n for c in workload.changes for n in (c.over, c.under)}
        if variant in ("ours", "libevent"):
            missing = sorted(wanted - set(found) - set(results.skipped))
            if missing:
                raise BenchError(f"{workload.name} ({variant}) printed nothing for {', '.join(missing)}")
        unknown = sorted(set(found) - wanted)
        if unknown or not found and not results.skipped:
            raise BenchError(f"{workload.name} ({variant}) printed {', '.join(unknown) or 'nothing'}")
        results.add(variant, found)

    def count_calls(self, workload, variant):
        """System calls per operation: those between the getrusage calls around each measured section."""
        with tempfile.TemporaryDirectory() as folder:
            trace = os.path.join(folder, "trace")
            lines = [line for line in self.run(workload, variant, workload.trace_ops, trace)
                     if line[0] != "skipped" and len(line) == 4]
            with open(trace, encoding="utf-8", errors="replace") as file:
                called = [m.group(1) for m in map(re.compile(r"(\w+)\(").match, file) if m]
        marks = [i for i, call in enumerate(called) if call == "getrusage"]
        if len(marks) != 2 * len(lines):
            raise BenchError(f"{workload.name} ({variant}): {len(marks)} marks for {len(lines)} measures")
        result = {}
        for (name, ops, *_), begin, end in zip(lines, marks[::2], marks[1::2]):
            section = called[begin + 1:end]
            result[name] = {call: section.count(call) / int(ops) for call in sorted(set(section))}
        return result


def measure_workload(runner, workload, results):
    variants = runner.variants(workload)
    if not variants:
        return
    rounds = runner.options.pairs * workload.repeats
    for number in range(rounds):
        first = number % len(variants)  # no variant is always the one after another
        for variant in variants[first:] + variants[:first]:
            runner.samples(workload, variant, results)
        progress(f"{workload.name}: round {number + 1} of {rounds}")
    if workload.trace_ops and not runner.options.no_strace:
        for variant in variants:
            for name, calls in runner.count_calls(workload, variant).items():
                results.calls.setdefault(name, {})[variant] = calls


SMOKE_DESCRIPTORS = 4096
SKIPPED = 77


def allow_descriptors(wanted):
    """Raises the limit if it is lower; False where that is forbidden."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return True
    try:
        hard_wanted = hard if hard == resource.RLIM_INFINITY else max(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard_wanted))
    except (OSError, ValueError):
        return False
    return True


def smoke(runner):
    """Starts every program once on everything it is built for, with few operations: none must fail."""
    if not allow_descriptors(SMOKE_DESCRIPTORS):
        print("skipped: the limit of descriptors is too low")
        sys.exit(SKIPPED)
    cpus = itertools.cycle(sorted(os.sched_getaffinity(0)))
    def settle():  # on one CPU, where no load polls
        os.sched_setaffinity(0, {next(cpus)})
    runs = [(workload, variant) for workload in WORKLOADS for variant in runner.variants(workload)]
    def run(pair):
        workload, variant = pair
        runner.samples(workload, variant, Results(), workload.smoke_ops)
    with concurrent.futures.ThreadPoolExecutor(max_workers=8, initializer=settle) as pool:
        list(pool.map(run, runs))
    print(f"{len(runs)} benchmark programs start and finish")


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


# The report.


def number(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def spread(values):
    """The middle half of the rounds."""
    if len(values) < 2:
        return "-"
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{low:.2f}-{high:.2f}"


def judged_value(measure, results):
    if measure.of == "count":
        return results.median_count(measure.name, "ours")
    return median(results.ratios(measure.name, "ours", measure.of))


def judged_change(change, results):
    ours = median(results.changes(change, "ours"))
    bare = median(results.changes(change, "bare")) if change.of_bare else 1
    return ours / bare if ours and bare else None


def verdict(value, target):
    if target is None:
        return "-"
    if value is None:
        return "skipped"
    # A ratio is held against its target as it is printed: with two digits.
    return "met" if round(value, 2) <= target else "MISSED"


def behind(measure, results):
    """Which event libraries need clearly less than ours."""
    ratios = {v: median(results.ratios(measure.name, "ours", v)) for v in ("libevent", "libev", "libuv")}
    return " ".join(v for v, ratio in ratios.items() if ratio and round(ratio, 2) > LEVEL) or "-"


def verdicts(measures, changes, results):
    """Everything that has a target."""
    for m in measures:
        yield verdict(judged_value(m, results), m.target)
        if m.name in results.calls:
            yield verdict(results.system_calls(m.name, "ours"), m.calls)
    for c in changes:
        yield verdict(judged_change(c, results), c.target)


def target_text(measure):
    if measure.target is None:
        return "-"
    return f"{measure.target:g}" if measure.of == "count" else f"{measure.target:g} of {measure.of}"


def table(header, rows):
    """Text left-aligned in the first column, all else right-aligned."""
    lines = [header] + rows
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    def aligned(line):
        cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        return "  ".join(cells).rstrip()
    return [aligned(header), "-" * (sum(widths) + 2 * (len(widths) - 1))] + [aligned(row) for row in rows]


def cpu_table(measures, results):
    pairs = [("ours", "bare"), ("libevent", "bare"), ("ours", "libevent"), ("ours", "libev"), ("ours", "libuv")]
    rows = []
    for m in measures:
        if m.of == "count":
            continue
        ratios = [number(median(results.ratios(m.name, over, under))) for over, under in pairs]
        rows.append([m.title, *ratios, spread(results.ratios(m.name, "ours", m.of)), target_text(m),
                     verdict(judged_value(m, results), m.target), behind(m, results)])
    header = ["CPU per operation", *("/".join(pair) for pair in pairs), "middle half", "target", "", "behind"]
    return table(header, rows) if rows else []


def change_table(changes, results):
    variants = ("ours", "libevent", "bare")
    rows = [[c.title, *(number(median(results.changes(c, v))) for v in variants),
             spread(results.changes(c, "ours")),
             "-" if c.target is None else f"{c.target:g}" + " of bare" * c.of_bare,
             verdict(judged_change(c, results), c.target)] for c in changes]
    return table(["change of CPU per operation", *variants, "middle half", "target", ""], rows) if rows else []


def split_table(measures, results):
    rows = []
    for m in measures:
        if m.of == "count":
            continue
        row = [m.title]
        for over, under in (("ours", "bare"), ("libevent", "bare"), ("ours", "libevent")):
            row += [number(results.split_ratio(m.name, over, under, part)) for part in ("user", "system")]
        if any(cell != "-" for cell in row[1:]):
            rows.append(row)
    header = ["user and system time apart"]
    for pair in ("ours/bare", "libevent/bare", "ours/libevent"):
        header += [pair + " user", "sys"]
    return table(header, rows) if rows else []


def calls_table(measures, results):
    variants = ("ours", "libevent", "bare", "libev", "libuv")
    rows = [[m.title, *(number(results.system_calls(m.name, v)) for v in variants),
             "-" if m.calls is None else f"{m.calls:g}", verdict(results.system_calls(m.name, "ours"), m.calls)]
            for m in measures if m.name in results.calls]
    return table(["system calls per operation", *variants, "target", ""], rows) if rows else []


def count_table(measures, results):
    rows = [[m.title, number(results.median_count(m.name, "ours"), 0),
             number(results.median_count(m.name, "libevent"), 0),
             number(median(results.ratios(m.name, "ours", "libevent"))), target_text(m),
             verdict(judged_value(m, results), m.target)]
            for m in measures if m.of == "count"]
    return table(["heap", "ours", "libevent", "ours/libevent", "target", ""], rows) if rows else []


def report(measures, changes, results, pairs):
    parts = [[f"Medians of the ratios of {pairs} rounds (more where runs are short); less is better. "
              f"Linux {os.uname().release}, {os.uname().machine}, {os.cpu_count()} CPUs."],
             cpu_table(measures, results), change_table(changes, results), split_table(measures, results),
             calls_table(measures, results), count_table(measures, results),
             [f"{name} was skipped: {why}" for name, why in results.skipped.items()]]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def verbose_report(results):
    """Absolute figures, for tuning; they are not comparable with other machines or days."""
    lines = []
    for name, variants in results.rounds.items():
        for variant, samples in variants.items():
            if samples[0].count is not None:
                continue
            user, system = (median([getattr(s, part) for s in samples]) for part in ("user", "system"))
            calls = results.calls.get(name, {}).get(variant, {})
            by_name = " ".join(f"{call} {n:.3f}" for call, n in calls.items() if n >= 0.001)
            lines.append(f"{name:24} {variant:9} user {user:8.4f} us  sys {system:8.4f} us  {by_name}".rstrip())
    return "\n".join(lines) + "\n"


# The chart.

# The chart brings its own background: it is also legible where the media query is not evaluated.
STYLE = """
  .page { fill: #ffffff }
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .head { font-weight: 600 } .note { font-size: 11px; fill: #6e7781 }
  .value { font-size: 11px; paint-order: stroke; stroke: #ffffff; stroke-width: 3px }
  .ours { fill: #2f81f7 } .libevent { fill: #8c959f } .libev { fill: #bf8700 } .libuv { fill: #8250df }
  .base { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 4 3 } .mark { stroke: #1a7f37; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #e6edf3 } .note { fill: #8b949e } .value { stroke: #0d1117 }
    .base { stroke: #ff7b72 } .mark { stroke: #56d364 }
  }
"""
LABEL_WIDTH, BAR_WIDTH, VALUE_WIDTH, BAR_HEIGHT, GAP = 330, 420, 60, 13, 11
LONGEST = 2.5  # the ratio at which bars are cut off, so that the others can be distinguished


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def chart_groups(measures, results):
    """(heading, what is 1, rows); a row is (title, bars, target), a bar (variant, ratio)."""
    def rows(base, others, selected):
        for m in selected:
            bars = [(v, median(results.ratios(m.name, v, base))) for v in others if results.has(m.name, v, base)]
            target = m.target if m.of == base else None
            if m.of == "count" and m.target and bars:
                target = m.target / results.median_count(m.name, "libevent")
            if bars:
                yield m.title, bars, target
    bare = [m for m in measures if m.of == "bare"]
    others = [m for m in measures if m.of != "bare"]
    return [("CPU against bare system calls", "bare = 1", list(rows("bare", ("ours", "libevent", "libuv"), bare))),
            ("CPU and memory against libevent", "libevent = 1", list(rows("libevent", ("ours", "libev", "libuv"), others)))]


def chart_group(out, y, heading, unit, rows):
    """Draws one group from y downwards and returns where it ends. Values come last, above the lines."""
    scale = BAR_WIDTH / min(LONGEST, max([1.1] + [ratio for _, bars, _ in rows for _, ratio in bars]))
    out.append(f'<text class="head" x="0" y="{y}">{heading}</text>')
    top, values = y + 14, []
    y = top + 4
    for title, bars, target in rows:
        height = BAR_HEIGHT * len(bars)
        out.append(f'<text x="{LABEL_WIDTH - 8}" y="{y + height / 2 + 4:.1f}" text-anchor="end">{escape(title)}</text>')
        for i, (variant, ratio) in enumerate(bars):
            at, width = y + i * BAR_HEIGHT, min(ratio * scale, BAR_WIDTH)
            out.append(f'<rect class="{variant}" x="{LABEL_WIDTH}" y="{at}" width="{width:.1f}" '
                       f'height="{BAR_HEIGHT - 2}" rx="2"/>')
            values.append(f'<text class="value" x="{LABEL_WIDTH + width + 6:.1f}" y="{at + 10}">{ratio:.2f}</text>')
        if target:
            x = LABEL_WIDTH + target * scale
            out.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 2}" y2="{y + BAR_HEIGHT}"/>')
        y += height + GAP
    x = LABEL_WIDTH + scale
    out.append(f'<line class="base" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{y}"/>')
    out.append(f'<text class="note" x="{x:.1f}" y="{y + 12}" text-anchor="middle">{unit}</text>')
    out.extend(values)
    return y + 44


def chart_legend(out, y):
    x = 0
    for variant, text in (("ours", "this library"), ("libevent", "libevent"), ("libev", "libev"), ("libuv", "libuv")):
        out.append(f'<rect class="{variant}" x="{x}" y="{y - 10}" width="12" height="11" rx="2"/>')
        out.append(f'<text class="note" x="{x + 18}" y="{y}">{text}</text>')
        x += 40 + 7 * len(text)
    out.append(f'<line class="mark" x1="{x + 6}" x2="{x + 6}" y1="{y - 11}" y2="{y + 2}"/>')
    out.append(f'<text class="note" x="{x + 16}" y="{y}">target</text>')


def chart(measures, results):
    body, y = [], 20
    for heading, unit, rows in chart_groups(measures, results):
        if rows:
            y = chart_group(body, y, heading, unit, rows)
    chart_legend(body, y)
    width, height = LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH, y + 12
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 {width + 10} {height}" '
                      f'width="{width + 10}" height="{height}" role="img">',
                      "<title>CPU per operation and memory, less is better</title>",
                      f"<style>{STYLE}</style>",
                      f'<rect class="page" x="-10" y="0" width="{width + 10}" height="{height}"/>', *body, "</svg>"]) + "\n"


def parse_options():
    parser = argparse.ArgumentParser(description="CPU per operation, side by side with libevent.")
    parser.add_argument("--ours", required=True, metavar="DIR", help="folder with our libevent_core-2.1.so.7")
    parser.add_argument("--theirs", default="/usr/lib/x86_64-linux-gnu", metavar="DIR",
                        help="folder with libevent's (default: %(default)s)")
    parser.add_argument("--bin", required=True, metavar="DIR", help="folder with the bench_* programs")
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="rounds (default: %(default)s)")
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help=f"run these workloads alone: {' '.join(w.name for w in WORKLOADS)}")
    parser.add_argument("--smoke", action="store_true", help="start each program once, with few operations")
    parser.add_argument("--svg", metavar="FILE", help="write a bar chart")
    parser.add_argument("--txt", metavar="FILE", help="write the table there too")
    parser.add_argument("--no-strace", action="store_true", help="do not count system calls")
    parser.add_argument("--check", action="store_true", help="exit with status 1 when a target is missed")
    parser.add_argument("--verbose", action="store_true", help="absolute times and each system call as well")
    options = parser.parse_args()
    if options.pairs < 1:
        parser.error("--pairs must be at least 1")
    unknown = set(options.names) - {w.name for w in WORKLOADS}
    if unknown:
        parser.error(f"no workload {' '.join(sorted(unknown))}; there are {' '.join(w.name for w in WORKLOADS)}")
    for folder in (options.ours, options.theirs):
        if not os.path.exists(os.path.join(folder, "libevent_core-2.1.so.7")):
            parser.error(f"no libevent_core-2.1.so.7 in {folder}")
    return options


def measure(runner, workloads):
    results = Results()
    try:
        for workload in workloads:
            measure_workload(runner, workload, results)
    except KeyboardInterrupt:
        progress("")
        print("bench: interrupted; this is what was measured", file=sys.stderr)
    return results


def write_report(options, workloads, results):
    """Returns how many targets were missed."""
    measures = [m for w in workloads for m in w.measures]
    changes = [c for w in workloads for c in w.changes]
    text = report(measures, changes, results, options.pairs)
    print(text, end="")
    if options.verbose:
        print("\n" + verbose_report(results), end="")
    for path, content in ((options.txt, text), (options.svg, chart(measures, results))):
        if path:
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
    return list(verdicts(measures, changes, results)).count("MISSED")


def main():
    options = parse_options()
    runner = Runner(options)
    chosen = [w for w in WORKLOADS if not options.names or w.name in options.names]
    try:
        if options.smoke:
            return smoke(runner)
        results = measure(runner, chosen)
    except BenchError as error:
        progress("")
        sys.exit(f"bench: {error}")
    progress("")
    missed = write_report(options, chosen, results)
    sys.exit(1 if options.check and missed else 0)


if __name__ == "__main__":
    main()
