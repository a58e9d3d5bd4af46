//! A player of HLS that believes nothing: lists are read by another parser, segments are checked packet by packet.

use std::net::SocketAddr;
use std::time::Duration;

use m3u8_rs::{MediaPlaylist, Playlist};
use srs_ts::check::Checker;
use tokio::time::{Instant, sleep};

use crate::{PATIENCE, http};

/// How often the list is asked for.
const POLL: Duration = Duration::from_millis(250);

/// A player, and what it found.
pub struct HlsPlayer {
    address: SocketAddr,
    /// Where each segment is fetched once more, and must be the same.
    mirror: Option<SocketAddr>,
    path: String,
    checker: Checker,
    errors: u64,
    /// Number of the newest segment that was fetched.
    newest: Option<u64>,
    /// Number of the first segment in the newest list.
    first: u64,
    /// When the first list came.
    pub ready: Instant,
    /// Seconds of all segments together.
    pub seconds: f64,
    /// Segments fetched.
    pub segments: u64,
    /// Lists read.
    pub lists: u64,
    /// Discontinuities between segments that were fetched.
    pub breaks: u64,
    /// When a segment came that does not follow the one before, each such time.
    pub jumps: Vec<Instant>,
    /// The discontinuity sequence of the newest list.
    discontinuities: u64,
}

impl HlsPlayer {
    /// Waits for the first list of `path`, and follows a master list.
    pub async fn start(address: SocketAddr, path: &str) -> HlsPlayer {
        let mut player = HlsPlayer {
            address,
            mirror: None,
            path: path.to_owned(),
            checker: Checker::new(),
            errors: 0,
            newest: None,
            first: 0,
            ready: Instant::now(),
            seconds: 0.0,
            segments: 0,
            lists: 0,
            breaks: 0,
            jumps: Vec::new(),
            discontinuities: 0,
        };
        let deadline = Instant::now() + 2 * PATIENCE;
        loop {
            let reply = http::get(address, &player.path).await;
            if reply.head.status == 200 {
                match m3u8_rs::parse_playlist_res(&reply.body).expect("a list that parses") {
                    Playlist::MasterPlaylist(master) => {
                        player.path = beside(&player.path, &master.variants[0].uri);
                        continue;
                    }
                    Playlist::MediaPlaylist(_) => break,
                }
            }
            assert!(Instant::now() < deadline, "no list: {}", reply.head.status);
            sleep(POLL).await;
        }
        player.ready = Instant::now();
        player
    }

    /// Reads the list once and fetches what is new; true when the list says that the stream is over.
    pub async fn step(&mut self) -> bool {
        let reply = http::get(self.address, &self.path).await;
        assert_eq!(reply.head.status, 200, "{}: {}", self.path, String::from_utf8_lossy(&reply.body));
        let (rest, list) = m3u8_rs::parse_media_playlist(&reply.body).expect("a media list that parses");
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&reply.body));
        self.check(&list);
        for (number, segment) in (list.media_sequence..).zip(&list.segments) {
            if self.newest.is_some_and(|newest| number <= newest) {
                continue;
            }
            if self.newest.is_some_and(|newest| number != newest + 1) {
                assert!(
                    segment.discontinuity,
                    "segment {number} does not follow {:?} and is not marked",
                    self.newest
                );
                self.jumps.push(Instant::now());
                // Another multiplexer counts its packets anew.
                self.errors += self.checker.continuity_errors();
                self.checker = Checker::new();
            }
            let got = http::get(self.address, &beside(&self.path, &segment.uri)).await;
            assert_eq!(got.head.status, 200, "{}", segment.uri);
            if let Some(mirror) = self.mirror {
                let same = http::get(mirror, &beside(&self.path, &segment.uri)).await;
                assert_eq!(same.head.status, 200, "{} at the other", segment.uri);
                assert!(same.body == got.body, "{} is another at the other", segment.uri);
            }
            if segment.discontinuity {
                self.breaks += 1;
                self.checker.forget_times();
            }
            self.checker.packets(&got.body).unwrap_or_else(|fault| panic!("{}: {fault:?}", segment.uri));
            self.newest = Some(number);
            self.seconds += f64::from(segment.duration);
            self.segments += 1;
        }
        list.end_list
    }

    fn check(&mut self, list: &MediaPlaylist) {
        assert!(list.media_sequence >= self.first, "the first number went back");
        assert!(list.discontinuity_sequence >= self.discontinuities, "the discontinuity sequence went back");
        self.first = list.media_sequence;
        self.discontinuities = list.discontinuity_sequence;
        self.lists += 1;
        for segment in &list.segments {
            let rounded = segment.duration.round();
            assert!(
                rounded <= list.target_duration as f32,
                "{rounded} s in a list of {}",
                list.target_duration
            );
        }
    }

    /// Plays for so long, by the clock.
    pub async fn play(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.step().await;
            sleep(POLL).await;
        }
    }

    /// The same at these servers of the same lists in turns, one for each look at the list: the segments of each are compared
    /// with those of the one before.
    pub async fn play_in_turns(&mut self, servers: &[SocketAddr], time: Duration) {
        let end = Instant::now() + time;
        for server in servers.iter().cycle().take_while(|_| Instant::now() < end) {
            self.mirror = Some(std::mem::replace(&mut self.address, *server));
            self.step().await;
            sleep(POLL).await;
        }
    }

    /// Faults of continuity over all segments.
    pub fn continuity_errors(&self) -> u64 {
        self.errors + self.checker.continuity_errors()
    }
}

/// The address of `uri` in a list at `path`.
fn beside(path: &str, uri: &str) -> String {
    if uri.starts_with('/') {
        return uri.to_owned();
    }
    let folder = path.split('?').next().unwrap_or(path).rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{uri}")
}
