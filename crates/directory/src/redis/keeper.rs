//! Keeps the connection: opens it, proves it by a write, watches it, opens the next.

use super::canary::{Canary, Found};
use super::link::Link;
use super::settings::Target;
use super::wire::{Fault, Wire};
use redis::Value;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Between two looks at a connection that works.
const LOOK: Duration = Duration::from_secs(1);
/// Opening takes so long at most, with sentinels that do not answer.
const OPEN: Duration = Duration::from_secs(3);
/// Before another attempt; doubled after each one, less up to half by chance.
const MIN_WAIT: Duration = Duration::from_millis(500);
const MAX_WAIT: Duration = Duration::from_secs(2);
/// A connection that held for so long is replaced at once; one that breaks sooner has to wait like a failed attempt.
const STEADY: Duration = Duration::from_secs(5);

pub(super) struct Keeper {
    target: Target,
    link: Arc<Link>,
    canary: Canary,
    /// Which server of a cluster has which keys, as a hash; none before the first answer.
    layout: Option<u64>,
}

impl Keeper {
    pub(super) fn new(target: Target, link: Arc<Link>, canary: Canary) -> Self {
        Self { target, link, canary, layout: None }
    }

    pub(super) async fn run(mut self) {
        let mut wait = MIN_WAIT;
        let mut serial = 0_u64;
        loop {
            match self.open().await {
                Ok(wire) => {
                    // What was written over an earlier connection may be gone with the server that it led to.
                    if serial > 0 {
                        self.link.lost_writes();
                    }
                    serial = serial.wrapping_add(1);
                    let since = Instant::now();
                    self.link.install(wire.clone(), serial);
                    self.watch(wire, serial).await;
                    if since.elapsed() >= STEADY {
                        wait = MIN_WAIT;
                        continue;
                    }
                }
                Err(fault) => self.link.still_away(&fault),
            }
            tokio::time::sleep(wait.mul_f64(1.0 - rand::random::<f64>() / 2.0)).await;
            wait = wait.saturating_mul(2).min(MAX_WAIT);
        }
    }

    /// A new connection over which a write was done within the time of an operation: whoever cannot write has no
    /// directory.
    async fn open(&mut self) -> Result<Wire, Fault> {
        let target = self.target.clone();
        // In a task of its own: should the client's code panic on an answer, the next attempt follows all the same.
        let attempt = tokio::spawn(async move { timeout(OPEN, Wire::open(&target)).await });
        let mut wire = match attempt.await {
            Ok(Ok(outcome)) => outcome?,
            Ok(Err(_)) => return Err(Fault::Late),
            Err(_) => return Err(Fault::Broken("the client gave up on an answer".to_owned())),
        };
        if !wire.is_cluster() {
            let pong = wire.ask(&redis::cmd("PING"), self.link.deadline()).await?;
            if !matches!(pong, Value::SimpleString(text) if text == "PONG") {
                return Err(Fault::Malformed);
            }
        }
        // What it finds says no more than that this is another connection.
        self.canary.refresh(&mut wire, self.link.patience).await?;
        Ok(wire)
    }

    /// Looks after a connection until it is the present one no more.
    async fn watch(&mut self, mut wire: Wire, serial: u64) {
        let link = Arc::clone(&self.link);
        loop {
            tokio::select! {
                () = link.gone(serial) => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            match self.canary.refresh(&mut wire, link.patience).await {
                Ok(found) => {
                    link.answered();
                    self.conclude(found);
                }
                Err(fault) => link.missed(&wire, serial, &fault),
            }
            if wire.is_cluster() {
                self.look_at_cluster(&mut wire).await;
            }
        }
    }

    fn conclude(&self, found: Found) {
        match found {
            Found::Whole => {}
            Found::Lost => {
                self.link.journal.odd("lost", "writes were lost, claims are put back");
                self.link.lost_writes();
            }
            Found::Strange => {
                self.link.journal.odd("strange", "another process uses this proxy's id");
            }
        }
    }

    /// The canary is on one server of many: that another one was replaced shows in the layout only.
    async fn look_at_cluster(&mut self, wire: &mut Wire) {
        let answer = wire.ask(redis::cmd("CLUSTER").arg("SLOTS"), self.link.deadline()).await;
        let Some(layout) = answer.ok().as_ref().and_then(layout) else { return };
        if self.layout.replace(layout).is_some_and(|before| before != layout) {
            self.link.lost_writes();
        }
    }
}

/// A hash of the ranges of slots with the name or address of the master of each, in any order.
fn layout(slots: &Value) -> Option<u64> {
    let Value::Array(ranges) = slots else { return None };
    let mut sum = 0_u64;
    for range in ranges {
        let Value::Array(parts) = range else { return None };
        let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = parts.as_slice() else {
            return None;
        };
        let mut hasher = DefaultHasher::new();
        (first, last).hash(&mut hasher);
        // Address, port and, from Redis 4 on, the id.
        for part in master.iter().take(3) {
            match part {
                Value::BulkString(bytes) => bytes.hash(&mut hasher),
                Value::Int(number) => number.hash(&mut hasher),
                _ => {}
            }
        }
        sum = sum.wrapping_add(hasher.finish());
    }
    Some(sum)
}
