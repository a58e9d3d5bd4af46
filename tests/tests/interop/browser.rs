//! The built-in pages of WebRTC in Chromium, against a server whose every answer is given by hand; where media is wanted,
//! another Chromium stands behind that server.

use srs_tests::fake::signalling::Signalling;
use srs_tests::{Browser, Cluster, within};

/// What makes a page the media half of a server: it answers offers by playing them, or with the test picture.
const PEER: &str = "(() => {
    const answer = async (pc) => {
        await pc.setLocalDescription();
        while (pc.iceGatheringState !== 'complete') await new Promise((next) => { pc.onicegatheringstatechange = next; });
        return pc.localDescription.sdp;
    };
    const begin = async (sdp) => {
        window.pc = new RTCPeerConnection();
        const stream = new MediaStream();
        pc.ontrack = (event) => stream.addTrack(event.track);
        await pc.setRemoteDescription({ type: 'offer', sdp });
        return stream;
    };
    window.take = async (offer) => {
        const video = document.getElementById('video');
        [video.srcObject, video.muted] = [await begin(offer), false];
        video.play();
        return answer(pc);
    };
    window.give = async (offer) => {
        const { testPicture } = await import('./picture.js');
        const picture = testPicture(640, 360, 30);
        await begin(offer);
        for (const track of picture.getTracks()) {
            const line = pc.getTransceivers().find((one) => one.receiver.track.kind === track.kind);
            if (!line) continue;
            line.direction = 'sendonly';
            await line.sender.replaceTrack(track);
        }
        return answer(pc);
    };
    window.mend = async (fragment) => {
        const { fragmentOf, restarted } = await import('./rtc.js');
        await pc.setRemoteDescription({ type: 'offer', sdp: restarted(pc.remoteDescription.sdp, fragment) });
        return fragmentOf(await answer(pc));
    };
})()";

const SDP: (&str, &str) = ("Content-Type", "application/sdp");

/// True as soon as the player has the answer, and knows what it has to end.
const ANSWERED: &str = "document.getElementById('video').srcObject?.getTracks().length === 2";

/// Pages, a server for their signalling, and a browser.
struct Scene {
    cluster: Cluster,
    server: Signalling,
    page: Browser,
}

impl Scene {
    /// With this page open; its `url` leads to the server with these further parameters.
    async fn open(page: &str, parameters: &str) -> Option<Scene> {
        let cluster = Cluster::build().start().await;
        let server = Signalling::start().await;
        let kind = if page.starts_with("whip") { "whip" } else { "whep" };
        let endpoint = format!("http://{}/rtc/v1/{kind}/%3Fapp%3Dlive%26stream%3Done", server.address);
        let url = format!("http://{}/players/{page}?url={endpoint}&{parameters}", cluster.http());
        let page = Browser::open(&url).await?;
        Some(Scene { cluster, server, page })
    }

    /// A second browser that answers as a media server.
    async fn peer(&self) -> Option<Browser> {
        let url = format!("http://{}/players/whep.html?measure=1", self.cluster.http());
        let mut peer = Browser::open(&url).await?;
        peer.eval(PEER).await;
        Some(peer)
    }
}

fn quoted(text: &str) -> String {
    serde_json::json!(text).to_string()
}

#[tokio::test]
async fn the_publisher_shows_a_refusal_in_the_servers_words_and_does_not_ask_again() {
    let Some(mut scene) = Scene::open("whip.html", "source=test&autostart=true").await else { return };
    scene.server.next_of("POST").await.answer(401, &[], "this stream wants a token\n").await;
    let shown = scene.page.state("refused").await;
    assert_eq!(shown, "401: this stream wants a token");
    assert!(!scene.server.has_more());
}

#[tokio::test]
async fn the_player_asks_again_for_a_stream_that_is_not_live_yet() {
    let Some(mut scene) = Scene::open("whep.html", "").await else { return };
    scene.server.next_of("POST").await.answer(404, &[], "no such stream is live").await;
    let shown = scene.page.state("waiting").await;
    assert!(shown.starts_with("404: no such stream is live; trying again in"), "{shown}");
    scene.server.next_of("POST").await;
}

#[tokio::test]
async fn a_server_that_asks_for_a_pause_gets_it() {
    let Some(mut scene) = Scene::open("whep.html", "").await else { return };
    scene.server.next_of("POST").await.answer(503, &[("Retry-After", "7")], "full").await;
    let shown = scene.page.state("waiting").await;
    assert_eq!(shown, "503: full; trying again in 7.0 s");
}

