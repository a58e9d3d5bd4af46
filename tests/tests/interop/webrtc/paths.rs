//! The life of a session: ICE restarts, the end, another proxy than the one that made it, and layers.

use srs_tests::rtc::{location, publish, sessions, watch};
use srs_tests::{Browser, Cluster, OriginProcess, ProxyProcess, http, until};

/// Makes a session of its own with the page's library, which the test can speak of: `one`.
const OWN: &str = "(async (endpoint) => { const { Session } = await import('./rtc.js');
    window.one = new Session(endpoint, ''); ";

/// What the page knows of how it reaches the server: the user name of the server's ICE.
const UFRAG: &str = "one.pc.remoteDescription.sdp.match(/a=ice-ufrag:(.*)/)[1].trim()";

async fn own(page: &mut Browser, kind: &str, http: std::net::SocketAddr, prepare: &str) {
    let endpoint = format!("http://{http}/rtc/v1/{kind}/?app=live&stream=one");
    let begin = format!(
        "{OWN} {prepare} await one.open(new AbortController().signal); await one.connected(15000); }})('{endpoint}')"
    );
    page.eval(&begin).await;
}

#[tokio::test]
async fn ice_is_restarted_by_a_player_and_by_a_publisher_and_media_goes_on() {
    let cluster = Cluster::build().origins(1).rtc().start().await;
    let http = cluster.http();
    let url = srs_tests::rtc::page(http, "whip.html", "one", "");
    let Some(mut publisher) = Browser::open(&url).await else { return };
    let give = "const { testPicture } = await import('./picture.js'); window.media = testPicture(640, 360, 30);
        for (const track of media.getTracks()) one.pc.addTransceiver(track, { direction: 'sendonly', streams: [media] });";
    own(&mut publisher, "whip", http, give).await;
    cluster.holder("one").await;

    let url = srs_tests::rtc::page(http, "whep.html", "one", "measure=1");
    let Some(mut viewer) = Browser::open(&url).await else { return };
    let take = "const media = new MediaStream(); one.pc.ontrack = (event) => media.addTrack(event.track);
        for (const kind of ['audio', 'video']) one.pc.addTransceiver(kind, { direction: 'recvonly' });
        const video = document.getElementById('video'); video.srcObject = media; void video.play();";
    own(&mut viewer, "whep", http, take).await;
    viewer.sees_and_hears(1.0).await;

    for page in [&mut viewer, &mut publisher] {
        let before = page.text(UFRAG).await;
        page.eval("one.restart()").await;
        assert_ne!(page.text(UFRAG).await, before);
    }
    let seen = viewer.measure(60).await;
    println!("after both restarts: {seen:?}");
    assert!(seen.freeze < 1000.0, "{seen:?}");
    assert_eq!(viewer.text("one.pc.connectionState").await, "connected");
    assert_eq!(publisher.text("one.pc.connectionState").await, "connected");
}

/// Waits until no origin has a client, and says how long that took.
async fn nobody_is_left(cluster: &Cluster) -> u128 {
    let began = std::time::Instant::now();
    until("the end of the session at the origin", async || cluster.clients(0).await.is_empty().then_some(()))
        .await;
    began.elapsed().as_millis()
}

#[tokio::test]
async fn a_session_that_a_page_stops_is_gone_at_the_origin_at_once() {
    let cluster = Cluster::build().origins(1).rtc().start().await;
    let Some(mut publisher) = publish(cluster.http(), "one", "codec=VP8").await else { return };
    cluster.holder("one").await;
    let Some(mut viewer) = watch(cluster.http(), "one", "").await else { return };
    viewer.plays(0.5).await;
    viewer.click("stop").await;
    until("the end of the player", async || (cluster.clients(0).await.len() == 1).then_some(())).await;
    publisher.click("stop").await;
    let took = nobody_is_left(&cluster).await;
    assert!(took < 1000, "{took} ms");
    // Who says goodbye is not waited for.
    let streams = cluster.streams(0).await;
    assert!(!streams.iter().any(|stream| stream["publish"]["active"] == true), "{streams:#?}");
}

