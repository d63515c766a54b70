#!/usr/bin/env python3
"""Parley beside the raw epoll program, bare SQLite and, on demand, other people's servers, in interleaved rounds.

Everything runs on loopback, in a temporary folder, against servers that this program starts and ends. The figure that holds
is the server's CPU time per delivery as a ratio to another's in the same round. Prints medians beside the goals (goals.py).
Every load ends in an error unless each member got every message once and in one order.
"""
import argparse
import contextlib
import json
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from report import Results, as_text, page
from servers import ROOMS_OF_MANY, ROOT, Parley, peers, raw

PEER_NAMES = ("ws", "socket.io", "flask-socketio")
STALLED_MEMBERS = 50
STALLED_QUEUE_BYTES = 65536     # small, so that a few seconds of load B fill it
HELD_PAIRS = 3
STALLED_PAIRS = 3
HISTORY_MEMBERS = 1
DEFLATE_TEXT_BYTES = 1000       # ws.deflate_min_bytes is 512: shorter messages are sent as they are


@dataclass(frozen=True)
class Load:
    """One row of PERFORMANCE.md's table of loads; `window` is the messages of a room in flight."""
    rooms: int
    members: int
    options: tuple[str, ...]


def loads_of_traffic(members: int) -> dict[str, Load]:
    return {
        "A": Load(1, members, ("--window", "1")),
        "B": Load(1, members, ("--window", "64", "--senders", "16")),
        "C": Load(1, 100, ("--window", "8", "--senders", "8")),
        "D": Load(ROOMS_OF_MANY, 10, ("--window", "1")),
        "E50": Load(1, members, ("--rate", "50", "--senders", "10")),
    }


class LoadFailed(Exception):
    pass


def can_start(server) -> bool:
    """False for io_uring where the kernel or a container forbids it."""
    with contextlib.suppress(SystemExit), server.serve():
        return True
    return False


