#!/usr/bin/env python3
"""Runs the benchmark programs side by side and reports ratios of CPU per operation.

Each program runs in rounds: on our library, on libevent, and beside them the same work by bare system
calls or by libev. A round's runs follow each other at once, so that what disturbs the machine disturbs
them alike; the result is the median of the rounds' ratios. See README.md.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

RUN_TIMEOUT_SECONDS = 180
# The kernel splits user and system time by sampling at the clock tick: less than this is no sample.
MIN_SPLIT_US = 100_000


@dataclass(frozen=True)
class Measure:
    name: str
    title: str
    of: str = "libevent"  # what the target compares our library with: bare, libevent, or bytes
    target: float | None = None


@dataclass(frozen=True)
class Workload:
    name: str
    measures: tuple
    peer: str | None = None  # bare or libev
    trace_ops: int = 0  # operations under strace; 0: system calls are not the point
    repeats: int = 1  # rounds for each that is asked for: short runs can have more


WORKLOADS = (
    Workload("dispatch", (Measure("dispatch", "dispatch, 100 of 1000 sockets active", "bare", 1.05),),
             "bare", 20_000, 3),
    Workload("echo", (Measure("echo", "echo of 64 bytes by bufferevent", "bare", 1.15),), "bare", 10_000, 3),
    Workload("bulk", (Measure("bulk", "bulk receive by bufferevent, 64 KiB", "bare", 1.2),), "bare", 2_000, 3),
    Workload("accept", (Measure("accept", "accept and close by evconnlistener", "bare", 1.05),),
             "bare", 3_000, 3),
    Workload("timers", (
        Measure("timers_add", "1 M random timers: add", target=0.8),
        Measure("timers_readd", "1 M random timers: add again", target=0.35),
        Measure("timers_delete", "1 M random timers: delete", target=0.35),
        Measure("timers_expire", "1 M random timers: expire", target=0.3),
        Measure("timers_moved_expire", "1 M random timers: expire after a move"),
    ), "libev"),
    Workload("idle_timers", (
        Measure("idle_push", "idle timers of 30 s: push back", target=0.1),
        Measure("idle_push_due", "idle timers of 0.5 s: push back, coming due"),
    ), "libev", repeats=2),
    Workload("evbuffer", (
        Measure("evbuffer_add_32", "evbuffer: add 32 bytes", target=0.7),
        Measure("evbuffer_add_remove_4k", "evbuffer: add and remove 4 KiB", target=0.7),
        Measure("evbuffer_move_512", "evbuffer: add and move 512 bytes", target=0.7),
        Measure("evbuffer_readln", "evbuffer: readln", target=0.7),
        Measure("evbuffer_add_printf", "evbuffer: add_printf", target=0.7),
    ), repeats=3),
    Workload("memory", (
        Measure("memory_idle", "memory per idle bufferevent", "bytes", 704),
        Measure("memory_after_message", "memory per bufferevent, idle again after a message", "bytes"),
    )),
)


class BenchError(Exception):
    pass


@dataclass
class Sample:
    """What one run printed for one measure: per operation, microseconds of CPU or bytes."""
    ops: int
    user: float = 0.0
    system: float = 0.0
    bytes: float = 0.0

    @property
    def cost(self):
        return self.bytes or self.user + self.system


@dataclass
class Results:
    rounds: dict = field(default_factory=dict)  # measure name -> {variant: [Sample, one per round]}
    calls: dict = field(default_factory=dict)  # measure name -> {variant: {system call: per operation}}

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

    def median_bytes(self, name, variant):
        return median([s.bytes for s in self.rounds.get(name, {}).get(variant, [])])


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
        """Our library, libevent and the peer, as far as they are built."""
        variants = ["ours", "libevent"]
        if workload.peer and os.path.exists(self.program(workload, workload.peer)):
            variants.append(workload.peer)
        elif workload.peer == "bare":
            raise BenchError(f"{self.program(workload, 'bare')} is not built")
        return variants

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
        elif variant == "libev":
            good = len(names) == 1 and names[0].startswith("libev.")
        else:
            good = not names
        if not good:
            raise BenchError(f"{workload.name} ({variant}) ran on the wrong library: {libraries or 'none'}")

    def samples(self, workload, variant):
        result = {}
        for name, ops, *numbers in self.run(workload, variant):
            ops, numbers = int(ops), [int(n) for n in numbers]
            result[name] = (Sample(ops, bytes=numbers[0] / ops) if len(numbers) == 1
                            else Sample(ops, user=numbers[0] / ops, system=numbers[1] / ops))
        missing = [m.name for m in workload.measures if m.name not in result]
        if missing:
            raise BenchError(f"{workload.name} ({variant}) printed nothing for {', '.join(missing)}")
        return result

    def count_calls(self, workload, variant):
        """System calls per operation: those between the getrusage calls around each measured section."""
        with tempfile.TemporaryDirectory() as folder:
            trace = os.path.join(folder, "trace")
            lines = self.run(workload, variant, workload.trace_ops, trace)
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
    rounds = runner.options.pairs * workload.repeats
    for number in range(rounds):
        first = number % len(variants)  # no variant is always the one after another
        for variant in variants[first:] + variants[:first]:
            results.add(variant, runner.samples(workload, variant))
        progress(f"{workload.name}: round {number + 1} of {rounds}")
    if workload.trace_ops and not runner.options.no_strace:
        for variant in variants:
            for name, calls in runner.count_calls(workload, variant).items():
                results.calls.setdefault(name, {})[variant] = calls


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
    if measure.of == "bytes":
        return results.median_bytes(measure.name, "ours")
    return median(results.ratios(measure.name, "ours", measure.of))


def verdict(measure, results):
    if measure.target is None:
        return "-"
    value = judged_value(measure, results)
    # A ratio is held against its target as it is printed: with two digits.
    return "met" if round(value, 2) <= measure.target else "MISSED"


def target_text(measure):
    if measure.target is None:
        return "-"
    if measure.of == "bytes":
        return f"{measure.target} bytes"
    return f"{measure.target:g} of {measure.of}"


def table(header, rows):
    """Text left-aligned in the first column, all else right-aligned."""
    lines = [header] + rows
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    def aligned(line):
        cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        return "  ".join(cells).rstrip()
    return [aligned(header), "-" * (sum(widths) + 2 * (len(widths) - 1))] + [aligned(row) for row in rows]


def cpu_table(measures, results):
    rows = []
    for m in measures:
        if m.of == "bytes":
            continue
        def ratio(over, under):
            return number(median(results.ratios(m.name, over, under)))
        rows.append([m.title, ratio("ours", "bare"), ratio("libevent", "bare"), ratio("ours", "libevent"),
                     ratio("ours", "libev"), ratio("libevent", "libev"),
                     spread(results.ratios(m.name, "ours", m.of)), target_text(m), verdict(m, results)])
    return table(["CPU per operation", "ours/bare", "libevent/bare", "ours/libevent", "ours/libev",
                  "libevent/libev", "middle half", "target", ""], rows) if rows else []


def split_table(measures, results):
    rows = []
    for m in measures:
        if m.of == "bytes":
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
    rows = []
    for m in measures:
        calls = results.calls.get(m.name)
        if calls:
            rows.append([m.title] + [number(sum(calls[v].values())) if v in calls else "-"
                                     for v in ("ours", "libevent", "bare")])
    return table(["system calls per operation", "ours", "libevent", "bare"], rows) if rows else []


def memory_table(measures, results):
    rows = [[m.title, number(results.median_bytes(m.name, "ours"), 0),
             number(results.median_bytes(m.name, "libevent"), 0),
             number(median(results.ratios(m.name, "ours", "libevent"))), target_text(m), verdict(m, results)]
            for m in measures if m.of == "bytes"]
    return table(["heap bytes", "ours", "libevent", "ours/libevent", "target", ""], rows) if rows else []


def report(measures, results, pairs):
    parts = [[f"Medians of the ratios of {pairs} rounds (more where runs are short); less is better. Linux {os.uname().release}, "
              f"{os.uname().machine}, {os.cpu_count()} CPUs."],
             cpu_table(measures, results), split_table(measures, results), calls_table(measures, results),
             memory_table(measures, results)]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def verbose_report(results):
    """Absolute figures, for whoever tunes; they mean nothing on another machine or day."""
    lines = []
    for name, variants in results.rounds.items():
        for variant, samples in variants.items():
            if samples[0].bytes:
                continue
            user, system = (median([getattr(s, part) for s in samples]) for part in ("user", "system"))
            calls = results.calls.get(name, {}).get(variant, {})
            by_name = " ".join(f"{call} {n:.3f}" for call, n in calls.items() if n >= 0.001)
            lines.append(f"{name:24} {variant:9} user {user:8.4f} us  sys {system:8.4f} us  {by_name}".rstrip())
    return "\n".join(lines) + "\n"


# The chart.

# The chart brings its own background: it can be read where nobody evaluates the media query, too.
STYLE = """
  .page { fill: #ffffff }
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .head { font-weight: 600 } .note { font-size: 11px; fill: #6e7781 }
  .value { font-size: 11px; paint-order: stroke; stroke: #ffffff; stroke-width: 3px }
  .ours { fill: #2f81f7 } .libevent { fill: #8c959f } .libev { fill: #bf8700 }
  .base { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 4 3 } .mark { stroke: #1a7f37; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #e6edf3 } .note { fill: #8b949e } .value { stroke: #0d1117 }
    .base { stroke: #ff7b72 } .mark { stroke: #56d364 }
  }
"""
LABEL_WIDTH, BAR_WIDTH, VALUE_WIDTH, BAR_HEIGHT, GAP = 330, 420, 60, 13, 11


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def chart_groups(measures, results):
    """(heading, what is 1, rows); a row is (title, bars, target), a bar (variant, ratio)."""
    def rows(base, others, selected):
        for m in selected:
            bars = [(v, median(results.ratios(m.name, v, base))) for v in others if results.has(m.name, v, base)]
            target = m.target if m.of == base else None
            if m.of == "bytes" and m.target:
                target = m.target / results.median_bytes(m.name, "libevent")
            if bars:
                yield m.title, bars, target
    bare = [m for m in measures if m.of == "bare"]
    others = [m for m in measures if m.of != "bare"]
    return [("CPU against bare system calls", "bare = 1", list(rows("bare", ("ours", "libevent"), bare))),
            ("CPU and memory against libevent", "libevent = 1", list(rows("libevent", ("ours", "libev"), others)))]


def chart_group(out, y, heading, unit, rows):
    """Draws one group from y downwards and returns where it ends. Values come last, above the lines."""
    scale = BAR_WIDTH / max([1.1] + [ratio for _, bars, _ in rows for _, ratio in bars])
    out.append(f'<text class="head" x="0" y="{y}">{heading}</text>')
    top, values = y + 14, []
    y = top + 4
    for title, bars, target in rows:
        height = BAR_HEIGHT * len(bars)
        out.append(f'<text x="{LABEL_WIDTH - 8}" y="{y + height / 2 + 4:.1f}" text-anchor="end">{escape(title)}</text>')
        for i, (variant, ratio) in enumerate(bars):
            at, width = y + i * BAR_HEIGHT, ratio * scale
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
    for variant, text in (("ours", "this library"), ("libevent", "libevent"), ("libev", "libev")):
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
    parser.add_argument("--only", action="append", metavar="NAME", choices=[w.name for w in WORKLOADS],
                        help="run this workload alone; may be repeated")
    parser.add_argument("--svg", metavar="FILE", help="write a bar chart")
    parser.add_argument("--txt", metavar="FILE", help="write the table there too")
    parser.add_argument("--no-strace", action="store_true", help="do not count system calls")
    parser.add_argument("--check", action="store_true", help="exit with status 1 when a target is missed")
    parser.add_argument("--verbose", action="store_true", help="absolute times and each system call as well")
    options = parser.parse_args()
    if options.pairs < 1:
        parser.error("--pairs must be at least 1")
    for folder in (options.ours, options.theirs):
        if not os.path.exists(os.path.join(folder, "libevent_core-2.1.so.7")):
            parser.error(f"no libevent_core-2.1.so.7 in {folder}")
    return options


def main():
    options = parse_options()
    runner, results = Runner(options), Results()
    chosen = [w for w in WORKLOADS if not options.only or w.name in options.only]
    try:
        for workload in chosen:
            measure_workload(runner, workload, results)
    except BenchError as error:
        progress("")
        sys.exit(f"bench: {error}")
    progress("")
    measures = [m for w in chosen for m in w.measures]
    text = report(measures, results, options.pairs)
    print(text, end="")
    if options.verbose:
        print("\n" + verbose_report(results), end="")
    for path, content in ((options.txt, text), (options.svg, chart(measures, results))):
        if path:
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
    missed = [m for m in measures if verdict(m, results) == "MISSED"]
    sys.exit(1 if options.check and missed else 0)


if __name__ == "__main__":
    main()
