//! One stream that is fetched: its servers are opened, read and left here, while viewers see one stream.

mod back;
mod pilot;
mod search;

use std::sync::Arc;

use srs_hub::{Finish, Hub, Phase, Publisher};
use srs_names::{Missing, MissingKind};

use crate::puller::Puller;
use crate::table::Flight;
use crate::way::Wanted;
use pilot::Pilot;
pub(crate) use pilot::shut;

/// How a fetch ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("{0}")]
    Missing(Missing),
    #[error("the stream ended upstream")]
    Over,
    #[error("nobody watches")]
    Unused,
    #[error("the stream is published here")]
    Here,
    #[error("lost, and not found again in time")]
    Lost,
    #[error("a defect here")]
    Broken,
}

/// Fetches a stream until it ends. To be called on a shard.
pub(crate) async fn run(puller: Arc<Puller>, hub: Hub, flight: Arc<Flight>, wanted: Wanted, turn: usize) {
    let mut landing =
        Landing { puller: Arc::clone(&puller), hub: hub.clone(), flight, publisher: None, ended: None };
    let pilot = Pilot::new(puller, hub, Arc::clone(&landing.flight), wanted, turn);
    landing.ended = Some(pilot.fly(&mut landing.publisher).await);
}

/// Clears up behind a fetch, also behind one that ended in a panic.
struct Landing {
    puller: Arc<Puller>,
    hub: Hub,
    flight: Arc<Flight>,
    publisher: Option<Publisher>,
    ended: Option<Ended>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let ended = self.ended.take().unwrap_or(Ended::Broken);
        let flight = &self.flight;
        tracing::info!(stream = %flight.key, reason = %ended, "pull ended");
        self.puller.left(&flight.key);
        let mut table = self.puller.table();
        // While the table is locked, so that nobody joins a fetch that is over, or takes its rest for a stream of our own.
        let came = self.publisher.take().map(|publisher| publisher.finish(Finish::Clean)).is_some();
        if table.flights.get(&flight.key).is_some_and(|known| Arc::ptr_eq(known, flight)) {
            table.flights.remove(&flight.key);
        }
        if came || is_live(self.hub.phase(&flight.key)) {
            return;
        }
        let missing = match ended {
            Ended::Missing(missing) => missing,
            other => Missing { kind: MissingKind::Unreachable, reason: other.to_string() },
        };
        table.note_missing(&flight.first, missing.clone());
        drop(table);
        flight.give_up(missing);
    }
}

/// Whether somebody publishes here, or is awaited.
pub(crate) fn is_live(phase: Option<Phase>) -> bool {
    matches!(phase, Some(Phase::Live | Phase::Held))
}

#[cfg(test)]
mod tests;