class Bench:
    def __init__(self, options: argparse.Namespace, folder: Path):
        self.options = options
        self.folder = folder
        self.parley = Parley(options.build, folder)
        self.floors = [floor for floor in raw(options.build, folder) if can_start(floor)]
        self.peers = [peers(folder)[name] for name in options.peers]
        self.traffic = loads_of_traffic(options.members)
        self.results = Results()
        self.special = {"I": self.round_of_idle, "durable": self.round_of_durable, "history": self.round_of_history,
                        "held": self.round_of_held, "stalled": self.round_of_stalled, "loops": self.round_of_loops, "deflate": self.round_of_deflate}

    # ---- one run of the load generator ----

    def words(self, name: str, load: Load, speaks: str, server, pid: int, *more) -> list[str]:
        return [str(word) for word in (self.options.build / "bench/load", "--name", name, "--speaks", speaks, "--port", server.port,
                                       "--pid", pid, "--rooms", load.rooms, "--members", load.members, *load.options,
                                       "--seconds", self.options.seconds, *more)]

    def load(self, name: str, load: Load, server, pid: int, *more, speaks: str = "") -> dict:
        done = subprocess.run(self.words(name, load, speaks or server.speaks, server, pid, *more), text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise LoadFailed(f"load {name}: {done.stderr}")
        return json.loads(done.stdout)

    def load_parley(self, name: str, load: Load, pid: int, *more, plan: str = "one", speaks: str = "") -> dict:
        return self.load(name, load, self.parley, pid, "--plan", self.plans[plan], *more, speaks=speaks)

    # ---- a round of each load ----

    def round_of_traffic(self, name: str, load: Load) -> None:
        for floor in self.floors:
            with floor.serve() as server:
                self.results.add(name, floor.name, self.load(name, load, floor, server.pid))
        for batch in self.options.send_batch:
            with self.parley.serve(f"--net.send_batch={batch}") as server:
                result = self.load_parley(name, load, server.pid, plan="many" if load.rooms > 1 else "one")
                self.results.add(name, f"parley {batch}", result)
        for peer in self.peers:
            with peer.serve() as server:
                try:
                    self.results.add(name, peer.name, self.load(name, load, peer, server.pid))
                except LoadFailed as failure:   # a peer may not bear a load; Parley and the floor must
                    print(f"{peer.name}: {failure}", file=sys.stderr)

    def round_of_idle(self) -> None:
        for count in self.options.idle:
            load = Load(1, count, ("--idle",))
            start = time.monotonic()
            with self.parley.serve() as server:
                start_ms = (time.monotonic() - start) * 1000
                result = self.load_parley("I", load, server.pid)
                self.results.add("I", f"parley {count}", {**result, "start_ms": start_ms, "resident_start_mb": result["resident_start_bytes"] / 1e6})
        for peer in [*self.floors[:1], *self.peers]:
            with peer.serve() as server:
                self.results.add("I", peer.name, self.load("I", Load(1, self.options.idle[0], ("--idle",)), peer, server.pid))

    def round_of_durable(self) -> None:
        """Two in a room and 128 messages in flight: 64 wait while 64 are committed. Then the loop, at batches of 64."""
        load = Load(1, 2, ("--window", "128", "--senders", "2"))
        with self.parley.serve() as server:
            self.results.add("durable", "parley", self.load_parley("durable", load, server.pid))
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            schemas = sorted((ROOT / "server/store/migrations").glob("*.sql"))
            words = [self.options.build / "bench/bare_sqlite", Path(folder) / "bare.db", 64, self.options.seconds, *schemas]
            done = subprocess.run([str(word) for word in words], text=True, capture_output=True, check=True)
        self.results.add("durable", "bare sqlite", json.loads(done.stdout))

    def round_of_history(self) -> None:
        """One who reads pages of 50 of a room of a million messages, one after the other: here and there, then the same one again and
        again; the way there and back over loopback counts too. Ends in an error unless the cache answered the latter, and them alone."""
        load = Load(1, HISTORY_MEMBERS, ("--window", "1"))
        with self.parley.serve() as server:
            for label, speaks in (("store", "history"), ("cache", "history-again")):
                before = self.parley.metric("parley_history_cache_hits_total")
                result = self.load_parley("history", load, server.pid, plan="history", speaks=speaks)
                hits = (self.parley.metric("parley_history_cache_hits_total") - before) / result["messages"]
                if (hits > 0.99) != (label == "cache") or (hits < 0.01) != (label == "store"):
                    raise LoadFailed(f"history, {label}: {hits:.0%} of the pages came from the cache")
                self.results.add("history", f"parley {label}", result)

    @contextlib.contextmanager
    def idle_members(self, count: int, pid: int):
        """Idle members, in a room and a process of their own, for as long as the context lasts."""
        words = self.words("idle", Load(1, count, ("--idle", "--hold")), "parley", self.parley, pid, "--plan", self.plans["idle"])
        with subprocess.Popen(words, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            if not holder.stdout.readline():
                raise LoadFailed(f"{count} idle members did not come in")
            yield
            holder.stdin.close()
        if holder.returncode != 0:
            raise LoadFailed("the idle members did not stay")

    def round_of_held(self) -> None:
        """Several pairs a round: of 200 messages in 4 s two slow fsyncs are the p99."""
        load = self.traffic["E50"]
        for _ in range(HELD_PAIRS):
            with self.parley.serve() as server:
                self.results.add("held", "parley alone", self.load_parley("held", load, server.pid))
                with self.idle_members(self.options.idle[-1], server.pid):
                    self.results.add("held", "parley + idle", self.load_parley("held", load, server.pid))

    def round_of_stalled(self) -> None:
        """Several pairs a round, as in `held`."""
        load, limit = self.traffic["B"], f"--net.queue_bytes={STALLED_QUEUE_BYTES}"
        for _ in range(STALLED_PAIRS):
            with self.parley.serve(limit) as server:
                alone = self.load_parley("stalled", load, server.pid)
            with self.parley.serve(limit) as server:
                beside = self.load_parley("stalled", load, server.pid, "--stalled", STALLED_MEMBERS)
                closed = self.parley.metric("parley_slow_closed_total")
            growth = beside["resident_peak_bytes"] - alone["resident_peak_bytes"]
            self.results.add("stalled", "parley alone", alone)
            self.results.add("stalled", "parley + stalled", {**beside, "bytes_per_stalled": growth / STALLED_MEMBERS, "slow_closed": closed})

    def round_of_loops(self) -> None:
        for loops in (1, 2):
            with self.parley.serve(f"--loops={loops}") as server:
                result = self.load_parley("loops", self.traffic["B"], server.pid)
                batches = self.parley.metric("parley_fanout_batches_total")
                wakeups = self.parley.metric("parley_fanout_wakeups_total")
            self.results.add("loops", f"parley --loops={loops}", {**result, "wakeups_per_batch_and_loop": wakeups / batches / loops})

    def round_of_deflate(self) -> None:
        """Text of 1,000 bytes to a large room, one message in flight: once plain, once to members that read compressed frames."""
        for label, words in (("plain", ()), ("deflate", ("--deflate",))):
            with self.parley.serve() as server:
                result = self.load_parley("deflate", self.traffic["A"], server.pid, "--text-bytes", DEFLATE_TEXT_BYTES, *words)
                self.results.add("deflate", f"parley {label}", result)

    # ---- all of it ----

    def run(self) -> None:
        print(f"making {self.options.people} people and their rooms", file=sys.stderr)
        self.plans = self.parley.prepare(self.options.people)
        if "history" in self.options.loads:
            self.parley.fill_history()
        for _ in range(self.options.rounds):
            for name in self.options.loads:
                if name in self.traffic:
                    self.round_of_traffic(name, self.traffic[name])
                else:
                    self.special[name]()

    def report(self) -> None:
        print(f"\nmedians of {self.options.rounds} rounds of {self.options.seconds:g} s\n\n{as_text(self.results.table())}\n\n{as_text(self.results.goals())}")
        if self.options.results is not None:
            text = page(self.results, self.options.command, self.options.rounds, self.options.seconds, bool(self.options.peers))
            self.options.results.write_text(text, encoding="utf-8")


def names(known: tuple[str, ...]):
    """A list of known names, with commas; for argparse."""
    def parse(text: str) -> list[str]:
        chosen = [name for name in text.split(",") if name]
        unknown = sorted(set(chosen) - set(known))
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: known are {', '.join(known)}")
        return chosen
    return parse


LOAD_NAMES = ("A", "B", "C", "D", "E50", "I", "durable", "history", "held", "stalled", "loops", "deflate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="the build folder")
    parser.add_argument("--loads", default=list(LOAD_NAMES), type=names(LOAD_NAMES), help=",".join(LOAD_NAMES))
    parser.add_argument("--peers", default=[], type=names(PEER_NAMES), help=",".join(PEER_NAMES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--members", type=int, default=1000, help="of the large room (A, B, E50)")
    parser.add_argument("--people", type=int, default=1000, help="who share the connections")
    parser.add_argument("--idle", default=[5000, 15000], type=lambda text: [int(word) for word in text.split(",")],
                        help="idle connections (I; peers: the first; held: the last)")
    parser.add_argument("--send-batch", default=["auto", "writev"], type=names(("auto", "io_uring", "writev")), help="settings of net.send_batch")
    parser.add_argument("--results", type=Path, help="the Markdown page to write")
    parser.add_argument("--command", default=f"bench/run.py {shlex.join(sys.argv[1:])}", help="what the page says that it was written by")
    parser.add_argument("--tmp", help="folder for the data: on a disk whose fsync means something (default: the system's)")
    options = parser.parse_args()
    if options.people < ROOMS_OF_MANY:
        parser.error(f"D wants its people apart: at least {ROOMS_OF_MANY}")
    options.build = options.build.resolve()
    with tempfile.TemporaryDirectory(prefix="parley-bench-", dir=options.tmp) as folder:
        bench = Bench(options, Path(folder))
        try:
            bench.run()
        except LoadFailed as failure:
            raise SystemExit(str(failure)) from failure
        bench.report()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
