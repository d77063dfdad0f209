#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A child of the control process in another language than C: what it does is said by --source (docs/protocol.md).

tests/process copies it as zoetrope-camera and zoetrope-recorder beside a copy of zoetrope-control.
"""
import json
import os
import select
import signal
import socket
import sys
import time

ROLE = os.path.basename(sys.argv[0]).removeprefix("zoetrope-")
OPTIONS = dict(argument[2:].split("=", 1) for argument in sys.argv[1:])
NAME = OPTIONS.get("name", ROLE)
BEHAVIOUR = OPTIONS.get("source", "good")
CHANNEL = socket.socket(fileno=int(os.environ["ZOETROPE_CHANNEL"]))
received = b""
switches = {}


def send(**message):
    CHANNEL.sendall(json.dumps({"v": 1, **message}).encode() + b"\n")


def receive(seconds):
    """The next line as text; None after so many seconds without one, "" at the end of the channel."""
    global received
    while b"\n" not in received:
        if not select.select([CHANNEL], [], [], seconds)[0]:
            return None
        part = CHANNEL.recv(65536)
        if not part:
            return ""
        received += part
    line, received = received.split(b"\n", 1)
    return line.decode()


def note(name, text):
    """Leave something for the test, whole or not at all."""
    with open(f"{name}.{os.getpid()}", "w", encoding="utf-8") as stream:
        stream.write(text)
    os.rename(f"{name}.{os.getpid()}", name)


def surroundings():
    fds = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")}
    with open("/proc/self/status", encoding="utf-8") as stream:
        ignored = next(line.split()[1] for line in stream if line.startswith("SigIgn"))
    with open("/proc/self/status", encoding="utf-8") as stream:
        blocked = next(line.split()[1] for line in stream if line.startswith("SigBlk"))
    note("surroundings", json.dumps({"fds": fds, "ignored": ignored, "blocked": blocked, "environment": dict(os.environ),
                                     "arguments": sys.argv[1:], "group": os.getpgid(0), "pid": os.getpid()}))


def answer(message):
    switches.setdefault(message["camera"], {})[message["verb"]] = message["on"]
    if BEHAVIOUR == "deaf":
        return
    refuses = BEHAVIOUR == "refuses" and message["on"]
    send(type="turned", id=message["id"], actual=message["on"] and not refuses, reason="it is broken" if refuses else "")
    if BEHAVIOUR == "good":
        send(type="state", state="streaming" if message["on"] else "off", reason="")


def serve():
    """Answer until quit or the end of the channel; a heartbeat each half second."""
    while True:
        line = receive(0.5)
        if line is None:
            send(type="state", state="streaming", reason="", metrics={"fps": 25.0})
            continue
        if not line:
            if BEHAVIOUR == "stays":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                time.sleep(60)
            sys.exit(0)
        message = json.loads(line)
        note("heard-" + message["type"], line)
        if message["type"] == "turn":
            answer(message)
        elif message["type"] == "quit" and BEHAVIOUR != "stays":
            sys.exit(0)


def misbehave():
    """After it was ready, and once only: the next life is good."""
    if os.path.exists("misbehaved"):
        return
    note("misbehaved", BEHAVIOUR)
    if BEHAVIOUR == "garbage":
        CHANNEL.sendall(b"\x00\xff{{{ this is no JSON\n")
    elif BEHAVIOUR == "longline":
        try:
            for _ in range(160):
                CHANNEL.sendall(b"x" * 65536)
        except (BrokenPipeError, ConnectionResetError):
            sys.exit(0)
    elif BEHAVIOUR == "version":
        CHANNEL.sendall(b'{"v": 2, "type": "state", "state": "streaming"}\n')
    elif BEHAVIOUR == "typeless":
        CHANNEL.sendall(b'{"v": 1}\n')
    elif BEHAVIOUR == "list":
        CHANNEL.sendall(b"[1]\n")
    elif BEHAVIOUR == "deep":
        CHANNEL.sendall(b"[" * 60000 + b"\n")
    elif BEHAVIOUR == "odd":  # everything of a wrong type, and types and members that nobody knows
        send(type="state", state=7, reason=[], metrics="none", cpus={})
        send(type="turned", id="x", actual="yes", reason=0)
        send(type="turned", id=99999999, actual=True)
        send(type="request", id={}, camera=3, verb=[], on="on")
        send(type="error", text=None)
        send(type="hello", wants_system="yes", new=1)
        send(type="what-is-this", v2=True)
    elif BEHAVIOUR == "flood":
        for _ in range(20000):
            send(type="state", state="streaming", reason="r" * 1000)
        note("flooded", "")
    elif BEHAVIOUR == "hangs":
        time.sleep(60)
    elif BEHAVIOUR == "fails":
        send(type="error", text="the lens is broken")
        sys.exit(3)
    elif BEHAVIOUR == "family":
        child = os.fork()
        if not child:
            time.sleep(60)
        note("family", str(child))


def main():
    hello = dict(type="hello", role=ROLE, name=NAME, pid=os.getpid(), wants_system=BEHAVIOUR == "system")
    send(**hello)
    if BEHAVIOUR == "surroundings":
        surroundings()
    if BEHAVIOUR == "wrong":
        send(type="error", text="there is no such camera\x1b[31m\n\nat all")
        sys.exit(1)
    if BEHAVIOUR == "silent-death":
        sys.exit(7)
    first = json.loads(receive(60))
    assert first["type"] == "start", first
    note("start-" + NAME, json.dumps(first["switches"]))
    if BEHAVIOUR == "always-fails" and os.path.exists("lives"):
        with open("lives", "a", encoding="utf-8") as stream:
            stream.write(f"{time.monotonic()}\n")
        sys.exit(1)
    send(type="state", state="streaming", reason="")
    if BEHAVIOUR == "always-fails":
        note("lives", f"{time.monotonic()}\n")
        sys.exit(1)
    if BEHAVIOUR not in ("good", "surroundings", "wrong", "deaf", "refuses", "stays", "system"):
        misbehave()
    if BEHAVIOUR == "asks":
        send(type="request", id=5, camera="front", verb="save", on=True)
    serve()


main()
