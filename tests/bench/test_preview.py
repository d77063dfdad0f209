# SPDX-License-Identifier: Apache-2.0
"""bench/preview works: all servers have their row, and it leaves nothing behind. Its figures belong to a quiet machine."""
# alone: it loads both cores
# limit: 240 s
import os
import subprocess

from support.zoetrope import CACHE

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
PREVIEW = os.path.join(SOURCE, "bench", "preview")


def preview(*arguments):
    return subprocess.run([PREVIEW, "--build", os.environ["ZOETROPE_BUILD"], *arguments], capture_output=True, text=True)


def left_behind():
    return [name for name in os.listdir("/dev/shm") if name.startswith("zoetrope-bench-preview-")]


def test_whole_table():
    assert os.path.exists(os.path.join(CACHE, "vtest.avi"))
    before = left_behind()
    done = preview("--rounds", "1", "--seconds", "1.5", "--viewers", "1")
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines() if line.startswith("| ")]
    table = {(row[0], row[1]): dict(zip(rows[0], row)) for row in rows[2:]}
    servers = [("1", server) for server in ("zoetrope", "gstreamer", "ffmpeg")]
    assert list(table) == [*servers, ("–", "libjpeg-turbo in a loop"), ("–", "libjpeg-turbo, of the topic")]
    for row in servers:
        assert all(float(table[row][column]) > 0 for column in ("CPU, %", "x limit", "x one viewer", "latency p50, ms", "kB a picture")), table[row]
        assert float(table[row]["PSNR, dB"]) > 40, "the pictures are not those that were published"
    assert done.stdout.count("met") + done.stdout.count("missed") == 2
    assert left_behind() == before


def test_what_is_missing_is_said():
    done = preview("--build", "nowhere")
    assert done.returncode == 1 and "nowhere/bench/bench-preview-publish is not built" in done.stderr, done.stderr
