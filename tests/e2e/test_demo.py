# SPDX-License-Identifier: Apache-2.0
"""./demo: starts, shows itself, ends on Ctrl-C, and takes away what it made. Runs in build/, as users do."""
# limit: 300 s
import os
import re
import signal
import subprocess
import time

from support import wait_for
from support.http import free_port, get_json
from support.wait import promised
from support.zoetrope import SOURCE, alive, domain_entries

DEMO = os.path.join(SOURCE, "demo")


def answers(port):
    try:
        return get_json(port, "/api/v1/state")["cameras"]["front"]["state"] == "streaming"
    except (OSError, KeyError):
        return False


def start(port):
    """Start ./demo, wait until its page answers. Gives (process, seconds)."""
    began = time.monotonic()
    with open("demo.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen([DEMO, "--port", str(port)], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                   start_new_session=True)
    def looks_up():
        assert process.poll() is None, "demo ended: " + read_log()
        return answers(port)
    wait_for(looks_up, 200, "the demo's page")
    return process, time.monotonic() - began


def read_log():
    with open("demo.log", encoding="utf-8", errors="replace") as stream:
        return stream.read()


def test_second_start_and_ctrl_c():
    subprocess.run([DEMO, "--prepare"], check=True)
    port = free_port()
    process, seconds = start(port)
    promised("second ./demo until its page shows the camera", seconds, 5)
    status = re.compile(r"front.*25(\.\d)?.*fps", re.I)
    wait_for(lambda: len(status.findall(read_log())) >= 3, 20, f"three status lines in: {read_log()}")
    print(read_log())
    assert f"http://127.0.0.1:{port}/" in read_log()
    pids = [child["pid"] for child in get_json(port, "/api/v1/state")["processes"].values()]
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole foreground group
    assert process.wait(10) == 0
    promised("end of ./demo after Ctrl-C", time.monotonic() - began, 2)
    assert not any(alive(pid) for pid in pids) and not domain_entries()


def test_remove():
    """In a copy, with stand-ins for what was built and fetched."""
    os.makedirs("copy/cache/models")
    os.makedirs("copy/build/cli")
    os.makedirs("copy/stills")
    with open("copy/cache/installed-packages", "w", encoding="utf-8") as stream:
        stream.write("libuv1-dev\nmeson\nmeson\n")
    subprocess.run(["cp", DEMO, "copy"], check=True)
    done = subprocess.run(["copy/demo", "--remove"], capture_output=True, text=True)
    print(done.stdout, done.stderr)
    assert done.returncode == 0 and "autoremove libuv1-dev meson\n" in done.stdout
    assert sorted(os.listdir("copy")) == ["demo", "stills"]


def test_help_and_wrong_options():
    done = subprocess.run([DEMO, "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--remove" in done.stdout and "Ctrl-C" in done.stdout
    for arguments, word in ((["--remvoe"], "--remvoe"), (["--port", "eighty"], "eighty"), (["--port"], "number")):
        done = subprocess.run([DEMO, *arguments], capture_output=True, text=True)
        assert done.returncode == 1 and word in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
