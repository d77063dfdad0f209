# SPDX-License-Identifier: Apache-2.0
"""Preview's HTTP: what is refused and how, who may ask, limits, events."""
import http.client
import json
import socket
import subprocess
import time

from support import http as zoe_http, wait_for
from support.http import without_a_gap
from support.preview import PREVIEW, Preview, Publisher
from support.zoetrope import Zoetrope

JSON = {"Content-Type": "application/json"}


def ask(preview, method, path, body=None, headers=(), **more):
    status, headers, body = zoe_http.request(preview.port, method, path, body, headers, **more)
    return status, headers, body


def refused(preview, wanted, part, method, path, body=None, headers=()):
    status, got, answer = ask(preview, method, path, body, headers)
    assert status == wanted, f"{method} {path}: {status}, {answer!r}"
    assert got["Content-Type"] == "application/json"
    error = json.loads(answer)["error"]
    assert part in error, f"{method} {path}: {error!r}, wanted {part!r} in it"
    return got


def test_wrong_requests():
    with Preview() as preview:
        switch = "/api/v1/cameras/front/preview"
        refused(preview, 404, "there is no /nothing; there is: /,", "GET", "/nothing")
        refused(preview, 404, "there is no camera back; there is: front", "GET", "/api/v1/cameras/back/stream.mjpg")
        refused(preview, 404, "it has: stream.mjpg, snapshot.jpg, settings, capture", "GET", "/api/v1/cameras/front/zoom")
        refused(preview, 404, "there is no camera ", "GET", "/api/v1/cameras//preview")
        refused(preview, 404, "there is no /../../etc/passwd", "GET", "/../../etc/passwd")
        refused(preview, 404, "there is no /../../etc/passwd", "GET", "/%2e%2e/..%2fetc/passwd")
        refused(preview, 404, "there is no camera ..", "GET", "/api/v1/cameras/..%2f..%2fetc/passwd")
        refused(preview, 414, "at most", "GET", "/" + "a" * 2000)
        assert refused(preview, 405, "only GET, HEAD", "POST", "/api/v1/state")["Allow"] == "GET, HEAD"
        assert refused(preview, 405, "only GET", "PUT", "/api/v1/events", "{}", JSON)["Allow"] == "GET"
        assert refused(preview, 405, "only GET, HEAD, PUT", "DELETE", switch)["Allow"] == "GET, HEAD, PUT"
        assert refused(preview, 405, "only", "OPTIONS", switch)["Allow"] == "GET, HEAD, PUT"
        refused(preview, 415, "application/json", "PUT", switch, '{"on": true}')
        refused(preview, 415, "application/json", "PUT", switch, '{"on": true}', {"Content-Type": "text/plain"})
        for body in ("", "x", "{", "[]", '{"on": 1}', '{"on": true, "off": 1}', '{"on": true} x', '{"on":true,"on":false}', "\x00"):
            refused(preview, 400, 'must be {"on": true}', "PUT", switch, body, JSON)
        refused(preview, 413, "at most 4096", "PUT", switch, "x" * 5000, JSON)
        refused(preview, 413, "at most 4096", "PUT", switch, iter([b"x" * 3000, b"x" * 3000]), JSON)


def test_alone_there_is_nobody_to_turn_a_switch():
    with Preview() as preview:
        refused(preview, 503, "zoetrope run", "PUT", "/api/v1/cameras/front/save", '{"on": true}', JSON)
        refused(preview, 503, "alone", "GET", "/api/v1/cameras/front/save")
        own = zoe_http.get_json(preview.port, "/api/v1/cameras/front/preview")
        assert own == {"wanted": True, "actual": True, "reason": ""}


