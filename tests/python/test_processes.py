# SPDX-License-Identifier: Apache-2.0
"""Several processes: Python and C on one topic with checksums, kill -9 of either, fork, spawn, threads, subinterpreters, and the
end of a process."""
# limit: 120 s
import signal
import subprocess

import numpy

from support import wait_for
from support.python import PEER, domain_files, script, started, started_script

import zoetrope

WRITER = """
    import sys, numpy, zoetrope
    noise = numpy.random.default_rng()
    with zoetrope.Publisher("front", lossless=True) as publisher:
        print("open", flush=True)
        for number in range(int(sys.argv[1])) if sys.argv[1] != "0" else iter(int, 1):
            with publisher.loan((480, 640, 3)) as loan:
                words = numpy.frombuffer(loan.data, numpy.uint64)
                words[...] = noise.integers(0, 2**64, words.size, numpy.uint64)
                loan.meta = words.sum(dtype=numpy.uint64).tobytes()
                del words
"""
READER = """
    import sys, numpy, zoetrope
    with zoetrope.subscribe("front", mode=sys.argv[2], timeout=50) as subscriber:
        print("open", flush=True)
        for number, frame in zip(range(int(sys.argv[1])), subscriber):
            words = numpy.frombuffer(frame.data, numpy.uint64)
            assert words.sum(dtype=numpy.uint64).tobytes() == frame.meta[:8], f"frame {frame.seq} is torn"
            del words
        print("checked", number + 1, "lost", subscriber.lost)
"""


def ended(process, last):
    out, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, "") and out.splitlines()[-1] == last, (process.returncode, out, err)


def is_open(process):
    assert process.stdout.readline() == "open\n", process.stderr.read()


def test_c_to_python():
    """Two readers in Python get every picture of a writer in C, whole."""
    holder = zoetrope.Publisher("front", lossless=True)                 # the topic is there before anybody
    with started_script(READER, 300, "lossless") as one, started_script(READER, 300, "lossless") as two:
        is_open(one)
        is_open(two)
        with started([PEER, "publish", "front", "300"]) as writer:
            ended(one, "checked 300 lost 0")
            ended(two, "checked 300 lost 0")
            assert writer.wait(20) == 0
    holder.close()


def test_python_to_c():
    with started_script(WRITER, 300) as writer:
        is_open(writer)
        held = zoetrope.Subscriber("front")                             # the topic outlives its writer
        with started([PEER, "check", "front", "100"]) as one, started([PEER, "check", "front", "100"]) as two:
            is_open(one)
            is_open(two)
            ended(one, "checked 100 lost 0")
            ended(two, "checked 100 lost 0")
            assert writer.wait(60) == 0
        held.close()


def test_many_readers_and_writers():
    """Readers that take the newest, in order and without loss, of three writers, one of them in C: no picture is torn."""
    holder = zoetrope.Publisher("front", lossless=True)
    readers = [started_script(READER, 150, mode) for mode in ("latest", "next", "lossless", "latest")]
    writers = [started_script(WRITER, 0), started_script(WRITER, 0), started([PEER, "publish", "front", "0"])]
    processes = [context.__enter__() for context in readers + writers]
    try:
        for process in processes[:len(readers)]:
            out, err = process.communicate(timeout=100)
            assert process.returncode == 0 and "checked 150 lost" in out, (out, err)
    finally:
        for context in readers + writers:
            context.__exit__(None, None, None)
    holder.close()
    zoetrope.clean()


def test_kill_of_the_writer():
    """In the middle of its work, several times: the reader goes on, without a torn picture or a hole."""
    subscriber = None
    last = -1
    for _ in range(4):
        with started_script(WRITER, 0) as writer:
            is_open(writer)
            subscriber = subscriber or zoetrope.Subscriber("front", mode="lossless", timeout=50)
            for _ in range(20):
                frame = subscriber.next()
                words = numpy.frombuffer(frame.data, numpy.uint64)
                assert words.sum(dtype=numpy.uint64).tobytes() == frame.meta[:8]
                assert frame.seq > last and frame.lost == 0
                last = frame.seq
                del words, frame
            writer.kill()
    subscriber.close()
    zoetrope.clean()


