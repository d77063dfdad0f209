# SPDX-License-Identifier: Apache-2.0
"""A network camera in a process of its own (rtsp_server.py).

    with RtspServer() as server:
        Camera(server.uri("h264"))
        server.tell("silence 1")
"""
import os
import subprocess

from support.http import free_port
from support.zoetrope import SOURCE

PROGRAM = os.path.join(SOURCE, "tests", "support", "rtsp_server.py")


class RtspServer:
    def __init__(self, user="", password=""):
        self.port, self.login = free_port(), [user, password] if user else []
        self.process = None

    def uri(self, path="h264", login=""):
        return f"rtsp://{login + '@' if login else ''}127.0.0.1:{self.port}/{path}"

    def start(self):
        self.process = subprocess.Popen(["/usr/bin/python3", PROGRAM, str(self.port), *self.login], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1)
        assert self.process.stdout.readline() == "ready\n", "the RTSP server does not start"
        return self

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        assert self.process.stdout.readline() == "done\n", command

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
