# SPDX-License-Identifier: Apache-2.0
"""libFuzzer on the files that an opener reads: it keeps inputs that reach new code. ZOETROPE_SOAK=1 makes it 5 minutes each."""
# limit: 700 s
import os
import re
import subprocess

SECONDS = 300 if os.environ.get("ZOETROPE_SOAK") else 8


def fuzz(**environment):
    program = os.path.join(os.environ["ZOETROPE_SOURCE"], "build-clang", "tests", "fuzz_open")
    assert os.access(program, os.X_OK), f"{program} is not built; ./check builds it with clang"
    done = subprocess.run([program, "-seed=1", f"-max_total_time={SECONDS}", "-max_len=192", "-timeout=20", "-print_final_stats=1"],
                          capture_output=True, text=True, env={**os.environ, **environment}, timeout=600)
    assert done.returncode == 0, done.stderr[-6000:]
    rounds = re.search(r"number_of_executed_units: (\d+)", done.stderr)[1]
    covered = re.findall(r"cov: (\d+)", done.stderr)
    print(f"measured: seed 1, {rounds} rounds, {covered[0]} places of the code reached at first, {covered[-1]} at the end")
    assert int(covered[-1]) > int(covered[0])


def test_large_slots():
    fuzz()


def test_small_slots():
    fuzz(ZOETROPE_SMALL="1")
