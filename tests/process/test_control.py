# SPDX-License-Identifier: Apache-2.0
"""Starting and ending: one control process in a domain, nothing left behind however it ends, sentences at the start."""
import json
import os
import pty
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from control import Control, alive, noted, wait_for  # noqa: E402
from support.wait import promised  # noqa: E402
from support.zoetrope import BUILD, DOMAIN, PROGRAM, Zoetrope, domain_entries, program  # noqa: E402


def test_second_run_is_refused():
    with Control() as control:
        with open("second.yaml", "w", encoding="utf-8") as stream:
            stream.write("cameras: {front: {source: 'test:'}}\n")
        second = program("run", "second.yaml")
        assert second.returncode == 1 and second.stderr.count("\n") == 1
        assert f"in use by the zoetrope with pid {control.process.pid};" in second.stderr
        assert control.state()["processes"]["camera front"]["restarts"] == 0


def test_failure_at_the_start_ends_everything():
    """One sentence, its control characters taken out; the others are not left behind."""
    with Control("wrong", ready=False, other="good") as control:
        status, lines = control.ends()
        assert status == 1
        assert lines == ["zoetrope: camera front: there is no such camera [31m  at all"]
    assert not domain_entries()


def test_end_without_a_word_at_the_start():
    with Control("silent-death", ready=False) as control:
        status, lines = control.ends()
        assert (status, lines) == (1, ["zoetrope: camera front: ended with status 7 before it was ready"])


def test_executable_missing():
    with Control(ready=False) as control:
        control.stop()
    os.unlink("libexec/zoetrope-recorder")
    done = subprocess.run([os.path.abspath("libexec/zoetrope-control"), f"--domain={DOMAIN}", control.write_config()],
                          capture_output=True, text=True, timeout=10)
    print(done.stderr)
    assert done.returncode == 1 and "zoetrope-recorder, the executable of recorder" in done.stderr
    assert not domain_entries()


