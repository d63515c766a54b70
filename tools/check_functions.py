#!/usr/bin/env python3
"""Checks that no C function is longer than a screen and no C file longer than a sitting; needs universal-ctags."""
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600


def tracked_sources() -> list[str]:
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.c", "*.h"],
                             cwd=ROOT, check=True, capture_output=True, text=True)
    return [path for path in listing.stdout.split("\0") if path and (ROOT / path).exists()]


def functions(paths: list[str]):
    """Path, name, first and last line of every function."""
    tags = subprocess.run(["ctags", "--output-format=json", "--kinds-C=f", "--fields=+ne", "-f", "-", *paths],
                          cwd=ROOT, check=True, capture_output=True, text=True)
    for line in tags.stdout.splitlines():
        tag = json.loads(line)
        if "end" in tag:
            yield tag["path"], tag["name"], tag["line"], tag["end"]


def main() -> int:
    paths = tracked_sources()
    problems = []
    for path in paths:
        lines = len((ROOT / path).read_text().splitlines())
        if lines > FILE_LINES_MAX:
            problems.append(f"{path}: {lines} lines, more than {FILE_LINES_MAX}")
    count = 0
    for path, name, first, last in functions(paths):
        count += 1
        if last - first + 1 > FUNCTION_LINES_MAX:
            problems.append(f"{path}:{first}: {name}() has {last - first + 1} lines, more than {FUNCTION_LINES_MAX}")
    for problem in problems:
        print(problem)
    print(f"{count} functions in {len(paths)} files, {len(problems)} too long")
    return 1 if problems or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
