# SPDX-License-Identifier: Apache-2.0
"""Thousands of damaged requests to a preview under AddressSanitizer: it answers or closes, and harms nobody.

ZOETROPE_FUZZ_REQUESTS says how many (default 4000), ZOETROPE_FUZZ_SEED which (default by the clock, and printed).
"""
# limit: 170 s
import concurrent.futures
import os
import random
import re
import socket
import time

from support import http, preview as support

REQUESTS = int(os.environ.get("ZOETROPE_FUZZ_REQUESTS", "4000"))
AT_ONCE = 16
ASAN = os.path.join(os.environ["ZOETROPE_SOURCE"], "build-asan")
PATHS = ("/", "/app.js", "/login", "/healthz", "/readyz", "/api/v1/state", "/api/v1/events", "/api/v1/stream?cameras=front&events=1",
         "/api/v1/cameras/front", "/api/v1/cameras/front/stream.mjpg?overlay=1", "/api/v1/cameras/front/snapshot.jpg?quality=3&height=90&fps=5",
         "/api/v1/cameras/front/preview", "/api/v1/cameras/%66ront/detect", "/api/v1/cameras/front/stream.mjpg?token=correct-horse_42")
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "PRI", "\x00")
HEADERS = ("Host: localhost", "Host: 127.0.0.1:1", "Content-Type: application/json", "Content-Type: application/x-www-form-urlencoded",
           "Content-Length: 12", "Content-Length: -1", "Content-Length: 99999999999999999999", "Transfer-Encoding: chunked",
           "Transfer-Encoding: gzip, chunked", "Connection: keep-alive", "Connection: close", "Expect: 100-continue", "Cookie: zoetrope-1=x; a",
           "Cookie: " + "a=b;" * 500, "Authorization: Bearer correct-horse_42", "Authorization: Bearer ", "Origin: null", "Sec-Fetch-Site: x",
           "Range: bytes=0-1,5-", "Upgrade: h2c", "X: " + "y" * 9000, "Accept: text/html", " folded: line", ": nameless", "X-Forwarded-Proto: https")
BODIES = (b"", b'{"on": true}', b'{"on": false} ', b"token=correct-horse_42", b"c\r\n{\"on\": true}\r\n0\r\n\r\n", b"ffffffffffffffff\r\n", b"-1\r\n\r\n",
          b"[" * 3000, b'{"on": "' + b"\xff" * 300, b"\x00" * 5000)


def sound(chance):
    """A request as it may come, whose parts need not belong together."""
    version = chance.choice(("HTTP/1.1",) * 6 + ("HTTP/1.0", "HTTP/2.0", "HTTP/1.", "HTTP", ""))
    lines = [f"{chance.choice(METHODS[:3] * 3 + METHODS)} {chance.choice(PATHS)} {version}", *chance.sample(HEADERS, chance.randrange(6))]
    if chance.random() < 0.8:
        lines.insert(1, HEADERS[0])
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + chance.choice(BODIES)


def damaged(chance):
    """The same with up to eight bytes or stretches changed, doubled, or taken out."""
    data = bytearray(sound(chance))
    for _ in range(chance.randrange(9)):
        at, length = chance.randrange(len(data) + 1), chance.choice((1, 1, 2, 10, 100))
        what = chance.randrange(4)
        if what == 0:
            data[at:at + 1] = bytes([chance.randrange(256)])
        elif what == 1:
            del data[at:at + length]
        elif what == 2:
            data[at:at] = data[at:at + length] * chance.choice((1, 2, 50))
        else:
            data[at:at] = chance.choice((b"\r\n", b"\n", b"\x00", b"%00", b"%", b"%2e%2e%2f", b"\xff\xfe", b"?", b"&", b"=", b" ", b"\t", b";", b"a" * 500))
    return bytes(data)


def exchange(preview, data):
    """Send, and close our side. Gives the first line of the answer; b"" if there is none."""
    with socket.create_connection(("127.0.0.1", preview.port)) as client:
        client.settimeout(30)
        try:
            client.sendall(data[:len(data) // 2])
            client.sendall(data[len(data) // 2:])
            client.shutdown(socket.SHUT_WR)  # who waits for more learns that none will come
            return client.recv(2000).split(b"\r\n")[0]
        except TimeoutError:
            raise AssertionError(f"{data!r} is neither answered nor closed\n{preview.log()}") from None
        except OSError:
            return b""


def storm(*arguments):
    seed = int(os.environ.get("ZOETROPE_FUZZ_SEED", time.time_ns() % 1000000))
    chance, answers, began = random.Random(seed), {}, time.monotonic()
    assert os.access(support.PREVIEW, os.X_OK), f"{support.PREVIEW} is not built; ./check builds it"
    print(f"seed {seed}")
    with support.Publisher(width=320, height=180), support.Preview(*arguments) as preview:
        requests = [damaged(chance) for _ in range(REQUESTS // 2)]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as several:
            for data, line in zip(requests, several.map(lambda data: exchange(preview, data), requests)):
                assert not line or re.fullmatch(rb"HTTP/1\.[01] [1-5]\d\d .*", line), f"{data!r} was answered with {line!r}"
                answers[line[9:12]] = answers.get(line[9:12], 0) + 1
        assert preview.process.poll() is None, preview.log()
        assert http.request(preview.port, "GET", "/healthz")[0] == 200
        headers = {"Authorization": "Bearer correct-horse_42"}
        with http.Stream(preview.port, "front", headers=headers) as stream:
            next(stream)
    assert "Sanitizer" not in preview.log() and "runtime error" not in preview.log(), preview.log()
    assert len(answers) >= 6, f"hardly anything was reached: {answers}"
    print(f"measured: {REQUESTS // 2} damaged requests in {time.monotonic() - began:.1f} s, answers " +
          ", ".join(f"{status.decode() or 'none'}: {count}" for status, count in sorted(answers.items())))


def test_damaged_requests(monkeypatch):
    monkeypatch.setattr(support, "PREVIEW", os.path.join(ASAN, "roles", "zoetrope-preview"))
    storm()


def test_damaged_requests_with_a_token(monkeypatch):
    monkeypatch.setattr(support, "PREVIEW", os.path.join(ASAN, "roles", "zoetrope-preview"))
    storm("--token", "correct-horse_42")