def test_executable_that_cannot_run():
    with Control(ready=False) as control:
        control.stop()
    with open("libexec/zoetrope-camera", "wb") as stream:
        stream.write(b"\x7fELF no program")
    done = subprocess.run([os.path.abspath("libexec/zoetrope-control"), f"--domain={DOMAIN}", control.write_config()],
                          capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "camera front: cannot start" in done.stderr
    assert not domain_entries()


def ends_well(how):
    with Control(other="good") as control:
        seconds = control.stop(how)
        promised(f"the end after {how.name}", seconds, 2)
    assert not os.path.exists(DOMAIN)


def test_sigint():
    ends_well(signal.SIGINT)


def test_sigterm():
    ends_well(signal.SIGTERM)


def test_sighup():
    ends_well(signal.SIGHUP)


def test_child_that_stays_is_killed():
    with Control("stays") as control:
        seconds = control.stop()
        assert seconds > 1
        promised("the end with a child that does not leave", seconds, 2)


def test_second_signal_does_not_wait():
    with Control("stays") as control:
        pid = control.pid("camera front")
        control.process.send_signal(signal.SIGINT)
        wait_for(lambda: not alive(control.pids().get("recorder", 0)), 10, "the recorder to leave")
        control.process.send_signal(signal.SIGINT)
        assert control.process.wait(10) == 0
        assert not alive(pid)


def test_ctrl_c_on_a_terminal():
    """The terminal's Ctrl-C reaches control alone; what the children say on the way is no quarrel with it."""
    with open("t.yaml", "w", encoding="utf-8") as stream:
        stream.write("cameras: {front: {source: 'test:', width: 320, height: 240}}\n")
    pid, terminal = pty.fork()
    if not pid:
        os.execv(PROGRAM, [PROGRAM, "run", "--status", "t.yaml"])
    said = b""
    while b"front 3" not in said and b"front 2" not in said:
        said += os.read(terminal, 4096)
    os.write(terminal, b"\x03")
    began = time.monotonic()
    status = os.waitpid(pid, 0)[1]
    promised("the end after Ctrl-C", time.monotonic() - began, 2)
    assert os.waitstatus_to_exitcode(status) == 0
    assert b"signal" not in said
    os.close(terminal)
    assert not domain_entries()


def test_terminal_that_closes():
    with open("t.yaml", "w", encoding="utf-8") as stream:
        stream.write("cameras: {front: {source: 'test:', width: 320, height: 240}}\n")
    pid, terminal = pty.fork()
    if not pid:
        os.execv(PROGRAM, [PROGRAM, "run", "--status", "t.yaml"])
    said = b""
    while b"fps" not in said:
        said += os.read(terminal, 4096)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not domain_entries()


def test_kill_of_control():
    """The children leave, also one that does not look at its channel when it is ours; then clean, then a new start."""
    with Zoetrope({"cameras": {"front": {"source": "test:", "width": 320, "height": 240}}}) as zoe:
        pids = zoe.pids()
        began = time.monotonic()
        zoe.process.kill()
        zoe.process.wait()
        wait_for(lambda: not any(map(alive, pids.values())), 10, "the children to leave")
        promised("children gone after kill -9 of control", time.monotonic() - began, 2)
    assert domain_entries()
    cleaned = program("clean")
    assert cleaned.returncode == 0, cleaned.stderr
    assert not os.path.exists(DOMAIN)
    with Control():
        pass


def test_start_over_what_a_killed_one_left():
    with Control() as control:
        control.process.kill()
        control.process.wait()
    assert "control.lock" in str(domain_entries())
    with Control() as control:
        control.stop()
    assert not os.path.exists(DOMAIN)


def test_hung_role_does_not_outlive_control():
    """A stopped process sees no end of its channel; the kernel's SIGUSR1 and an alarm end it once it runs again."""
    with Zoetrope({"cameras": {"front": {"source": "test:", "width": 320, "height": 240}}}) as zoe:
        pids = zoe.pids()
        camera = pids["camera front"]
        os.kill(camera, signal.SIGSTOP)
        zoe.process.kill()
        zoe.process.wait()
        os.kill(camera, signal.SIGCONT)
        wait_for(lambda: not any(map(alive, pids.values())), 10, "all to leave")
    assert program("clean").returncode == 0


def test_clean_leaves_what_runs():
    with Control() as control:
        before = domain_entries()
        cleaned = program("clean")
        assert cleaned.returncode == 0 and f"pid {control.process.pid}" in cleaned.stdout
        assert domain_entries() == before
        assert control.state()["pid"] == control.process.pid
    assert "nothing to clean" in program("clean").stdout


def test_group_domain_stays():
    """A setgid domain was made by somebody on purpose; its directory is not ours to remove."""
    os.chmod(DOMAIN, 0o2770)
    with Control() as control:
        control.stop()
    assert os.path.isdir(DOMAIN) and not os.listdir(DOMAIN)


def test_long_path_of_a_domain():
    """A Unix socket's address has 108 bytes; a domain may lie deeper."""
    deep = os.path.join(DOMAIN, "d" * 100, "e" * 50)
    os.makedirs(deep, mode=0o700)
    zoe = Zoetrope({"cameras": {"front": {"source": "test:", "width": 320, "height": 240}}}, domain=deep, ready=False)
    with zoe:
        wait_for(lambda: zoe.ctl("status").returncode == 0, 10, "ctl to reach it")
        assert zoe.ctl("quit").returncode == 0
        zoe.process.wait(10)
    assert not os.path.exists(deep)
    os.rmdir(os.path.dirname(deep))


def test_titles():
    with Control(other="good") as control:
        def title(pid):
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as stream:
                return stream.read().split("\0")[0]
        assert title(control.process.pid) == "zoetrope: control"
    config = {"cameras": {"front": {"source": "test:", "width": 320, "height": 240}}}
    with Zoetrope(config) as zoe:
        assert title(zoe.process.pid) == "zoetrope: control"
        assert title(zoe.pid("camera front")) == "zoetrope: camera front"
        assert title(zoe.pid("recorder")) == "zoetrope: recorder"


def test_secrets_do_not_show_in_ps():
    os.environ["ZT_TOKEN"] = "s3cret-token"
    config = {"cameras": {"front": {"source": "test:", "width": 320, "height": 240}}, "preview": {"token": "${ZT_TOKEN}"}}
    zoe = Zoetrope(config, environment={"ZT_TOKEN": "s3cret-token"}, ready=False)
    with zoe:
        wait_for(lambda: os.path.exists(os.path.join(DOMAIN, "control.sock")) and zoe.process_state("preview").get("pid"), 10, "it")
        with open(f"/proc/{zoe.pid('preview')}/cmdline", encoding="utf-8") as stream:
            line = stream.read()
        assert "${ZT_TOKEN}" in line and "s3cret" not in line
        assert "s3cret" not in json.dumps(zoe.state())


def test_control_links_no_codec():
    """Nor an image library, nor OpenCV, nor HTTP; and only control reads YAML."""
    def libraries(path):
        return subprocess.run(["ldd", os.path.join(BUILD, path)], capture_output=True, text=True, check=True).stdout
    for path in ("roles/zoetrope-control", "cli/zoetrope"):
        linked = libraries(path)
        for word in ("libav", "libsw", "opencv", "jpeg", "yuv", "microhttpd", "x264", "vpx"):
            assert word not in linked, f"{path} links {word}:\n{linked}"
    assert "libyaml-0" in libraries("roles/zoetrope-control")
    for path in ("roles/zoetrope-camera", "roles/zoetrope-detector", "roles/zoetrope-preview", "roles/zoetrope-recorder",
                 "cli/zoetrope"):
        assert "libyaml-0" not in libraries(path)


def test_programs_give_no_names_to_libraries():
    """A codec that is loaded later must find its own jpeg_destroy(), not a function of ours that is called so, too."""
    for role in ("control", "camera", "detector", "preview", "recorder"):
        shown = subprocess.run(["nm", "-D", "--defined-only", os.path.join(BUILD, "roles/zoetrope-" + role)],
                               capture_output=True, text=True, check=True).stdout
        assert " T " not in shown, f"zoetrope-{role} exports {shown}"


def test_many_kills_of_a_child_in_a_row():
    """Killed as soon as it is seen, ready or not: it is back within 2 s each time, and nothing grows."""
    with Control(other="good") as control:
        fds = len(os.listdir(f"/proc/{control.process.pid}/fd"))
        slowest = 0.0
        for _ in range(20):
            before = control.kill("camera front")
            began = time.monotonic()
            wait_for(lambda: control.process_state("camera front")["pid"] not in (0, before), 10, "another life")
            slowest = max(slowest, time.monotonic() - began)
        promised("slowest of 20 restarts", slowest, 2)
        wait_for(lambda: control.process_state("camera front")["state"] == "streaming", 10, "it to work")
        assert len(os.listdir(f"/proc/{control.process.pid}/fd")) <= fds + 1
        assert control.process_state("camera other")["restarts"] == 0


