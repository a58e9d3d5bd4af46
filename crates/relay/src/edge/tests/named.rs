//! Vhosts whose servers name themselves.

use srs_names::{DEFAULT_VHOST, Wish};

use super::*;

/// Whoever is asked where HLS is: what it says, and what it was asked.
#[derive(Default)]
struct Told {
    says: Mutex<Named>,
    wishes: Mutex<Vec<[String; 5]>>,
}

impl Told {
    fn of(servers: &[SocketAddr], complete: bool) -> Arc<Told> {
        let servers = servers.iter().map(|address| (address.ip().to_string(), address.port())).collect();
        Arc::new(Told { says: Mutex::new(Named { servers, complete }), ..Told::default() })
    }

    fn edge(self: &Arc<Told>) -> EdgeHls {
        edge_from("edge-a", HlsFrom::Named, Some(Arc::clone(self) as Arc<dyn Whereabouts>))
    }

    fn wishes(&self) -> Vec<[String; 5]> {
        self.wishes.lock().unwrap().clone()
    }
}

impl Whereabouts for Told {
    fn hls<'a>(&'a self, wish: Wish<'a>) -> Pin<Box<dyn Future<Output = Named> + 'a>> {
        let hops: Vec<&str> = wish.hops.iter().map(NodeId::as_str).collect();
        self.wishes.lock().unwrap().push([
            wish.key.to_string(),
            wish.host.to_owned(),
            wish.query.to_owned(),
            wish.client.to_string(),
            hops.join(" "),
        ]);
        let says = self.says.lock().unwrap().clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            says
        })
    }
}

#[tokio::test]
async fn lists_and_what_they_name_come_from_the_servers_that_are_named() {
    local(async {
        let upstream = srs().await;
        let edge = Told::of(&[nobody().await, upstream.address], true).edge();
        let list = get(&edge, "/live/s.m3u8").await;
        assert_eq!(list.last(), format!("s-2.ts?srs_at={}", upstream.token("s-2.ts")));
        let got = get(&edge, &format!("/live/{}", list.last())).await;
        assert_eq!((got.status, got.body.len()), (200, 10_000));
    })
    .await;
}

#[tokio::test]
async fn a_token_leads_to_the_server_that_it_names_among_those_that_are_named() {
    local(async {
        let servers = [
            Server::start(|_| Some(said("200 OK", "", "a"))).await,
            Server::start(|_| Some(said("200 OK", "", "b"))).await,
        ];
        let told = Told::of(&[servers[0].address, servers[1].address], true);
        let edge = told.edge();
        let target = format!("/live/s-1.ts?srs_at={}", servers[1].token("s-1.ts"));
        assert_eq!(get(&edge, &target).await.body, b"b");
        assert_eq!(servers[1].targets(), ["/live/s-1.ts"]);
        // One that is named no more is asked no more.
        *told.says.lock().unwrap() = Told::of(&[servers[0].address], true).says.lock().unwrap().clone();
        assert_eq!(get(&edge, &format!("{target}&a=1")).await.body, b"a");
        assert_eq!(servers[1].count(), 1);
    })
    .await;
}

#[tokio::test]
async fn where_nobody_is_named_hls_is_made_here() {
    local(async {
        for complete in [false, true] {
            let told = Told::of(&[], complete);
            assert!(ask(&told.edge(), request("/live/s.m3u8")).await.is_none());
            assert_eq!(told.wishes().len(), 1);
        }
        let nobody_knows = edge_from("edge-a", HlsFrom::Named, None);
        assert!(ask(&nobody_knows, request("/live/s.m3u8")).await.is_none());
    })
    .await;
}

#[tokio::test]
async fn what_the_named_servers_refuse_is_made_here_unless_the_stream_can_be_nowhere_else() {
    local(async {
        let upstream = Server::start(|_| Some(said("404 Not Found", "", ""))).await;
        let gone = nobody().await;
        for (address, status) in [(upstream.address, 404), (gone, 503)] {
            let edge = Told::of(&[address], false).edge();
            assert!(ask(&edge, request("/live/s.m3u8")).await.is_none());
            assert!(ask(&edge, request("/live/s-1.ts?srs_at=1")).await.is_none());
            let edge = Told::of(&[address], true).edge();
            assert_eq!(get(&edge, "/live/s.m3u8").await.status, status);
            assert_eq!(get(&edge, "/live/s-1.ts?srs_at=1").await.status, status);
        }
        // Who may not see it is told so.
        let closed = Server::start(|_| Some(said("403 Forbidden", "", ""))).await;
        let edge = Told::of(&[closed.address], false).edge();
        assert_eq!(get(&edge, "/live/s.m3u8").await.status, 403);
    })
    .await;
}

#[tokio::test]
async fn who_knows_where_hls_is_gets_the_players_own_words_and_not_ours() {
    local(async {
        let upstream = Server::start(|_| Some(public(LIST))).await;
        let told = Told::of(&[upstream.address], true);
        let edge = told.edge();
        let target = format!("/live/s.m3u8?k=v&hls_ctx=mark&srs_at={}&l=w", upstream.token("s.m3u8"));
        let mut request =
            Request::builder().uri(target).header("host", "play.example:8080").body(()).unwrap();
        request.extensions_mut().insert(Hops(vec![id("edge-far"), id("edge-near")]));
        assert_eq!(ask(&edge, request).await.unwrap().status, 200);
        let key = format!("{DEFAULT_VHOST}/live/s");
        let expected = [&key, "play.example", "k=v&l=w", "10.0.0.7:5000", "edge-far edge-near"];
        assert_eq!(told.wishes(), [expected.map(str::to_owned)]);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_asked_where_that_is_which_is_no_hls_or_is_made_here_in_any_case() {
    local(async {
        let told = Told::of(&[], true);
        let edge = told.edge();
        for target in ["/live/s.ts", "/live/s.flv?srs_at=1", "/live/s.m3u8?vhost=own.example", "/", "/live"] {
            assert!(ask(&edge, request(target)).await.is_none(), "{target}");
        }
        assert_eq!(told.wishes(), Vec::<[String; 5]>::new());
    })
    .await;
}