def test_page_and_security_headers():
    with Preview() as preview:
        for path, kind in (("/", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css")):
            status, headers, body = ask(preview, "GET", path)
            assert status == 200 and headers["Content-Type"].startswith(kind) and body
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
        assert ask(preview, "HEAD", "/")[2] == b""
        assert ask(preview, "GET", "/healthz")[2] == b"ok\n"
        page = ask(preview, "GET", "/")[2]
        assert b"http://" not in page.replace(b"http://www.w3.org/2000/svg", b"") and b"https://" not in page


def test_host_is_checked_against_rebinding():
    with Preview() as preview:
        for host in ("localhost", "127.0.0.1", "[::1]", f"localhost:{preview.port}", "LOCALHOST", f"[::1]:{preview.port}"):
            assert ask(preview, "GET", "/api/v1/state", headers={"Host": host})[0] == 200, host
        for host in ("evil.example", "localhost.evil.example", "evil.example:8090", "10.0.0.1", "127.0.0.1.evil", "a" * 200):
            refused(preview, 403, "no name of this machine", "GET", "/api/v1/state", headers={"Host": host})


def test_token():
    token = "correct-horse_42"
    with Preview("--token", token, listen="0.0.0.0:0") as preview:
        refused(preview, 401, "a token is needed", "GET", "/")
        for wrong in ("Bearer", "Bearer x", f"Bearer {token}x", f"Bearer {token[:-1]}", f"Basic {token}"):
            refused(preview, 401, "a token is needed", "GET", "/api/v1/state", headers={"Authorization": wrong})
        refused(preview, 401, "a token is needed", "GET", "/api/v1/cameras/front/stream.mjpg?token=wrong")
        assert ask(preview, "GET", "/healthz")[0] == 200
        assert ask(preview, "GET", "/api/v1/state", headers={"Authorization": f"Bearer {token}"})[0] == 200
        assert ask(preview, "GET", f"/api/v1/state?token={token}")[0] == 200
        status, headers, _ = ask(preview, "GET", f"/?token={token}")
        cookie = headers["Set-Cookie"]
        assert status == 303 and headers["Location"] == "/" and "HttpOnly" in cookie and "SameSite=Strict" in cookie
        assert "Secure" not in cookie, "without TLS the browser would not keep it"
        kept = {"Cookie": cookie.split(";")[0]}
        assert ask(preview, "GET", "/", headers=kept)[0] == 200
        with zoe_http.Stream(preview.port, "front", headers=kept) as stream, Publisher():
            next(stream)
        refused(preview, 401, "a token is needed", "GET", "/", headers={"Cookie": cookie.split(";")[0] + "x"})


def test_login_page():
    token, html = "correct-horse_42", {"Accept": "text/html,*/*"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with Preview("--token", token, listen="0.0.0.0:0") as preview:
        status, headers, body = ask(preview, "GET", "/", headers=html)
        assert status == 401 and headers["Content-Type"].startswith("text/html") and b'action="/login"' in body
        refused(preview, 401, "a token is needed", "GET", "/api/v1/state", headers=html)
        for path, wanted in (("/style.css", 200), ("/login.css", 200), ("/healthz", 200), ("/readyz", 503), ("/app.js", 401)):
            assert ask(preview, "GET", path)[0] == wanted, path
        for wrong in ("", "token=", "token=x", f"token={token}x", f"x=1&token={token}", f"token={token}\0", "token=" + "x" * 4000):
            status, headers, _ = ask(preview, "POST", "/login", wrong, form)
            assert (status, headers["Location"], headers["Set-Cookie"]) == (303, "/#wrong", None), wrong
        status, headers, _ = ask(preview, "POST", "/login", f"token={token}", form)
        assert status == 303 and headers["Location"] == "/"
        assert ask(preview, "GET", "/", headers={"Cookie": headers["Set-Cookie"].split(";")[0]})[0] == 200
        refused(preview, 405, "only POST", "GET", "/login")


def test_other_sites_may_do_nothing():
    switch, body = "/api/v1/cameras/front/preview", '{"on": true}'
    with Preview() as preview:
        own = f"http://127.0.0.1:{preview.port}"
        for origin in ("http://evil.example", "null", f"{own}.evil.example", "http://127.0.0.1:1", f"x{own[4:]}1"):
            refused(preview, 403, "another site", "PUT", switch, body, {**JSON, "Origin": origin})
            refused(preview, 403, "another site", "POST", "/login", "token=x", {"Origin": origin})
        refused(preview, 503, "alone", "PUT", switch, body, {**JSON, "Origin": own})
        for site in ("cross-site", "same-site"):
            for path in (switch, "/api/v1/state", "/api/v1/cameras/front/stream.mjpg", "/api/v1/cameras/front/snapshot.jpg"):
                refused(preview, 403, "another site", "GET", path, headers={"Sec-Fetch-Site": site})
            assert ask(preview, "GET", "/", headers={"Sec-Fetch-Site": site})[0] == 200, "a link to the page is no harm"
        assert ask(preview, "GET", "/api/v1/state", headers={"Sec-Fetch-Site": "same-origin"})[0] == 200


def test_ready():
    config = {"cameras": {"front": {"source": "test:", "width": 320, "height": 180, "fps": 10}}, "preview": {}}
    with Preview() as preview:
        refused(preview, 503, "not ready: preview runs alone", "GET", "/readyz")
    with Zoetrope(config) as zoe:
        wait_for(lambda: zoe_http.request(zoe.port, "GET", "/readyz")[0] == 200, 10, "everything to be ready")
        zoe.put("front", "capture", False)
        assert zoe_http.request(zoe.port, "GET", "/readyz")[2] == b"ready\n", "off is as wanted"


def fails(*arguments):
    result = subprocess.run([PREVIEW, "--cameras", "front", *arguments], capture_output=True, text=True, timeout=10)
    assert result.returncode == 1 and len(result.stderr.strip().splitlines()) == 1, (result.returncode, result.stderr)
    return result.stderr


def test_open_to_others_needs_a_token():
    assert "there is no token: set preview.token" in fails("--listen", "0.0.0.0:0")
    assert "there is no token" in fails("--listen", "[::]:0")
    assert "8 to 256" in fails("--listen", "0.0.0.0:0", "--token", "short")
    assert "with others in it" in fails("--listen", "0.0.0.0:0", "--token", "with space; and more")


def test_listen_is_checked():
    assert "ADDRESS:PORT" in fails("--listen", "8090")
    assert "ADDRESS:PORT" in fails("--listen", "127.0.0.1:http")
    assert "ADDRESS:PORT" in fails("--listen", "127.0.0.1:99999")
    assert "numeric address" in fails("--listen", "example.org:8090")
    assert "no such address" in fails("--listen", "203.0.113.7:8090", "--token", "correct-horse")


def test_port_in_use():
    with Preview() as preview:
        error = fails("--listen", f"127.0.0.1:{preview.port}")
        assert f"cannot listen on 127.0.0.1:{preview.port}: another program listens there; end it, or" in error


def test_too_many_connections():
    with Publisher(width=320, height=180), Preview() as preview:
        streams = [preview.stream() for _ in range(200)]
        refused(preview, 503, "200 connections are open already", "GET", "/healthz")
        streams.pop().close()
        wait_for(lambda: ask(preview, "GET", "/healthz")[0] == 200, 5, "a place to be free")
        without_a_gap(streams[0], 5)
        for stream in streams:
            stream.close()
        preview.wait_unwatched()


def test_requests_one_after_another_on_a_connection():
    with Preview() as preview:
        connection = http.client.HTTPConnection("127.0.0.1", preview.port, timeout=5)
        for path, wanted in (("/healthz", 200), ("/none", 404), ("/", 200), ("/api/v1/state", 200)) * 5:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            assert response.status == wanted
        connection.close()


def test_rubbish_does_no_harm():
    rubbish = (b"\x00" * 100, b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
               b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", b"A" * 100000, b"GET /%00%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
               b"GET /api/v1/cameras/%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n")
    with Preview() as preview:
        for data in rubbish:
            with socket.create_connection(("127.0.0.1", preview.port)) as client:
                client.settimeout(0.3)  # some are waited for, being no whole request
                try:
                    client.sendall(data)
                    client.shutdown(socket.SHUT_WR)
                    client.recv(1000)
                except OSError:
                    pass
            assert ask(preview, "GET", "/healthz")[0] == 200, data[:50]


def test_events():
    with Publisher(), Preview() as preview:
        events = zoe_http.events(preview.port)
        kind, state = next(events)
        assert kind == "state" and "front" in state["cameras"]
        kind, first = next(event for event in events if event[0] == "detections")
        kind, second = next(event for event in events if event[0] == "detections")
        assert (first["camera"], first["detector"]) == ("front", "planted") and second["sequence"] == first["sequence"] + 5
        person, car = second["boxes"]
        assert (person["label"], person["score"], person["box"]) == ("Person", 0.9, [0.25, 0.25, 0.25, 0.5])
        assert (car["label"], car["score"], car["box"]) == ("Car", 0.5, [0.625, 0.5, 0.25, 0.25])
        age = time.monotonic() - second["publish_time"]
        print(f"measured: a result is with the client {1000 * age:.1f} ms after it was published")
        assert age < 0.25
        events.close()
