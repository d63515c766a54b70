#!/usr/bin/env python3
"""Checks that includes only go down the layers of server/, and that siblings do not include each other."""
import re
import sys
from pathlib import Path

SERVER = Path(__file__).resolve().parent.parent / "server"

# Lowest first. What stands in one row is siblings. Files right in server/ are layers by their name.
LAYERS = [
    ["base"],
    ["protocol"],
    ["settings"],
    ["loop"],
    ["net", "store", "bus"],
    ["realtime"],
    ["auth"],
    ["chat"],
    ["jobs"],
    ["api"],
    ["commands"],
    ["main"],
]
RANK = {name: rank for rank, row in enumerate(LAYERS) for name in row}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def layer_of(path: Path) -> str:
    """server/net/conn.c is of net; server/settings_table.h of settings."""
    return path.parts[0] if len(path.parts) > 1 else re.split(r"[._]", path.name)[0]


def check_file(path: Path) -> list[str]:
    layer = layer_of(path.relative_to(SERVER))
    if layer not in RANK:
        return [f"{path}: {layer} is no layer that tools/check_layers.py knows"]
    problems = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        included = Path(match[1])
        # Generated headers and neighbours of a header are named without a folder.
        if len(included.parts) == 1 and not (SERVER / included).exists():
            continue
        other = layer_of(included)
        if other not in RANK:
            problems.append(f"{path}:{number}: {included} is in no layer")
        elif other != layer and RANK[other] >= RANK[layer]:
            word = "its sibling" if RANK[other] == RANK[layer] else "up to"
            problems.append(f"{path}:{number}: {layer} must not include {word} {other} ({included})")
    return problems


def main() -> int:
    files = sorted(path for end in ("c", "h", "def") for path in SERVER.rglob(f"*.{end}"))
    problems = [problem for path in files for problem in check_file(path)]
    for problem in problems:
        print(problem)
    print(f"{len(files)} files, {len(problems)} includes against the layers")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
