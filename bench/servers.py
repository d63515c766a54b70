"""The servers that the bench measures: each is started on a free port of loopback, waited for, and ended."""
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench/peers"
START_LIMIT_S = 20
STOP_LIMIT_S = 20
ROOMS_OF_MANY = 500
PEOPLE_OF_IDLE = 50
HISTORY_MESSAGES = 1_000_000    # as in dialect.c


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def process(words: list, is_up, log: Path):
    """Starts a server, waits until it is up, ends it by SIGTERM. Yields the Popen."""
    with log.open("ab") as output:
        server = subprocess.Popen([str(word) for word in words], stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                                  env={**os.environ, "NODE_ENV": "production"})
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


class Peer:
    """A server that fans out and does nothing else: the raw program, or a chat on somebody's library."""

    def __init__(self, name: str, speaks: str, words: list, more: list, folder: Path):
        self.name, self.speaks, self.words, self.more = name, speaks, words, more
        self.log = folder / "peer.log"
        self.port = 0

    def serve(self):
        self.port = free_port()
        return process([*self.words, self.port, *self.more], lambda: accepts(self.port), self.log)


def raw(build: Path, folder: Path) -> list[Peer]:
    return [Peer(f"raw {mode}", "raw", [build / "bench/raw_epoll"], [mode], folder) for mode in ("write", "writev", "io_uring")]


def pinned_node() -> Path:
    machine = {"x86_64": "x64", "aarch64": "arm64"}[os.uname().machine]
    return PEERS / f"node_modules/node-linux-{machine}/bin/node"


def peers(folder: Path) -> dict[str, Peer]:
    """Each as its documents say for production (see the programs). Debian's Python holds Flask-SocketIO and eventlet."""
    return {peer.name: peer for peer in (
        Peer("ws", "ws", [pinned_node(), PEERS / "ws.mjs"], [], folder),
        Peer("socket.io", "socketio", [pinned_node(), PEERS / "socketio.mjs"], [], folder),
        Peer("flask-socketio", "socketio", ["/usr/bin/python3", PEERS / "flask_socketio_server.py"], [], folder))}


class Parley:
    """One data folder, prepared once, and the built server on it."""

    speaks = "parley"

    def __init__(self, build: Path, folder: Path):
        self.binary = build / "parley"
        self.data = folder / "data"
        self.log = folder / "parley.log"
        self.port = self.metrics_port = 0

    def get(self, port: int, path: str) -> bytes | None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as answer:
            return answer.read()
        return None

    def serve(self, *settings: str):
        self.port, self.metrics_port = free_port(), free_port()
        return process([self.binary, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}", "--limits.rate=off",
                        f"--metrics.listen=127.0.0.1:{self.metrics_port}", "--limits.connections_per_person=100000",
                        "--log.level=warn", *settings], lambda: self.get(self.port, "/healthz") is not None, self.log)

    def metric(self, name: str) -> float:
        page = (self.get(self.metrics_port, "/metrics") or b"").decode()
        return next(float(line.split()[1]) for line in page.splitlines() if line.startswith(f"{name} "))

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

    def make_room(self, name: str, members: list[str]) -> str:
        room = self.rest(members[0], "/rooms", {"name": name})["room"]["id"]
        for token in members[1:]:
            self.rest(token, f"/rooms/{room}/join", {})
        return f"{room} {' '.join(members)}\n"

    def prepare(self, people: int) -> dict[str, Path]:
        """Makes people and rooms; answers the load generator's plans: a room a line, with tokens of its members.

        `one`: a room that all people are in. `many`: rooms that share the people out, each person in one of them only. `idle`: a
        room of people who are in neither. A load sends to one of them, so nobody gets messages of a room that is not measured."""
        cheap_hashes = ("--auth.argon2_memory_bytes=8192", "--auth.argon2_passes=1")
        with self.serve(*cheap_hashes), ThreadPoolExecutor(4) as pool:
            tokens = [self.make_person(0)]
            tokens += pool.map(self.make_person, range(1, people + PEOPLE_OF_IDLE))
            idle = tokens[people:]
            del tokens[people:]
            plans = {name: self.data.parent / f"plan-{name}" for name in ("many", "one", "idle", "history")}
            shares = [tokens[i::ROOMS_OF_MANY] or [tokens[i % people]] for i in range(ROOMS_OF_MANY)]
            names = [f"many {i}" for i in range(ROOMS_OF_MANY)]
            plans["many"].write_text("".join(pool.map(self.make_room, names, shares)))
            plans["one"].write_text(self.make_room("one", tokens))
            plans["idle"].write_text(self.make_room("idle", idle))
            plans["history"].write_text(self.make_room("history", idle[:1]))
        return plans

    def fill_history(self) -> None:
        """Puts a million messages into the room `history`, while nobody serves: its rows alone, which is what pages read."""
        with contextlib.closing(sqlite3.connect(self.data / "parley.db")) as db, db:
            room, author = db.execute("SELECT r.key, m.account FROM room r JOIN membership m ON m.room = r.key WHERE r.name = 'history'").fetchone()
            db.execute("""WITH RECURSIVE n(i) AS (SELECT max(seq) + 1 FROM log WHERE audience = ?1 * 4 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
                INSERT INTO message (id, room, seq, author, text, nonce, created_at)
                SELECT randomblob(16), ?1, i, ?2, 'message ' || i || ' ' || hex(randomblob(40)), i, 1700000000000 + i FROM n""",
                       (room, author, HISTORY_MESSAGES))
            db.execute("""INSERT INTO log (pos, workspace, type, audience, seq, actor, subject, fact, created_at)
                SELECT h.pos + 1, 1, 1, ?1 * 4, ?2, ?3, m.key, 0, m.created_at FROM log_head h, message m
                WHERE m.room = ?1 AND m.seq = ?2""", (room, HISTORY_MESSAGES, author))
            db.execute("UPDATE log_head SET pos = pos + 1")
