//! Result lines grouped by what was measured.

use serde_json::Value;

use super::show;
use crate::Outcome;
use crate::stats::median;

/// All result lines of a run of `scripts/bench`.
pub struct Rows(Vec<Row>);

/// One result line.
#[derive(Clone)]
pub struct Row(Value);

/// What was measured, apart from which server and which round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    suite: String,
    server: String,
    /// `rtmp`, `flv`, `hls`, `srt` or `webrtc`.
    pub proto: String,
    /// Nominal rate of a stream.
    pub kbps: u64,
    /// Players, or publishers.
    pub players: u64,
    /// Milliseconds of merged writes, `-` where it does not apply.
    pub mw: String,
}

impl Key {
    /// The same for this server.
    pub fn server(&self, server: &str) -> Self {
        Self { server: server.to_owned(), ..self.clone() }
    }

    fn ours(&self) -> bool {
        matches!(self.server.as_str(), "us" | "one" | "two")
            || self.suite == "hls" && matches!(self.server.as_str(), "disk" | "proxy")
            || self.suite == "srt" && self.server == "proxy"
            || self.suite == "rtc" && self.server != "peer"
            || matches!(self.suite.as_str(), "edge" | "edges" | "cold")
    }

    /// nginx-rtmp has neither HTTP-FLV nor merged writes: one measurement stands beside all of ours.
    pub fn nginx(&self) -> Self {
        Self { proto: "rtmp".to_owned(), mw: "-".to_owned(), ..self.server("nginx") }
    }

    /// srt-live-transmit has one player: what it spends on one large stream stands beside all of ours.
    pub fn srt_live_transmit(&self) -> Self {
        Self { kbps: 20_000, players: 1, ..self.server("slt") }
    }

    /// The bare sends know no protocol.
    pub fn floor(&self) -> Self {
        Self { proto: "-".to_owned(), ..self.server("floor") }
    }
}

impl Row {
    /// A number of the line.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    fn text(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => "-".to_owned(),
        }
    }

    fn key(&self) -> Key {
        let number = |name: &str| self.number(name).unwrap_or(0.0) as u64;
        Key {
            suite: self.text("suite"),
            server: self.text("server"),
            proto: self.text("proto"),
            kbps: number("kbps"),
            players: number("n"),
            mw: self.text("mw"),
        }
    }
}

impl Rows {
    /// Reads JSON lines.
    pub fn read(text: &str) -> Outcome<Self> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        Ok(Self(lines.map(|line| serde_json::from_str(line).map(Row)).collect::<Result<_, _>>()?))
    }

    /// Whether a server of ours was measured at all.
    pub fn any_ours(&self) -> bool {
        self.0.iter().any(|row| row.key().ours())
    }

    /// What a suite measured on our servers, or on peers when ours are absent, in the order of the lines.
    pub fn keys(&self, suite: &str) -> Vec<Key> {
        let all = || self.0.iter().map(Row::key).filter(|key| key.suite == suite);
        let any_ours = self.any_ours();
        let mut found: Vec<Key> = Vec::new();
        for key in all().filter(|key| key.ours() || !any_ours) {
            let key = key.server("");
            if !found.contains(&key) {
                found.push(key);
            }
        }
        found
    }

    /// Whether there is no line at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lines of one key, one per round.
    pub fn of(&self, key: &Key) -> Self {
        Self(self.0.iter().filter(|row| row.key() == *key).cloned().collect())
    }

    /// Median over rounds.
    pub fn median(&self, name: &str) -> Option<f64> {
        median(&self.0.iter().filter_map(|row| row.number(name)).collect::<Vec<_>>())
    }

    /// Median over rounds as text.
    pub fn figure(&self, name: &str, decimals: usize) -> String {
        show(self.median(name), decimals)
    }

    /// Median p50 and p99.
    pub fn pair(&self, name: &str) -> String {
        let of = |percent: u8| show(self.median(&format!("{name}_p{percent}_ms")), 1);
        if self.0.is_empty() { "-".to_owned() } else { format!("{} / {} ms", of(50), of(99)) }
    }

    /// The largest over rounds: for counts that should be zero a median would hide a fault.
    pub fn worst(&self, name: &str) -> String {
        show(self.worst_of(|row| row.number(name)), 0)
    }

    /// The largest over rounds of what `read` finds.
    pub fn worst_of(&self, read: impl Fn(&Row) -> Option<f64>) -> Option<f64> {
        self.0.iter().filter_map(read).reduce(f64::max)
    }

    /// Median over rounds of this figure by that of `other` in the same round.
    pub fn ratio(&self, other: &Self, name: &str) -> Option<f64> {
        self.by_round(other, name, |ours, theirs| (theirs > 0.0).then(|| ours / theirs))
    }

    /// The least and the largest of those ratios, and how many there are.
    pub fn ratios(&self, other: &Self, name: &str) -> String {
        let mut found = self.in_rounds(other, name, |ours, theirs| (theirs > 0.0).then(|| ours / theirs));
        found.sort_unstable_by(f64::total_cmp);
        format!(
            "{} to {} of {}",
            show(found.first().copied(), 2),
            show(found.last().copied(), 2),
            found.len()
        )
    }

    /// Median over rounds of this figure less that of `other` in the same round.
    pub fn difference(&self, other: &Self, name: &str) -> Option<f64> {
        self.by_round(other, name, |ours, theirs| Some(ours - theirs))
    }

    fn by_round(&self, other: &Self, name: &str, join: impl Fn(f64, f64) -> Option<f64>) -> Option<f64> {
        median(&self.in_rounds(other, name, join))
    }

    fn in_rounds(&self, other: &Self, name: &str, join: impl Fn(f64, f64) -> Option<f64>) -> Vec<f64> {
        let joined = self.0.iter().filter_map(|row| {
            let round = row.number("round")?;
            let theirs = other.0.iter().find(|other| other.number("round") == Some(round))?;
            join(row.number(name)?, theirs.number(name)?)
        });
        joined.collect()
    }

    /// Median over rounds of the busiest thread's part of the work.
    pub fn largest_share(&self) -> Option<f64> {
        let share = |row: &Row| row.0.get("threads")?.get(0)?.get("share")?.as_f64();
        median(&self.0.iter().filter_map(share).collect::<Vec<_>>())
    }
}
