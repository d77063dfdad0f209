# SPDX-License-Identifier: Apache-2.0
"""bench/transport works: it measures what needs no other package, prints a whole table, and leaves nothing behind. Its
figures are not looked at: they belong to a quiet machine.
"""
# alone: it polls on both cores
# limit: whole_table 240 s
import json
import os
import signal
import subprocess

from support import wait_for

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TRANSPORT = os.path.join(SOURCE, "bench", "transport")
OWN = ["zoetrope", "limit", "semaphore", "python"]


def transport(*arguments):
    return subprocess.run([TRANSPORT, "--quick", "--build", os.environ["ZOETROPE_BUILD"], *arguments], capture_output=True, text=True)


def cells(output):
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in output.splitlines() if line.startswith("| ")]
    return {(row[0], row[1]): dict(zip(rows[0], row)) for row in rows[2:]}


def left_behind():
    return [name for name in os.listdir("/dev/shm") if name.startswith(("zoetrope-bench-", "sem.zoetrope-bench-"))]


def test_whole_table():
    before = left_behind()
    peers = [word for peer in OWN for word in ("--peer", peer)]
    works = [word for work in ("L1", "L2", "F1", "T1", "FAN4", "N2", "STOP", "C64", "C25M") for word in ("--work", work)]
    done = transport(*peers, *works, "--json", "runs.json")
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    table = cells(done.stdout)
    for row in ("L1 latency", "L2 latency", "F1 latency", "T1 rate", "FAN4 latency", "N2 rate"):
        for peer in OWN:
            assert table[row, peer]["p50"] and table[row, peer]["x limit"], (row, peer)
    assert table["T1 rate", "zoetrope"]["result"].count("(") == 2, "two targets: against the limit, and the best other"
    assert table["STOP send stopped", "zoetrope"]["result"]
    assert table["C25M send", "zoetrope"]["target"] == "<= 1.1 x C64 send"
    with open("runs.json", encoding="utf-8") as stream:
        runs = json.load(stream)
    for work, peers in runs.items():
        for peer, results in peers.items():
            assert all(result["count"] > 0 or work.startswith("C") for result in results), (work, peer)
            assert all(result["torn"] == 0 for result in results), (work, peer)
    assert left_behind() == before


def test_peer_that_is_not_there():
    os.mkdir("bench")
    os.symlink(os.path.join(os.environ["ZOETROPE_BUILD"], "bench", "bench-limit"), "bench/bench-limit")
    done = transport("--build", ".", "--work", "C64", "--peer", "limit", "--peer", "zeromq")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not measured: zeromq; to install it: bench/transport --install, or apt-get install libzmq3-dev" in done.stdout


def test_unknown_names():
    for option, sentence in (("--work", "no work L9; there are: L1, L2"), ("--peer", "no peer L9; there are: zoetrope, limit")):
        done = transport(option, "L9")
        assert done.returncode == 1 and sentence in done.stderr, done.stderr


def test_interrupted():
    """Told to end in the middle, it ends its peers, and they tidy up."""
    running = subprocess.Popen([TRANSPORT, "--build", os.environ["ZOETROPE_BUILD"], "--peer", "semaphore", "--work", "F1"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    mine = f"zoetrope-bench-{running.pid}"

    def names():
        return [name for name in os.listdir("/dev/shm") if mine in name]
    wait_for(lambda: len(names()) >= 4, 50, "the peer's ring and semaphores")
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 143
    running.communicate()
    assert not names()
