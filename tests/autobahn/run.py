#!/usr/bin/env python3
"""Runs Autobahn's fuzzing client against parley-echo: run.py PYTHON2 PARLEY_ECHO REPORT_FOLDER [--messages N]

Sections 1 to 7, 9, 10, 12 and 13; --messages bounds the messages of a case in 12 and 13. Prints a row a section, what
went wrong, and `N passed, N failed`. A case passes if Autobahn says OK (or INFORMATIONAL, where nothing is demanded)
of its behavior and of its close; NON-STRICT does not pass. The reports for people lie in REPORT_FOLDER.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
AGENT = "parley-echo"
# Two clients share the work: the large messages of section 9 take as long as all else.
SHARDS = {"limits": ["9.*"], "all-else": [f"{section}.*" for section in (1, 2, 3, 4, 5, 6, 7, 10, 12, 13)]}
SECTIONS = {1: "framing", 2: "pings and pongs", 3: "reserved bits", 4: "opcodes", 5: "fragmentation", 6: "UTF-8",
            7: "closing", 9: "limits, performance", 10: "auto-fragmentation", 12: "compression: data",
            13: "compression: parameters"}
CASES = 517
GOOD = {"OK", "INFORMATIONAL"}
MESSAGES = 1000


def start_server(binary: str) -> tuple[subprocess.Popen, int]:
    server = subprocess.Popen([binary, "--listen", "127.0.0.1:0", "--server-takeover", "1"], stdout=subprocess.PIPE, text=True)
    line = server.stdout.readline()
    match = re.search(r"listens on port (\d+)", line)
    if not match:
        server.kill()
        sys.exit(f"{binary} did not start: {line}")
    return server, int(match[1])


def start_client(python: str, folder: Path, cases: list[str], port: int, messages: int) -> subprocess.Popen:
    folder.mkdir(parents=True, exist_ok=True)
    spec = folder / "spec.json"
    spec.write_text(json.dumps({
        "outdir": str(folder), "cases": cases, "exclude-cases": [], "exclude-agent-cases": {},
        "servers": [{"agent": AGENT, "url": f"ws://127.0.0.1:{port}/echo"}],
    }))
    with open(folder / "wstest.log", "w") as log:
        return subprocess.Popen([python, "-W", "ignore", HERE / "fewer_messages.py", str(messages),
                                 "-m", "fuzzingclient", "-s", str(spec)], stdout=log, stderr=subprocess.STDOUT)


def read_results(folder: Path) -> dict[str, dict]:
    index = folder / "index.json"
    return json.loads(index.read_text())[AGENT] if index.exists() else {}


def is_good(case: dict) -> bool:
    return case["behavior"] in GOOD and case["behaviorClose"] in GOOD


def print_table(results: dict[str, dict]) -> None:
    passed, total, seconds = Counter(), Counter(), Counter()
    for name, case in results.items():
        section = int(name.split(".")[0])
        total[section] += 1
        passed[section] += is_good(case)
        seconds[section] += case["duration"] / 1000
    print(f"\n{'section':<30}{'cases':>7}{'passed':>8}{'failed':>8}{'seconds':>9}")
    for section, title in SECTIONS.items():
        print(f"{f'{section:>2}  {title}':<30}{total[section]:>7}{passed[section]:>8}"
              f"{total[section] - passed[section]:>8}{seconds[section]:>9.1f}")
    for name, case in results.items():
        if not is_good(case):
            print(f"  {name}: behavior {case['behavior']}, close {case['behaviorClose']}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("python2")
    parser.add_argument("server")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    options = parser.parse_args()
    for index in options.folder.glob("*/index.json"):
        index.unlink()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    server, port = start_server(options.server)
    clients = []
    try:
        clients = [start_client(options.python2, options.folder / name, cases, port, options.messages)
                   for name, cases in SHARDS.items()]
        for client in clients:
            client.wait()
    finally:
        for process in [*clients, server]:
            process.terminate()
    ended = server.wait()
    results = {name: case for shard in SHARDS for name, case in read_results(options.folder / shard).items()}
    print_table(results)
    passed = sum(map(is_good, results.values()))
    failed = CASES - passed  # a case that did not run is one that failed
    if ended != 0:
        print(f"the server ended with {ended}")
        failed += 1
    if "RESULT_FILE" in os.environ:
        Path(os.environ["RESULT_FILE"]).write_text(json.dumps({"passed": passed, "failed": failed}))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