/// The width of the picture that a viewer is shown becomes this.
async fn becomes(viewer: &mut Browser, width: u32) {
    viewer.wait_for(&format!("document.getElementById('video').videoWidth === {width}")).await;
}

/// The best of a browser's layers is shown, and the smallest where that is wished.
async fn layers(codec: &str) {
    let cluster = Cluster::build().origins(1).rtc().start().await;
    let parameters = format!("codec={codec}&size=1280x720&bitrate=2500&simulcast=true");
    let Some(mut publisher) = publish(cluster.http(), "one", &parameters).await else { return };
    let session = location(&mut publisher).await;
    let wish = |layer: &str| {
        format!("fetch('{session}&layer={layer}', {{ method: 'POST' }}).then((answer) => answer.status)")
    };
    let Some(mut viewer) = watch(cluster.http(), "one", "").await else { return };
    viewer.plays(0.5).await;
    becomes(&mut viewer, 1280).await;
    assert_eq!(publisher.number(&wish("q")).await, 200.0);
    becomes(&mut viewer, 320).await;
    assert_eq!(publisher.number(&wish("")).await, 200.0);
    becomes(&mut viewer, 1280).await;
    assert_eq!(viewer.codec().await, format!("video/{codec}"));
}

#[tokio::test]
async fn the_best_layer_of_simulcast_is_shown_and_another_where_that_is_wished() {
    layers("VP8").await;
}

#[tokio::test]
async fn layers_of_h264_are_chosen_from_too() {
    layers("H264").await;
}

/// A proxy that shares what it knows with these others.
async fn proxy(peers: &[&ProxyProcess], variables: &[(&str, String)]) -> ProxyProcess {
    let peers: Vec<String> = peers.iter().filter_map(|peer| peer.mesh()).map(|at| at.to_string()).collect();
    let mut all = vec![
        ("PROXY_LOAD_BALANCER_TYPE", "mesh".to_owned()),
        ("PROXY_MESH_LISTEN", "127.0.0.1:0".to_owned()),
        ("PROXY_MESH_PEERS", peers.join(",")),
    ];
    all.extend_from_slice(variables);
    all.retain(|(_, value)| !value.is_empty());
    ProxyProcess::start(env!("CARGO_BIN_EXE_proxy-alone"), &all).await
}

#[tokio::test]
async fn media_may_land_at_another_proxy_than_the_one_that_made_the_session() {
    let media = proxy(&[], &[]).await;
    // As where both are behind one list of addresses.
    let candidate = ("PROXY_WEBRTC_CANDIDATE", media.webrtc.to_string());
    let signalling = proxy(&[&media], &[candidate]).await;
    let program = env!("CARGO_BIN_EXE_origin-alone");
    let _origin = OriginProcess::with_rtc(program, "origin-1", &[media.system]).await;
    for proxy in [&media, &signalling] {
        proxy.wait_for_origins(1).await;
    }
    let Some(mut publisher) = publish(signalling.http, "one", "codec=H264").await else { return };
    let Some(mut viewer) = watch(signalling.http, "one", "").await else { return };
    viewer.sees_and_hears(2.0).await;
    let ports = "[...new Set([...peers.at(-1).remoteDescription.sdp.matchAll(/a=candidate:\\S+ \\d \\S+ \\d+ \\S+ (\\d+)/g)]
        .map((found) => Number(found[1])))]";
    for page in [&mut publisher, &mut viewer] {
        assert_eq!(page.eval(ports).await, serde_json::json!([media.webrtc.port()]));
        assert_eq!(sessions(page).await, 1);
    }
    // The session may be spoken of at either of them, too.
    let session = location(&mut viewer).await;
    let path =
        session.strip_prefix(&format!("http://{}", signalling.http)).expect("a path of the same server");
    assert_eq!(http::request(media.http, "DELETE", path, "").await.head.status, 200);
    viewer.wait_for("answers.filter((one) => one.status === 201).length === 2").await;
    viewer.sees_and_hears(1.0).await;
}
