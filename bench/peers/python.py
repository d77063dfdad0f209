#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Python's own means: messages lie in multiprocessing.shared_memory, their slots' numbers go through a
multiprocessing.Queue for each receiver. Takes a work of bench-limit --works as JSON and seconds; prints what run.c does.
"""
import ctypes
import json
import multiprocessing
import os
import queue
import signal
import struct
import sys
import time
from multiprocessing import shared_memory

import numpy

WARM, MEASURE, STOPPED, KILLED, END = range(5)
STAMP = struct.Struct("<QqQ32xQ")  # struct bench_stamp
PR_SET_PDEATHSIG = 1
SLICE = 0.02
LONGEST = 20
CANNOT = 3  # exit status: not this work


def pin(core):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


class Side:
    """What the first process makes and all inherit."""

    def __init__(self, work):
        self.work = work
        self.slots = work["depth"] + 4
        self.stride = (work["size"] + 127) // 128 * 128
        self.memory = [shared_memory.SharedMemory(create=True, size=self.stride * self.slots) for _ in range(work["senders"])]
        self.readers = work["receivers"] + work["stall"]  # the last one stalls
        self.queues = [multiprocessing.Queue(work["depth"]) for _ in range(self.readers)]
        self.done = [[multiprocessing.RawArray("Q", 1) for _ in range(self.readers)] for _ in range(work["senders"])]
        self.stalled = multiprocessing.Semaphore(0)
        self.phase = multiprocessing.RawValue("i", WARM)
        self.ready = multiprocessing.Semaphore(0)
        self.senders_done = multiprocessing.Semaphore(0)
        self.results = multiprocessing.SimpleQueue()

    def slot(self, sender, index):
        begin = index * self.stride
        return self.memory[sender].buf[begin:begin + self.work["size"]]


class Count:
    """Begin and end of the measurement, seen from one process."""

    def __init__(self):
        self.count = self.lost = self.torn = 0
        self.begin = self.end = self.cpu = 0
        self.ticks = {MEASURE: [], STOPPED: [], KILLED: []}
        self.phase = WARM

    def look(self, phase):
        if phase == self.phase:
            return
        self.phase = phase
        if not self.begin:
            self.begin, self.cpu, self.count = time.monotonic_ns(), time.process_time_ns(), 0
        if phase == END:
            self.end, self.cpu = time.monotonic_ns(), time.process_time_ns() - self.cpu


def wait_due(due, polling):
    while (left := due - time.monotonic_ns()) > 0:
        time.sleep(0 if polling else left / 1e9)  # 0: the queue's own thread needs the interpreter


def free_slot(side, number, used, start):
    """A slot that all receivers to whom it went have read: used[slot][receiver] is its ordinal in that one's queue."""
    while True:
        for i in range(side.slots):
            slot = (start + i) % side.slots
            if all(done[0] >= ordinal for done, ordinal in zip(side.done[number], used[slot])):
                return slot
        time.sleep(0)


def put(side, receiver, message):
    """False: it has no room, or nobody reads any more."""
    while True:
        try:
            side.queues[receiver].put_nowait(message)
            return True
        except queue.Full:
            if not side.work["lossless"] or side.phase.value == END:
                return False
            time.sleep(0)


def send_all(side, number, count):
    work, receivers = side.work, range(side.readers)
    interval = 10**9 // work["rate_hz"] if work["rate_hz"] else 0
    used = [[0] * len(receivers) for _ in range(side.slots)]
    sent = [0] * len(receivers)
    due, seq, phase = time.monotonic_ns(), 0, WARM
    while phase != END:
        phase = side.phase.value
        count.look(phase)
        slot = free_slot(side, number, used, seq)
        view = side.slot(number, slot)
        if work["fill"]:
            numpy.frombuffer(view, dtype=numpy.uint8)[:] = seq & 0xff
        if interval:
            wait_due(due, work["polling"])
            due = max(due + interval, time.monotonic_ns())
        begin = time.monotonic_ns()
        STAMP.pack_into(view, 0, seq, begin, number, seq)
        for r in receivers:
            if put(side, r, (number, slot)):
                sent[r] += 1
                used[slot][r] = sent[r]
        if phase in count.ticks and interval:
            count.ticks[phase].append(time.monotonic_ns() - begin)
        count.count += 1
        seq += 1
    side.senders_done.release()


