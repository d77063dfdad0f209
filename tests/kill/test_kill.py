# SPDX-License-Identifier: Apache-2.0
"""kill -9 at every instruction of the library: nothing torn, no number lost or given twice, no slot lost, all go on.

Two processes walk through the scenarios of tests/kill/scenarios.c. ZOETROPE_SOAK=1 tries every repetition of an
instruction too.
"""
# limit: 600 s
# limit: every_instruction 600 s
# alone
import os
import queue
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from coverage import Coverage  # noqa: E402
from counted_out import COUNTED_OUT  # noqa: E402

BUILD = os.environ["ZOETROPE_BUILD"]
SOURCE = os.environ["ZOETROPE_SOURCE"]
PROGRAM = os.path.join(BUILD, "tests", "kill")
WORKERS = 2
WANTED_PERCENT = 10


def scenarios():
    return subprocess.run([PROGRAM, "--list"], check=True, capture_output=True, text=True).stdout.split()


def run_one(name, worker, environment=None):
    domain = f"{os.environ['ZOETROPE_DOMAIN']}-{worker}"
    done = subprocess.run([PROGRAM, domain, f"reached-{name}", name], capture_output=True, text=True,
                          env={**os.environ, **(environment or {})})
    if os.path.isdir(domain) and not os.listdir(domain):
        os.rmdir(domain)
    return done


def run_all(names):
    """Each scenario once, WORKERS at a time. Returns those that failed."""
    waiting, failed = queue.Queue(), []
    for name in names:
        waiting.put(name)

    def work(worker):
        while True:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            done = run_one(name, worker)
            print(done.stdout + done.stderr, end="", flush=True)
            if done.returncode:
                failed.append(name)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def print_coverage(coverage):
    """Print tried and total of each function. Returns what is below WANTED_PERCENT."""
    low = []
    print(f"{'function':30} {'kills':>7} {'tried':>6} {'total':>6} {'out':>5}  percent")
    for name, kills, tried, total, out, missed in coverage.rows(COUNTED_OUT):
        percent = 100 * tried / (total - out) if total > out else 100
        print(f"{name:30} {kills:7} {tried:6} {total:6} {out:5}  {percent:6.1f}")
        if percent < WANTED_PERCENT:
            low.append(name)
            for where, count in missed.items():
                print(f"    not reached: {where} ({count})")
    return low


def test_every_instruction():
    names = scenarios()
    failed = run_all(names)
    coverage = Coverage(os.path.join(BUILD, "lib", "libzoetrope.so"), SOURCE)
    for name in names:
        coverage.add(f"reached-{name}")
    low = print_coverage(coverage)
    rows = list(coverage.rows(COUNTED_OUT))
    kills, tried, total, out = (sum(row[i] for row in rows) for i in range(1, 5))
    print(f"measured: {kills} kills in {len(names)} scenarios, at {tried} of {total} instructions of {len(rows)} functions; "
          f"{out} are counted out")
    assert not failed, f"failed: {' '.join(failed)}"
    assert not low, f"less than {WANTED_PERCENT} % of {' '.join(low)}"
