#!/usr/bin/env python3
"""Runs the rows of stages.txt that belong to a set: stages.py check|test|ci

Prints what each stage prints, then what the failed tests said, a table of seconds and counts, and one line
`N passed, N failed`.
Exits with 1 if a test failed, a command failed, or a stage ran no test.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("stages.txt")


@dataclass
class Stage:
    name: str
    counts: str
    command: str
    seconds: float = 0
    passed: int = 0
    failed: int = 0
    note: str = ""
    said: str = ""  # by its failed tests


def read_stages(wanted: str) -> list[Stage]:
    stages = []
    for line in TABLE.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            sets, name, counts, command = line.split(maxsplit=3)
            if wanted in sets.split(","):
                stages.append(Stage(name, counts, command))
    return stages


def count_tap(text: str) -> tuple[int, int]:
    """Top-level TAP lines; a skipped or to-do test is neither passed nor failed."""
    passed = failed = 0
    for line in text.splitlines():
        match = re.match(r"(not )?ok\b(.*)", line)
        if match and not re.search(r"#\s*(SKIP|TODO)\b", match[2], re.IGNORECASE):
            failed += match[1] is not None
            passed += match[1] is None
    return passed, failed


def count_meson(text: str) -> tuple[int, int]:
    """One JSON object a line, one a test program; a program that died counts as one failure at least."""
    passed = failed = 0
    for line in text.splitlines():
        program = json.loads(line)
        ok, not_ok = count_tap(program.get("stdout") or "")
        good = program["result"] in ("OK", "EXPECTEDFAIL")
        if ok + not_ok == 0:
            ok = 1 if good else 0
        if not good and program["result"] != "SKIP":
            not_ok = max(not_ok, 1)
        passed += ok
        failed += not_ok
    return passed, failed


def count_node(text: str) -> tuple[int, int]:
    def last(word: str) -> int:
        return int(re.findall(rf"^# {word} (\d+)", text, re.MULTILINE)[-1])

    return last("pass"), last("fail") + last("cancelled")


def count_vitest(text: str) -> tuple[int, int]:
    result = json.loads(text)
    # A file that did not load has no tests of its own to fail.
    broken = sum(1 for f in result["testResults"] if f["status"] == "failed" and not f["assertionResults"])
    return result["numPassedTests"], result["numFailedTests"] + broken


def count_playwright(text: str) -> tuple[int, int]:
    result = json.loads(text)
    stats = result["stats"]
    # A test that only passed when tried again is a failed one.
    return stats["expected"], stats["unexpected"] + stats["flaky"] + len(result.get("errors", []))


def count_totals(text: str) -> tuple[int, int]:
    result = json.loads(text)
    return result["passed"], result["failed"]


def node_failures(text: str) -> str:
    """The failed lines of a TAP report, each with the indented block that explains it."""
    return "\n".join(match[0] for match in re.finditer(r"^( *)not ok .*\n(?:\1 +.*\n)*", text, re.MULTILINE))


def meson_failures(text: str) -> str:
    said = []
    for line in text.splitlines():
        program = json.loads(line)
        if program["result"] not in ("OK", "EXPECTEDFAIL", "SKIP"):
            bad = [ok for ok in (program.get("stdout") or "").splitlines() if not re.match(r"ok |1\.\.", ok)]
            said.append("\n".join([f"{program['name']}: {program['result']}", *bad, (program.get("stderr") or "")[-SAID_MAX:]]))
    return "\n".join(said)


FAILURES = {"meson": meson_failures, "node": node_failures}
SAID_MAX = 6000

COUNTERS = {"meson": count_meson, "node": count_node, "vitest": count_vitest,
            "playwright": count_playwright, "totals": count_totals}


def run_stage(stage: Stage, result_file: Path) -> None:
    print(f"\n==> {stage.name}: {stage.command}", flush=True)
    start = time.monotonic()
    status = subprocess.run(stage.command, shell=True, check=False,
                            env={**os.environ, "RESULT_FILE": str(result_file)}).returncode
    stage.seconds = time.monotonic() - start
    if stage.counts == "exit":
        stage.passed = int(status == 0)
    else:
        try:
            result = result_file.read_text()
            stage.passed, stage.failed = COUNTERS[stage.counts](result)
            if stage.failed and stage.counts in FAILURES:
                stage.said = FAILURES[stage.counts](result)[:SAID_MAX]
        except (OSError, ValueError, KeyError, IndexError) as error:
            stage.note = f"no result to count ({error.__class__.__name__})"
    if status != 0 and stage.failed == 0:
        stage.failed = 1
        stage.note = stage.note or f"exit status {status}"
    elif stage.passed + stage.failed == 0:
        stage.failed = 1
        stage.note = stage.note or "ran no test"


def main() -> int:
    wanted = sys.argv[1] if len(sys.argv) == 2 else ""
    stages = read_stages(wanted)
    if not stages:
        print("usage: stages.py check|test|ci", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="parley-stages-") as folder:
        for stage in stages:
            run_stage(stage, Path(folder) / stage.name)

    for stage in stages:
        if stage.said:
            print(f"\n==> what failed in {stage.name}\n{stage.said}")
    print(f"\n{'stage':<20}{'seconds':>9}{'passed':>8}{'failed':>8}")
    for stage in stages:
        print(f"{stage.name:<20}{stage.seconds:>9.1f}{stage.passed:>8}{stage.failed:>8}  {stage.note}".rstrip())
    passed = sum(stage.passed for stage in stages)
    failed = sum(stage.failed for stage in stages)
    if "RESULT_FILE" in os.environ:
        Path(os.environ["RESULT_FILE"]).write_text(json.dumps({"passed": passed, "failed": failed}))
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
