"""The goals of PERFORMANCE.md as rows: what is compared in each, and the bound. Figures are medians of the rounds' ratios."""
from dataclasses import dataclass

CPU = "cpu_us_per_delivery"
KERNEL = "kernel_us_per_delivery"


@dataclass(frozen=True)
class Goal:
    load: str
    what: str
    ours: str           # the server whose figure is divided …
    theirs: str | None  # … by this one's of the same round; None: the figure itself is bounded
    figure: str
    bound: float
    at_least: bool = False
    inverted: bool = False  # theirs / ours: "so many times cheaper"

    def reached(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


def cheaper(load: str, peer: str, times: float) -> Goal:
    return Goal(load, f"times cheaper than {peer}", "parley auto", peer, CPU, times, at_least=True, inverted=True)


GOALS = (
    Goal("A", "CPU / raw write's", "parley auto", "raw write", CPU, 0.65),
    cheaper("A", "socket.io", 4),
    cheaper("A", "flask-socketio", 13),
    Goal("B", "CPU / raw writev's", "parley auto", "raw writev", CPU, 0.75),
    cheaper("B", "socket.io", 20),
    Goal("C", "CPU / raw writev's", "parley auto", "raw writev", CPU, 1.0),
    cheaper("C", "socket.io", 10),
    Goal("D", "CPU / raw writev's", "parley auto", "raw writev", CPU, 1.55),
    cheaper("D", "ws", 1),
    Goal("E50", "p99 / raw writev's", "parley auto", "raw writev", "p99_ms", 0.75),
    Goal("I", "bytes a connection, 5,000", "parley 5000", None, "bytes_per_connection", 1024),
    Goal("I", "bytes a connection, 15,000", "parley 15000", None, "bytes_per_connection", 1024),
    Goal("I", "MB resident at start", "parley 5000", None, "resident_start_mb", 16),
    Goal("I", "ms until it is up", "parley 5000", None, "start_ms", 100),
    Goal("durable", "messages/s / bare SQLite's", "parley", "bare sqlite", "acked_per_s", 0.70, at_least=True),
    Goal("history", "ms a page of 50 from a million, p50, from the store", "parley store", None, "p50_ms", 1.0),
    Goal("history", "ms a page of 50 from a million, p50, from the cache", "parley cache", None, "p50_ms", 0.1),
    Goal("held", "p99 with idle connections held / without", "parley + idle", "parley alone", "p99_ms", 1.2),
    Goal("stalled", "p99 with stalled members / without", "parley + stalled", "parley alone", "p99_ms", 1.2),
    Goal("stalled", "bytes more at the peak, a stalled member", "parley + stalled", None, "bytes_per_stalled", 65536),
    Goal("deflate", "CPU compressed / plain", "parley deflate", "parley plain", CPU, 1.3),
    Goal("loops", "wake-ups a batch and loop", "parley --loops=2", None, "wakeups_per_batch_and_loop", 1.0),
)
