//! Viewers over RTMP and HTTP-FLV of the clip, who see whether anything is missing by the times of frames.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::media::{AUDIO, VIDEO};
use crate::{FlvPlayer, Frame, Player, Target, within};

/// Milliseconds of a picture, and of 1024 samples of sound.
const EACH: [(u8, f64); 2] = [(VIDEO, 40.0), (AUDIO, 1_024.0 / 48.0)];
/// Milliseconds that are no step from one frame to the next: a publisher began anew there.
const JUMP: u32 = 500;

/// What one viewer saw.
#[derive(Debug)]
pub struct Watched {
    kinds: HashMap<u8, Kind>,
    last: Instant,
    /// The longest time between two frames, by the clock.
    pub longest: Duration,
    /// Whether the server ended it.
    pub ended: bool,
}

/// Frames of one kind, in runs without a jump of time.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// Frames of all runs.
    count: u64,
    /// Frames that there must be of all runs but the last, by their times.
    due: f64,
    runs: u64,
    first: u32,
    last: u32,
    backwards: u64,
}

impl Watched {
    fn new() -> Watched {
        Watched { kinds: HashMap::new(), last: Instant::now(), longest: Duration::ZERO, ended: false }
    }

    /// The time since the last frame is waiting too, unless it was the end.
    fn close(mut self, ended: bool) -> Watched {
        self.ended = ended;
        if !ended {
            self.longest = self.longest.max(self.last.elapsed());
        }
        self
    }

    fn see(&mut self, frame: &Frame) {
        if !frame.mark().is_coded() || !matches!(frame.kind, AUDIO | VIDEO) || frame.body.len() < 3 {
            return;
        }
        self.longest = self.longest.max(self.last.elapsed());
        self.last = Instant::now();
        let time = frame.time;
        let begun = Kind { count: 0, due: 0.0, runs: 1, first: time, last: time, backwards: 0 };
        let kind = self.kinds.entry(frame.kind).or_insert(begun);
        kind.count += 1;
        kind.backwards += u64::from(time < kind.last);
        if time.abs_diff(kind.last) > JUMP {
            kind.due += kind.run(frame.kind);
            (kind.first, kind.runs) = (time, kind.runs + 1);
        }
        kind.last = time;
    }

    /// How often one kind jumped in time.
    pub fn jumps(&self) -> u64 {
        self.kinds.values().map(|kind| kind.runs - 1).max().unwrap_or(0)
    }

    /// Asserts that no frame is missing between the first and the last but for jumps, that pictures last so long at least,
    /// and that times only grow.
    pub fn assert_whole(&self, what: &str, seconds: f64) {
        println!("{what}: {self:?}");
        for (number, _) in EACH {
            let kind =
                self.kinds.get(&number).unwrap_or_else(|| panic!("{what}: no frames of {number}: {self:?}"));
            let due = kind.due + kind.run(number);
            // Where the clip begins anew one may be missing or be there twice.
            let seams = 2.0 + due / 400.0;
            assert!((kind.count as f64 - due).abs() <= seams, "{what}: {due} are due of {number}: {self:?}");
            assert_eq!(kind.backwards, 0, "{what}: {self:?}");
            if number == VIDEO {
                assert!(due / 25.0 >= seconds, "{what}: {seconds} s wanted: {self:?}");
            }
        }
    }
}

impl Kind {
    fn run(&self, kind: u8) -> f64 {
        let each = EACH.iter().find(|(number, _)| *number == kind).map_or(1.0, |(_, each)| *each);
        f64::from(self.last.wrapping_sub(self.first)) / each + 1.0
    }
}

/// Watches `live/NAME` over RTMP for so long, or to its end.
pub async fn rtmp(address: SocketAddr, name: &str, time: Duration) -> Watched {
    let mut player = Player::connect(address, &Target::live(name)).await.expect("playing begins");
    within(&format!("the first frame of {name} over RTMP"), player.frames(1)).await;
    let mut watched = Watched::new();
    let watch = async {
        while let Some(frame) = player.next().await {
            watched.see(&frame);
        }
    };
    let ended = timeout(time, watch).await.is_ok();
    watched.close(ended)
}

/// Watches `live/NAME` over HTTP-FLV for so long, or to its end.
pub async fn flv(address: SocketAddr, name: &str, time: Duration) -> Watched {
    let mut player = FlvPlayer::connect(address, &Target::flv(name)).await;
    within(&format!("the first frame of {name} over HTTP-FLV"), player.frames(1)).await;
    let mut watched = Watched::new();
    let watch = async {
        while let Some(frame) = player.next().await {
            watched.see(&frame);
        }
    };
    let ended = timeout(time, watch).await.is_ok();
    watched.close(ended)
}
