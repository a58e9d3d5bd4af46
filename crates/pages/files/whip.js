// Publishes by WHIP: camera, screen, or a test picture by which any player can be measured.
//
// Parameters: ?url=ADDRESS, or as SRS's own page has them ?app=live&stream=livestream[&vhost=][&server=HOST][&api=1985]
// [&schema=http][&token=BEARER]; &source=camera|screen|test, &codec=H264|VP8|VP9|AV1|H265, &size=1280x720, &bitrate=2500,
// &simulcast=true; &autostart=true publishes at once.

import { Meter } from "./meter.js";
import { $, autostart, endpoint, params, say, show, signalling, tell } from "./page.js";
import { testPicture } from "./picture.js";
import { Steady } from "./rtc.js";

const video = $                  ("video");
const field = $                  ("url");
const token = $                  ("token");
const source = $                   ("source");
const codec = $                   ("codec");
const size = $                   ("size");
const bitrate = $                   ("bitrate");
const simulcast = $                  ("simulcast");
const stop = $                   ("stop");
const links = $("links");
const meter = new Meter();
const RATE = 30;
let steady                = null;
let stream                     = null;

const capture = ()                       => {
  const [width = 1280, height = 720] = size.value.split("x").map(Number);
  if (source.value === "test") return Promise.resolve(testPicture(width, height, RATE));
  // Browsers give neither to pages that came unprotected.
  if (!navigator.mediaDevices) throw new Error("Browsers open the camera and the screen on https and on localhost only; the test picture works here, too");
  const shape = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: RATE } };
  if (source.value === "screen") return navigator.mediaDevices.getDisplayMedia({ video: shape, audio: true });
  return navigator.mediaDevices.getUserMedia({ video: shape, audio: true });
};

// H.264 first when nothing else is wished for: it alone goes on to RTMP, HLS and SRT as it is.
const preferred = ()                => {
  const all = RTCRtpSender.getCapabilities("video")?.codecs || [];
  const is = (one             , name        )          => one.mimeType.toLowerCase() === `video/${name.toLowerCase()}`;
  const helpers = all.filter((one) => ["rtx", "red", "ulpfec"].some((name) => is(one, name)));
  const first = all.filter((one) => is(one, codec.value || "H264"));
  const rest = codec.value ? [] : all.filter((one) => !first.includes(one) && !helpers.includes(one));
  return [...first, ...rest, ...helpers];
};

const encodings = ()                             => {
  const most = 1000 * Number(bitrate.value);
  if (!simulcast.checked) return [{ maxBitrate: most }];
  return [
    { rid: "q", scaleResolutionDownBy: 4, maxBitrate: most / 16 },
    { rid: "h", scaleResolutionDownBy: 2, maxBitrate: most / 4 },
    { rid: "f", maxBitrate: most },
  ];
};

const prepare = (pc                   , media             )       => {
  for (const track of media.getTracks()) {
    const isVideo = track.kind === "video";
    const sendEncodings = isVideo ? encodings() : [];
    const line = pc.addTransceiver(track, { direction: "sendonly", streams: [media], sendEncodings });
    if (!isVideo) continue;
    line.setCodecPreferences(preferred());
    if (source.value === "camera") continue;
    // Text, and the machines' clock, must stay readable: fewer frames rather than smaller ones.
    const wish = { ...line.sender.getParameters(), degradationPreference: "maintain-resolution"                             };
    line.sender.setParameters(wish).catch(() => {});
  }
};

/** Where this stream can be watched: on this site's pages, and by others' players. */
const watch = (url        )       => {
  const asked = new URL(url);
  const [app, name] = [asked.searchParams.get("app") || "live", asked.searchParams.get("stream") || "livestream"];
  const query = new URLSearchParams({ app, stream: name, autostart: "true" });
  if (asked.searchParams.has("vhost")) query.set("vhost", asked.searchParams.get("vhost") || "");
  const file = (extension        )         => `${location.origin}/${app}/${name}.${extension}`;
  const list                     = [
    ["Watch by WebRTC", `whep.html?${query}${source.value === "test" ? "&measure=1" : ""}`],
    ["by HTTP-FLV", `flv.html?${query}`],
    ["by HLS", `hls.html?${query}`],
    [".flv", file("flv")],
    [".ts", file("ts")],
    [".m3u8", file("m3u8")],
  ];
  const items = list.map(([text, to]) => {
    const link = document.createElement("a");
    [link.textContent, link.href, link.target] = [text, new URL(to, location.href).href, "_blank"];
    return link;
  });
  links.replaceChildren(...items);
};

const end = ()       => {
  steady?.stop();
  steady = null;
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  video.srcObject = null;
  links.replaceChildren();
};

const begin = async ()                => {
  end();
  const url = endpoint("whip", field.value.trim());
  if (!url) return say("This is no address of http.", true);
  let media             ;
  try {
    media = await capture();
  } catch (error) {
    return tell("refused", error instanceof Error ? error.message : String(error));
  }
  stream = media;
  video.srcObject = media;
  const kept = new Steady({
    kind: "whip",
    endpoint: url,
    token: token.value.trim(),
    prepare: (pc) => prepare(pc, media),
    changed: (state, text) => {
      tell(state, state === "live" && text === "Live" ? "Publishing" : text);
      stop.disabled = state === "stopped" || state === "refused";
      if (state === "live") watch(url);
      else links.replaceChildren();
    },
  });
  steady = kept;
  // The bar of browsers by which a user ends the sharing of a screen.
  media.getVideoTracks()[0]?.addEventListener("ended", () => {
    if (steady === kept) end();
  });
  await kept.start();
};

for (const name of ["H264", "VP8", "VP9", "AV1", "H265"]) {
  const all = RTCRtpSender.getCapabilities("video")?.codecs || [];
  if (all.some((one) => one.mimeType === `video/${name}`)) codec.add(new Option(name.replace("H26", "H.26"), name));
}
for (const select of [source, codec, size, bitrate]) {
  const asked = params.get(select.id);
  if (asked && ![...select.options].some((option) => option.value === asked)) select.add(new Option(asked, asked));
  if (asked) select.value = asked;
}
simulcast.checked = params.get("simulcast") === "true";
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void begin();
});
stop.addEventListener("click", end);
setInterval(async () => show(await meter.read(steady ? steady.pc : null)), 1000);
field.value = params.get("url") || signalling("whip");
token.value = params.get("token") || "";
if (autostart()) void begin();
