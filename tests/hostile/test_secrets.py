# SPDX-License-Identifier: Apache-2.0
"""What a stranger must not learn from preview: the token, by how long a wrong one takes; files, by paths in an address."""
import os
import re
import shutil
import subprocess
import urllib.parse

from support import http, wait_for
from support.preview import Preview, Publisher
from support.zoetrope import SOURCE

TOKEN = "correct-horse_42"
PROBE = """
#include "roles/preview_guard.c"

__attribute__((noinline)) bool compare(const char *got, const char *wanted)
{
	return guard_equal(got, wanted);
}

int main(int argc, char **argv)
{
	static char got[300] __attribute__((aligned(64))), wanted[300] __attribute__((aligned(64)));
	snprintf(got, sizeof(got), "%s", argv[1]);
	snprintf(wanted, sizeof(wanted), "%s", argv[2]);
	puts(compare(got, wanted) ? "right" : "wrong");
	return 0;
}
"""


def build_probe():
    """The comparison as it stands in preview_guard.c; what else is in there is not called."""
    with open("probe.c", "w", encoding="utf-8") as stream:
        stream.write(PROBE)
    compiler = shutil.which("gcc")
    assert compiler, "gcc is missing: tools/install-packages build"
    subprocess.run([compiler, "-O2", "-std=gnu11", "-D_GNU_SOURCE", "-w", "-I" + SOURCE, "-I" + os.path.join(SOURCE, "include"), "probe.c",
                    "-ffunction-sections", "-Wl,--gc-sections", "-Wl,-z,now", "-o", "probe"], check=True)


def instructions(got):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=compare", "./probe", got, TOKEN],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(re.search(r"Collected : (\d+)", done.stderr)[1]), done.stdout.strip()


def test_a_wrong_token_takes_as_long_wherever_it_is_wrong():
    build_probe()
    found = {got: instructions(got) for got in (TOKEN, "X" + TOKEN[1:], TOKEN[:8] + "X" + TOKEN[9:], TOKEN[:-1] + "X", "X" * len(TOKEN))}
    print("measured: " + ", ".join(f"{got}: {count} instructions, {answer}" for got, (count, answer) in found.items()))
    assert [answer for _, answer in found.values()] == ["right", "wrong", "wrong", "wrong", "wrong"]
    assert len({count for count, _ in found.values()}) == 1
    assert min(count for count, _ in found.values()) > 3 * len(TOKEN), "the comparison was not counted"


def tracer(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as stream:
        return int(re.search(r"TracerPid:\s*(\d+)", stream.read())[1])


def test_no_path_of_an_address_reaches_the_file_system():
    """Every call with a path that preview makes meanwhile is looked at."""
    marker = "zz-of-the-address"
    up = f"../../../../tmp/{marker}"
    paths = [f"/{marker}", f"/{up}", "/" + urllib.parse.quote(up, safe=""), f"/app.js/{marker}", f"/style.css%00{marker}", f"/api/v1/cameras/{marker}",
             f"/api/v1/cameras/{urllib.parse.quote(up, safe='')}/snapshot.jpg", f"/api/v1/cameras/front/{marker}", f"/api/v1/cameras/front/snapshot.jpg?overlay={up}",
             f"/api/v1/stream?cameras={up}", f"/api/v1/stream?cameras=front,{marker}", f"/?token={up}", f"/login/{marker}"]
    with Publisher(width=320, height=180), Preview() as preview:
        with open("trace", "w", encoding="utf-8") as trace:
            strace = subprocess.Popen(["strace", "-f", "-qq", "-s", "4096", "-e", "trace=%file", "-p", str(preview.process.pid)], stderr=trace)
            try:
                wait_for(lambda: tracer(preview.process.pid), 20, "strace to look")
                for path in paths:
                    status = http.request(preview.port, "GET", path)[0]
                    assert status in (200, 400, 404), (path, status)
                assert http.request(preview.port, "GET", "/api/v1/topics")[0] == 200
            finally:
                strace.terminate()
                strace.wait(20)
    with open("trace", encoding="utf-8") as stream:
        calls = stream.read().splitlines()
    print(f"measured: {len(calls)} calls with a path during {len(paths)} addresses")
    assert any("/proc/" in call for call in calls), f"nothing was traced: {calls[:5]}"
    assert not [call for call in calls if marker in call]
