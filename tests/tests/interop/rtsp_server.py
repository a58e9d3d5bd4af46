#!/usr/bin/python3
"""GStreamer's RTSP server with live test streams. Prints `rtsp PORT` when it listens, on loopback.

A stream is made when its first client comes, and shared by all; under its path with `-tcp` behind it there is no UDP.
"""

import gi

for name, version in (("Gst", "1.0"), ("GstRtsp", "1.0"), ("GstRtspServer", "1.0")):
    gi.require_version(name, version)
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

VIDEO = "video/x-raw,format=I420,width=320,height=180,framerate=25/1"
PICTURE = f"videotestsrc is-live=true ! {VIDEO}"
H264 = "h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1"
X264 = "x264enc speed-preset=veryfast key-int-max=25 threads=1"
SOUND = (
    "audiotestsrc is-live=true samplesperbuffer=1024 ! audio/x-raw,rate=44100,channels=2"
    " ! avenc_aac ! aacparse ! rtpmp4gpay name=pay1 pt=97"
)
STREAMS = {
    "/plain": f"{PICTURE} ! {X264} tune=zerolatency ! {H264} {SOUND}",
    # Up to three pictures in a row that need a later one, and one of them needed by the others.
    "/reordered": f"{PICTURE} ! {X264} bframes=3 b-adapt=false b-pyramid=true rc-lookahead=5 sync-lookahead=0"
    f" ! video/x-h264,profile=high ! {H264} {SOUND}",
    "/hevc": f"{PICTURE} ! x265enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! h265parse"
    f" ! rtph265pay name=pay0 pt=96 config-interval=-1 {SOUND}",
    "/opus": f"{PICTURE} ! {X264} tune=zerolatency ! {H264}"
    " audiotestsrc is-live=true ! opusenc ! rtpopuspay name=pay1 pt=97",
    "/ends": f"videotestsrc is-live=true num-buffers=50 ! {VIDEO} ! {X264} tune=zerolatency ! {H264}",
}


def main():
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service("0")
    mounts = server.get_mount_points()
    for path, pipeline in STREAMS.items():
        for suffix, protocols in (("", None), ("-tcp", GstRtsp.RTSPLowerTrans.TCP)):
            factory = GstRtspServer.RTSPMediaFactory.new()
            factory.set_launch(f"( {pipeline} )")
            factory.set_shared(True)
            if protocols is not None:
                factory.set_protocols(protocols)
            mounts.add_factory(path + suffix, factory)
    server.attach(None)
    print("rtsp", server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


main()
