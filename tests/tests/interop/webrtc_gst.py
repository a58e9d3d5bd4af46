#!/usr/bin/python3
"""webrtcbin of GStreamer as a publisher by WHIP or a player by WHEP. Debian's own Python sees GStreamer.

    webrtc_gst.py publish URL [RSA]  pictures in H.264 that move, and a tone, until it is killed
    webrtc_gst.py play URL COUNT     until so many pictures came: prints `played PICTURES CONTRAST LOUDNESS`

It prints `session LOCATION`, and `connected` when media can go. With RSA its certificate is of that.
"""

import array
import functools
import hashlib
import math
import re
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstApp, GstSdp, GstWebRTC  # noqa: E402, F401

PUBLISHED = """
    webrtcbin name=peer bundle-policy=max-bundle
    videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1
        ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! video/x-h264,profile=constrained-baseline
        ! rtph264pay aggregate-mode=zero-latency config-interval=-1
        ! application/x-rtp,media=video,encoding-name=H264,payload=96 ! peer.
    audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay
        ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! peer.
"""
KEY = "rsa:2048" if "RSA" in sys.argv else "ec -pkeyopt ec_paramgen_curve:prime256v1"
CERTIFICATE = f"openssl req -x509 -newkey {KEY} -nodes -days 2 -subj /CN=gst -keyout - -out -"
PLAYED = "webrtcbin name=peer bundle-policy=max-bundle"
WANTED = (
    "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=111,encoding-params=(string)2",
    "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96,packetization-mode=(string)1,"
    "profile-level-id=(string)42e01f",
)

loop = GLib.MainLoop()


def say(*words):
    print(*words, flush=True)


def fail(why):
    say(why)
    loop.quit()


@functools.cache
def certificate():
    return subprocess.run(CERTIFICATE.split(), capture_output=True, check=True, timeout=20).stdout.decode()


def fingerprint():
    pem = certificate()
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERTIFICATE") :])).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, 64, 2))


def certify(_pipeline, _bin, element):
    """Gives DTLS a certificate as GStreamer makes it from 1.28 on, or one of RSA, as it does before."""
    factory = element.get_factory()
    if factory and factory.get_name() == "dtlssrtpdec":
        element.set_property("pem", certificate())


class Peer:
    """One connection: it offers as soon as all candidates are known."""

    def __init__(self, pipeline, url):
        self.bin, self.url, self.offered = pipeline.get_by_name("peer"), url, False
        self.bin.connect("on-negotiation-needed", self.negotiate)
        self.bin.connect("notify::ice-gathering-state", self.gathered)
        self.bin.connect("notify::connection-state", self.changed)

    def negotiate(self, _bin):
        if not self.offered:
            self.offered = True
            self.bin.emit("create-offer", None, Gst.Promise.new_with_change_func(self.created))

    def created(self, promise):
        # The offer lives as long as the reply.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        self.bin.emit("set-local-description", offer, Gst.Promise.new())

    def gathered(self, *_):
        if self.bin.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            threading.Thread(target=self.offer, daemon=True).start()

    def offer(self):
        sdp = self.bin.get_property("local-description").sdp.as_text()
        # It takes the key, which PEM has beside the certificate, for a part of that.
        sdp = re.sub("(?<=a=fingerprint:sha-256 ).*", fingerprint(), sdp)
        headers = {"Content-Type": "application/sdp"}
        request = urllib.request.Request(self.url, sdp.encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                say("session", urllib.parse.urljoin(self.url, answer.headers["Location"]))
                told = answer.read()
        except urllib.error.URLError as error:
            return fail(f"{type(error).__name__}: {error}")
        _, message = GstSdp.SDPMessage.new()
        GstSdp.sdp_message_parse_buffer(told, message)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.bin.emit("set-remote-description", answer, Gst.Promise.new())
        return None

    def changed(self, *_):
        state = self.bin.get_property("connection-state")
        say("state", state.value_nick)
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            say("connected")


class Player:
    """Decodes what comes and measures it."""

    def __init__(self, peer, count):
        self.count = count
        self.seen, self.contrast, self.power, self.heard = 0, 0, 0, 0
        for caps in WANTED:
            direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
            peer.bin.emit("add-transceiver", direction, Gst.Caps.from_string(caps))
        peer.bin.connect("pad-added", self.track)

    def track(self, peer, pad):
        media = pad.get_current_caps().get_structure(0).get_string("media")
        raw = "video/x-raw,format=I420" if media == "video" else "audio/x-raw,format=S16LE"
        convert = "videoconvert" if media == "video" else "audioconvert"
        line = f"decodebin name=entry ! {convert} ! {raw} ! appsink name=sink emit-signals=true sync=false"
        branch = Gst.parse_bin_from_description(line, False)
        branch.add_pad(Gst.GhostPad.new("sink", branch.get_by_name("entry").get_static_pad("sink")))
        branch.get_by_name("sink").connect("new-sample", self.watch if media == "video" else self.listen)
        peer.get_parent().add(branch)
        pad.link(branch.get_static_pad("sink"))
        branch.sync_state_with_parent()

    def watch(self, sink):
        luma = self.bytes(sink)[: 320 * 180 : 97]
        self.seen, self.contrast = self.seen + 1, max(self.contrast, max(luma) - min(luma))
        if self.seen == self.count:
            say("played", self.seen, self.contrast, math.isqrt(self.power // max(1, self.heard)))
            GLib.idle_add(loop.quit)
        return Gst.FlowReturn.OK

    def listen(self, sink):
        wave = array.array("h", self.bytes(sink))[::16]
        self.power, self.heard = self.power + sum(value * value for value in wave), self.heard + len(wave)
        return Gst.FlowReturn.OK

    @staticmethod
    def bytes(sink):
        buffer = sink.emit("pull-sample").get_buffer()
        return buffer.extract_dup(0, buffer.get_size())


def main():
    Gst.init(None)
    publishes = sys.argv[1] == "publish"
    pipeline = Gst.Pipeline()
    pipeline.connect("deep-element-added", certify)
    pipeline.add(Gst.parse_bin_from_description(PUBLISHED if publishes else PLAYED, False))
    peer = Peer(pipeline, sys.argv[2])
    player = None if publishes else Player(peer, int(sys.argv[3]))
    pipeline.set_state(Gst.State.PLAYING)
    loop.run()
    pipeline.set_state(Gst.State.NULL)
    if player and player.seen < player.count:
        sys.exit("nothing was played")


main()
