//! WebRTC in tests: the built-in pages in browsers, edges that serve it, and signalling by hand.

use std::net::SocketAddr;

use srs_edge::Edge;

use crate::cluster::rtc_config;
use crate::http::{self, Reply};
use crate::{Browser, Cluster, Program, tools};

/// Keeps the page's connections in `window.peers`, and in `window.answers` what its requests are answered. Where the page has
/// the parameter `without=udp` or `without=tcp`, it does not hear of such candidates.
const LISTEN: &str = r"(() => { const ask = window.fetch; window.answers = []; window.peers = [];
    const without = new URLSearchParams(location.search).get('without');
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...said) { super(...said); peers.push(this); } };
    window.fetch = async (...asked) => { const answer = await ask(...asked); const { headers, status, url } = answer;
        const told = headers.get('Location');
        answers.push({ method: asked[1]?.method || 'GET', status, at: Date.now(), location: told && new URL(told, url).href });
        if (!without) return answer;
        const lines = (await answer.text()).split('\r\n');
        const kept = lines.filter((line) => !new RegExp(`^a=candidate:\\S+ \\d+ ${without} `, 'i').test(line));
        const less = new Response(kept.join('\r\n'), { headers, status });
        Object.defineProperty(less, 'url', { value: url });
        return less; }; })()";

/// The address of a page at `http`, for the stream `live/STREAM` and with these further parameters.
pub fn page(http: SocketAddr, page: &str, stream: &str, parameters: &str) -> String {
    format!("http://{http}/players/{page}?app=live&stream={stream}&{parameters}")
}

/// Publishes the test picture from a browser, and waits until media goes. The picture is 640 x 360 where `parameters` of
/// the page do not say otherwise. None where there is no browser.
pub async fn publish(http: SocketAddr, stream: &str, parameters: &str) -> Option<Browser> {
    let usual = if parameters.contains("size=") { "" } else { "&size=640x360&bitrate=1200" };
    let url = page(http, "whip.html", stream, &format!("source=test{usual}&{parameters}"));
    let mut page = Browser::open(&url).await?;
    page.eval(LISTEN).await;
    page.eval("document.getElementById('form').requestSubmit()").await;
    page.state("live").await;
    Some(page)
}

/// Plays a stream in a browser by WHEP, and waits until media can come; the stream may begin later. None where there is no
/// browser.
pub async fn watch(http: SocketAddr, stream: &str, parameters: &str) -> Option<Browser> {
    let url = page(http, "whep.html", stream, &format!("measure=1&{parameters}"));
    let mut page = Browser::open(&url).await?;
    page.eval(LISTEN).await;
    page.eval("document.getElementById('form').requestSubmit()").await;
    page.state("live").await;
    Some(page)
}

/// Publishes small moving pictures in H.264, with a key picture each second, and a tone in AAC over RTMP, in real time and without
/// end. None where ffmpeg is missing.
pub fn publish_rtmp(rtmp: SocketAddr, stream: &str) -> Option<Program> {
    let line = format!(
        "-v warning -nostdin -re -f lavfi -i testsrc2=size=320x180:rate=25 \
         -re -f lavfi -i sine=frequency=440:sample_rate=48000 \
         -c:v libx264 -preset ultrafast -tune zerolatency -threads 1 -pix_fmt yuv420p -g 25 \
         -c:a aac -ac 2 -f flv rtmp://{rtmp}/live/{stream}"
    );
    Some(Program::start(&tools::find("ffmpeg")?, line.split_whitespace()))
}

/// How many sessions a page of [`publish`] or [`watch`] was given so far.
pub async fn sessions(page: &mut Browser) -> usize {
    let count = page.number("answers.filter((one) => one.status === 201).length").await;
    count as usize
}

/// The address of the newest session of a page of [`publish`] or [`watch`].
pub async fn location(page: &mut Browser) -> String {
    page.text("answers.filter((one) => one.location).at(-1).location").await
}

/// Offers to publish (`whip`) or to play (`whep`) the stream `live/STREAM` with this SDP.
pub async fn offer(http: SocketAddr, kind: &str, stream: &str, sdp: &str) -> Reply {
    request(http, "POST", &format!("/rtc/v1/{kind}/?app=live&stream={stream}"), sdp).await
}

/// One request of WHIP or WHEP on a connection of its own.
pub async fn request(http: SocketAddr, method: &str, target: &str, sdp: &str) -> Reply {
    let length = sdp.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\nContent-Type: application/sdp\r\n\
         Content-Length: {length}\r\n\r\n{sdp}"
    );
    let answer = http::exchange(http, head.as_bytes()).await;
    let (head, length) = http::Head::parse(&answer).expect("a whole head");
    Reply { head, body: answer[length..].to_vec() }
}

impl Cluster {
    /// Starts an edge that serves WebRTC, and fetches from the proxy, or from the first origin where there is none. It does not
    /// register.
    pub fn edge_rtc(&self, name: &str) -> Edge {
        self.edge_changed(name, |config| {
            config.rtc = rtc_config();
            for vhost in config.vhosts.values_mut() {
                vhost.rtc.enabled = true;
            }
        })
    }
}

impl Browser {
    /// Waits until a page that measures plays pictures that are none of one colour, with sound.
    pub async fn sees_and_hears(&mut self, seconds: f64) {
        self.plays(seconds).await;
        self.wait_for("measure.audioEnergy() > 0.0001").await;
    }

    /// What the newest connection of a page of [`publish`] or [`watch`] counts: the sum of `field` over all its reports of this
    /// type and kind.
    pub async fn stat(&mut self, report: &str, kind: &str, field: &str) -> f64 {
        let ask = format!(
            "peers.at(-1).getStats().then((all) => [...all.values()].filter((one) => one.type === '{report}' && one.kind === '{kind}')
                .reduce((sum, one) => sum + (one.{field} || 0), 0))"
        );
        self.number(&ask).await
    }

    /// The type of the pictures that the newest connection of such a page receives, `video/VP8` for instance.
    pub async fn codec(&mut self) -> String {
        let ask = "peers.at(-1).getStats().then((all) => all.get([...all.values()].find((one) =>
            one.type === 'inbound-rtp' && one.kind === 'video').codecId).mimeType)";
        self.text(ask).await
    }
}