#[tokio::test]
async fn the_publisher_offers_what_was_chosen_with_its_token() {
    let parameters = "source=camera&codec=VP9&simulcast=true&token=word&autostart=true";
    let Some(mut scene) = Scene::open("whip.html", parameters).await else { return };
    let asked = scene.server.next_of("POST").await;
    assert_eq!(asked.target, "/rtc/v1/whip/?app=live&stream=one");
    assert_eq!(asked.field("authorization"), Some("Bearer word"));
    assert_eq!(asked.field("content-type"), Some("application/sdp"));
    let has = |words: &str| asked.body.contains(words);
    assert!(has("VP9/90000") && !has("H264/90000") && has("opus/48000"), "{}", asked.body);
    assert!(has("a=simulcast:send q;h;f") && has("a=sendonly") && has("a=candidate:"), "{}", asked.body);
}

#[tokio::test]
async fn a_page_that_is_stopped_or_left_ends_its_session_at_the_server() {
    let Some(mut scene) = Scene::open("whep.html", "token=word").await else { return };
    scene.server.next_of("POST").await.accept("../whep/session/1?x=2").await;
    scene.page.wait_for(ANSWERED).await;
    scene.page.click("stop").await;
    let asked = scene.server.next_of("DELETE").await;
    assert_eq!(asked.target, "/rtc/v1/whep/session/1?x=2");
    assert_eq!(asked.field("authorization"), Some("Bearer word"));
    asked.answer(200, &[], "").await;
    assert_eq!(scene.page.state("stopped").await, "Stopped");

    scene.page.click("play").await;
    scene.server.next_of("POST").await.accept("/session/2").await;
    scene.page.wait_for(ANSWERED).await;
    scene.page.go("about:blank#left").await;
    assert_eq!(scene.server.next_of("DELETE").await.target, "/session/2");
}

#[tokio::test]
async fn the_pages_ask_nobody_but_their_own_site_and_the_server_they_were_told() {
    let Some(mut scene) = Scene::open("whip.html", "source=camera&autostart=true").await else { return };
    scene.server.next_of("POST").await.answer(403, &[], "not you").await;
    scene.page.state("refused").await;
    let known = [scene.cluster.http(), scene.server.address].map(|address| format!("http://{address}/"));
    for page in ["srs_player.html", "rtc_player.html", "rtc_publisher.html", "flv.html", "hls.html", ""] {
        scene.page.go(&format!("{}players/{page}", known[0])).await;
        scene.page.wait_for("document.getElementById('url').value.startsWith('http://')").await;
    }
    let asked = scene.page.requests();
    let strangers: Vec<_> =
        asked.iter().filter(|url| !known.iter().any(|known| url.starts_with(known))).collect();
    assert!(strangers.is_empty() && asked.len() > 10, "{asked:#?}");
    let console = scene.page.console();
    assert!(!console.iter().any(|line| line.contains("Content Security Policy")), "{console:#?}");
}

#[tokio::test]
async fn addresses_are_understood_as_srs_pages_understand_them() {
    let Some(mut scene) = Scene::open("flv.html", "stream=x").await else { return };
    let host = scene.cluster.http();
    for (address, meant) in [
        (
            "webrtc://127.0.0.1/live/one?token=7",
            format!("http://{host}/rtc/v1/whep/?app=live&stream=one&token=7"),
        ),
        ("webrtc://a.example/a/b/one", "http://a.example:1985/rtc/v1/whep/?app=a%2Fb&stream=one".to_owned()),
        (
            "webrtc://a.example:11985/live/one",
            "http://a.example:11985/rtc/v1/whep/?app=live&stream=one".to_owned(),
        ),
        (
            "webrtc://a.example/live/one?schema=https",
            "https://a.example/rtc/v1/whep/?app=live&stream=one".to_owned(),
        ),
        (
            "http://a.example:1985/rtc/v1/play/?app=live&stream=one",
            "http://a.example:1985/rtc/v1/whep/?app=live&stream=one".to_owned(),
        ),
        ("rtmp://a.example/live/one", String::new()),
        ("javascript:alert(1)", String::new()),
    ] {
        let ask = format!("import('./page.js').then((page) => page.endpoint('whep', '{address}'))");
        assert_eq!(scene.page.text(&ask).await, meant, "{address}");
    }
}

