#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A network camera for tests: GStreamer's RTSP server on 127.0.0.1. Prints "ready" when it listens.

    rtsp_server.py PORT [USER PASSWORD]        streams /h264 /mjpeg /sound, 640x360, 25 a second, red

Commands on standard input, a line each, for all streams: "size 320x240", "silence 1" (sends nothing more), "silence 0",
"damage 0.02" (changes that share of the encoder's bytes), "drop 0.3" (leaves out that share of the encoder's pictures).
Ends with its input.
"""
import signal
import sys

import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PICTURES = "videotestsrc is-live=true pattern=red ! capsfilter name=size ! "
SPOIL = " ! identity name=drop ! breakmydata name=damage probability=0 ! "
H264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 bitrate=1000 threads=1" + SPOIL
LAUNCH = {
    "/h264": PICTURES + H264 + "rtph264pay name=pay0 pt=96 config-interval=-1",
    "/mjpeg": PICTURES + "jpegenc" + SPOIL + "rtpjpegpay name=pay0 pt=26",
    "/sound": PICTURES + H264 + "rtph264pay name=pay0 pt=96 config-interval=-1 "
              "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8",
}


class Server:
    def __init__(self, port, login):
        self.settings = {"size": "640x360", "silence": "0", "damage": "0", "drop": "0"}
        self.media = []
        self.server = GstRtspServer.RTSPServer()
        self.server.set_address("127.0.0.1")
        self.server.set_service(port)
        for path, launch in LAUNCH.items():
            factory = GstRtspServer.RTSPMediaFactory()
            factory.set_launch(f"( {launch} )")
            factory.set_shared(True)
            factory.connect("media-configure", self.configure)
            if login:
                factory.add_role_from_structure(Gst.Structure.new_from_string(
                    "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"))
            self.server.get_mount_points().add_factory(path, factory)
        if login:
            self.server.set_auth(self.digest(*login))
        self.server.attach(None)

    @staticmethod
    def digest(user, password):
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_digest(user, password, token)
        return auth

    def configure(self, _, media):
        self.media = [media]
        media.connect("unprepared", lambda gone: self.media.clear())
        self.apply(media)

    def apply(self, media):
        pipeline = media.get_element()
        width, height = self.settings["size"].split("x")
        pipeline.get_by_name_recurse_up("size").set_property("caps", Gst.Caps.from_string(
            f"video/x-raw,format=I420,width={width},height={height},framerate=25/1"))
        drop = 1.0 if self.settings["silence"] == "1" else float(self.settings["drop"])
        pipeline.get_by_name_recurse_up("drop").set_property("drop-probability", drop)
        pipeline.get_by_name_recurse_up("damage").set_property("probability", float(self.settings["damage"]))

    def command(self, source, _):
        words = source.readline().split()
        if not words:
            loop.quit()
            return False
        self.settings[words[0]] = words[1]
        for media in self.media:
            self.apply(media)
        print("done", flush=True)
        return True


Gst.init(None)
loop = GLib.MainLoop()
GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
served = Server(sys.argv[1], sys.argv[2:4])
GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, served.command)
print("ready", flush=True)
loop.run()
