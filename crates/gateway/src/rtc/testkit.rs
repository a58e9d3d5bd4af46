//! Doors with a port of WebRTC on loopback, and clients that speak to it as a browser does.

mod samples;
mod wire;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode, header};
use srs_hub::{Hub, Phase};
use srs_names::envelope::{Envelope, HTTP_HEADER, bound};
use srs_net::http::Signalling as _;
use srs_net::rtc::Port;
use srs_net::shards::Shards;
use srs_net::tcp::Slots;
use srs_peer::rtc::Settings;
use srs_peer::rtc::client::{Caller, Client};
use srs_rtc::engine::{Ended, Event, Packet, Received};
use srs_rtc::sdp::Description;
use srs_rtc::{Codec, Engine as _, Path, Track, frames};
use srs_rtp::{Packetizer, Unit};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
pub(crate) use samples::{KEY, inter, opus};
use wire::Wire;

use crate::testkit::{config, key, sealed};
use crate::{Config, Vhost};

pub(super) const WHIP: &str = "/rtc/v1/whip/?app=live&stream=a";
pub(super) const WHEP: &str = "/rtc/v1/whep/?app=live&stream=a";
pub(super) const BOTH: [Codec; 2] = [Codec::H264, Codec::Opus];

pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

pub(super) async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(15), what).await.expect("within 15 s")
}

/// Doors that serve WebRTC at ports of their own.
pub(super) struct Doors {
    pub(super) gateway: Arc<Gateway>,
    pub(super) tcp: SocketAddr,
    _shards: Shards,
}

pub(super) fn doors() -> Doors {
    doors_with(vhost(), |config| config)
}

/// One that serves WebRTC.
pub(super) fn vhost() -> Vhost {
    Vhost { rtc: Some(RtcSettings::default()), ..Vhost::default() }
}

/// How the doors here serve it.
pub(super) fn rtc(udp: Vec<SocketAddr>, tcp: Vec<SocketAddr>) -> Rtc {
    let keys = Keys::of_secret(b"the secret of a test");
    let route = keys.route("vid-origin");
    let rules = Rules { api: false, ..Rules::default() };
    let who = Who { server: "vid-origin".to_owned(), service: "s".to_owned(), pid: "1".to_owned() };
    Rtc { keys, route, rules, udp, tcp, who }
}

pub(super) fn doors_with(vhost: Vhost, change: impl FnOnce(Config) -> Config) -> Doors {
    let shards = Shards::start(2).unwrap();
    let port = Port::bind(&[([127, 0, 0, 1], 0).into()], 2).unwrap();
    let listener = srs_net::tcp::bind_first(&[([127, 0, 0, 1], 0).into()]).unwrap();
    let tcp = listener.local_addr().unwrap();
    let rtc = rtc(vec![port.local_addr()], vec![tcp]);
    let gateway = Gateway::new(Hub::new(), change(Config { rtc: Some(rtc), ..config(vhost) }));
    let (served, slots) = (Arc::clone(&gateway), Slots::new(100));
    let session = move |knock| Arc::clone(&served).serve_rtc(knock);
    let door = Arc::clone(&gateway) as Arc<dyn Door>;
    let serving = srs_net::rtc::serve(&shards.handle(), port, door, slots.clone(), session);
    srs_net::tcp::serve(&shards.handle(), listener, "webrtc", slots, move |stream, peer| {
        let serving = serving.clone();
        async move { serving.tcp(stream, peer).await }
    });
    Doors { gateway, tcp, _shards: shards }
}

/// A request as the HTTP server hands it in.
pub(super) fn request(method: Method, at: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(at).header(header::HOST, "some.where");
    request.body(body.into()).unwrap()
}

/// An offer, or what SRS's clients send.
pub(super) fn post(at: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = request(Method::POST, at, body);
    request.headers_mut().insert(header::CONTENT_TYPE, "application/sdp".parse().unwrap());
    request
}

pub(super) fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

pub(super) fn head<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// An offer to publish, and to play, of a client that never comes.
pub(super) fn offer_to_publish(codecs: &[Codec]) -> String {
    let local = ([127, 0, 0, 1], 9).into();
    Caller::publish(&Settings::default(), codecs, local, Instant::now()).unwrap().offer().to_owned()
}

pub(super) fn offer_to_play(codecs: &[Codec]) -> String {
    let local = ([127, 0, 0, 1], 9).into();
    Caller::play(&Settings::default(), codecs, local, Instant::now()).unwrap().offer().to_owned()
}

impl Doors {
    pub(super) async fn ask(&self, request: Request<Bytes>) -> Response<Bytes> {
        within(Arc::clone(&self.gateway).answer(request, ([127, 0, 0, 1], 4000).into())).await
    }

