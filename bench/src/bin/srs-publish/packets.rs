//! Watching transport streams: one without end over HTTP, or the segments of HLS.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use srs_ts::PACKET;
use srs_ts::check::Checker;
use tokio::time::{Instant, sleep, timeout_at};

use crate::Outcome;
use crate::address::Address;
use crate::watch::request;

/// A list may be as late as a segment of SRS's default length, and its key frame.
const LIST: Duration = Duration::from_secs(25);

/// How often a list is read.
const POLL: Duration = Duration::from_millis(500);

/// What came.
pub struct Packets {
    checker: Checker,
    bytes: usize,
    segments: usize,
    first: Duration,
}

impl Packets {
    /// Nothing yet.
    pub fn new() -> Packets {
        Packets { checker: Checker::new(), bytes: 0, segments: 0, first: Duration::ZERO }
    }

    /// Takes whole packets that came `after` the request.
    pub fn take(&mut self, bytes: &[u8], after: Duration) -> Outcome<()> {
        if self.bytes == 0 {
            self.first = after;
        }
        self.bytes = self.bytes.saturating_add(bytes.len());
        Ok(self.checker.packets(bytes)?)
    }

    /// How much media came, by the longest of its flows.
    fn media(&self) -> Duration {
        let span = |stream: &srs_ts::check::Stream| {
            let (first, last) = (stream.first?.dts, stream.last?.dts);
            Some(Duration::from_millis(last.saturating_sub(first) / 90))
        };
        self.checker.streams().filter_map(|(_, stream)| span(stream)).max().unwrap_or_default()
    }

    /// Whether anything came.
    pub fn began(&self) -> bool {
        self.bytes > 0
    }

    /// What came in words, or what is wrong with it.
    pub fn verdict(&self, watched: Duration) -> Outcome<String> {
        let media = self.media();
        if media < watched.saturating_mul(6) / 10 {
            return Err(
                format!("{:.1} s of media in {:.1} s", media.as_secs_f64(), watched.as_secs_f64()).into()
            );
        }
        let units: Vec<String> = self
            .checker
            .streams()
            .map(|(_, stream)| format!("{} of {:#04x}", stream.units, stream.stream_type))
            .collect();
        let segments =
            if self.segments > 0 { format!("{} segments, ", self.segments) } else { String::new() };
        Ok(format!(
            "{segments}frames: {}, {:.1} s of media, {} KB, no packet lost, first bytes after {} ms",
            units.join(" and "),
            media.as_secs_f64(),
            self.bytes / 1000,
            self.first.as_millis(),
        ))
    }
}

/// Plays a transport stream for `time`, counted from its first packet.
pub async fn stream(url: &Address, time: Duration) -> Outcome<Packets> {
    let asked = Instant::now();
    let mut packets = Packets::new();
    let response = request(url).await?;
    if response.status() != StatusCode::OK {
        return Err(format!("the server answers {}", response.status()).into());
    }
    let (mut body, mut input) = (response.into_body(), BytesMut::new());
    let mut end = asked + LIST;
    while let Ok(frame) = timeout_at(end, body.frame()).await {
        let Ok(data) = frame.ok_or("the stream ended")??.into_data() else { continue };
        if packets.bytes == 0 {
            end = Instant::now() + time;
        }
        input.extend_from_slice(&data);
        let whole = input.len().checked_rem(PACKET).map_or(0, |rest| input.len().saturating_sub(rest));
        packets.take(&input.split_to(whole), asked.elapsed())?;
    }
    Ok(packets)
}

/// Plays the segments of a list until `time` of media came.
pub async fn list(url: &Address, time: Duration) -> Outcome<Packets> {
    let asked = Instant::now();
    let mut packets = Packets::new();
    let mut url = url.clone();
    let mut newest = None;
    while packets.media() < time {
        let late = asked.elapsed() > LIST.saturating_add(time.saturating_mul(2));
        let text = match get(&url).await {
            Ok(text) => String::from_utf8(text.to_vec())?,
            // It comes with the first segment.
            Err(error) if late => return Err(error),
            Err(_) => {
                sleep(POLL).await;
                continue;
            }
        };
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        if text.contains("#EXT-X-STREAM-INF") {
            let variant = lines.next_back().ok_or("a master list of nothing")?;
            url = url.beside(variant);
            continue;
        }
        let first = text.lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
        let first: u64 = first.ok_or("a list without a number")?.trim().parse()?;
        for (number, segment) in (first..).zip(lines) {
            if newest.is_none_or(|newest| number > newest) {
                packets.take(&get(&url.beside(segment)).await?, asked.elapsed())?;
                packets.segments = packets.segments.saturating_add(1);
                newest = Some(number);
            }
        }
        if late {
            break;
        }
        sleep(POLL).await;
    }
    Ok(packets)
}

async fn get(url: &Address) -> Outcome<Bytes> {
    let response = request(url).await?;
    let status = response.status();
    if status != StatusCode::OK {
        return Err(format!("{url}: the server answers {status}").into());
    }
    Ok(response.into_body().collect().await?.to_bytes())
}
