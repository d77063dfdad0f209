#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Copy a source file with one atomic operation made plain: the mistake that ThreadSanitizer must find.

usage: plant.py IN OUT STEP      STEP names the operation by the comment behind it, e.g. "P7"
"""
import re
import sys


def main():
    source, target, step = sys.argv[1:]
    with open(source, encoding="utf-8") as stream:
        text = stream.read()
    # atomic_store(&X, VALUE); /* STEP: ... */   becomes   *(uint64_t *)&X = VALUE;
    planted, count = re.subn(r"atomic_store\((&.+?), (.+)\);(\s*/\* " + re.escape(step) + r"\b)",
                             r"*(volatile uint64_t *)(\1) = \2;\3", text)
    if count != 1:
        sys.exit(f"plant.py: {source} has {count} stores marked {step}, one is wanted")
    with open(target, "w", encoding="utf-8") as stream:
        stream.write(planted)


if __name__ == "__main__":
    main()
