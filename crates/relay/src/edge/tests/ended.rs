//! Lists of streams that have ended at one server and may go on at another.

use super::*;

const ENDED: &str = "#EXTM3U\n#EXTINF:2\nold-1.ts\n#EXT-X-ENDLIST\n";

/// What a server has, which may change: a list as it is answered, or none.
type State = Rc<Mutex<Option<Vec<u8>>>>;

fn state(answer: Option<Vec<u8>>) -> State {
    Rc::new(Mutex::new(answer))
}

/// Without a list it has none.
async fn server(state: &State) -> Server {
    let state = Rc::clone(state);
    Server::start(move |_| {
        Some(state.lock().unwrap().clone().unwrap_or_else(|| said("404 Not Found", "", "")))
    })
    .await
}

async fn second() {
    tokio::time::advance(Duration::from_millis(1001)).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ended_at_one_server_goes_on_from_the_one_that_has_it_live() {
    local(async {
        let states = [state(Some(public(ENDED))), state(Some(public(LIST)))];
        let servers = [server(&states[0]).await, server(&states[1]).await];
        let edge = edge(&[servers[0].address, servers[1].address]);
        for _ in 0..3 {
            assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("s-1.ts"));
            second().await;
        }
        assert_eq!(servers[0].count(), 1, "where it runs is asked first from then on");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_end_is_told_where_no_server_has_more_and_the_others_are_asked_once_a_second() {
    local(async {
        let states = [state(Some(public(LIST))), state(None)];
        let servers = [server(&states[0]).await, server(&states[1]).await];
        let edge = edge(&[servers[0].address, servers[1].address]);
        assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("s-1.ts"));
        // May not be kept, so that each who comes has it fetched.
        *states[0].lock().unwrap() = Some(said("200 OK", "cache-control: no-cache\r\n", ENDED));
        second().await;
        for round in 1..4 {
            for _ in 0..10 {
                assert_eq!(get(&edge, "/live/s.m3u8").await.last(), "#EXT-X-ENDLIST");
            }
            assert_eq!(servers[1].count(), round);
            second().await;
        }
        *states[1].lock().unwrap() = Some(public("#EXTM3U\n#EXTINF:2\nb-1.ts\n"));
        assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("b-1.ts"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ended_under_a_mark_goes_on_elsewhere() {
    local(async {
        let over = Rc::new(Mutex::new(false));
        let ended = Rc::clone(&over);
        let one = Server::start(move |target| match (target.contains("hls_ctx"), *ended.lock().unwrap()) {
            (false, _) => Some(private("#EXTM3U\n#EXT-X-STREAM-INF:A=1\ns.m3u8?hls_ctx=m\n")),
            (true, false) => Some(private(LIST)),
            (true, true) => Some(private(ENDED)),
        })
        .await;
        let states = state(None);
        let other = server(&states).await;
        let edge = edge(&[one.address, other.address]);
        assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("s-1.ts"));
        *over.lock().unwrap() = true;
        second().await;
        assert_eq!(get(&edge, "/live/s.m3u8").await.last(), "#EXT-X-ENDLIST");
        assert_eq!(one.count(), 3, "no other player comes to see the end");
        *states.lock().unwrap() = Some(public("#EXTM3U\n#EXTINF:2\nb-1.ts\n"));
        second().await;
        assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("b-1.ts"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn lists_that_are_one_clients_go_on_elsewhere_too() {
    local(async {
        let states = [state(Some(private(ENDED))), state(Some(private(LIST)))];
        let servers = [server(&states[0]).await, server(&states[1]).await];
        let edge = edge(&[servers[0].address, servers[1].address]);
        for _ in 0..3 {
            assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("s-1.ts"));
        }
        // And when they end later, while it is remembered that they are not shared.
        *states[0].lock().unwrap() = Some(private("#EXTM3U\n#EXTINF:2\na-1.ts\n"));
        *states[1].lock().unwrap() = Some(private(ENDED));
        second().await;
        let all = futures_util::future::join_all((0..5).map(|_| get(&edge, "/live/s.m3u8"))).await;
        assert!(all.iter().all(|got| got.last().starts_with("a-1.ts")), "nobody is told of an end");
        *states[0].lock().unwrap() = None;
        second().await;
        let asked = servers[0].count();
        for _ in 0..10 {
            assert_eq!(get(&edge, "/live/s.m3u8").await.last(), "#EXT-X-ENDLIST");
        }
        assert_eq!(servers[0].count(), asked + 2, "as where it was last, and as another one");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_was_watching_elsewhere_is_not_shown_an_old_end_while_that_server_is_away() {
    local(async {
        let states = [state(Some(public(LIST))), state(Some(public(ENDED)))];
        let servers = [server(&states[0]).await, server(&states[1]).await];
        let edge = edge(&[servers[0].address, servers[1].address]);
        assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("s-1.ts"));
        servers[0].kill().await;
        for _ in 0..9 {
            second().await;
            assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("s-1.ts"));
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(get(&edge, "/live/s.m3u8").await.last(), "#EXT-X-ENDLIST");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_long_for_a_server_that_hangs() {
    local(async {
        let states = state(Some(public(ENDED)));
        let server = server(&states).await;
        let hung = Server::start(|_| None).await;
        let edge = edge(&[server.address, hung.address]);
        for most in [900, 0] {
            let began = tokio::time::Instant::now();
            assert_eq!(get(&edge, "/live/s.m3u8").await.last(), "#EXT-X-ENDLIST");
            assert!(began.elapsed() <= Duration::from_millis(most), "{:?}", began.elapsed());
            second().await;
        }
        assert_eq!(hung.count(), 1, "it is ill");
    })
    .await;
}
