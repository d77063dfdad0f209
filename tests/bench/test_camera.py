# SPDX-License-Identifier: Apache-2.0
"""bench/camera works: it sends a film to three ways, prints a whole table, and leaves nothing behind. Its figures are not looked at."""
# alone: it measures time
# limit: 240 s
import os
import subprocess

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CAMERA = os.path.join(SOURCE, "bench", "camera")


def test_whole_table():
    done = subprocess.Popen([CAMERA, "--quick", "--build", os.environ["ZOETROPE_BUILD"]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, errors = done.communicate()
    print(out, errors)
    assert done.returncode == 0
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in out.splitlines() if line.startswith("| ")]
    table = {row[0]: dict(zip(rows[0], row)) for row in rows[2:]}
    assert set(table) == {"ffmpeg -f null", "zoetrope", "ffmpeg, pipe, Python, shared memory"}
    for name, row in table.items():
        assert float(row["CPU a frame, ms"]) > 0
        assert name == "ffmpeg -f null" or float(row["sent to received, p50 ms"]) > 0
        assert name == "ffmpeg -f null" or int(row["not received"]) < 45, "no picture came"
    assert out.count("target: ") == 2
    assert not [name for name in os.listdir("/dev/shm") if f"zoetrope-bench-camera-{done.pid}-" in name]


def test_wrong_arguments():
    done = subprocess.run([CAMERA, "--seconds", "1"], capture_output=True, text=True)
    assert done.returncode == 2 and "--seconds from 4 to 120" in done.stderr