#[tokio::test]
async fn a_published_test_picture_arrives_with_its_clock_and_its_beeps() {
    let parameters = "source=test&size=640x360&autostart=true";
    let Some(mut scene) = Scene::open("whip.html", parameters).await else { return };
    let Some(mut peer) = scene.peer().await else { return };
    let asked = scene.server.next_of("POST").await;
    let answer = peer.text(&format!("take({})", quoted(&asked.body))).await;
    asked.answer(201, &[SDP, ("Location", "/session/1")], &answer).await;
    assert_eq!(scene.page.state("live").await, "Publishing");
    scene.page.wait_for("document.getElementById('links').textContent.includes('HLS')").await;
    // Two seconds have a beep at least.
    let seen = peer.measure(60).await;
    assert!(seen.p50 > 0.0 && seen.p50 < 2000.0, "{seen:?}");
    assert!(seen.backwards == 0.0 && !seen.is_black, "{seen:?}");
    assert!(seen.loudness > 0.001 && seen.lips.is_some(), "{seen:?}");
}

#[tokio::test]
async fn the_player_plays_what_is_sent_and_begins_anew_when_its_session_is_ended() {
    let Some(mut scene) = Scene::open("whep.html", "measure=1").await else { return };
    let Some(mut peer) = scene.peer().await else { return };
    for session in ["/session/1", "/session/2"] {
        let asked = scene.server.next_of("POST").await;
        let answer = peer.text(&format!("give({})", quoted(&asked.body))).await;
        asked.answer(201, &[SDP, ("Location", session)], &answer).await;
        scene.page.state("live").await;
        scene.page.plays(1.0).await;
        let seen = scene.page.measure(20).await;
        assert!(seen.backwards == 0.0 && !seen.is_black, "{seen:?}");
        peer.eval("pc.close()").await;
        let asked = scene.server.next_of("DELETE").await;
        assert_eq!(asked.target, session);
        asked.answer(200, &[], "").await;
    }
}

#[tokio::test]
async fn a_player_whose_path_breaks_asks_for_another_and_begins_anew_when_the_session_is_gone() {
    let Some(mut scene) = Scene::open("whep.html", "").await else { return };
    let Some(mut peer) = scene.peer().await else { return };
    let asked = scene.server.next_of("POST").await;
    let answer = peer.text(&format!("give({})", quoted(&asked.body))).await;
    asked.answer(201, &[SDP, ("Location", "/session/1")], &answer).await;
    scene.page.state("live").await;
    // Killed, it says no word to anybody.
    drop(peer);
    let asked = scene.server.next_of("PATCH").await;
    assert_eq!(scene.page.state("live").await, "The connection is interrupted");
    asked.answer(404, &[], "no such session").await;
    scene.server.next_of("DELETE").await.answer(404, &[], "no such session").await;
    assert!(scene.page.state("waiting").await.starts_with("404: no such session; trying again in 0.5 s"));
    scene.server.next_of("POST").await;
}

#[tokio::test]
async fn ice_is_restarted_by_a_patch_of_the_session() {
    let Some(mut scene) = Scene::open("whep.html", "stream=none").await else { return };
    let Some(mut peer) = scene.peer().await else { return };
    scene.server.next_of("POST").await.answer(403, &[], "").await;
    let begin = format!(
        "void (async () => {{ const {{ Session }} = await import('./rtc.js'); window.one = new Session('http://{}/whep', 'word');
         one.pc.addTransceiver('video', {{ direction: 'recvonly' }});
         window.opened = one.open(new AbortController().signal).then(() => one.connected(20000)); }})()",
        scene.server.address
    );
    scene.page.eval(&begin).await;
    let asked = scene.server.next_of("POST").await;
    let answer = peer.text(&format!("give({})", quoted(&asked.body))).await;
    asked.answer(201, &[SDP, ("Location", "/session/1")], &answer).await;
    scene.page.eval("opened").await;
    let before = scene.page.text("one.pc.localDescription.sdp.match(/a=ice-ufrag:(.*)/)[1]").await;

    scene.page.eval("void (window.mended = one.restart())").await;
    let asked = scene.server.next_of("PATCH").await;
    assert_eq!(asked.target, "/session/1");
    assert_eq!(asked.field("if-match"), Some("*"));
    assert_eq!(asked.field("authorization"), Some("Bearer word"));
    assert_eq!(asked.field("content-type"), Some("application/trickle-ice-sdpfrag"));
    assert!(asked.body.contains("a=ice-ufrag:") && !asked.body.contains(&before), "{}", asked.body);
    assert!(asked.body.contains("a=mid:") && asked.body.contains("a=candidate:"), "{}", asked.body);
    let fragment = peer.text(&format!("mend({})", quoted(&asked.body))).await;
    asked.answer(200, &[("Content-Type", "application/trickle-ice-sdpfrag")], &fragment).await;
    within("the new path", scene.page.eval("mended")).await;
    assert_eq!(scene.page.text("one.pc.connectionState").await, "connected");
}
