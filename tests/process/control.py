# SPDX-License-Identifier: Apache-2.0
"""A control process with children that are tests/process/child.py: what they do is the cameras' `source`."""
import json
import os
import re
import shutil
import signal
import subprocess

from support import wait_for
from support.zoetrope import BUILD, SOURCE, Zoetrope, alive


class Control(Zoetrope):
    """The camera `front` behaves as `behaviour` says; other cameras by name are given as keywords."""

    def __init__(self, behaviour="good", ready=True, arguments=(), **cameras):
        super().__init__({"cameras": {"front": {"source": behaviour}, **{n: {"source": b} for n, b in cameras.items()}}},
                         arguments=arguments, ready=ready)
        self.folder = os.path.abspath("libexec")

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        shutil.copy(os.path.join(BUILD, "roles", "zoetrope-control"), self.folder)
        for role in ("camera", "recorder"):
            shutil.copy(os.path.join(SOURCE, "tests", "process", "child.py"), os.path.join(self.folder, "zoetrope-" + role))
            os.chmod(os.path.join(self.folder, "zoetrope-" + role), 0o755)
        command = ["zoetrope: control", *self.arguments, self.write_config()]
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, executable=os.path.join(self.folder, "zoetrope-control"),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        try:
            if self.ready:
                self.wait_ready()
            else:
                wait_for(lambda: self.listens() or self.process.poll() is not None, 10, "control to listen")
        except BaseException:
            self.abort()
            raise
        return self

    def listens(self):
        try:
            return self.state()
        except (OSError, ValueError):
            return None

    def ends(self, seconds=20):
        """It ends by itself. Gives (status, lines of its log)."""
        status = self.process.wait(seconds)
        print(self.log())
        return status, self.log().splitlines()


def noted(name, seconds=10):
    """What a child has left under this name."""
    def read():
        try:
            with open(name, encoding="utf-8") as stream:
                return stream.read() or " "
        except FileNotFoundError:
            return None
    return wait_for(read, seconds, f"a child to write {name}")


def stays_small(pid):
    """Its memory is below 64 MB; AddressSanitizer keeps what was freed, so there the bound is its 256 MB more."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as stream:
        limit = 320 if "libasan" in stream.read() else 64
    with open(f"/proc/{pid}/status", encoding="utf-8") as stream:
        resident = int(re.search(r"VmRSS:\s+(\d+)", stream.read()).group(1)) / 1024
    print(f"measured: memory of control {resident:.1f} MB")
    return resident < limit


__all__ = ["Control", "alive", "json", "noted", "os", "signal", "stays_small", "wait_for"]
