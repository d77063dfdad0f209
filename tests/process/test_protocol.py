# SPDX-License-Identifier: Apache-2.0
"""The channel between control and its children, with a child in Python: what both must say, and what control survives."""
import json
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from control import Control, alive, noted, stays_small, wait_for  # noqa: E402
from support.wait import promised  # noqa: E402


def works(control):
    """Control still answers, and the camera beside the bad one was left alone."""
    wait_for(lambda: control.process_state("camera other")["state"] == "streaming", 10, "the other camera")
    assert control.process_state("camera other")["restarts"] == 0
    answer = control.ask(camera="other", verb="capture", on=False)
    assert (answer["wanted"], answer["actual"]) == (False, False)


def ended_and_back(behaviour, words):
    """The child does it once; control says so, ends it and starts it again."""
    with Control(behaviour, ready=False, other="good") as control:
        noted("misbehaved")
        wait_for(lambda: control.process_state("camera front").get("restarts") == 1, 20, "a restart")
        wait_for(lambda: control.process_state("camera front")["state"] == "streaming", 10, "the new life to work")
        assert words in control.log(), control.log()
        assert stays_small(control.process.pid)
        works(control)


def test_garbage():
    ended_and_back("garbage", "camera front: sent a line that is not JSON")


def test_line_of_10_mb():
    ended_and_back("longline", "camera front: sent a line that is too long")


def test_other_version():
    ended_and_back("version", 'camera front: sent a line without "v": 1')


def test_line_without_type():
    ended_and_back("typeless", 'camera front: sent a line without "type"')


def test_line_that_is_no_object():
    ended_and_back("list", 'camera front: sent a line without "v": 1')


def test_deep_nesting():
    ended_and_back("deep", "camera front: sent a line that is not JSON")


def test_failure_after_it_was_ready():
    ended_and_back("fails", "camera front: the lens is broken")


def test_hung_child_is_killed():
    with Control("hangs", ready=False, other="good") as control:
        noted("misbehaved")
        began, pid = time.monotonic(), control.pid("camera front")
        control.wait_back("camera front", pid, 30)
        promised("a hung child replaced", time.monotonic() - began, 7)
        assert not alive(pid)
        assert "camera front: said nothing for 5 s and was killed" in control.log()
        works(control)


def test_stopped_child_is_killed():
    with Control(other="good") as control:
        pid = control.pid("camera front")
        os.kill(pid, signal.SIGSTOP)
        control.wait_back("camera front", pid, 30)
        works(control)


def test_stopped_control_blames_nobody():
    """Ctrl-Z for longer than the heartbeat's limit, then fg."""
    with Control() as control:
        os.kill(control.process.pid, signal.SIGSTOP)
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > 7, 10, "more than the 5 s of the heartbeat to pass")
        os.kill(control.process.pid, signal.SIGCONT)
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > 2, 10, "two seconds of control's own to pass")
        assert all(process["restarts"] == 0 for process in control.state()["processes"].values())


def test_odd_members_are_survived():
    with Control("odd", ready=False, other="good") as control:
        noted("misbehaved")
        wait_for(lambda: control.process_state("camera front").get("state") == "streaming", 10, "it to work")
        assert control.process_state("camera front")["restarts"] == 0
        works(control)


def test_flood():
    """20 MB of valid lines as fast as it goes: control goes on answering, and keeps none of it."""
    with Control("flood", ready=False, other="good") as control:
        noted("misbehaved")
        began = time.monotonic()
        control.state()
        promised("an answer of control during a flood", time.monotonic() - began, 0.2)
        noted("flooded", 60)
        wait_for(lambda: control.process_state("camera front").get("reason") == "", 30, "the flood's last line to be read")
        assert stays_small(control.process.pid)
        works(control)


def test_surroundings_of_a_child():
    """No descriptor but 0 to 3, no ignored or blocked signal, a process group of its own, its domain."""
    inherited = os.open("/dev/zero", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    with Control("surroundings") as control:
        seen = json.loads(noted("surroundings"))
        fds = {int(fd): target for fd, target in seen["fds"].items()}
        opened_by_python = [fd for fd, target in fds.items() if fd > 3 and not target.endswith("/fd")]
        assert not opened_by_python, fds
        assert fds[0] == "/dev/null" and fds[3].startswith("socket:") and fds[1] == fds[2]
        python_ignores = 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1) | 3 << 31  # the last two are glibc's own
        assert int(seen["ignored"], 16) & ~python_ignores == 0 and int(seen["blocked"], 16) == 0
        assert seen["group"] == seen["pid"] == control.pid("camera front")
        assert seen["environment"]["ZOETROPE_CHANNEL"] == "3"
        assert seen["environment"]["ZOETROPE_DOMAIN"] == control.domain
        assert seen["arguments"] == ["--name=front", "--source=surroundings"]


