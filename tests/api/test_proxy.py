# SPDX-License-Identifier: Apache-2.0
"""docs/nginx.conf as it stands there, in Debian's nginx, in front of a preview with a token."""
import http.client
import os
import ssl
import subprocess
import time

from support import http as zoe_http, wait_for
from support.http import Part
from support.preview import Preview, Publisher
from support.zoetrope import SOURCE, Zoetrope

TOKEN = "correct-horse_42"
NAME = "cameras.example.org"
FRAME = """pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
master_process off;
events {{}}
http {{
	access_log off;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	{site}
}}
"""


class Nginx:
    """The documented site, with ports, certificate and back end of this test."""

    def __init__(self, behind):
        self.port, folder = zoe_http.free_port(), os.getcwd()
        key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "certificate.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                        "-out", certificate, "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"],
                       check=True, capture_output=True)
        with open(os.path.join(SOURCE, "docs", "nginx.conf"), encoding="utf-8") as stream:
            site = stream.read()
        for old, new in (("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"), ("listen [::]:443 ssl;", ""), ("http://127.0.0.1:8090", f"http://127.0.0.1:{behind}"),
                         (f"/etc/ssl/certs/{NAME}.pem", certificate), (f"/etc/ssl/private/{NAME}.key", key)):
            assert site.count(old) == 1, f"docs/nginx.conf has {old!r} {site.count(old)} times"
            site = site.replace(old, new)
        with open("nginx.conf", "w", encoding="utf-8") as stream:
            stream.write(FRAME.format(folder=folder, site=site))
        self.tls = ssl.create_default_context(cafile=certificate)

    def __enter__(self):
        self.process = subprocess.Popen(["nginx", "-c", os.path.abspath("nginx.conf"), "-p", os.getcwd(), "-e", "stderr"])
        wait_for(self.answers, 10, "nginx to answer")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def answers(self):
        assert self.process.poll() is None, "nginx has ended"
        try:
            return self.request("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def open(self, method, path, body=None, headers=()):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=10)
        connection._create_connection = lambda *_, **__: zoe_http.socket.create_connection(("127.0.0.1", self.port), 10)
        connection.host = NAME  # what the certificate is for
        connection.request(method, path, body, {"Host": f"{NAME}:{self.port}", **dict(headers)})
        return connection, connection.getresponse()

    def request(self, *arguments, **more):
        connection, response = self.open(*arguments, **more)
        try:
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def log_in(self):
        status, headers, _ = self.request("POST", "/login", f"token={TOKEN}",
                                          {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{NAME}:{self.port}"})
        assert status == 303 and headers["Location"] == "/", (status, headers.items())
        assert "; Secure" in headers["Set-Cookie"], headers["Set-Cookie"]
        return {"Cookie": headers["Set-Cookie"].split(";")[0]}


def answers(port):
    try:
        return zoe_http.request(port, "GET", "/healthz")[0] == 200
    except OSError:
        return False


def viewers(port, headers):
    return zoe_http.get_json(port, "/api/v1/state", headers=headers)["cameras"]["front"]["metrics"]["preview"]["viewers"]


def test_pictures_and_events_through_nginx():
    with Publisher(), Preview("--token", TOKEN) as preview, Nginx(preview.port) as nginx:
        assert nginx.request("GET", "/api/v1/state")[0] == 401
        cookie = nginx.log_in()
        assert nginx.request("GET", "/", headers=cookie)[0] == 200
        connection, response = nginx.open("GET", "/api/v1/cameras/front/stream.mjpg", headers=cookie)
        stream = zoe_http.Parts(response)
        parts = [next(stream) for _ in range(30)]
        late = [-next(stream).number("Send-Time") + time.monotonic() for _ in range(30)]
        connection.close()
        print(f"measured: pictures are here {1000 * sorted(late)[15]:.1f} ms after they were sent, through nginx")
        assert isinstance(parts[0], Part) and sorted(late)[15] < 0.25, late
        connection, response = nginx.open("GET", "/api/v1/events", headers=cookie)
        assert response.readline() == b"retry: 500\n" and response.readline() == b"event: state\n"
        connection.close()
        wait_for(lambda: viewers(preview.port, cookie) == 0, 5, "nginx to tell preview that the viewer has gone")


def test_switches_through_nginx():
    config = {"cameras": {"front": {"source": "test:", "width": 320, "height": 180, "fps": 10}}, "preview": {"token": TOKEN}}
    with Zoetrope(config, ready=False) as zoe:
        wait_for(lambda: answers(zoe.port), 10, "preview to listen")
        with Nginx(zoe.port) as nginx:
            wait_for(lambda: nginx.request("GET", "/readyz")[0] == 200, 10, "everything to be ready")
            headers = {"Content-Type": "application/json", **nginx.log_in()}
            switch = "/api/v1/cameras/front/capture"
            for origin, wanted in ((f"https://{NAME}:{nginx.port}", 200), ("https://evil.example", 403), ("null", 403), (f"https://{NAME}.evil.example", 403)):
                status, _, body = nginx.request("PUT", switch, '{"on": true}', {**headers, "Origin": origin})
                assert status == wanted, (origin, status, body)
