//! What the marks say about a player's frames: late, missing, repeated, or another stream's.

use serde_json::{Map, Value, json};

use crate::mark::{Fault, Mark};
use crate::media;
use crate::stats::put_percentiles;

/// Counts of one player, or of all of them after `add`.
#[derive(Default)]
pub struct Judge {
    stream: u64,
    last: [Option<(u32, u32)>; 2],
    /// Delays are kept from here on, so that the burst from a GOP cache does not count.
    pub measuring: bool,
    delays_us: Vec<u64>,
    frames: u64,
    wrong_stream: u64,
    lost: u64,
    repeated: u64,
    other_instance: u64,
    corrupt: u64,
    unmarked: u64,
}

impl Judge {
    /// A judge of frames that should be of the stream with this hash.
    pub fn new(stream: u64) -> Self {
        Self { stream, ..Self::default() }
    }

    /// Looks at one tag body.
    pub fn frame(&mut self, kind: u8, body: &[u8], now_ns: u64) {
        if !media::is_coded(kind, body) {
            return;
        }
        self.frames += 1;
        let mark = match Mark::read(body) {
            Ok(mark) => mark,
            Err(Fault::Corrupt) => return self.corrupt += 1,
            Err(Fault::Missing) => return self.unmarked += 1,
        };
        if mark.stream != self.stream {
            return self.wrong_stream += 1;
        }
        if self.measuring {
            self.delays_us.push(now_ns.saturating_sub(mark.sent_ns) / 1000);
        }
        let last = &mut self.last[usize::from(kind == 9)];
        match *last {
            Some((instance, _)) if instance != mark.instance => self.other_instance += 1,
            Some((_, sequence)) if mark.sequence > sequence => {
                self.lost += u64::from(mark.sequence - sequence - 1)
            }
            Some(_) => self.repeated += 1,
            None => {}
        }
        *last = Some((mark.instance, mark.sequence));
    }

    /// Adds another player's counts.
    pub fn add(&mut self, other: &Self) {
        self.delays_us.extend_from_slice(&other.delays_us);
        self.frames += other.frames;
        self.wrong_stream += other.wrong_stream;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.other_instance += other.other_instance;
        self.corrupt += other.corrupt;
        self.unmarked += other.unmarked;
    }

    /// Puts the counts into a result line.
    pub fn report(&mut self, line: &mut Map<String, Value>) {
        put_percentiles(line, "delay", &mut self.delays_us, 1e3);
        for (name, count) in [
            ("frames_judged", self.frames),
            ("wrong_stream", self.wrong_stream),
            ("seq_gaps", self.lost),
            ("repeated", self.repeated),
            ("other_instance", self.other_instance),
            ("corrupt", self.corrupt),
            ("unmarked", self.unmarked),
        ] {
            line.insert(name.to_owned(), json!(count));
        }
    }
}

#[cfg(test)]
mod tests;
