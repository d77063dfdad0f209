# SPDX-License-Identifier: Apache-2.0
"""The designs that bench/python compares. Each has send(image, now) and receive() -> (array, now of its sending), or (None, 0)
after 2 s of silence. The time is taken before send() does anything: where a design copies, that counts."""
import queue
import time
from multiprocessing import shared_memory

import numpy

SILENCE = 2.0
SLOTS = 8


class Zoetrope:
    """A loan; the picture is drawn into it, and complete before it is sent."""

    def __init__(self, topic, shape, queues):
        import zoetrope
        self.zoetrope, self.topic, self.shape, self.queues = zoetrope, topic, shape, queues
        self.publisher = self.subscriber = None

    def open_sender(self):
        self.publisher = self.zoetrope.Publisher(self.topic, slot_bytes=int(numpy.prod(self.shape)))
        while len(self.publisher.wishes()) < len(self.queues):
            time.sleep(0.001)

    def open_receiver(self, number):
        self.subscriber = self.zoetrope.subscribe(self.topic, mode="next", timeout=20)
        self.subscriber.timeout = SILENCE

    def prepare(self, number):
        self.loan = self.publisher.loan(self.shape)
        self.loan.array.fill(number & 255)

    def send(self, image, now):
        self.loan.capture_time_ns = now
        self.loan.publish()

    def receive(self):
        try:
            frame = self.subscriber.next()
        except TimeoutError:
            return None, 0
        return frame.array, frame.capture_time_ns


class ZoetropeFrame(Zoetrope):
    """The same until the frame is in hand; numpy has not looked at it yet. What C measures."""

    def receive(self):
        try:
            frame = self.subscriber.next()
        except TimeoutError:
            return None, 0
        return frame, frame.capture_time_ns


class ZoetropeCopy(Zoetrope):
    """publish(array): one copy."""

    def prepare(self, number):
        pass

    def send(self, image, now):
        self.publisher.publish(image, capture_time_ns=now)


class Pickled:
    """multiprocessing.Queue: the array is pickled and goes through a pipe."""

    def __init__(self, topic, shape, queues):
        self.topic, self.shape, self.queues = topic, shape, queues

    def open_sender(self):
        pass

    def open_receiver(self, number):
        self.mine = self.queues[number]

    def prepare(self, number):
        pass

    def send(self, image, now):
        self.give((image, now))

    def give(self, thing):
        for each in self.queues:
            try:
                each.put_nowait(thing)
            except queue.Full:
                pass                    # who is too slow loses it

    def take(self):
        try:
            return self.mine.get(timeout=SILENCE)
        except queue.Empty:
            return None, 0

    def receive(self):
        return self.take()


class Naive(Pickled):
    """A new shared_memory for each picture, its name through a Queue."""

    def open_sender(self):
        self.living = []

    def send(self, image, now):
        memory = shared_memory.SharedMemory(create=True, size=image.nbytes)
        there = numpy.ndarray(self.shape, numpy.uint8, buffer=memory.buf)
        there[...] = image
        del there
        self.give((memory.name, now))
        self.living.append(memory)
        if len(self.living) > SLOTS:
            self.drop(self.living.pop(0))

    def close_sender(self):
        while self.living:
            self.drop(self.living.pop())

    @staticmethod
    def drop(memory):
        memory.close()
        memory.unlink()

    def receive(self):
        name, now = self.take()
        if name is None:
            return None, 0
        self.memory = shared_memory.SharedMemory(name=name)
        return numpy.ndarray(self.shape, numpy.uint8, buffer=self.memory.buf), now


class Ring(Pickled):
    """One shared_memory with some slots, numbers through a Queue; nobody looks whether a slot is still being read."""

    def open_sender(self):
        self.memory = shared_memory.SharedMemory(name=self.topic.replace("/", "-"))
        self.slots = numpy.ndarray((SLOTS, *self.shape), numpy.uint8, buffer=self.memory.buf)
        self.number = 0

    def open_receiver(self, number):
        super().open_receiver(number)
        self.open_sender()

    def send(self, image, now):
        slot = self.number % SLOTS
        self.slots[slot][...] = image
        self.give((slot, now))
        self.number += 1

    def receive(self):
        slot, now = self.take()
        return (None, 0) if slot is None else (self.slots[slot], now)


class ZeroMQ(Pickled):
    """pyzmq, PUB and SUB over ipc, without copies of its own (copy=False)."""

    def open_sender(self):
        import zmq
        self.socket = zmq.Context.instance().socket(zmq.XPUB)
        self.socket.setsockopt(zmq.XPUB_VERBOSE, 1)     # each subscription, though they are alike
        self.socket.bind(f"ipc:///tmp/{self.topic.replace('/', '-')}")
        for _ in self.queues:
            self.socket.recv()          # a subscription

    def open_receiver(self, number):
        import zmq
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.connect(f"ipc:///tmp/{self.topic.replace('/', '-')}")
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.RCVTIMEO = int(SILENCE * 1000)

    def send(self, image, now):
        # the picture is sent later, by a thread of zmq's, so the next one must not be drawn into it
        self.socket.send_multipart([now.to_bytes(8, "little"), image.copy()], copy=False)

    def receive(self):
        import zmq
        try:
            now, picture = self.socket.recv_multipart(copy=False)
        except zmq.Again:
            return None, 0
        return numpy.frombuffer(picture.buffer, numpy.uint8).reshape(self.shape), int.from_bytes(now.bytes, "little")


PEERS = {"zoetrope, loan, frame in hand": ZoetropeFrame, "zoetrope, loan": Zoetrope, "zoetrope, publish(array)": ZoetropeCopy, "shared_memory ring + Queue": Ring,
         "shared_memory each + Queue": Naive, "Queue, pickled": Pickled, "pyzmq, ipc": ZeroMQ}
