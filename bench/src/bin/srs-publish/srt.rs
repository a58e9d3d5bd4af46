//! Watching a stream over SRT.

use std::time::Duration;

use srs_net::srt::dial;
use srs_peer::srt::{Call, Settings};
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout_at};

use crate::Outcome;
use crate::address::Address;
use crate::packets::Packets;

/// How long the first packet may take: a server waits longer for a publisher, and a key frame comes within this.
const FIRST: Duration = Duration::from_secs(10);

/// Plays for `time`, counted from the first packet.
pub async fn stream(url: &Address, time: Duration) -> Outcome<Packets> {
    let asked = Instant::now();
    let mut packets = Packets::new();
    let to = lookup_host(url.target()).await?.next().ok_or("no address of that name")?;
    let id = url.stream_id();
    let connection =
        dial(to, |local, now| Call::new(&Settings::default(), Some(&id), to, local, now)).await?;
    let mut end = asked + FIRST;
    while let Ok(message) = timeout_at(end, connection.message()).await {
        let Some(message) = message else {
            return Err(format!("the stream ended: {}", connection.ended().await).into());
        };
        if !packets.began() {
            end = Instant::now() + time;
        }
        packets.take(&message, asked.elapsed())?;
    }
    Ok(packets)
}
