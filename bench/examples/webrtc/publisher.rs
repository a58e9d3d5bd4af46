//! One publisher by WHIP, in the rhythm of a camera.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use srs_peer::rtc::Settings;
use srs_peer::rtc::client::Caller;
use srs_rtc::Codec;
use srs_rtc::engine::{Event, Packet};
use srs_rtp::{Packetizer, Unit};
use tokio::time::sleep_until;

use crate::line::{Line, ask, open};
use crate::programme::{FPS, Programme, SOUNDS};

/// Packets that leave at once, and when the next may: as browsers do it, so that a key frame does not overrun a receiver's socket.
const BURST: usize = 10;
const PACE: Duration = Duration::from_millis(2);

/// How that goes.
#[derive(Clone, Default)]
pub struct Progress {
    pub began: Option<Instant>,
    /// Packets.
    pub sent: u64,
    pub resent: u64,
    /// The most by which a frame left late.
    pub late: Duration,
    pub error: Option<String>,
}

/// Publishes for ever.
pub async fn run(to: SocketAddr, path: String, kbps: u64, progress: Arc<Mutex<Progress>>) {
    let error = match publish(to, &path, kbps, &progress).await {
        Ok(ended) | Err(ended) => ended,
    };
    progress.lock().unwrap().error = Some(format!("publisher: {error}"));
}

async fn publish(
    to: SocketAddr,
    path: &str,
    kbps: u64,
    progress: &Mutex<Progress>,
) -> Result<String, String> {
    let (socket, local) = open().map_err(|error| error.to_string())?;
    let codecs = [Codec::H264, Codec::Opus];
    let caller = Caller::publish(&Settings::default(), &codecs, local, Instant::now())
        .map_err(|error| error.to_string())?;
    let answer = ask(to, path, caller.offer()).await?;
    let mut line = Line::new(socket, caller, &answer)?;
    let mut connected = false;
    poll_fn(|cx| {
        let _ended = line.poll(cx, &mut |event, _| connected |= matches!(event, Event::Connected));
        if connected { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    progress.lock().unwrap().began = Some(Instant::now());
    let mut source = Source::new(kbps);
    loop {
        if let Some(ended) = until(&mut line, source.due()).await {
            return Ok(ended);
        }
        let late = source.due().elapsed();
        let packets = source.next();
        let mut next = tokio::time::Instant::now();
        for part in packets.chunks(BURST) {
            line.send(part);
            next += PACE;
            if let Some(ended) = until(&mut line, next).await {
                return Ok(ended);
            }
        }
        let mut progress = progress.lock().unwrap();
        progress.late = progress.late.max(late);
        progress.sent += packets.len() as u64;
        progress.resent = line.resent();
    }
}

/// Serves the session until then; why it ended, if it did.
async fn until(line: &mut Line, then: tokio::time::Instant) -> Option<String> {
    let mut then = pin!(sleep_until(then));
    let over = poll_fn(|cx| match line.poll(cx, &mut |_, _| ()) {
        Poll::Ready(ended) => Poll::Ready(Some(ended.to_string())),
        Poll::Pending => then.as_mut().poll(cx).map(|()| None),
    });
    over.await
}

/// Frames when they are due, as packets.
struct Source {
    programme: Programme,
    packetizer: Packetizer,
    began: tokio::time::Instant,
    pictures: u32,
    sounds: u32,
}

impl Source {
    fn new(kbps: u64) -> Source {
        let (programme, began) = (Programme::new(kbps), tokio::time::Instant::now());
        Source { programme, packetizer: Packetizer::default(), began, pictures: 0, sounds: 0 }
    }

    fn times(&self) -> [Duration; 2] {
        let second = Duration::from_secs(1);
        [second * self.pictures / FPS, second * self.sounds / SOUNDS]
    }

    fn due(&self) -> tokio::time::Instant {
        let [picture, sound] = self.times();
        self.began + picture.min(sound)
    }

    fn next(&mut self) -> Vec<Packet> {
        let [picture, sound] = self.times();
        let mut packets = Vec::new();
        let wallclock = Instant::now();
        let mut add = |codec, time, payload: &[u8], marker| {
            packets.push(Packet { codec, time, wallclock, marker, payload: Arc::from(payload) });
        };
        if picture <= sound {
            let time = self.pictures * (90_000 / FPS);
            self.pictures += 1;
            let (data, key) = self.programme.picture();
            let unit = Unit { codec: Codec::H264, key, data: &data };
            self.packetizer.push(unit, &mut |payload, last| add(Codec::H264, time, payload, last));
        } else {
            let time = self.sounds * (48_000 / SOUNDS);
            self.sounds += 1;
            add(Codec::Opus, time, &self.programme.sound(), false);
        }
        packets
    }
}
