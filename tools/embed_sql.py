#!/usr/bin/env python3
"""Turns the numbered migrations into a C array: embed_sql.py OUT.h 0001_x.sql 0002_y.sql …

Refuses a gap in the numbers, so that a migration's place in the array is its number.
"""
import os
import sys


def as_numbers(data):
    """Bytes as C numbers: a string literal may not be as long as a schema."""
    rows = [data[at:at + 24] for at in range(0, len(data), 24)]
    return ",\n".join("    " + ", ".join(str(byte) for byte in row) for row in rows)


def main(out_path, paths):
    names = []
    with open(out_path, "w", encoding="utf-8") as out:
        out.write("/* Generated from migrations/ by tools/embed_sql.py. */\n#pragma once\n")
        for number, path in enumerate(paths, 1):
            name = os.path.basename(path)
            if int(name.split("_")[0]) != number:
                sys.exit("%s: number %04d was expected" % (name, number))
            with open(path, "rb") as source:
                data = source.read()
            if any(byte == 0 or byte > 126 for byte in data):
                sys.exit("%s: plain ASCII only" % name)
            out.write("\n/* %s */\nstatic const char migration_%d[] = {\n%s, 0};\n" % (name, number, as_numbers(data)))
            names.append("migration_%d" % number)
        out.write("\nstatic const char *const migrations[] = {%s};\n" % ", ".join(names))


main(sys.argv[1], sorted(sys.argv[2:], key=os.path.basename))
