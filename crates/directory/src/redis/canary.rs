//! A key that this proxy writes each second and reads back: what became of it is what became of all other writes.

use super::wire::{Fault, Wire};
use redis::Value;
use std::time::Duration;
use tokio::time::Instant;

/// The canary's time limit in Redis.
const LIFE: Duration = Duration::from_secs(10);
/// A second before its end it may be gone by a slow clock.
const SURE: Duration = Duration::from_secs(9);

/// What reading it back said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// What was written last, or the first time.
    Whole,
    /// Something older, or nothing: writes were lost.
    Lost,
    /// What another process wrote, under our name.
    Strange,
}

pub(super) struct Canary {
    key: String,
    /// Tells this run of the program from others.
    run: String,
    counter: u64,
    /// The last counter that Redis took, and when that was sent.
    told: Option<(u64, Instant)>,
}

impl Canary {
    pub(super) fn new(key: String, run: String) -> Self {
        Self { key, run, counter: 0, told: None }
    }

    /// Reads what was written last and writes it anew. Each of both has until `patience` is over.
    pub(super) async fn refresh(&mut self, wire: &mut Wire, patience: Duration) -> Result<Found, Fault> {
        let read = wire.ask(redis::cmd("GET").arg(&self.key), Instant::now() + patience).await?;
        let found = self.judge(&read, Instant::now())?;
        let counter = self.counter.saturating_add(1);
        self.counter = counter;
        let sent = Instant::now();
        let mut write = redis::cmd("SET");
        write
            .arg(&self.key)
            .arg(format!("{} {counter}", self.run))
            .arg("PX")
            .arg(LIFE.as_millis().to_string());
        match wire.ask(&write, sent + patience).await? {
            Value::Okay => {
                self.told = Some((counter, sent));
                Ok(found)
            }
            _ => Err(Fault::Malformed),
        }
    }

    fn judge(&self, read: &Value, now: Instant) -> Result<Found, Fault> {
        let Some((told, sent)) = self.told else { return Ok(Found::Whole) };
        match read {
            Value::Nil if now.saturating_duration_since(sent) >= SURE => Ok(Found::Whole),
            Value::Nil => Ok(Found::Lost),
            Value::BulkString(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                let Some((run, number)) = text.split_once(' ') else { return Ok(Found::Strange) };
                match number.parse::<u64>() {
                    Ok(number) if run == self.run && number >= told => Ok(Found::Whole),
                    Ok(_) if run == self.run => Ok(Found::Lost),
                    _ => Ok(Found::Strange),
                }
            }
            _ => Err(Fault::Malformed),
        }
    }
}

#[cfg(test)]
mod tests;
