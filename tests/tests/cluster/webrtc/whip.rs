//! A publisher by WHIP that makes a new session when the one it has ends, as a page does; and a player that does not.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use srs_peer::rtc::client::{Caller, Client};
use srs_peer::rtc::{Refused, Settings};
use srs_rtc::engine::{Ended, Event, Packet};
use srs_rtc::{Codec, Engine as _, Path};
use srs_tests::rtc::offer;
use srs_tests::within;
use tokio::net::UdpSocket;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep};

/// A picture of x264, 320x180: its parameter sets and itself, each a NAL unit.
const PICTURE: [&[u8]; 3] = [
    &[
        0x67, 0x64, 0x00, 0x0c, 0xac, 0xb2, 0x02, 0x83, 0x3f, 0x3e, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x20,
        0x00, 0x00, 0x06, 0x41, 0xe2, 0x85, 0x49,
    ],
    &[0x68, 0xeb, 0xc3, 0xcb, 0x22, 0xc0],
    &[0x65, 0x88, 0x84, 0x00, 0x33, 0xff],
];
/// Between two of them, which are 25 in a second, in ticks of RTP.
const STEP: u32 = 3_600;
/// Before it asks again where it was refused.
const PAUSE: Duration = Duration::from_millis(100);

/// What became of its sessions so far.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    /// That were made.
    pub made: usize,
    /// Why each that is over ended.
    pub ended: Vec<Ended>,
}

/// The publisher, until it is dropped.
pub struct Whip {
    pub sessions: watch::Receiver<Sessions>,
    task: JoinHandle<()>,
}

impl Drop for Whip {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Whip {
    /// Publishes pictures without sound as `live/STREAM`.
    pub fn start(http: SocketAddr, stream: &str) -> Whip {
        let (tell, sessions) = watch::channel(Sessions::default());
        let stream = stream.to_owned();
        let task = tokio::spawn(async move {
            loop {
                let Some((client, socket)) = begin(http, &stream, true).await else {
                    sleep(PAUSE).await;
                    continue;
                };
                tell.send_modify(|sessions| sessions.made += 1);
                let ended = run(client, &socket, None).await;
                tell.send_modify(|sessions| sessions.ended.push(ended));
            }
        });
        Whip { sessions, task }
    }
}

/// Plays `live/STREAM` by WHEP from its first picture on. The answer says why its session ended.
pub async fn play(http: SocketAddr, stream: &str) -> JoinHandle<Ended> {
    let (client, socket) = begin(http, stream, false).await.expect("a session");
    let (tell, told) = oneshot::channel();
    let task = tokio::spawn(async move { run(client, &socket, Some(tell)).await });
    within("a picture by WHEP", told).await.expect("the session lasts");
    task
}

/// A session that was made; none where that was refused.
async fn begin(http: SocketAddr, stream: &str, sends: bool) -> Option<(Client, UdpSocket)> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).await.expect("a port");
    let local = socket.local_addr().expect("an address");
    let (make, kind) = if sends { (Caller::publish as Make, "whip") } else { (Caller::play as Make, "whep") };
    let caller = make(&Settings::default(), &[Codec::H264], local, Instant::now()).expect("an offer");
    let reply = offer(http, kind, stream, caller.offer()).await;
    let answer = String::from_utf8(reply.body).expect("text");
    (reply.head.status == 201).then(|| (caller.answered(&answer, Instant::now()).expect("an answer"), socket))
}

/// How an offer is made.
type Make = fn(&Settings, &[Codec], SocketAddr, Instant) -> Result<Caller, Refused>;

/// Until the session ends. Who watches tells of its first picture, and sends none.
async fn run(mut client: Client, socket: &UdpSocket, mut watches: Option<oneshot::Sender<()>>) -> Ended {
    let sends = watches.is_none();
    let (mut out, mut came) = (BytesMut::new(), [0; 2048]);
    let (mut live, mut time) = (false, 0_u32);
    let mut pictures = interval(Duration::from_millis(40));
    loop {
        let due = client.tick(Instant::now());
        while let Some(path) = client.next_datagram(Instant::now(), &mut out) {
            socket.send_to(&out.split(), path.peer).await.expect("a socket");
        }
        while let Some(event) = client.next_event(Instant::now()) {
            live |= sends && matches!(event, Event::Connected);
            if let Some(tell) = watches.take_if(|_| matches!(event, Event::Packet(_))) {
                tell.send(()).ok();
            }
        }
        if let Some(ended) = client.ended() {
            return ended;
        }
        let due = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
        tokio::select! {
            got = socket.recv_from(&mut came) => {
                let (length, peer) = got.expect("a socket");
                let path = Path { peer, local: Some(client.local().ip()), tcp: false };
                client.datagram(Instant::now(), path, &mut came[..length]);
            }
            _ = pictures.tick(), if live => {
                time = time.wrapping_add(STEP);
                for (part, unit) in PICTURE.into_iter().enumerate() {
                    let (codec, wallclock, marker) = (Codec::H264, Instant::now(), part + 1 == PICTURE.len());
                    client.send(wallclock, &Packet { codec, time, wallclock, marker, payload: unit.into() });
                }
            }
            () = tokio::time::sleep_until(due.into()) => {}
        }
    }
}
