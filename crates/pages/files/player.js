// The players' script: plays an address by what it is, with mpegts.js, hls.js or WebRTC, and says how it goes.
//
// Parameters: ?url=ADDRESS, or as SRS's own page has them ?app=live&stream=livestream[.flv|.ts|.m3u8][&server=HOST][&port=8080]
// [&schema=http]; &autostart=true plays at once. Nothing of them ever becomes markup.

import { Meter } from "./meter.js";
import { $, autostart, endpoint, isWebrtc, media, params, pathOf, say, show, start, tell } from "./page.js";
import { Steady } from "./rtc.js";

const video = $                  ("video");
const field = $                  ("url");
const extension = document.body.dataset.kind === "hls" ? ".m3u8" : ".flv";
const meter = new Meter();
let player                             = null;
let steady                = null;
let began = 0;
let retries = 0;
let timer = 0;

const stop = ()       => {
  clearTimeout(timer);
  if (player) player.destroy();
  player = null;
  steady = null;
  video.srcObject = null;
  video.removeAttribute("src");
  video.load();
};

// A live stream may come back: it is tried again, less and less often.
const again = (why        )       => {
  window.srsErrors = (window.srsErrors || 0) + 1;
  say(`${why}; trying again`, true);
  const wait = Math.min(10000, 1000 * 2 ** retries);
  retries += 1;
  clearTimeout(timer);
  timer = setTimeout(play, wait);
};

const playFlv = (url        , type        )       => {
  if (!mpegts.getFeatureList().mseLivePlayback) return say("This browser has no Media Source Extensions.", true);
  const flv = mpegts.createPlayer(
    { type, url, isLive: true },
    { enableStashBuffer: false, liveBufferLatencyChasing: true, liveBufferLatencyMaxLatency: 3 },
  );
  player = flv;
  flv.attachMediaElement(video);
  flv.on(mpegts.Events.ERROR, (kind        , detail        ) => again(`${kind}: ${detail}`));
  flv.on(mpegts.Events.LOADING_COMPLETE, () => again("The stream ended"));
  flv.load();
  start(video);
};

const playHls = (url        )       => {
  if (Hls.isSupported()) {
    // A server that is started again is away for some seconds; a player has more than that in its buffer.
    const retry = { maxNumRetry: 10, retryDelayMs: 500, maxRetryDelayMs: 4000 };
    const patient = { maxTimeToFirstByteMs: 10000, maxLoadTimeMs: 20000, timeoutRetry: retry, errorRetry: retry };
    const policy = { default: patient };
    const hls = new Hls({
      enableWorker: true,
      liveSyncDurationCount: 3,
      manifestLoadPolicy: policy,
      playlistLoadPolicy: policy,
      fragLoadPolicy: policy,
    });
    player = hls;
    hls.on(Hls.Events.ERROR, (_event        , data                                                   ) => {
      if (data.fatal) again(`${data.type}: ${data.details}`);
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => start(video));
    hls.loadSource(url);
    hls.attachMedia(video);
  } else if (video.canPlayType("application/vnd.apple.mpegurl")) {
    video.src = url;
    start(video);
  } else {
    say("This browser can play no HLS.", true);
  }
};

const playWebrtc = (url        )       => {
  const stream = new MediaStream();
  const kept = new Steady({
    kind: "whep",
    endpoint: url,
    token: params.get("token") || "",
    prepare: (pc) => {
      for (const track of stream.getTracks()) stream.removeTrack(track);
      pc.addEventListener("track", (event) => stream.addTrack(event.track));
      for (const kind of ["audio", "video"]) pc.addTransceiver(kind, { direction: "recvonly" });
    },
    changed: (state, text) => {
      if (state !== "stopped") tell(state, text);
    },
  });
  steady = kept;
  player = { destroy: () => kept.stop() };
  video.srcObject = stream;
  void kept.start();
  start(video);
};

const play = ()       => {
  stop();
  const url = field.value.trim();
  const path = isWebrtc(url) ? endpoint("whep", url) : pathOf(url);
  if (!path) {
    const rtmp = /^(rtmps?|srt):/.test(url);
    return say(rtmp ? "No browser plays RTMP or SRT: give the stream's .flv, .m3u8 or webrtc:// address." : "This is no address of http or WebRTC.", true);
  }
  began = performance.now();
  say("Connecting");
  if (isWebrtc(url)) playWebrtc(path);
  else if (path.endsWith(".m3u8")) playHls(url);
  else playFlv(url, path.endsWith(".ts") ? "mpegts" : "flv");
};

const facts = async ()                => {
  if (steady) return show(await meter.read(steady.pc));
  const ahead = video.buffered.length ? video.buffered.end(video.buffered.length - 1) - video.currentTime : 0;
  const quality = video.getVideoPlaybackQuality ? video.getVideoPlaybackQuality() : null;
  show([
    ["Picture", video.videoWidth ? `${video.videoWidth} x ${video.videoHeight}` : "none yet"],
    ["Played", `${video.currentTime.toFixed(1)} s`],
    ["Buffer", `${ahead.toFixed(1)} s`],
    ["Frames", quality ? `${quality.totalVideoFrames}, ${quality.droppedVideoFrames} dropped` : "unknown"],
  ]);
};

video.addEventListener("playing", () => {
  retries = 0;
  say(`Plays, first picture after ${((performance.now() - began) / 1000).toFixed(1)} s`);
});
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  retries = 0;
  play();
});
setInterval(facts, 500);
field.value = params.get("url") || media(extension);
if (autostart() || params.has("url")) play();
