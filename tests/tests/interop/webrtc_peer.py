#!/usr/bin/env python3
"""aiortc as a publisher by WHIP or a player by WHEP.

    webrtc_peer.py publish URL      pictures in H.264 that move, and a tone, until it is killed
    webrtc_peer.py play URL COUNT   until so many pictures came: prints `played PICTURES CONTRAST LOUDNESS`

It prints `connected` when media can go, and `session LOCATION` before.
"""

import array
import asyncio
import fractions
import math
import sys
import urllib.parse
import urllib.request

import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from aiortc.rtcrtpsender import RTCRtpSender

WIDTH, HEIGHT, RATE, SAMPLES = 320, 180, 48000, 960


class Picture(VideoStreamTrack):
    """A bright bar that moves over a dark ground."""

    count = 0

    async def recv(self):
        pts, base = await self.next_timestamp()
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        luma = frame.planes[0]
        at = self.count * 4 % (luma.line_size - 40)
        line = bytes([40] * at + [220] * 40 + [40] * (luma.line_size - 40 - at))
        luma.update(line * (luma.buffer_size // luma.line_size))
        for plane in frame.planes[1:]:
            plane.update(bytes([128]) * plane.buffer_size)
        self.count += 1
        frame.pts, frame.time_base = pts, base
        return frame


class Tone(AudioStreamTrack):
    """440 Hz."""

    at = 0

    async def recv(self):
        silence = await super().recv()
        del silence
        frame = av.AudioFrame(format="s16", layout="mono", samples=SAMPLES)
        wave = (int(8000 * math.sin(2 * math.pi * 440 * (self.at + n) / RATE)) for n in range(SAMPLES))
        frame.planes[0].update(array.array("h", wave).tobytes())
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.at, fractions.Fraction(1, RATE)
        self.at += SAMPLES
        return frame


def post(url, offer):
    request = urllib.request.Request(url, offer.encode(), {"Content-Type": "application/sdp"}, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        print("session", urllib.parse.urljoin(url, answer.headers["Location"]), flush=True)
        return answer.read().decode()


async def connect(pc, url):
    connected = asyncio.Event()

    @pc.on("connectionstatechange")
    def changed():
        print("state", pc.connectionState, flush=True)
        if pc.connectionState == "connected":
            print("connected", flush=True)
            connected.set()

    await pc.setLocalDescription(await pc.createOffer())
    answer = await asyncio.to_thread(post, url, pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await connected.wait()


async def publish(url):
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver(Tone(), direction="sendonly")
    video = pc.addTransceiver(Picture(), direction="sendonly")
    known = RTCRtpSender.getCapabilities("video").codecs
    video.setCodecPreferences([codec for codec in known if codec.mimeType == "video/H264"])
    await connect(pc, url)
    await asyncio.Event().wait()


async def play(url, count):
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    seen, contrast, power, heard = 0, 0, 0, 0
    done = asyncio.Event()

    async def watch(track):
        nonlocal seen, contrast
        while seen < count:
            frame = await track.recv()
            luma = bytes(frame.planes[0])[:: 97]
            seen, contrast = seen + 1, max(contrast, max(luma) - min(luma))
        done.set()

    async def listen(track):
        nonlocal power, heard
        while True:
            wave = array.array("h", bytes((await track.recv()).planes[0]))
            power, heard = power + sum(value * value for value in wave[::16]), heard + len(wave[::16])

    tasks = []

    @pc.on("track")
    def track(track):
        tasks.append(asyncio.ensure_future(watch(track) if track.kind == "video" else listen(track)))

    pc.addTransceiver("audio", direction="recvonly")
    pc.addTransceiver("video", direction="recvonly")
    await connect(pc, url)
    await done.wait()
    print("played", seen, contrast, math.isqrt(power // max(1, heard)), flush=True)
    for task in tasks:
        task.cancel()
    await pc.close()


def main():
    try:
        if sys.argv[1] == "publish":
            asyncio.run(publish(sys.argv[2]))
        else:
            asyncio.run(play(sys.argv[2], int(sys.argv[3])))
    except (MediaStreamError, urllib.error.URLError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


main()
