// libdatachannel, the engine of OBS, as a publisher by WHIP: tracks, packetisers and reports as OBS sets them up.
//
//     node webrtc_datachannel.cjs MODULE URL VIDEO AUDIO
//
// MODULE is the folder of node-datachannel, VIDEO H.264 in Annex B with access unit delimiters, AUDIO Opus in Ogg; both are
// sent again and again in real time. It prints `session LOCATION`, and `connected` when media goes; told to end by SIGINT
// it closes its connection, deletes its session and prints `deleted STATUS`.
"use strict";

const { readFileSync } = require("node:fs");

const [, , folder, url, video, audio] = process.argv;
const rtc = require(folder);

const say = (...words) => process.stdout.write(`${words.join(" ")}\n`);
const [FRAME_MS, SOUND_MS, OPUS, H264] = [40, 20, 111, 96];

/** Access units: each begins with a delimiter. */
const pictures = (bytes) => {
  const starts = [];
  for (let at = bytes.indexOf("00000109", 0, "hex"); at >= 0; at = bytes.indexOf("00000109", at + 4, "hex")) {
    starts.push(at && bytes[at - 1] === 0 ? at - 1 : at);
  }
  return starts.map((start, index) => bytes.subarray(start, starts[index + 1]));
};

/** Packets of Ogg (RFC 3533) without the two that describe. */
const sounds = (bytes) => {
  const [packets, parts] = [[], []];
  for (let at = 0; at + 27 <= bytes.length; ) {
    const lacing = bytes.subarray(at + 27, at + 27 + bytes[at + 26]);
    at += 27 + lacing.length;
    for (const length of lacing) {
      parts.push(bytes.subarray(at, at + length));
      at += length;
      if (length < 255) packets.push(Buffer.concat(parts.splice(0)));
    }
  }
  return packets.slice(2);
};

const peer = new rtc.PeerConnection("publisher", { iceServers: [] });
const name = "cname";
const ssrc = 1 + Math.floor(Math.random() * 0x7fffffff);

/** A track that sends, with sender reports and retransmission. */
const track = (media, packetizer, kept) => {
  packetizer.addToChain(new rtc.RtcpSrReporter(packetizer.rtpConfig));
  packetizer.addToChain(new rtc.RtcpNackResponder(kept));
  const added = peer.addTrack(media);
  added.setMediaHandler(packetizer);
  return { added, config: packetizer.rtpConfig };
};

const sound = new rtc.Audio("0", "SendOnly");
sound.addOpusCodec(OPUS);
sound.addSSRC(ssrc, name, "stream", "stream-audio");
const picture = new rtc.Video("1", "SendOnly");
picture.addSSRC(ssrc + 1, name, "stream", "stream-video");
picture.addH264Codec(H264);
const heard = track(sound, new rtc.RtpPacketizer(new rtc.RtpPacketizationConfig(ssrc, name, OPUS, 48000)), 512);
const config = new rtc.RtpPacketizationConfig(ssrc + 1, name, H264, 90000);
const seen = track(picture, new rtc.H264RtpPacketizer("StartSequence", config, 1200), 4000);

/** Sends one of `all` after the other, each when its time has come. */
const send = (all, { added, config: at }, step, rate) => {
  const [began, first] = [performance.now(), at.timestamp];
  let sent = 0;
  setInterval(() => {
    for (; sent * step <= performance.now() - began; sent += 1) {
      at.timestamp = (first + (sent * step * rate) / 1000) >>> 0;
      if (added.isOpen()) added.sendMessageBinary(all[sent % all.length]);
    }
  }, 5);
};

peer.onStateChange((state) => {
  say("state", state);
  if (state !== "connected") return;
  say("connected");
  send(sounds(readFileSync(audio)), heard, SOUND_MS, 48000);
  send(pictures(readFileSync(video)), seen, FRAME_MS, 90000);
});

peer.onGatheringStateChange(async (state) => {
  if (state !== "complete") return;
  const headers = { "Content-Type": "application/sdp" };
  const answer = await fetch(url, { method: "POST", headers, body: peer.localDescription().sdp });
  const told = await answer.text();
  if (answer.status !== 201) throw new Error(`${answer.status}: ${told}`);
  const session = new URL(answer.headers.get("Location"), url).href;
  say("session", session);
  process.on("SIGINT", async () => {
    // In this order.
    peer.close();
    say("deleted", (await fetch(session, { method: "DELETE" })).status);
    process.exit(0);
  });
  peer.setRemoteDescription(told, "answer");
});
peer.setLocalDescription("offer");