def whole(work, view, seq, again):
    if not work["fill"]:
        return seq == again
    words = numpy.frombuffer(view, dtype=numpy.uint64)
    return seq == again and bool((words[STAMP.size // 8::8] == (seq & 0xff) * 0x0101010101010101).all())


def receive_all(side, number, count):
    work, source = side.work, side.queues[number]
    following = {}
    while True:
        phase = side.phase.value
        count.look(phase)
        try:
            sender, slot = source.get_nowait() if work["polling"] else source.get(timeout=SLICE)
        except queue.Empty:
            if phase == END and side.senders_done.acquire(block=False):
                side.senders_done.release()
                return
            continue
        if number == work["receivers"] and phase == MEASURE:
            side.stalled.release()
            signal.pause()  # with the message in hand, until killed
        view = side.slot(sender, slot)
        seq, begin, _, again = STAMP.unpack_from(view, 0)
        if work["rate_hz"] and phase in count.ticks:
            count.ticks[phase].append(time.monotonic_ns() - begin)
        count.lost += max(0, seq - following.get(sender, seq))
        following[sender] = seq + 1
        count.torn += not whole(work, view, seq, again)
        count.count += phase != END
        side.done[sender][number][0] += 1


def run(side, sender, number):
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    pin(number if sender else 0 if number == side.work["receivers"] else number + 1)
    count = Count()
    side.ready.release()
    (send_all if sender else receive_all)(side, number, count)
    side.results.put((sender, number, vars(count)))
    for each in side.queues:
        each.cancel_join_thread()  # what is left in them is wanted by nobody


def percentiles(ticks):
    ticks.sort()

    def at(part):
        return float(ticks[min(int(len(ticks) * part), len(ticks) - 1)]) if ticks else 0.0
    return {"count": len(ticks), "p50": at(.5), "p90": at(.9), "p99": at(.99), "p999": at(.999), "max": at(1)}


def report(work, results):
    receivers = [count for sender, _, count in results if not sender]
    senders = [count for sender, _, count in results if sender]
    out = {"peer": "python", "work": work["name"],
           "cpu": sum(c["cpu"] / (c["end"] - c["begin"]) for _, _, c in results if c["end"]),
           "lost": sum(c["lost"] for c in receivers), "torn": sum(c["torn"] for c in receivers),
           "count": sum(c["count"] for c in receivers)}
    if work["rate_hz"]:
        for phase, name in ((MEASURE, ""), (STOPPED, "_stopped"), (KILLED, "_killed"))[:3 if work["stall"] else 1]:
            out["latency" + name] = percentiles([tick for c in receivers for tick in c["ticks"][phase]])
            out["send" + name] = percentiles(senders[0]["ticks"][phase])
    else:
        out["rate"] = receivers[0]["count"] / ((receivers[0]["end"] - receivers[0]["begin"]) / 1e9)
    print(json.dumps(out))


def received(side):
    return [sum(done[r][0] for done in side.done) for r in range(side.work["receivers"])]


def measure(side, phase, seconds):
    """On a loaded machine longer than that: until each receiver has something."""
    before, end = received(side), time.monotonic() + LONGEST
    side.phase.value = phase
    time.sleep(seconds)
    while any(now < then + 2 for now, then in zip(received(side), before)):
        if time.monotonic() > end:
            sys.exit("nothing was received")
        time.sleep(0.001)


def play(side, family, seconds):
    for _ in family:
        side.ready.acquire()
    time.sleep(seconds / 4)
    measure(side, MEASURE, seconds)
    if side.work["stall"]:
        side.stalled.acquire()
        os.kill(family[-1].pid, signal.SIGSTOP)
        measure(side, STOPPED, seconds)
        family.pop().kill()
        measure(side, KILLED, seconds)
    side.phase.value = END
    report(side.work, [side.results.get() for _ in family])
    for each in family:
        each.join()


def main():
    work, seconds = json.loads(sys.argv[1]), float(sys.argv[2])
    if work["alone"]:
        return CANNOT
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    multiprocessing.set_start_method("fork")
    side = Side(work)
    try:
        family = [multiprocessing.Process(target=run, args=(side, sender, number), daemon=True)
                  for sender, many in ((True, work["senders"]), (False, side.readers)) for number in range(many)]
        for each in family:
            each.start()
        play(side, family, seconds)
    finally:
        for memory in side.memory:
            memory.close()
            memory.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
