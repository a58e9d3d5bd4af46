//! Servers that take a request and never answer.

use super::*;

/// What a server does, which may change.
type State<T> = Rc<Mutex<T>>;

/// A server as [`srs`] is one, whose list names `<name>-1.ts`; it hangs while that is said, except for who has no mark.
async fn marked(name: &'static str, hangs: &State<bool>) -> Server {
    let hangs = Rc::clone(hangs);
    Server::start(move |target| {
        if target.contains("hls_ctx=") {
            return (!*hangs.lock().unwrap()).then(|| private(&format!("#EXTM3U\n#EXTINF:2\n{name}-1.ts\n")));
        }
        Some(private("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/live/s.m3u8?hls_ctx=m\n"))
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_while_it_is_played_under_a_mark_holds_nobody_for_a_second() {
    local(async {
        let hangs = [State::<bool>::default(), State::default()];
        let servers = [marked("a", &hangs[0]).await, marked("b", &hangs[1]).await];
        let edge = edge(&[servers[0].address, servers[1].address]);
        assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("a-1.ts"));
        *hangs[0].lock().unwrap() = true;
        tokio::time::advance(Duration::from_millis(1001)).await;
        let asked = servers[0].count();
        for _ in 0..3 {
            let began = tokio::time::Instant::now();
            assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("b-1.ts"));
            assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
            tokio::time::advance(Duration::from_millis(1001)).await;
        }
        assert_eq!(servers[0].count(), asked + 1, "it is ill and has no player of ours any more");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_behind_its_mark_is_passed_over_by_who_comes_first() {
    local(async {
        let hangs = [State::<bool>::default(), State::default()];
        *hangs[0].lock().unwrap() = true;
        let servers = [marked("a", &hangs[0]).await, marked("b", &hangs[1]).await];
        let edge = edge(&[servers[0].address, servers[1].address]);
        let began = tokio::time::Instant::now();
        assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("b-1.ts"));
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_within_a_list_is_passed_over() {
    local(async {
        let hung =
            Server::start(|_| Some(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n#EXTM3U\n".to_vec())).await;
        let good = Server::start(|_| Some(public(LIST))).await;
        let edge = edge(&[hung.address, good.address]);
        let began = tokio::time::Instant::now();
        assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("s-1.ts"));
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert_eq!(get(&edge, "/live/t.m3u8").await.status, 200);
        assert_eq!(hung.count(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_only_server_may_take_its_time() {
    local(async {
        let slow = Server::start(|target| match target.contains("hls_ctx") {
            true => Some(private(LIST)),
            false => Some(private("#EXTM3U\n#EXT-X-STREAM-INF:A=1\ns.m3u8?hls_ctx=m\n")),
        })
        .await;
        let edge = edge(&[slow.address]);
        *slow.delay.lock().unwrap() = Duration::from_millis(900);
        for _ in 0..3 {
            assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("s-1.ts"));
            tokio::time::advance(Duration::from_millis(1001)).await;
        }
        assert_eq!(slow.count(), 4, "under one mark");
    })
    .await;
}
