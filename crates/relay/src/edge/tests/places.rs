//! What is known of lists, and of whom.

use super::*;

const NONE: &str = "the stream is not live: no server upstream has this list\n";

#[tokio::test(start_paused = true)]
async fn vhosts_of_one_address_have_nothing_to_do_with_each_others_lists() {
    local(async {
        let upstream = Server::start(|target| match target.contains("vhost=a.com") {
            true => Some(public("#EXTM3U\n#EXT-X-STREAM-INF:A=1\nlow.m3u8?vhost=a.com\n")),
            false => Some(said("404 Not Found", "", "")),
        })
        .await;
        let at = (upstream.address.ip().to_string(), upstream.address.port());
        let vhosts = ["a.com", "b.com"].map(|vhost| (vhost.to_owned(), HlsFrom::Servers(vec![at.clone()])));
        let edge = EdgeHls::new(EdgeConfig {
            me: id("edge-a"),
            secret: SECRET.to_vec(),
            vhosts: vhosts.to_vec(),
            renamed: Vec::new(),
            whereabouts: None,
        })
        .unwrap();
        assert_eq!(get(&edge, "/live/s.m3u8?vhost=b.com").await.status, 404);
        assert_eq!(get(&edge, "/live/s.m3u8?vhost=b.com&k=1").await.status, 404);
        assert_eq!(get(&edge, "/live/s.m3u8?vhost=a.com&k=1").await.status, 200);
        // Nor is it known at b.com that it is there at a.com, nor what it names.
        for list in ["s", "low"] {
            tokio::time::advance(Duration::from_millis(1001)).await;
            let asked = upstream.count();
            for n in 0..10 {
                let got = get(&edge, &format!("/live/{list}.m3u8?vhost=b.com&n={n}")).await;
                assert_eq!((got.status, got.text()), (404, NONE));
            }
            assert!(upstream.count() <= asked + 1, "{:?}", upstream.targets());
        }
        // What a list names is known to be there.
        let asked = upstream.count();
        for n in 0..10 {
            assert_eq!(get(&edge, &format!("/live/low.m3u8?vhost=a.com&n={n}")).await.status, 200);
        }
        assert_eq!(upstream.count(), asked + 10);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_vhost_that_has_another_name_upstream_is_asked_for_by_that_name() {
    local(async {
        let upstream = Server::start(|target| match target {
            "/live/s.m3u8" | "/live/s.m3u8?k=1" => Some(public("#EXTM3U\n#EXTINF:2\ns-1.ts\n")),
            "/live/s-1.ts" => Some(said("200 OK", "", b"segment")),
            _ => Some(said("404 Not Found", "", "")),
        })
        .await;
        let at = (upstream.address.ip().to_string(), upstream.address.port());
        let edge = EdgeHls::new(EdgeConfig {
            me: id("edge-a"),
            secret: SECRET.to_vec(),
            vhosts: vec![("a.com".to_owned(), HlsFrom::Servers(vec![at]))],
            renamed: vec![("a.com".to_owned(), "up.example".to_owned())],
            whereabouts: None,
        })
        .unwrap();
        let list = get(&edge, "/live/s.m3u8?vhost=a.com&k=1").await;
        assert_eq!(list.status, 200, "{:?}", upstream.targets());
        // What it names is of the same vhost.
        let file = format!("/live/{}", list.last());
        assert!(file.contains("vhost=a.com"), "{file}");
        assert_eq!(get(&edge, &file).await.body, b"segment");
        assert_eq!(upstream.targets(), ["/live/s.m3u8?k=1", "/live/s-1.ts"]);
        for head in upstream.heads.lock().unwrap().iter() {
            assert!(head.contains("\r\nhost: up.example\r\n") && !head.contains("play.example"), "{head}");
            let line = head.lines().find_map(|line| line.strip_prefix("x-srs-node: ")).expect("an envelope");
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
            let (told, _) = Seal::new(SECRET).open(line, |_| true, u64::try_from(now).unwrap()).unwrap();
            assert_eq!(told.bound, bound::of_http("GET", head.split(' ').nth(1).unwrap()));
        }
    })
    .await;
}
