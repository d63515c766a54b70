"""The bench's figures: kept by load and server, printed as tables, written to a Markdown page."""
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from goals import CPU, GOALS, KERNEL, Goal
from servers import PEERS, ROOT, pinned_node

# What is shown of a result: its member, the head of the column, how it is written.
COLUMNS = (
    ("deliveries_per_s", "deliveries/s", ",.0f"),
    ("cpu_us_per_delivery", "CPU µs", ".3f"),
    ("kernel_us_per_delivery", "in the kernel", ".3f"),
    ("p50_ms", "p50 ms", ".3f"),
    ("p99_ms", "p99", ".2f"),
    ("p999_ms", "p99.9", ".2f"),
    ("acked_per_s", "acked/s", ",.0f"),
    ("bytes_per_connection", "bytes/conn.", ",.0f"),
    ("bytes_per_connection_all", "all growth/conn.", ",.0f"),
    ("resident_start_mb", "start MB", ".1f"),
    ("start_ms", "start ms", ".0f"),
    ("bytes_per_stalled", "bytes/stalled", ",.0f"),
    ("slow_closed", "closed as slow", ".0f"),
    ("wakeups_per_batch_and_loop", "wake-ups/batch", ".2f"),
)


class Results:
    def __init__(self) -> None:
        self.by_row: dict[tuple[str, str], list[dict]] = {}

    def add(self, load: str, server: str, result: dict) -> None:
        self.by_row.setdefault((load, server), []).append(result)
        print(json.dumps({"server": server, **result}), file=sys.stderr, flush=True)

    def median(self, load: str, server: str, figure: str) -> float | None:
        values = [result[figure] for result in self.by_row.get((load, server), []) if figure in result]
        return statistics.median(values) if values else None

    def values_of(self, goal: Goal) -> list[float]:
        """A value a round: both sides of a ratio were measured within the same minutes."""
        ours = [result[goal.figure] for result in self.by_row.get((goal.load, goal.ours), []) if goal.figure in result]
        if goal.theirs is None:
            return ours
        theirs = [result[goal.figure] for result in self.by_row.get((goal.load, goal.theirs), []) if goal.figure in result]
        return [their / our if goal.inverted else our / their for our, their in zip(ours, theirs) if our and their]

    def kernel_share(self, goal: Goal) -> float | None:
        """Where a ratio of CPU is missed: what of it is the kernel's alone."""
        if goal.figure != CPU or goal.inverted:
            return None
        ours, theirs = self.median(goal.load, goal.ours, KERNEL), self.median(goal.load, goal.theirs, CPU)
        return ours / theirs if ours and theirs else None

    def verdict(self, goal: Goal, value: float) -> str:
        if goal.reached(value):
            return "reached"
        kernel = self.kernel_share(goal)
        return "MISSED" if kernel is None else f"MISSED (the kernel's share alone: {kernel:.2f})"

    def table(self) -> list[list[str]]:
        """A row a load and server, with the columns that any has."""
        shown = [column for column in COLUMNS if any(column[0] in result for results in self.by_row.values() for result in results)]
        rows = [["load", "server", *(head for _, head, _ in shown)]]
        for load, server in self.by_row:
            figures = [(self.median(load, server, member), form) for member, _, form in shown]
            rows.append([load, server, *("" if figure is None else format(figure, form) for figure, form in figures)])
        return rows

    def goals(self) -> list[list[str]]:
        rows = [["load", "goal", "bound", "median", "range", ""]]
        for goal in GOALS:
            values = self.values_of(goal)
            if not values:
                continue
            value = statistics.median(values)
            rows.append([goal.load, goal.what, f"{'≥' if goal.at_least else '≤'} {goal.bound:,g}", f"{value:,.2f}",
                         f"{min(values):,.2f}–{max(values):,.2f}", self.verdict(goal, value)])
        return rows


def as_text(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) if i < 2 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths)))
                     for row in rows)


def as_markdown(rows: list[list[str]]) -> str:
    ruled = [rows[0], ["---", "---", *["--:"] * (len(rows[0]) - 2)], *rows[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


# ---- on what it was measured ----

def output_of(*words) -> str:
    try:
        return subprocess.run([str(word) for word in words], text=True, capture_output=True, check=True, cwd=ROOT).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def peer_versions() -> list[str]:
    packages = json.loads((PEERS / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    npm = [f"{name} {packages[f'node_modules/{name}']['version']}" for name in ("ws", "socket.io", "engine.io", "bufferutil")]
    debian = [f"{name} {output_of('dpkg-query', '-W', '-f', '${Version}', name)}"
              for name in ("python3", "python3-flask-socketio", "python3-socketio", "python3-engineio", "python3-eventlet")]
    return [f"Node {output_of(pinned_node(), '--version')}", *npm, *debian]


def machine(with_peers: bool) -> list[str]:
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return [
        f"- machine: {processor()}, {os.cpu_count()} cores, {memory_gb:.0f} GB; the load generator runs on it too, over loopback",
        f"- kernel: {platform.release()}; {platform.freedesktop_os_release()['PRETTY_NAME']}",
        f"- Parley: commit {output_of('git', 'rev-parse', '--short', 'HEAD')}, {output_of('cc', '--version').splitlines()[0]}, "
        f"libuv {output_of('pkg-config', '--modversion', 'libuv')}, liburing {output_of('pkg-config', '--modversion', 'liburing')}, "
        f"SQLite {output_of('pkg-config', '--modversion', 'sqlite3')}",
        *([f"- peers: {', '.join(peer_versions())}"] if with_peers else []),
    ]


def page(results: Results, command: str, rounds: int, seconds: float, with_peers: bool) -> str:
    return f"""# What the bench measured

Written by `{command}`; what the loads are, and what Parley does in them that the peers do not (sign in, permission, a durable commit, acknowledgements), is in `docs/ARCHITECTURE.md`, "The bench".

{chr(10).join(machine(with_peers))}
- {rounds} interleaved rounds of {seconds:g} s a load and server; medians; load average {os.getloadavg()[2]:.1f} over the last 15 minutes of it

## Goals

A ratio is the median of the rounds' ratios, each of two figures measured minutes apart.

{as_markdown(results.goals())}

## Figures

CPU is the server's user and system time, all threads, per delivery (one message reaching one member). Every row is of runs in which each member got each message once and in one order.

{as_markdown(results.table())}
"""