def test_kill_of_the_reader():
    """One that holds frames and that a lossless writer waits for: its slots come back and the writer goes on."""
    publisher = zoetrope.Publisher("front", lossless=True, depth=2, timeout=50)
    for _ in range(3):
        with started_script("""
                import sys, zoetrope
                subscriber = zoetrope.Subscriber("front", mode="lossless")
                print("open", flush=True)
                held = [subscriber.next().array, subscriber.next()]
                print("held", flush=True)
                sys.stdin.read()
                """) as reader:
            is_open(reader)
            publisher.publish(b"a")
            publisher.publish(b"b")
            assert reader.stdout.readline() == "held\n"
            assert zoetrope.info("front")["slots_pinned"] == 2
            reader.kill()
            reader.wait()
            for _ in range(20):
                publisher.publish(b"x")
    assert zoetrope.info("front")["slots_pinned"] == 0


def test_fork():
    """In the child every use of a handle of before says so; a new one works, and the parent's are untouched."""
    print(script("""
        import os, multiprocessing, numpy, zoetrope
        publisher = zoetrope.Publisher("front")
        subscriber = zoetrope.Subscriber("front", mode="next")
        publisher.publish(numpy.full((4, 4), 3, numpy.uint8))
        frame, loan = subscriber.next(), publisher.loan(10)

        def child(queue):
            global subscriber, publisher, frame, loan
            said = []
            for use in (subscriber.next, subscriber.latest, subscriber.fileno, subscriber.wish, lambda: next(subscriber),
                        lambda: publisher.publish(b""), lambda: publisher.loan(1), publisher.wishes, lambda: frame.array,
                        frame.bgr, lambda: memoryview(frame), lambda: loan.data, loan.publish):
                try:
                    use()
                    said.append("nothing")
                except ChildProcessError as error:
                    said.append(str(error))
            frame.release(); loan.discard(); subscriber.close(); publisher.close()
            del frame, loan, subscriber, publisher
            own = zoetrope.Subscriber("front", mode="next", start="oldest")
            zoetrope.Publisher("front").publish(b"from the child")
            queue.put((said, own.next().seq, bytes(own.next())))

        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        process = context.Process(target=child, args=[queue])
        process.start()
        said, seq, message = queue.get(timeout=20)
        process.join(20)
        assert all("before fork()" in sentence for sentence in said), said
        assert (seq, message, process.exitcode) == (0, b"from the child", 0)
        assert frame.array[0, 0] == 3 and bytes(subscriber.next()) == b"from the child"
        loan.publish()
        assert subscriber.next().size == 10
    """))
    assert not domain_files()


def test_fork_while_a_thread_waits():
    """The child has no such thread, and is told so as of any other handle of before."""
    script("""
        import os, threading, warnings, zoetrope
        publisher = zoetrope.Publisher("front")
        subscriber = zoetrope.Subscriber("front", mode="next")
        thread = threading.Thread(target=subscriber.next)
        thread.start()
        while True:
            try:
                subscriber.fileno()
            except RuntimeError:
                break
        child = os.fork()
        if not child:
            try:
                subscriber.next(timeout=0)
            except ChildProcessError:
                subscriber.close()
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        publisher.publish(b"")
        thread.join()
    """)


def test_spawn_and_the_resource_tracker():
    """multiprocessing by spawn; nothing of ours is in the tracker's hands, so it has no word to say at the end."""
    with open("spawned.py", "w", encoding="utf-8") as stream:
        stream.write("import zoetrope\ndef work(topic, queue):\n    for frame in zoetrope.subscribe(topic, mode='next', start='oldest'):\n"
                     "        queue.put(int(frame.array.sum()))\n        return\n")
    script("""
        import multiprocessing, numpy, sys, os, zoetrope
        sys.path.insert(0, os.getcwd())
        import spawned
        if __name__ == "__main__":
            publisher = zoetrope.Publisher("front")
            publisher.publish(numpy.ones((10, 10), numpy.uint8))
            context = multiprocessing.get_context("spawn")
            queue = context.Queue()
            process = context.Process(target=spawned.work, args=["front", queue])
            process.start()
            assert queue.get(timeout=40) == 100
            process.join(20)
            assert process.exitcode == 0
    """)
    assert not domain_files()


ENDS = {
    "end": "",
    "exit": "sys.exit(0)",
    "exception": "raise SystemExit",
    "cycle": "a = [frame, image]; a.append(a)",
    "thread": "threading.Thread(target=lambda: print(subscriber.next(timeout=0.2) if 0 else 1)).start()",
    "daemon": "threading.Thread(target=lambda: subscriber.next(), daemon=True).start()",
    "held by a module": "sys.kept = frame, image",
    "generator": "g = iter(subscriber); h = (f for f in subscriber); del subscriber",
}


