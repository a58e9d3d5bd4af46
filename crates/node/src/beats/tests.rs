use srs_hub::{Hub, Settings};
use srs_names::{AdmitAll, StreamKey, Term};

use super::*;

/// Doors onto `hub` with one vhost.
fn gateway(hub: &Hub) -> Arc<Gateway> {
    let config = srs_gateway::Config {
        vhosts: vec![srs_gateway::Vhost::default()],
        chunk_size: 60_000,
        crossdomain: true,
        admit: Arc::new(AdmitAll),
        files: None,
        envelopes: None,
        http_port: None,
        me: String::new(),
        source: None,
        elsewhere: None,
        pass_on: None,
        srt: None,
        rtc: None,
        sound: srs_gateway::Sound::default(),
    };
    Gateway::new(hub.clone(), config)
}

fn key() -> StreamKey {
    "__defaultVhost__/live/a".parse().unwrap()
}

fn term(epoch: u64) -> Term {
    Term { domain: "d".to_owned(), epoch, resumed: false }
}

#[tokio::test(start_paused = true)]
async fn leaving_lasts_until_the_proxies_know_and_nobody_publishes() {
    let hub = Hub::new();
    let gateway = gateway(&hub);
    let publisher = hub.publish(&key(), Settings::default()).unwrap();
    let (telling, told) = watch::channel(0);
    let mut hearing = Hearing { gateway: Arc::clone(&gateway), telling, told: false };
    let beats = Beats { gateway: Arc::clone(&gateway), proxies: 1, told };
    let mut leaving = std::pin::pin!(beats.leave());
    let mut is_over = async || tokio::time::timeout(Duration::from_secs(60), leaving.as_mut()).await.is_ok();
    assert!(!is_over().await && gateway.draining());
    hearing.hear(&fresh(&Message::default(), &gateway, (0, 1), 0.0), None);
    assert!(!is_over().await, "somebody publishes");
    drop(publisher);
    assert!(is_over().await);
}

#[test]
fn a_proxy_that_was_told_of_the_drain_before_it_was_undone_is_to_be_told_again() {
    let gateway = gateway(&Hub::new());
    let (telling, told) = watch::channel(0);
    let mut hearing = Hearing { gateway: Arc::clone(&gateway), telling, told: false };
    for (draining, count) in [(true, 1), (true, 1), (false, 0), (true, 1)] {
        gateway.drain(draining);
        hearing.hear(&fresh(&Message::default(), &gateway, (0, 1), 0.0), None);
        assert_eq!(*told.borrow(), count);
    }
}

#[test]
fn a_stream_that_a_proxy_says_is_anothers_is_ended() {
    let hub = Hub::new();
    let by = Settings { term: Some(term(6)), ..Settings::default() };
    let _publisher = hub.publish(&key(), by).unwrap();
    let mut hearing = Hearing { gateway: gateway(&hub), telling: watch::channel(0).0, told: false };
    for (epoch, publishers) in [(6, 1), (7, 0)] {
        let answer = Answer { fenced: vec![(key(), term(epoch))] };
        hearing.hear(&Message::default(), Some(answer));
        assert_eq!(hearing.gateway.publishers(), publishers);
    }
}

#[test]
fn a_beat_says_only_what_is_so() {
    let live = LiveStream { key: key(), epoch: 7, domain: None, held: false };
    let plain = Stream { key: key().as_str().to_owned(), epoch: 7, domain: None, held: None };
    assert_eq!(told(live.clone()), plain);
    let domain = Some("d".to_owned());
    let held = LiveStream { domain: domain.clone(), held: true, ..live };
    assert_eq!(told(held), Stream { domain, held: Some(true), ..plain });
}

#[test]
fn a_node_is_as_busy_as_the_busier_of_its_processors_and_its_connections() {
    let gateway = gateway(&Hub::new());
    for (used, cpu, load) in [(1, 0.25, 0.5), (1, 0.75, 0.75), (0, 0.0, 0.0), (9, 0.1, 1.0)] {
        let beat = fresh(&Message::default(), &gateway, (used, 2), cpu);
        assert_eq!((beat.load, beat.usage.map(|usage| usage.cpu)), (Some(load), Some(cpu)));
    }
}

#[test]
fn the_address_told_to_a_proxy_is_of_the_family_by_which_it_is_reached() {
    for url in ["http://127.0.0.1:12025/api/v1/srs/register", "http://127.0.0.1", "http://localhost:12025/"] {
        assert_eq!(reached_from(url), IpAddr::from(Ipv4Addr::LOCALHOST), "{url}");
    }
    // Another answer only where this machine has no IPv6 at all.
    let has_v6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    let expected = if has_v6 { Ipv6Addr::LOCALHOST.into() } else { IpAddr::from(Ipv4Addr::LOCALHOST) };
    for url in ["http://[::1]:12025/api/v1/srs/register", "http://[::1]/", "http://[::1]"] {
        assert_eq!(reached_from(url), expected, "{url}");
    }
}

#[test]
fn a_url_that_leads_nowhere_leaves_loopback() {
    assert_eq!(reached_from("nonsense"), IpAddr::from(Ipv4Addr::LOCALHOST));
}

#[test]
fn a_heartbeat_over_ipv6_is_a_registration_that_a_proxy_takes() {
    let listen = |ip: IpAddr| [SocketAddr::new(ip, 19351)];
    let mut config = Config::default();
    config.heartbeat.ports = true;
    config.device_ip = Some("fd00::2".to_owned());
    let (any, own) = (listen(Ipv6Addr::UNSPECIFIED.into()), listen("fd00::3".parse().unwrap()));
    let identity = Identity {
        signature: "SRS".to_owned(),
        version: "1".to_owned(),
        server: "vid-a".to_owned(),
        service: "s".to_owned(),
        pid: "1".to_owned(),
    };
    let listening = Listening { rtmp: &any, http: &own, api: &[], srt: &own, rtc: &own, rtc_tcp: &any };
    let message = beat_message(&config, &identity, listening, "http://[::1]:12025/", Duration::from_secs(1));
    let message_rtc = message.rtc.clone().unwrap();
    let node = message.into_node(false).unwrap();
    let dialled = |label| node.endpoint(label).unwrap().to_string();
    assert_eq!(message_rtc, ["udp://[fd00::3]:19351".to_owned(), "tcp://0.0.0.0:19351".to_owned()]);
    assert_eq!(
        (dialled("rtmp"), dialled("http"), dialled("srt")),
        ("[fd00::2]:19351".to_owned(), "[fd00::3]:19351".to_owned(), "[fd00::3]:19351".to_owned())
    );
}

#[test]
fn a_port_of_udp_is_told_as_srs_tells_it() {
    assert_eq!(udp("10081"), "udp://0.0.0.0:10081");
    assert_eq!(udp("10.0.0.1:10081"), "udp://10.0.0.1:10081");
}

#[test]
fn an_edge_names_the_vhosts_that_it_fetches_and_an_origin_all() {
    let fetching = config::Vhost {
        cluster: config::Cluster { mode: config::Mode::Remote, ..config::Cluster::default() },
        ..config::Vhost::default()
    };
    let off = config::Vhost { enabled: false, ..fetching.clone() };
    let mut config = Config { role: Role::Edge, ..Config::default() };
    config.vhosts = [("a", fetching), ("b", off), ("c", config::Vhost::default())]
        .into_iter()
        .map(|(name, vhost)| (name.to_owned(), vhost))
        .collect();
    assert_eq!(vhosts(&config), ["a"]);
    let config = Config { role: Role::Origin, ..config };
    assert_eq!(vhosts(&config), ["a", "b", "c"]);
}