def test_start_says_what_is_wanted_after_a_restart():
    with Control() as control:
        assert json.loads(noted("start-front")) == {"front": {"capture": True}}
        assert json.loads(noted("start-recorder")) == {"front": {"save": False}}
        assert control.ask(camera="front", verb="capture", on=False)["actual"] is False
        os.unlink("start-front")
        before = control.kill("camera front")
        assert json.loads(noted("start-front")) == {"front": {"capture": False}}
        wait_for(lambda: control.process_state("camera front").get("pid") not in (0, before), 10, "a new life")
        assert control.state()["cameras"]["front"]["capture"]["wanted"] is False


def test_switch_while_the_process_is_away():
    """What is wanted is remembered, and what is, is said with the reason."""
    with Control("always-fails", ready=False, other="good") as control:
        wait_for(lambda: control.process_state("camera front").get("restarts", 0) >= 4, 20, "a long back-off")
        wait_for(lambda: control.process_state("camera front")["state"] == "restarting", 10, "the back-off")
        answer = control.ask(camera="front", verb="capture", on=True)
        assert (answer["wanted"], answer["actual"]) == (True, False) and "starts again" in answer["reason"], answer
        works(control)


def test_back_off():
    """0.1 s, doubling to 5 s, for one that fails by itself."""
    with Control("always-fails", ready=False, other="good") as control:
        def lives():
            return [float(line) for line in noted("lives").split()]
        wait_for(lambda: len(lives()) >= 7, 30, "seven lives")
        gaps = [after - before for before, after in zip(lives(), lives()[1:])]
        print("measured: gaps between lives", [round(gap, 2) for gap in gaps])
        for gap, wanted in zip(gaps, (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)):
            assert wanted <= gap < wanted + 2, gaps
        works(control)


def test_child_that_does_not_answer_a_turn():
    with Control("deaf", ready=False, other="good") as control:
        wait_for(lambda: control.process_state("camera front").get("state") == "streaming", 10, "it to work")
        began = time.monotonic()
        answer = control.ask(camera="front", verb="capture", on=False)
        promised("an answer for a child that gives none", time.monotonic() - began, 3)
        assert (answer["wanted"], answer["actual"]) == (False, True)
        assert "camera front has not answered within 2 s" in answer["reason"]
        works(control)


def test_child_that_refuses():
    with Control("refuses", ready=False) as control:
        wait_for(lambda: control.process_state("camera front").get("state") == "streaming", 10, "it to work")
        answer = control.ask(camera="front", verb="capture", on=True)
        assert (answer["wanted"], answer["actual"], answer["reason"]) == (True, False, "it is broken")


def test_request_of_a_child():
    """As preview does for a PUT: the recorder is turned, and the child hears the answer."""
    with Control("asks", ready=False) as control:
        answer = json.loads(noted("heard-answer"))
        assert (answer["id"], answer["wanted"], answer["actual"]) == (5, True, True), answer
        assert control.state()["cameras"]["front"]["save"] == {"wanted": True, "actual": True, "reason": ""}


def test_system_only_for_those_who_want_it():
    with Control("system") as control:
        heard = json.loads(noted("heard-system"))
        assert set(heard["state"]) == {"pid", "domain", "uptime", "cameras", "processes"}
        assert heard["state"]["pid"] == control.process.pid
    os.unlink("heard-system")
    with Control("good") as control:
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > 2, 5, "two heartbeats")
        assert not os.path.exists("heard-system")


def test_grandchildren_go_with_the_child():
    with Control("family", ready=False) as control:
        grandchild = int(noted("family"))
        pid = control.pid("camera front")
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(grandchild), 10, "the grandchild to go")
        control.wait_back("camera front", pid)


def test_bad_clients_of_the_socket():
    with Control() as control:
        def client(text):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(os.path.join(control.domain, "control.sock"))
                try:
                    connection.sendall(text)
                    return connection.recv(65536)
                except (BrokenPipeError, ConnectionResetError):
                    return b""
        assert client(b"garbage\n") == b""
        assert client(b"x" * 10_000_000) == b""
        assert client(b'{"v":1,"type":"unknown"}\n{"v":1,"type":"request","id":[7],"verb":"status"}\n').startswith(b"{")
        assert "wanted" in json.loads(client(b'{"v":1,"type":"request","id":1,"verb":"nonsense"}\n'))["error"]
        assert "no camera 'x'" in control.ask(camera="x", verb="capture", on=True)["error"]
        assert "no switch 'zoom'" in control.ask(camera="front", verb="zoom", on=True)["error"]
        held = [socket.socket(socket.AF_UNIX) for _ in range(100)]
        for connection in held:
            connection.setblocking(False)
            connection.connect_ex(os.path.join(control.domain, "control.sock"))
        for connection in held:
            connection.close()
        wait_for(control.listens, 10, "an answer after a hundred connections")
