#!/usr/bin/env python3
"""Parley beside the raw epoll program and bare SQLite, in interleaved rounds; prints medians and ratios beside the goals.

Everything runs on loopback, in a temporary folder, against servers that this program starts and ends. The figure that holds
is the server's CPU time per delivery as a ratio to the raw program's in the same round (the goals are PERFORMANCE.md's).
Every load ends in an error unless each member got every message once and in one order.
"""
import argparse
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT_S = 20
STOP_LIMIT_S = 20
ROOMS_OF_D = 500


@dataclass(frozen=True)
class Load:
    """One row of PERFORMANCE.md's table of loads; `window` is the messages of a room in flight."""
    rooms: int
    members: int
    options: tuple[str, ...]
    floor: str       # the mode of the raw program that the goal names
    goal: str
    measure: str     # which figure the goal is about
    factor: float


def loads(members: int) -> dict[str, Load]:
    return {
        "A": Load(1, members, ("--window", "1"), "write", "<= 0.65 x raw write", "cpu_us_per_delivery", 0.65),
        "B": Load(1, members, ("--window", "64", "--senders", "16"), "writev", "<= 0.75 x raw writev", "cpu_us_per_delivery", 0.75),
        "C": Load(1, 100, ("--window", "8", "--senders", "8"), "writev", "<= 1.0 x raw writev", "cpu_us_per_delivery", 1.0),
        "D": Load(ROOMS_OF_D, 10, ("--window", "1"), "writev", "<= 1.55 x raw writev", "cpu_us_per_delivery", 1.55),
        "E50": Load(1, members, ("--rate", "50", "--senders", "10"), "writev", "p99 <= 0.75 x raw writev's", "p99_ms", 0.75),
    }


# ---- servers ----

