# SPDX-License-Identifier: Apache-2.0
"""kill -9 at every instruction of the library: nothing torn, no number lost or given twice, no slot lost, all go on.

A process for each core walks through the scenarios of tests/kill/scenarios.c. ZOETROPE_SOAK=1 tries the first
twenty repetitions of an instruction and its last. For each function of the library the instructions are printed at which a kill was tried, and their total.
"""
# limit: every_instruction 7200 s
# alone
import os
import queue
import subprocess
import sys
import textwrap
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from coverage import Coverage  # noqa: E402
from counted_out import COUNTED_OUT  # noqa: E402

BUILD = os.environ["ZOETROPE_BUILD"]
SOURCE = os.environ["ZOETROPE_SOURCE"]
PROGRAM = os.path.join(BUILD, "tests", "kill")
CORES = sorted(os.sched_getaffinity(0))
WANTED_PERCENT = 95


def scenarios():
    return subprocess.run([PROGRAM, "--list"], check=True, capture_output=True, text=True).stdout.split()


def run_one(name, core):
    """A scenario on one core: who stops and who is stopped take turns. What it reached is added to the file `reached`."""
    domain = f"{os.environ['ZOETROPE_DOMAIN']}-{core}"
    done = subprocess.run([PROGRAM, domain, "reached", name], capture_output=True, text=True)
    if os.path.isdir(domain) and not os.listdir(domain):
        os.rmdir(domain)
    return done


def run_all(names):
    """Each scenario once, one on each core at a time. Returns those that failed."""
    waiting, failed = queue.Queue(), []
    for name in names:
        waiting.put(name)

    def work(core):
        os.sched_setaffinity(0, {core})  # of this thread, and of what it starts
        while True:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            done = run_one(name, core)
            print(done.stdout + done.stderr, end="", flush=True)
            if done.returncode:
                failed.append(name)

    threads = [threading.Thread(target=work, args=(core,)) for core in CORES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def print_coverage(rows):
    """Print tried and total of each function. Returns what is below WANTED_PERCENT."""
    low, cells = [], []
    for name, _, tried, total, out, missed in rows:
        percent = 100 * tried / (total - out) if total > out else 100
        cells.append(f"{name} {tried}/{total}" + (f" (and {out} counted out)" if out else ""))
        if percent < WANTED_PERCENT:
            low.append(f"{name} ({percent:.1f} %)")
            for where, count in missed.items():
                print(f"not reached in {name}: {where} ({count})")
    for line in textwrap.wrap(", ".join(cells).replace(" (and", "~(and").replace(" counted", "~counted").replace("d out", "d~out"),
                              110, break_long_words=False):
        print("measured: " + line.replace("~", " "))
    return low


def test_every_instruction():
    begin = time.monotonic()
    names = scenarios()
    failed = run_all(names)
    coverage = Coverage(os.path.join(BUILD, "lib", "libzoetrope.so"), SOURCE)
    coverage.add("reached")
    rows = list(coverage.rows(COUNTED_OUT))
    low = print_coverage(rows)
    kills, tried, total, out = (sum(row[i] for row in rows) for i in range(1, 5))
    print(f"measured: {kills} kills in {len(names)} scenarios, {time.monotonic() - begin:.0f} s, at {tried} of {total} instructions "
          f"of {len(rows)} functions; {out} are counted out")
    assert not failed, f"failed: {' '.join(failed)}"
    assert not low, f"less than {WANTED_PERCENT} % of {', '.join(low)}"
    assert not coverage.stale, f"counted_out.py: reached after all, or no longer there: {coverage.stale}"
