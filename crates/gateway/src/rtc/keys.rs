//! When a publisher is asked for a key frame.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use srs_net::rtc::Connection;
use srs_rtc::engine::Asked;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::RtcSettings;
use crate::config::Vhost;

/// It is asked at most this often; and so often while pictures cannot go on without: the request may be lost, and one from
/// before the publisher's first packet is.
const AGAIN: Duration = Duration::from_millis(500);

/// Asks a publisher for key frames. Its timer is armed once per limit, not once per frame.
pub(super) struct KeyFrames<'a> {
    connection: &'a Connection,
    /// By itself a browser sends none after the first.
    every: Duration,
    /// It sends pictures at all.
    pictures: bool,
    asked: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl<'a> KeyFrames<'a> {
    pub(super) fn new(connection: &'a Connection, vhost: &Vhost, pictures: bool) -> KeyFrames<'a> {
        let every = vhost.rtc.as_ref().map_or(RtcSettings::default().key_frames, |rtc| rtc.key_frames);
        let timer = Box::pin(sleep_until(Instant::now()));
        KeyFrames { connection, every: every.max(AGAIN), pictures, asked: None, timer }
    }

    /// Asks, of this layer where there are layers.
    pub(super) fn ask(&mut self, layer: Option<Arc<str>>) {
        self.asked = Some(Instant::now());
        if self.pictures {
            self.connection.ask(Asked::KeyFrame(layer));
        }
    }

    /// Asks, unless that was done just now.
    pub(super) fn want(&mut self, layer: Option<Arc<str>>) {
        if self.asked.is_none_or(|asked| asked.elapsed() >= AGAIN) {
            self.ask(layer);
        }
    }

    /// Ready when it is time to ask; `broken` while pictures wait for a key frame.
    pub(super) fn poll_due(&mut self, broken: bool, cx: &mut Context<'_>) -> Poll<()> {
        let rest = if broken && self.pictures { AGAIN } else { self.every };
        let due = self.asked.map_or_else(|| self.timer.deadline(), |asked| asked + rest);
        if self.timer.deadline() != due {
            self.timer.as_mut().reset(due);
        }
        self.timer.as_mut().poll(cx)
    }
}
