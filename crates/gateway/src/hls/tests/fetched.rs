//! Lists of streams that a pull publishes.

use srs_names::MissingKind;

use super::*;
use crate::testkit::source::{Says, Spring, missing};

/// As a pull publishes.
fn pulled(gateway: &Arc<Gateway>) -> Stream {
    let publisher = gateway.hub.publish(&key("s"), srs_hub::Settings::default()).unwrap();
    gateway.begin_hls(&key("s"), false);
    let stream = Stream { publisher, time: 0 };
    stream.push(9, AVCC);
    stream
}

fn fetching(says: Says, settings: Settings) -> (Arc<Spring>, Arc<Gateway>) {
    let spring = Spring::new(says);
    let gateway = spring.gateway(Vhost { hls: Some(Arc::new(settings)), ..Vhost::default() });
    (spring, gateway)
}

#[tokio::test(start_paused = true)]
async fn a_list_of_a_stream_that_is_not_here_has_it_fetched_and_is_waited_for() {
    local(async {
        let (spring, gateway) = fetching(Says::Coming, settings());
        let mut client = Client::of(&gateway).await;
        let asked = tokio::task::spawn_local(async move {
            let list = client.get("/live/s.m3u8?k=v").await;
            (client, list)
        });
        spring.heard(1).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        pulled(&gateway).run(5).await;
        let (mut client, list) = asked.await.unwrap();
        assert_eq!(list.status, 200, "{}", list.text());
        let segment = client.get(&format!("/live/{}", list.addresses()[0])).await;
        assert_eq!(segment.status, 200);
        let expected = ["__defaultVhost__/live/s", "h", "k=v", "127.0.0.1", ""].map(str::to_owned);
        assert_eq!(spring.wishes(), [expected], "a segment is no wish");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_request_for_a_list_is_a_wish_and_the_players_mark_is_no_part_of_it() {
    local(async {
        let (spring, gateway) = fetching(Says::Coming, Settings { ctx: true, ..settings() });
        let mut stream = pulled(&gateway);
        stream.run(5).await;
        let mut client = Client::of(&gateway).await;
        let master = client.get("/live/s.m3u8?k=v").await;
        let list = client.get(&format!("/live/{}", master.addresses()[0])).await;
        assert!(list.text().contains("#EXTINF"), "{}", list.text());
        let queries: Vec<_> = spring.wishes().into_iter().map(|[_, _, query, ..]| query).collect();
        assert_eq!(queries, ["k=v", "k=v"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_of_what_cannot_be_had_is_refused_with_the_reason() {
    local(async {
        let (spring, gateway) = fetching(Says::Here, settings());
        let mut client = Client::of(&gateway).await;
        for (kind, status) in [(MissingKind::NotFound, 404), (MissingKind::Unreachable, 504)] {
            spring.say(Says::Missing(missing(kind, "it is so")));
            let got = client.get("/live/s.m3u8").await;
            assert_eq!((got.status, got.text()), (status, "it is so\n"));
        }
        spring.say(Says::Coming);
        spring.give_up(missing(MissingKind::Unreachable, "nobody answers"));
        let got = client.get("/live/s.m3u8").await;
        assert_eq!((got.status, got.text()), (504, "nobody answers\n"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_list_of_a_stream_that_is_over_is_served_on_to_those_who_played_it() {
    local(async {
        let (spring, gateway) = fetching(Says::Coming, settings());
        let mut stream = pulled(&gateway);
        stream.run(5).await;
        drop(stream);
        let mut client = Client::of(&gateway).await;
        spring.say(Says::Missing(missing(MissingKind::NotFound, "it is over")));
        assert!(client.get("/live/s.m3u8").await.text().contains("#EXT-X-ENDLIST"));
        spring.say(Says::Missing(missing(MissingKind::Forbidden, "not for you")));
        assert_eq!(client.get("/live/s.m3u8").await.status, 403);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_a_stream_is_over_waits_for_it_to_be_fetched_again() {
    local(async {
        let (spring, gateway) = fetching(Says::Coming, settings());
        let mut stream = pulled(&gateway);
        stream.run(5).await;
        drop(stream);
        let mut client = Client::of(&gateway).await;
        let asked = tokio::task::spawn_local(async move { client.get("/live/s.m3u8").await });
        spring.heard(1).await;
        let mut stream = pulled(&gateway);
        stream.run(5).await;
        let list = asked.await.unwrap();
        assert!(list.status == 200 && !list.text().contains("#EXT-X-ENDLIST"), "{}", list.text());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_in_a_folder_of_its_stream_has_that_stream_fetched() {
    local(async {
        let list_file = Template::parse("[app]/[stream]/live.m3u8").unwrap();
        let says = Says::Missing(missing(MissingKind::NotFound, "nowhere"));
        let (spring, gateway) = fetching(says, Settings { list_file, ..settings() });
        let mut client = Client::of(&gateway).await;
        assert_eq!(client.get("/live/s/live.m3u8").await.status, 404);
        assert_eq!(client.get("/live/other.m3u8").await.status, 404);
        let keys: Vec<_> = spring.wishes().into_iter().map(|[key, ..]| key).collect();
        assert_eq!(keys, ["__defaultVhost__/live/s"], "no stream has the other list");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_vhost_without_hls_makes_none_of_what_is_fetched() {
    local(async {
        let gateway = gateway(Vhost::default());
        gateway.begin_hls(&key("s"), false);
        assert!(gateway.hls.lock().is_empty());
    })
    .await;
}

/// Keeps what is said of demand.
#[derive(Default)]
struct Said(Mutex<Vec<&'static str>>);

impl srs_hub::Demand for Said {
    fn wanted(&self, _: &StreamKey) {
        self.0.lock().unwrap().push("wanted");
    }
    fn key_frame(&self, _: &StreamKey) {
        self.0.lock().unwrap().push("key frame");
    }
    fn unwanted(&self, _: &StreamKey) {
        self.0.lock().unwrap().push("unwanted");
    }
}

#[tokio::test(start_paused = true)]
async fn that_it_is_cut_does_not_keep_a_stream_wanted() {
    local(async {
        let said = Arc::new(Said::default());
        let hub = Hub::with_demand(Arc::clone(&said) as Arc<dyn srs_hub::Demand>);
        let vhost = Vhost { hls: Some(Arc::new(settings())), ..Vhost::default() };
        let gateway = Gateway::new(hub, crate::testkit::config(vhost));
        let mut stream = pulled(&gateway);
        let player = crate::testkit::Player::get(&gateway, "s");
        stream.run(5).await;
        drop(player.await);
        while !said.0.lock().unwrap().contains(&"unwanted") {
            tokio::task::yield_now().await;
        }
        assert_eq!(Client::of(&gateway).await.get("/live/s.m3u8").await.status, 200);
        assert_eq!(*said.0.lock().unwrap(), ["key frame", "unwanted"]);
    })
    .await;
}
