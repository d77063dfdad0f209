# SPDX-License-Identifier: Apache-2.0
"""A memory file system that is full: a sentence at the start, a pause while it runs."""
import os
import subprocess

from support.camera import Camera, command

DOMAIN = os.environ["ZOETROPE_DOMAIN"]


def small_domain(size):
    """A command that becomes what follows it, with a tmpfs of that size for a domain which nobody else sees."""
    os.makedirs(DOMAIN, mode=0o700, exist_ok=True)
    script = f'mount -t tmpfs -o size={size},mode=700 none "$ZOETROPE_DOMAIN" && exec "$@"'
    return ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh"]


def test_full_at_the_start():
    result = subprocess.run([*small_domain("1M"), *command("test:", "front", {})], capture_output=True, text=True, timeout=20)
    print(result.stderr)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("zoetrope: camera front: ")
    assert "front" in result.stderr.splitlines()[-1] and "bytes" in result.stderr.splitlines()[-1]


def test_full_while_it_runs():
    """Another process takes all memory before the camera has used each of its slots; then gives it back."""
    with Camera("test:", prefix=small_domain("4M"), width=640, height=480, fps=5) as camera:
        camera.receive(lambda m: m["type"] == "state" and m["metrics"].get("published"))
        filler = f"/proc/{camera.process.pid}/root{DOMAIN}/filler"
        with open(filler, "wb", buffering=0) as stream:
            try:
                while True:
                    stream.write(bytes(4096))
            except OSError:
                pass
        stalled = camera.wait_state("stalled")
        print(stalled["reason"])
        assert "bytes" in stalled["reason"]
        os.unlink(filler)
        camera.wait_state("streaming")
