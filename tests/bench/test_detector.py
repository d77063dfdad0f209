# SPDX-License-Identifier: Apache-2.0
"""bench/detector works: it measures each part with one engine, prints a whole table, and leaves nothing behind. Its figures are
not looked at: they belong to a quiet machine.
"""
# limit: whole_table 240 s
import json
import os
import subprocess

from support.zoetrope import SOURCE

BENCH = os.path.join(SOURCE, "bench", "detector")


def left_behind():
    return [name for name in os.listdir("/dev/shm") if name.startswith("zoetrope-bench-detector-")]


def test_whole_table():
    for _ in range(2):  # a detector that is not given a core for 1.5 s at its end is a failure to the bench
        done = subprocess.run([BENCH, "--quick", "--engine", "onnxruntime", "--json", "slices.json"], capture_output=True, text=True)
        print(done.stdout, done.stderr)
        if done.returncode == 0:
            break
    assert done.returncode == 0
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines() if line.startswith("| ")]
    table = {row[0]: dict(zip(rows[0], row)) for row in rows[2:]}
    for what in ("frames a second; bare engine", "CPU of a frame; bare engine", "frames a second, two workers; one",
                 "pictures a second, shown; in", "prepare 1920x1080 NV12; blobFromImage"):
        assert table[what]["ours"] and table[what]["beside"] and float(table[what]["ratio"]) > 0, what
    for part in ("capture to boxes p50 / p99", "part: published", "part: taken", "part: prepared", "part: inferred", "part: told",
                 "of inferred: decoded"):
        assert table[part]["ours"].endswith(" ms"), part
    assert sum(bool(row[5]) for row in rows[2:]) == 2 + 2 + 1 + 8, "targets"
    with open("slices.json", encoding="utf-8") as stream:
        assert {one["part"] for one in json.load(stream)} == {"rate", "workers", "preview", "prepare"}
    assert not left_behind()


def test_what_is_missing():
    """One sentence, and what to do."""
    done = subprocess.run([BENCH, "--quick"], capture_output=True, text=True, env={**os.environ, "ZOETROPE_CACHE": "/nowhere"})
    assert done.returncode == 1 and done.stderr == "bench/detector: /nowhere/vtest.avi is missing: tools/fetch-media fetches it\n"
    done = subprocess.run([BENCH, "--engine", "fnord"], capture_output=True, text=True)
    assert done.returncode == 2 and "invalid choice: 'fnord'" in done.stderr