@contextlib.contextmanager
def process(words: list, is_up, log: Path):
    """Starts a server, waits until it is up, ends it by SIGTERM. Yields the Popen."""
    with log.open("ab") as output:
        server = subprocess.Popen([str(word) for word in words], stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        limit = time.monotonic() + START_LIMIT_S
        while not is_up():
            if server.poll() is not None or time.monotonic() > limit:
                raise SystemExit(f"{words[0]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.005)
        yield server
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Parley:
    """One data folder, prepared once, and the built server on it."""

    def __init__(self, build: Path, folder: Path, port: int):
        self.binary = build / "parley"
        self.data = folder / "data"
        self.log = folder / "parley.log"
        self.port = port

    def healthy(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1) as answer:
            return answer.status == 200
        return False

    def serve(self, *settings: str):
        return process([self.binary, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}", "--limits.rate=off",
                        "--log.level=warn", *settings], self.healthy, self.log)

    def cli(self, *words: str, stdin: str = "") -> str:
        done = subprocess.run([self.binary, *words, "--data", self.data], input=stdin, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"parley {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def rest(self, token: str, path: str, body: dict) -> dict:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1{path}", json.dumps(body).encode(), method="POST",
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SystemExit(f"POST {path}: {error.code} {error.read().decode()}") from error

    def make_person(self, number: int) -> str:
        name = f"bench{number:05}"
        self.cli("user", "add", name, "--role", "owner" if number == 0 else "member", "--password-stdin", stdin="bench-password\n")
        return self.cli("token", "create", "--user", name).split()[-1]

    def prepare(self, people: int) -> dict[str, Path]:
        """Makes people and rooms; answers the load generator's plans: a room a line, with tokens of its members.

        `one`: a room that all people are in. `many`: rooms that share the people out, each person in one of them only. A load
        sends to one or to the other, so nobody gets messages of a room that is not measured."""
        cheap_hashes = ("--auth.argon2_memory_bytes=8192", "--auth.argon2_passes=1")
        with self.serve(*cheap_hashes), ThreadPoolExecutor(4) as pool:
            tokens = [self.make_person(0)]
            tokens += pool.map(self.make_person, range(1, people))

            def make_room(name: str, members: list[str]) -> str:
                room = self.rest(members[0], "/rooms", {"name": name})["room"]["id"]
                for token in members[1:]:
                    self.rest(token, f"/rooms/{room}/join", {})
                return f"{room} {' '.join(members)}\n"

            plans = {name: self.data.parent / f"plan-{name}" for name in ("many", "one")}
            shares = [tokens[i::ROOMS_OF_D] or [tokens[i % people]] for i in range(ROOMS_OF_D)]
            plans["many"].write_text("".join(pool.map(make_room, [f"many {i}" for i in range(ROOMS_OF_D)], shares)))
            plans["one"].write_text(make_room("one", tokens))
        return plans


def run_load(build: Path, name: str, load: Load, port: int, pid: int, seconds: float, *more: str) -> dict:
    words = [build / "bench/load", "--name", name, "--port", port, "--pid", pid, "--rooms", load.rooms, "--members", load.members,
             *load.options, "--seconds", seconds, *more]
    done = subprocess.run([str(word) for word in words], text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"load {name}: {done.stderr}")
    return json.loads(done.stdout)


# ---- measures ----

class Bench:
    def __init__(self, options: argparse.Namespace, folder: Path):
        self.options = options
        self.build = options.build
        self.folder = folder
        self.parley = Parley(self.build, folder, options.port)
        self.raw_port = options.port + 1
        self.results: dict[tuple[str, str], list[dict]] = {}

    def add(self, name: str, who: str, result: dict) -> None:
        self.results.setdefault((name, who), []).append(result)
        print(json.dumps({"server": who, **result}), file=sys.stderr, flush=True)

    def raw(self, mode: str):
        return process([self.build / "bench/raw_epoll", self.raw_port, mode], lambda: accepts(self.raw_port), self.folder / "raw.log")

    def round_of(self, name: str, load: Load) -> None:
        seconds = self.options.seconds
        for mode in ("write", "writev"):
            with self.raw(mode) as server:
                self.add(name, f"raw {mode}", run_load(self.build, name, load, self.raw_port, server.pid, seconds))
        for batch in self.options.send_batch:
            with self.parley.serve(f"--net.send_batch={batch}") as server:
                plan = self.plans["many" if load.rooms > 1 else "one"]
                self.add(name, f"parley {batch}", run_load(self.build, name, load, self.parley.port, server.pid, seconds, "--plan", plan))

    def idle_round(self) -> None:
        load = Load(1, self.options.idle_members, (), "", "", "", 0)
        start = time.monotonic()
        with self.parley.serve("--limits.connections_per_person=100000") as server:
            ready_ms = (time.monotonic() - start) * 1000
            result = run_load(self.build, "I", load, self.parley.port, server.pid, 1, "--idle", "--plan", self.plans["one"])
        self.add("I", "parley", {**result, "start_ms": round(ready_ms, 1)})

    def durable_round(self) -> None:
        """Two in a room and 128 messages in flight: 64 wait while 64 are committed. Then the loop, at batches of 64."""
        load = Load(1, 2, ("--window", "128", "--senders", "2"), "", "", "", 0)
        with self.parley.serve() as server:
            self.add("durable", "parley", run_load(self.build, "durable", load, self.parley.port, server.pid, self.options.seconds,
                                                   "--plan", self.plans["one"]))
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            schemas = sorted((ROOT / "server/store/migrations").glob("*.sql"))
            words = [self.build / "bench/bare_sqlite", Path(folder) / "bare.db", 64, self.options.seconds, *schemas]
            done = subprocess.run([str(word) for word in words], text=True, capture_output=True, check=True)
        self.add("durable", "bare sqlite", json.loads(done.stdout))

    def run(self) -> None:
        wanted = self.options.loads
        table = loads(self.options.members)
        print(f"making {self.options.people} people and {ROOMS_OF_D + 1} rooms", file=sys.stderr)
        self.plans = self.parley.prepare(self.options.people)
        for _ in range(self.options.rounds):
            for name in wanted:
                if name in table:
                    self.round_of(name, table[name])
                elif name == "I":
                    self.idle_round()
                else:
                    self.durable_round()

    # ---- the report ----

    def median(self, name: str, who: str, member: str) -> float:
        return statistics.median(result[member] for result in self.results[name, who])

    def ratio(self, name: str, who: str, floor: str, member: str) -> float:
        """Median of the rounds' ratios: both sides of each were measured within the same minute."""
        return statistics.median(ours[member] / theirs[member]
                                 for ours, theirs in zip(self.results[name, who], self.results[name, floor]))

    def report(self) -> None:
        table = loads(self.options.members)
        print(f"\nmedians of {self.options.rounds} rounds of {self.options.seconds:g} s; {os.cpu_count()} cores")
        print(f"{'load':<5}{'server':<17}{'deliveries/s':>13}{'CPU us':>9}{'p50 ms':>9}{'p99':>9}{'p99.9':>9}{'acked/s':>9}{'ratio':>8}  goal")
        for name, who in self.results:
            if name not in table:
                continue
            load = table[name]
            figures = [self.median(name, who, member) for member in
                       ("deliveries_per_s", "cpu_us_per_delivery", "p50_ms", "p99_ms", "p999_ms", "acked_per_s")]
            line = "{:<5}{:<17}{:>13,.0f}{:>9.3f}{:>9.2f}{:>9.2f}{:>9.2f}{:>9,.0f}".format(name, who, *figures)
            if who.startswith("parley"):
                ratio = self.ratio(name, who, f"raw {load.floor}", load.measure)
                line += f"{ratio:>8.2f}  {load.goal}: {'reached' if ratio <= load.factor else 'MISSED'}"
            print(line)
        if ("I", "parley") in self.results:
            print("I    {:,.0f} bytes a connection of {:,.0f} (goal <= 1,024), {:.1f} MB resident at start (goal <= 16), up in {:.0f} ms (goal <= 100)"
                  .format(self.median("I", "parley", "bytes_per_connection"), self.median("I", "parley", "members"),
                          self.median("I", "parley", "resident_start_bytes") / 1e6, self.median("I", "parley", "start_ms")))
        if ("durable", "parley") in self.results:
            print("durable messages: {:,.0f} acknowledged/s, bare SQLite {:,.0f}/s, ratio {:.2f} (goal >= 0.70); answer p50 {:.2f} ms, p99 {:.2f} ms"
                  .format(self.median("durable", "parley", "acked_per_s"), self.median("durable", "bare sqlite", "acked_per_s"),
                          self.ratio("durable", "parley", "bare sqlite", "acked_per_s"),
                          self.median("durable", "parley", "ack_p50_ms"), self.median("durable", "parley", "ack_p99_ms")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="the build folder")
    parser.add_argument("--loads", default="A,B,C,D,E50,I,durable", type=lambda text: text.split(","))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--members", type=int, default=1000, help="of the large room (A, B, E50)")
    parser.add_argument("--people", type=int, default=1000, help="who share the connections")
    parser.add_argument("--idle-members", type=int, default=5000)
    parser.add_argument("--send-batch", default="auto,writev", type=lambda text: text.split(","), help="settings of net.send_batch")
    parser.add_argument("--port", type=int, default=7820, help="of Parley; the raw program takes the next one")
    parser.add_argument("--tmp", help="folder for the data: on a disk whose fsync means something (default: the system's)")
    options = parser.parse_args()
    options.build = options.build.resolve()
    with tempfile.TemporaryDirectory(prefix="parley-bench-", dir=options.tmp) as folder:
        bench = Bench(options, Path(folder))
        bench.run()
        bench.report()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
