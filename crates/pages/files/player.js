// The pages' one script: plays an address by what it ends in, with mpegts.js or hls.js, and says how it goes.
//
// Parameters: ?url=ADDRESS, or as SRS's own page has them ?app=live&stream=livestream[.flv|.ts|.m3u8][&server=HOST][&port=8080]
// [&schema=http]; &autostart=true plays at once. Nothing of them ever becomes markup.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const video = $("video");
  const params = new URLSearchParams(location.search);
  const extension = { flv: ".flv", hls: ".m3u8", any: ".flv" }[document.body.dataset.kind] || ".flv";
  let player = null;
  let began = 0;
  let retries = 0;
  let timer = 0;

  const address = () => {
    if (params.get("url")) return params.get("url");
    const app = params.get("app") || "live";
    let stream = params.get("stream") || "livestream";
    if (!/\.(flv|ts|m3u8)$/.test(stream)) stream += extension;
    const schema = params.get("schema") === "https" || location.protocol === "https:" ? "https" : "http";
    const host = params.get("server") || location.hostname;
    const port = params.get("port") || (params.get("server") ? "8080" : location.port);
    return `${schema}://${host}${port ? ":" + port : ""}/${app}/${stream}`;
  };

  const say = (text, bad) => {
    $("state").textContent = text;
    $("state").className = bad ? "bad" : "";
  };

  const stop = () => {
    clearTimeout(timer);
    if (player) player.destroy();
    player = null;
    video.removeAttribute("src");
    video.load();
  };

  // A live stream may come back: it is tried again, less and less often.
  const again = (why) => {
    window.srsErrors = (window.srsErrors || 0) + 1;
    say(`${why}; trying again`, true);
    const wait = Math.min(10000, 1000 * 2 ** retries);
    retries += 1;
    clearTimeout(timer);
    timer = setTimeout(play, wait);
  };

  const playFlv = (url, type) => {
    if (!mpegts.getFeatureList().mseLivePlayback) return say("This browser has no Media Source Extensions.", true);
    player = mpegts.createPlayer(
      { type, url, isLive: true },
      { enableStashBuffer: false, liveBufferLatencyChasing: true, liveBufferLatencyMaxLatency: 3 },
    );
    player.attachMediaElement(video);
    player.on(mpegts.Events.ERROR, (kind, detail) => again(`${kind}: ${detail}`));
    player.on(mpegts.Events.LOADING_COMPLETE, () => again("The stream ended"));
    player.load();
    start();
  };

  const playHls = (url) => {
    if (Hls.isSupported()) {
      // A server that is started again is away for some seconds; a player has more than that in its buffer.
      const retry = { maxNumRetry: 10, retryDelayMs: 500, maxRetryDelayMs: 4000 };
      const patient = { maxTimeToFirstByteMs: 10000, maxLoadTimeMs: 20000, timeoutRetry: retry, errorRetry: retry };
      const policy = { default: patient };
      player = new Hls({
        enableWorker: true,
        liveSyncDurationCount: 3,
        manifestLoadPolicy: policy,
        playlistLoadPolicy: policy,
        fragLoadPolicy: policy,
      });
      player.on(Hls.Events.ERROR, (_event, data) => {
        if (data.fatal) again(`${data.type}: ${data.details}`);
      });
      player.on(Hls.Events.MANIFEST_PARSED, start);
      player.loadSource(url);
      player.attachMedia(video);
    } else if (video.canPlayType("application/vnd.apple.mpegurl")) {
      video.src = url;
      start();
    } else {
      say("This browser can play no HLS.", true);
    }
  };

  const start = () => video.play().catch(() => say("Press play: this browser wants a click first."));

  const play = () => {
    stop();
    const url = $("url").value.trim();
    let path;
    try {
      const parsed = new URL(url, location.href);
      if (!/^https?:$/.test(parsed.protocol)) throw new Error("scheme");
      path = parsed.pathname;
    } catch {
      return say("This is no http address.", true);
    }
    began = performance.now();
    say("Connecting");
    if (path.endsWith(".m3u8")) playHls(url);
    else playFlv(url, path.endsWith(".ts") ? "mpegts" : "flv");
  };

  const facts = () => {
    const ahead = video.buffered.length ? video.buffered.end(video.buffered.length - 1) - video.currentTime : 0;
    const quality = video.getVideoPlaybackQuality ? video.getVideoPlaybackQuality() : null;
    const rows = [
      ["Picture", video.videoWidth ? `${video.videoWidth} x ${video.videoHeight}` : "none yet"],
      ["Played", `${video.currentTime.toFixed(1)} s`],
      ["Buffer", `${ahead.toFixed(1)} s`],
      ["Frames", quality ? `${quality.totalVideoFrames}, ${quality.droppedVideoFrames} dropped` : "unknown"],
    ];
    $("facts").replaceChildren(
      ...rows.flatMap(([name, value]) => {
        const [term, text] = [document.createElement("dt"), document.createElement("dd")];
        term.textContent = name;
        text.textContent = value;
        return [term, text];
      }),
    );
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
  $("url").value = address();
  if (params.get("autostart") === "true" || params.has("url")) play();
})();
