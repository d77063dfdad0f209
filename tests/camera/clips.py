# SPDX-License-Identifier: Apache-2.0
"""Video files made with ffmpeg, and what ffmpeg itself decodes from them."""
import subprocess

PATTERN = "testsrc2=size={size}:rate={fps}"


def make(path, *codec, size="322x178", fps=25, frames=40):
    """Encode `frames` frames of ffmpeg's test pattern into path."""
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", PATTERN.format(size=size, fps=fps),
                    "-frames:v", str(frames), *codec, path], check=True, timeout=60)
    return path


def md5s(path, *options):
    """MD5 of the pixels of each frame, as ffmpeg decodes them."""
    text = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-fps_mode", "passthrough", *options,
                           "-f", "framemd5", "-"], check=True, capture_output=True, text=True, timeout=60).stdout
    return [line.split(",")[-1].strip() for line in text.splitlines() if line and not line.startswith("#")]


def check_order(frames, wanted):
    """The frames are those wanted, over and over, from some place on: nothing between is left out or repeated."""
    places = [i for i in range(len(wanted)) if frames[0]["md5"] == wanted[i]]
    assert places, "the first frame is none of the file's"
    for place in places:
        if all(f["md5"] == wanted[(place + f["seq"] - frames[0]["seq"]) % len(wanted)] for f in frames):
            return
    raise AssertionError(f"not the file's frames in order: {[wanted.index(f['md5']) if f['md5'] in wanted else None for f in frames]}")