    pub(super) async fn until_phase(&self, stream: &str, is_good: impl Fn(Option<Phase>) -> bool) {
        self.until(|gateway| is_good(gateway.hub.phase(&key(stream)))).await;
    }

    pub(super) async fn until(&self, is_good: impl Fn(&Gateway) -> bool) {
        within(async {
            while !is_good(&self.gateway) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    /// A client that publishes, by UDP.
    pub(super) async fn publish(&self, at: &str, codecs: &[Codec]) -> Peer {
        self.peer(at, codecs, (true, false)).await
    }

    /// A client that plays, by UDP.
    pub(super) async fn play(&self, at: &str, codecs: &[Codec]) -> Peer {
        self.peer(at, codecs, (false, false)).await
    }

    /// A stream with both tracks, live from its publisher's first frames on.
    pub(super) async fn live(&self) -> Streaming {
        let publisher = self.publish(WHIP, &BOTH).await.stream();
        self.until_phase("a", |phase| phase == Some(Phase::Live)).await;
        publisher
    }

    /// The same, and a player that sees it.
    pub(super) async fn watched(&self) -> (Streaming, Peer) {
        let publisher = self.live().await;
        let mut player = self.play(WHEP, &BOTH).await;
        player.packet(Track::Video).await;
        (publisher, player)
    }

    /// A client that publishes through a proxy, which says so by this envelope.
    pub(super) async fn publish_by(&self, envelope: &Envelope, at: &str, codecs: &[Codec]) -> Peer {
        let sent = sealed(envelope, bound::of_http("POST", at));
        self.peer_saying(at, codecs, (true, false), Some(sent)).await
    }

    /// The same of one that plays.
    pub(super) async fn play_by(&self, envelope: &Envelope, at: &str, codecs: &[Codec]) -> Peer {
        let sent = sealed(envelope, bound::of_http("POST", at));
        self.peer_saying(at, codecs, (false, false), Some(sent)).await
    }

    /// One that publishes or plays, by UDP or TCP; it is connected.
    pub(super) async fn peer(&self, at: &str, codecs: &[Codec], how: (bool, bool)) -> Peer {
        self.peer_saying(at, codecs, how, None).await
    }

    async fn peer_saying(
        &self,
        at: &str,
        codecs: &[Codec],
        (sends, tcp): (bool, bool),
        sent: Option<String>,
    ) -> Peer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let local = socket.local_addr().unwrap();
        let make = if sends { Caller::publish } else { Caller::play };
        let caller = make(&Settings::default(), codecs, local, Instant::now()).unwrap();
        let mut asked = post(at, caller.offer().to_owned());
        if let Some(sent) = sent {
            asked.headers_mut().insert(HTTP_HEADER, sent.parse().unwrap());
        }
        let response = self.ask(asked).await;
        assert_eq!(response.status(), StatusCode::CREATED, "{}", text(&response));
        let answer = text(&response);
        // The library knows no TCP: it thinks that it speaks to the address of UDP.
        let described = Description::parse(answer).unwrap();
        let candidate = described.candidates().into_iter().find(|candidate| candidate.tcp.is_none()).unwrap();
        let to = candidate.socket_address().unwrap();
        let client = caller.answered(answer, Instant::now()).unwrap();
        let wire = if tcp {
            Wire::Tcp(TcpStream::connect(self.tcp).await.unwrap(), frames::Reader::default())
        } else {
            Wire::Udp(socket)
        };
        let mut peer = Peer::new(client, wire, to, head(&response, "location").to_owned());
        loop {
            match peer.event().await {
                Some(Event::Connected) => break,
                Some(_) => {}
                None => panic!("the session ended"),
            }
        }
        peer
    }
}

/// What a client is told to do.
enum Order {
    Send(Packet),
    Ask(srs_rtc::engine::Asked),
    Close,
}

/// A client that is driven by a task of its own.
pub(super) struct Peer {
    /// Where its session is.
    pub(super) place: String,
    orders: mpsc::UnboundedSender<Order>,
    events: mpsc::UnboundedReceiver<Event>,
    ended: watch::Receiver<Option<Ended>>,
    packetizer: Packetizer,
}

async fn drive(
    mut client: Client,
    mut wire: Wire,
    to: SocketAddr,
    (mut orders, events, ended): (
        mpsc::UnboundedReceiver<Order>,
        mpsc::UnboundedSender<Event>,
        watch::Sender<Option<Ended>>,
    ),
) {
    let mut bytes = BytesMut::new();
    loop {
        let due = client.tick(Instant::now());
        while client.next_datagram(Instant::now(), &mut bytes).is_some() {
            wire.send(&bytes.split(), to).await;
        }
        while let Some(event) = client.next_event(Instant::now()) {
            let _test_over = events.send(event);
        }
        if let Some(why) = client.ended() {
            ended.send_replace(Some(why));
            return;
        }
        let due = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
        tokio::select! {
            mut datagram = wire.receive() => {
                let path = Path { peer: to, local: None, tcp: false };
                client.datagram(Instant::now(), path, &mut datagram);
            }
            order = orders.recv() => match order {
                Some(Order::Send(packet)) => client.send(Instant::now(), &packet),
                Some(Order::Ask(asked)) => client.ask(Instant::now(), asked),
                Some(Order::Close) => client.close(Instant::now()),
                // The line breaks.
                None => return,
            },
            () = tokio::time::sleep_until(due.into()) => {}
        }
    }
}

impl Peer {
    fn new(client: Client, wire: Wire, to: SocketAddr, place: String) -> Peer {
        let (orders, taken) = mpsc::unbounded_channel();
        let (event, events) = mpsc::unbounded_channel();
        let (why, ended) = watch::channel(None);
        tokio::task::spawn_local(drive(client, wire, to, (taken, event, why)));
        Peer { place, orders, events, ended, packetizer: Packetizer::default() }
    }

    pub(super) async fn event(&mut self) -> Option<Event> {
        within(self.events.recv()).await
    }

    /// Waits until it is asked for a key frame.
    pub(super) async fn key_frame_wanted(&mut self) {
        loop {
            match self.event().await {
                Some(Event::KeyFrameWanted) => return,
                Some(_) => {}
                None => panic!("the session ended"),
            }
        }
    }

    /// The next packet of a track.
    pub(super) async fn packet(&mut self, track: Track) -> Received {
        loop {
            match self.event().await {
                Some(Event::Packet(packet)) if packet.codec.track() == track => return packet,
                Some(_) => {}
                None => panic!("the session ended"),
            }
        }
    }

    /// Whether it was given anything that it has not taken.
    pub(super) fn has_event(&mut self) -> bool {
        !self.events.is_empty()
    }

    /// Why its session ended.
    pub(super) async fn ended(&mut self) -> Ended {
        let ended = within(self.ended.wait_for(Option::is_some)).await.unwrap();
        ended.unwrap()
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended.borrow().is_some()
    }

    pub(super) fn ask(&self, asked: srs_rtc::engine::Asked) {
        self.orders.send(Order::Ask(asked)).ok();
    }

    pub(super) fn close(&self) {
        self.orders.send(Order::Close).ok();
    }

    /// Sends a picture of which `number` is a part. Each 40 ms of the stream's time there is one.
    pub(super) fn picture(&mut self, number: u32, key: bool) {
        let data = if key { KEY.to_vec() } else { [&[0, 0, 0, 1], &inter(number)[..]].concat() };
        let (orders, now) = (&self.orders, Instant::now());
        let unit = Unit { codec: Codec::H264, key, data: &data };
        self.packetizer.push(unit, &mut |payload, marker| {
            let (codec, time) = (Codec::H264, number * 3_600);
            let packet = Packet { codec, time, wallclock: now, marker, payload: payload.into() };
            orders.send(Order::Send(packet)).ok();
        });
    }

    /// Sends a packet of Opus of which `number` is a part, one for each 20 ms.
    pub(super) fn sound(&mut self, number: u32) {
        let (codec, time, wallclock) = (Codec::Opus, number * 960, Instant::now());
        let packet = Packet { codec, time, wallclock, marker: false, payload: opus(number).into() };
        self.orders.send(Order::Send(packet)).ok();
    }

    /// Sends pictures and sound from `number` on, a key picture each ten, until this is dropped.
    pub(super) fn stream(mut self) -> Streaming {
        let (taken, mut give_back) = mpsc::channel::<()>(1);
        let task = tokio::task::spawn_local(async move {
            for number in 0_u32.. {
                self.picture(number, number.is_multiple_of(10));
                self.sound(number * 2);
                self.sound(number * 2 + 1);
                tokio::select! {
                    _ = give_back.recv() => break,
                    () = tokio::time::sleep(Duration::from_millis(10)) => {}
                }
            }
            self
        });
        Streaming { taken, task }
    }
}

/// A publisher that streams.
pub(super) struct Streaming {
    taken: mpsc::Sender<()>,
    task: tokio::task::JoinHandle<Peer>,
}

impl Streaming {
    /// Has it stop; its session lasts.
    pub(super) async fn stop(self) -> Peer {
        drop(self.taken);
        within(self.task).await.unwrap()
    }
}
