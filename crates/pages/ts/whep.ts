// Watches a stream by WHEP.
//
// Parameters: ?url=ADDRESS, or as SRS's own page has them ?app=live&stream=livestream[&vhost=][&server=HOST][&api=1985]
// [&schema=http][&token=BEARER]; &autostart=true plays at once; &measure=1 measures a stream that the publisher's test
// picture was published with: see `window.measure`.

import { Measure } from "./measure.js";
import { Meter, type Row } from "./meter.js";
import { $, autostart, endpoint, params, say, show, signalling, start, tell } from "./page.js";
import { Steady } from "./rtc.js";

const video = $<HTMLVideoElement>("video");
const field = $<HTMLInputElement>("url");
const token = $<HTMLInputElement>("token");
const play = $<HTMLButtonElement>("play");
const stop = $<HTMLButtonElement>("stop");
const unmute = $<HTMLButtonElement>("unmute");
const meter = new Meter();
let steady: Steady | null = null;
let began = 0;

const begin = (): void => {
  steady?.stop();
  const url = endpoint("whep", field.value.trim());
  if (!url) return say("This is no address of http or WebRTC.", true);
  began = performance.now();
  const stream = new MediaStream();
  steady = new Steady({
    kind: "whep",
    endpoint: url,
    token: token.value.trim(),
    prepare: (pc) => {
      for (const track of stream.getTracks()) stream.removeTrack(track);
      pc.addEventListener("track", (event) => stream.addTrack(event.track));
      for (const kind of ["audio", "video"]) pc.addTransceiver(kind, { direction: "recvonly" });
    },
    changed: (state, text) => {
      if (state === "connecting") began = performance.now();
      tell(state, text);
      stop.disabled = state === "stopped" || state === "refused";
    },
  });
  video.srcObject = stream;
  void steady.start();
  start(video);
};

const facts = async (): Promise<void> => {
  const rows: Row[] = await meter.read(steady ? steady.pc : null);
  const measured = window.measure;
  if (measured) {
    const [delays, frames] = [measured.delays(), measured.frames()];
    rows.push(["Glass to glass", delays.count ? `${delays.p50.toFixed(0)} ms, of 95 % at most ${delays.p95.toFixed(0)} ms` : "no clock seen yet"]);
    rows.push(["Frames", `${frames.shown} shown, ${frames.skipped} skipped, ${measured.unread} unread`]);
    const late = measured.lipSync();
    if (late !== null) rows.push(["Sound late by", `${late.toFixed(0)} ms`]);
  }
  show(rows);
};

video.addEventListener("playing", () => {
  if (document.body.dataset.state === "live") say(`Plays, first picture after ${((performance.now() - began) / 1000).toFixed(1)} s`);
});
video.addEventListener("volumechange", () => {
  unmute.textContent = video.muted ? "Unmute" : "Mute";
});
unmute.addEventListener("click", () => {
  video.muted = !video.muted;
});
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  begin();
});
stop.addEventListener("click", () => {
  steady?.stop();
  steady = null;
  video.srcObject = null;
});
play.disabled = false;
setInterval(facts, 500);
field.value = params.get("url") || signalling("whep");
token.value = params.get("token") || "";
if (params.get("measure") === "1") window.measure = new Measure(video);
if (autostart() || params.has("url")) begin();
