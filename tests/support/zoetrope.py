# SPDX-License-Identifier: Apache-2.0
"""`zoetrope run` for tests: start with a config, ask, turn switches, kill parts, stop and look for what is left.

    with Zoetrope({"cameras": {"front": {"source": "test:", "fps": 30}}, "preview": {}}) as zoe:
        zoe.state()["cameras"]["front"]["state"]        # "streaming"
        zoe.put("front", "detect", False)
        with zoe.stream("front") as stream: stream.take(30)
"""
import json
import os
import signal
import socket
import subprocess
import time

from support import http
from support.wait import wait_for

BUILD, SOURCE = os.environ["ZOETROPE_BUILD"], os.environ["ZOETROPE_SOURCE"]
CACHE, DOMAIN = os.environ["ZOETROPE_CACHE"], os.environ["ZOETROPE_DOMAIN"]
PROGRAM = os.path.join(BUILD, "cli", "zoetrope")
STOP_SECONDS = 2.0


def cached(name):
    """Path of a fetched file: vtest.avi, dog.jpg."""
    path = os.path.join(CACHE, name)
    assert os.path.exists(path), f"{path} is missing: tools/fetch-media fetches it"
    return path


def program(*arguments, timeout=20, **more):
    """Run `zoetrope ARGUMENTS` to its end. Gives subprocess.CompletedProcess with text."""
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=timeout, **more)


def without_privileges(command):
    """As root, drop what root may do and others may not; permission bits and limits then count for root, too."""
    return ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", *command] if os.getuid() == 0 else command


def domain_entries(domain=DOMAIN):
    """Files left in the domain."""
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(domain) for name in names)


def alive(pid):
    """A first thread that is a zombie is not all: until the last one is gone, files and locks are still held."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            state = stream.read().rsplit(")", 1)[1].split()[0]
        return state not in "ZX" or len(os.listdir(f"/proc/{pid}/task")) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


class Zoetrope:
    """A running `zoetrope run`. The config is a dict, or the path of a YAML file."""

    def __init__(self, config, arguments=(), domain=DOMAIN, ready=True, environment=()):
        self.config, self.arguments, self.domain, self.ready = config, list(arguments), domain, ready
        self.environment = {**os.environ, "ZOETROPE_DOMAIN": domain, **dict(environment)}
        self.port = self.process = None
        self.log_path = os.path.abspath(f"zoetrope-{http.free_port()}.log")

    def write_config(self):
        """The dict becomes JSON, which is YAML; a preview without an address gets a free port."""
        if isinstance(self.config, str):
            return self.config
        config = json.loads(json.dumps(self.config))
        if "preview" in config:
            config["preview"].setdefault("listen", f"127.0.0.1:{http.free_port()}")
            self.port = int(config["preview"]["listen"].rsplit(":", 1)[1])
        path = os.path.abspath(os.path.basename(self.log_path).replace(".log", ".yaml"))
        with open(path, "w", encoding="utf-8") as stream:
            json.dump(config, stream, indent=1)
        return path

    def __enter__(self):
        command = [PROGRAM, "run", *self.arguments, self.write_config()]
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        try:
            if self.ready:
                self.wait_ready()
        except BaseException:
            self.abort()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.abort()
        else:
            self.stop()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as stream:
            return stream.read()

    # ---- asking

    def ask(self, **message):
        """One request on the control socket (docs/protocol.md). Gives the answer as a dict."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(os.path.join(self.domain, "control.sock"))
            connection.sendall(json.dumps({"v": 1, "type": "request", "id": 1, **message}).encode() + b"\n")
            with connection.makefile("r", encoding="utf-8") as lines:
                return json.loads(lines.readline())

    def state(self):
        return self.ask(verb="status")["state"]

    def process_state(self, name):
        return self.state()["processes"].get(name, {})

    def pid(self, name):
        """Process ID of "camera front", "detector objects", "preview", "recorder"."""
        return self.state()["processes"][name]["pid"]

    def pids(self):
        return {name: process["pid"] for name, process in self.state()["processes"].items() if process.get("pid")}

    def wait_ready(self, seconds=20):
        """Every process works or is switched off, and the HTTP server answers."""
        def looks_ready():
            assert self.process.poll() is None, f"zoetrope run ended with status {self.process.returncode}"
            try:
                processes = self.state()["processes"].values()
            except (OSError, ValueError):
                return False
            return bool(processes) and all(p["state"] in ("streaming", "off") for p in processes) and self.http_answers()
        return wait_for(looks_ready, seconds, "all processes to work")

    def wait_answers(self, seconds=20):
        """Control and the HTTP server answer, whatever the cameras do."""
        def looks_alive():
            try:
                return self.state() and self.http_answers()
            except (OSError, ValueError):
                return False
        return wait_for(looks_alive, seconds, "control and HTTP to answer")

    def http_answers(self):
        if not self.port:
            return True
        try:
            return http.request(self.port, "GET", "/api/v1/state")[0] == 200
        except OSError:
            return False

    def wait_back(self, name, before, seconds=10):
        """Wait until the process that had pid `before` has another one and works. Gives the new pid."""
        def looks_back():
            process = self.process_state(name)
            return process.get("pid") not in (None, 0, before) and process["state"] == "streaming" and process["pid"]
        return wait_for(looks_back, seconds, f"{name} to be back")

    # ---- doing

    def ctl(self, *arguments):
        return program("ctl", *arguments, env=self.environment)

    def get(self, path, **more):
        return http.get_json(self.port, path, **more)

    def put(self, camera, verb, on):
        """Turn a switch over HTTP. Gives the answer; asserts status 200."""
        status, answer = http.put_json(self.port, f"/api/v1/cameras/{camera}/{verb}", {"on": on})
        assert status == 200, (status, answer)
        return answer

    def stream(self, camera, query=""):
        return http.Stream(self.port, camera, query)

    def kill(self, name):
        """kill -9 a role. Gives the pid it had."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    # ---- ending

    def stop(self, how=signal.SIGINT):
        """End it as Ctrl-C does: status 0, in time, no process and no file left. Gives the seconds it took."""
        if self.process.poll() is not None:
            return 0.0
        pids = self.pids()
        began = time.monotonic()
        self.process.send_signal(how)
        try:
            status = self.process.wait(5 * STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.abort()
            raise AssertionError(f"zoetrope run did not end within {5 * STOP_SECONDS} s") from None
        seconds = time.monotonic() - began
        if status:
            print(self.log())
        assert status == 0, f"zoetrope run ended with status {status}"
        left = {name: pid for name, pid in pids.items() if alive(pid)}
        assert not left, f"still alive after the end: {left}"
        assert not domain_entries(self.domain), f"left in the domain: {domain_entries(self.domain)}"
        return seconds

    def abort(self):
        """After a failure: show the log, end everything."""
        print("---- log of zoetrope run\n" + self.log() + "----")
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
