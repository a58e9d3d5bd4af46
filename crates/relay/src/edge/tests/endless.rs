//! Bodies without end, and those that nobody waits for.

use super::*;
use crate::limits::CACHE_BYTES;

/// The beginning of live media: it never ends.
fn endless() -> Reply {
    let head = "HTTP/1.1 200 OK\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
    Some(format!("{head}4\r\nlive\r\n").into_bytes())
}

fn chunked(body: &str) -> Reply {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    Some(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes())
}

#[tokio::test(start_paused = true)]
async fn live_media_is_not_taken_for_a_file() {
    local(async {
        let upstream = Server::start(|_| endless()).await;
        let edge = edge(&[upstream.address]);
        let began = tokio::time::Instant::now();
        for kind in ["ts", "aac", "mp3", "mp4"] {
            // Of one file, and none at all.
            for token in [upstream.token("s-1.ts"), "1".to_owned()] {
                let target = format!("/live/s.{kind}?srs_at={token}&n=1");
                assert_eq!(get(&edge, &target).await.status, 502, "{target}");
                let mut own = request(&target);
                own.headers_mut().insert("authorization", "Basic eDp5".parse().unwrap());
                assert_eq!(ask(&edge, own).await.unwrap().status, 502, "{target}");
            }
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        let asked = upstream.count();
        assert!(ask(&edge, request("/live/s.flv?srs_at=1")).await.is_none());
        assert_eq!(upstream.count(), asked, "no list names such a file");
    })
    .await;
}

#[tokio::test]
async fn a_file_whose_length_is_not_said_is_had_from_every_edge_where_a_list_names_it() {
    local(async {
        let upstream = Server::start(|target| match target.contains(".m3u8") {
            true => Some(public("#EXTM3U\n#EXTINF:2\n/live/a%20b-1.ts?k=1\n")),
            false => chunked("segment"),
        })
        .await;
        let edges = [edge_of("edge-a", &[upstream.address]), edge_of("edge-b", &[upstream.address])];
        let list = get(&edges[0], "/live/s.m3u8").await;
        for edge in &edges {
            assert_eq!(get(edge, list.last()).await.body, b"segment");
            assert_eq!(get(edge, &list.last().replace("a%20b", "%61%20b")).await.body, b"segment");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_slow_with_a_file_is_not_ill() {
    local(async {
        let slow = Server::start(|target| match target.contains(".m3u8") {
            true => Some(public(LIST)),
            false => Some(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nseg".to_vec()),
        })
        .await;
        let other = Server::start(|target| {
            Some(if target.contains(".m3u8") { public("#EXTM3U\n") } else { said("200 OK", "", "segment") })
        })
        .await;
        let edge = edge(&[slow.address, other.address]);
        let target = format!("/live/s-1.ts?srs_at={}", slow.token("s-1.ts"));
        assert_eq!(get(&edge, &target).await.body, b"segment", "the other one's");
        assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("s-1.ts"), "asked first as before");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn want_of_room_is_no_fault_of_a_servers_and_is_not_remembered() {
    local(async {
        let upstream = Server::start(|target| match target.contains(".m3u8") {
            true => Some(public(LIST)),
            false => Some(said("200 OK", "", "segment")),
        })
        .await;
        let other = Server::start(|_| Some(said("404 Not Found", "", ""))).await;
        let edge = edge(&[upstream.address, other.address]);
        let target = format!("/live/s-1.ts?srs_at={}", upstream.token("s-1.ts"));
        let mut all = edge.0.cache.room();
        assert!(all.take(CACHE_BYTES - 10_000));
        assert_eq!(get(&edge, &target).await.status, 503);
        assert_eq!(get(&edge, "/live/s.m3u8").await.status, 200, "files leave room for lists");
        drop(all);
        for _ in 0..2 {
            assert_eq!(get(&edge, &target).await.body, b"segment");
        }
        assert_eq!((upstream.count(), other.count()), (3, 0));
    })
    .await;
}

#[tokio::test]
async fn a_file_that_nobody_waits_for_any_more_is_not_loaded() {
    local(async {
        let upstream =
            Server::start(|_| Some(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nseg".to_vec())).await;
        let edge = edge(&[upstream.address]);
        let target = format!("/live/s-1.ts?srs_at={}", upstream.token("s-1.ts"));
        let first = request(&target);
        {
            let player = ask(&edge, first);
            tokio::pin!(player);
            while upstream.count() == 0 {
                tokio::select! {
                    biased;
                    _ = &mut player => panic!("answered"),
                    () = tokio::task::yield_now() => {}
                }
            }
        }
        // The load is what holds the edge beside us.
        while Arc::strong_count(&edge.0) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
