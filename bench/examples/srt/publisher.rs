//! One publisher, in the rhythm of a camera.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use srs_net::srt::{Connection, dial};
use srs_peer::srt::{Call, Settings};
use srs_srt::engine::{CallError, MESSAGE};
use tokio::time::{sleep, sleep_until};

use crate::programme::{FPS, Programme};

/// For how long a server is called that does not answer yet.
const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(100);

/// What is published, and where.
pub struct Publishing {
    pub to: SocketAddr,
    pub stream_id: String,
    pub kbps: u64,
    /// In how many parts a picture leaves, spread over the time to the next one.
    pub parts: u32,
}

/// How that goes.
#[derive(Default)]
pub struct Published {
    /// When the first picture left, whose time is 0.
    pub began: OnceLock<Instant>,
    pub progress: Mutex<Progress>,
}

#[derive(Clone, Default)]
pub struct Progress {
    /// Messages that the connection did not take.
    pub refused: u64,
    /// The most by which a part left late.
    pub late: Duration,
    pub sent: u64,
    pub resent: u64,
    pub error: Option<String>,
}

/// Publishes for ever.
pub async fn run(plan: Publishing, published: Arc<Published>) {
    let error = match call(plan.to, &plan.stream_id).await {
        Ok(connection) => send(&plan, &connection, &published).await,
        Err(error) => error,
    };
    published.progress.lock().unwrap().error = Some(format!("publisher: {error}"));
}

/// Calls until it is answered.
pub async fn call(to: SocketAddr, stream_id: &str) -> Result<Connection, String> {
    let began = Instant::now();
    loop {
        let make = |local, now| Call::new(&Settings::default(), Some(stream_id), to, local, now);
        match dial(to, make).await {
            Ok(connection) => return Ok(connection),
            Err(CallError::Gone | CallError::Silent) if began.elapsed() < PATIENCE => sleep(AGAIN).await,
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Sends until the connection has ended: why.
async fn send(plan: &Publishing, connection: &Connection, published: &Published) -> String {
    let mut programme = Programme::new(plan.kbps);
    let began = tokio::time::Instant::now();
    let picture = Duration::from_secs(1) / FPS as u32;
    for number in 0.. {
        let mut packets = programme.next();
        let messages = packets.len().div_ceil(MESSAGE);
        for part in 0..plan.parts {
            let due = began + picture * number + picture * part / plan.parts;
            sleep_until(due).await;
            published.began.get_or_init(Instant::now);
            let mut refused = 0;
            let until = messages * (part as usize + 1) / plan.parts as usize;
            let from = messages * part as usize / plan.parts as usize;
            for _ in from..until {
                let message = packets.split_to(MESSAGE.min(packets.len()));
                refused += u64::from(!connection.send(message));
            }
            let mut progress = published.progress.lock().unwrap();
            progress.refused += refused;
            progress.late = progress.late.max(due.elapsed());
        }
        note(connection, published);
        if let Some(ended) = ended(connection).await {
            return ended;
        }
    }
    String::new()
}

fn note(connection: &Connection, published: &Published) {
    let stats = connection.stats();
    let mut progress = published.progress.lock().unwrap();
    (progress.sent, progress.resent) = (stats.sent, stats.resent);
}

/// Why it has ended, when it has.
async fn ended(connection: &Connection) -> Option<String> {
    tokio::select! {
        biased;
        ended = connection.ended() => Some(ended.to_string()),
        () = std::future::ready(()) => None,
    }
}