def test_end_of_a_process():
    """Whatever is still open or held: no warning, no crash, and (but for a thread that still waits) nothing is left."""
    for name, ending in ENDS.items():
        script(f"""
            import sys, threading, numpy, zoetrope
            publisher = zoetrope.Publisher("front")
            subscriber = zoetrope.subscribe("front")
            publisher.publish(numpy.zeros((40, 40, 3), numpy.uint8))
            frame = subscriber.latest()
            image = frame.array
            loan = publisher.loan(100)
            view = loan.data
            {ending}
        """)
        if name == "daemon":
            zoetrope.clean()
        assert not domain_files(), name


def test_subinterpreters():
    """Each interpreter has its own types and handles; frames go between them by the topic."""
    script("""
        import _xxsubinterpreters as interpreters, os, zoetrope
        publisher = zoetrope.Publisher("front")
        publisher.publish(b"hello")
        for _ in range(3):
            one = interpreters.create()
            interpreters.run_string(one, '''if True:
                import zoetrope, zoetrope._zoetrope
                subscriber = zoetrope.Subscriber("front", mode="next", start="oldest", timeout=20)
                frame = subscriber.next()
                assert bytes(frame) == b"hello" and memoryview(frame)[0] == ord("h")
                try:
                    frame.release()
                    frame.data
                except ValueError:
                    frame = None
                assert frame is None
                zoetrope.Publisher("front/answer").close()
            ''')
            interpreters.destroy(one)
        assert zoetrope.info("front")["subscribers"] == 0
    """)
    assert not domain_files()


def test_two_copies_in_one_process():
    """The extension's own library and libzoetrope.so, loaded for everybody to see, on the same topic."""
    script("""
        import ctypes, os
        library = ctypes.CDLL(os.environ["ZOETROPE_BUILD"] + "/lib/libzoetrope.so", mode=ctypes.RTLD_GLOBAL)
        import zoetrope
        domain, publisher = ctypes.c_void_p(), ctypes.c_void_p()
        assert library.zoe_domain_open(None, ctypes.byref(domain)) == 0
        assert library.zoe_publisher_open(domain, b"front", None, ctypes.byref(publisher)) == 0
        subscriber = zoetrope.Subscriber("front", mode="next")
        for number in range(100):
            assert library.zoe_publish_bytes(publisher, b"abc", ctypes.c_size_t(3), None) == 0
            assert bytes(subscriber.next()) == b"abc"
        own = zoetrope.Publisher("front")
        own.publish(b"own")
        assert bytes(subscriber.next()) == b"own"
        subscriber.close()
        assert library.zoe_publish_bytes(publisher, b"abc", ctypes.c_size_t(3), None) == 0
        own.close()
        library.zoe_publisher_close(publisher)
        library.zoe_domain_close(domain)
    """)
    assert not domain_files()


def test_nothing_is_exported():
    """No symbol of the library comes out of the extension, so no other copy can be mixed up with it."""
    from zoetrope import _zoetrope
    symbols = subprocess.run(["nm", "-D", "--defined-only", _zoetrope.__file__], capture_output=True, text=True, check=True)
    names = [line.split()[-1] for line in symbols.stdout.splitlines()]
    assert names == ["PyInit__zoetrope"], names


def is_stopped(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return "\nState:\tT" in status.read()


def test_stopped_reader():
    """SIGSTOP is not death: its frame stays as it is, and the writer goes on."""
    publisher = zoetrope.Publisher("front")
    with started_script("""
            import sys, zoetrope
            subscriber = zoetrope.Subscriber("front", mode="next")
            print("open", flush=True)
            image = subscriber.next().array
            print("held", flush=True)
            sys.stdin.readline()
            assert (image == 7).all()
            """) as reader:
        is_open(reader)
        publisher.publish(numpy.full((50, 50), 7, numpy.uint8))
        assert reader.stdout.readline() == "held\n"
        reader.send_signal(signal.SIGSTOP)
        wait_for(lambda: is_stopped(reader.pid), 10, "it to stop")
        for _ in range(100):
            publisher.publish(numpy.full((50, 50), 9, numpy.uint8))
        reader.send_signal(signal.SIGCONT)
        out, err = reader.communicate("\n", timeout=20)
        assert (reader.returncode, err) == (0, ""), err
