//! The way into a fetch.

use std::future::pending;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use srs_names::{Fetch, Missing, MissingKind};
use tokio::time::timeout;

use super::Puller;
use crate::flight;
use crate::limits::LOST;
use crate::table::Flight;
use crate::way::{Known, Wanted};

impl Puller {
    /// Keeps nodes off a fetch that has lost its server, but for a moment. Two nodes that are each other's servers would else
    /// pass on to each other for ever what both have, and neither would come to the server that is back.
    pub(super) async fn await_found(&self, wanted: &Wanted) -> Result<(), Missing> {
        let flight = self.table().flights.get(&wanted.key).cloned();
        let Some(flight) = flight.filter(|_| !wanted.hops.is_empty()) else { return Ok(()) };
        let lost = |_| {
            let reason = "it is lost, and looked for".to_owned();
            Missing { kind: MissingKind::NotFound, reason }
        };
        timeout(LOST, flight.found()).await.map_err(lost)
    }

    /// Joins those for whom it is fetched, or begins to fetch it.
    pub(super) fn join(&self, wanted: Wanted) -> Result<Fetch, Missing> {
        Ok(match self.board(wanted.clone(), false)? {
            Some(flight) => Fetch::Coming(Box::pin(missing(Weak::clone(&self.me), flight, wanted))),
            None => Fetch::Here,
        })
    }

    /// The fetch that a wish joins, or that begins with it; none for what is not fetched.
    pub(super) fn board(&self, wanted: Wanted, listed: bool) -> Result<Option<Arc<Flight>>, Missing> {
        let (Some(place), Some(upstream)) = (self.place.get(), self.upstream(&wanted.key)) else {
            return Ok(None);
        };
        let mut table = self.table();
        if let Some(flight) = table.flights.get(&wanted.key) {
            flight.touch();
            if listed {
                flight.list(true);
            } else {
                flight.wishes().add(&wanted);
            }
            return Ok(Some(Arc::clone(flight)));
        }
        if flight::is_live(place.hub.phase(&wanted.key)) {
            return Ok(None);
        }
        if let Some(missing) = table.missing(&wanted) {
            return Err(missing);
        }
        let turn = self.turn.load(Ordering::Relaxed);
        match upstream.known(&wanted, turn) {
            Known::Here => return Ok(None),
            Known::Missing(missing) => return Err(missing),
            Known::Way(way) => self.admit(&wanted.key, &way)?,
            Known::Store => {}
        }
        if table.flights.len() >= self.config.most {
            let reason = format!("{} streams are fetched already", self.config.most);
            return Err(Missing { kind: MissingKind::Unreachable, reason });
        }
        let Some(me) = self.me.upgrade() else { return Ok(None) };
        self.turn.fetch_add(1, Ordering::Relaxed);
        let flight = Arc::new(Flight::new(wanted.clone()));
        flight.list(listed);
        if upstream.has_apps() {
            self.apps.used(wanted.key.vhost(), wanted.key.app(), self.began.elapsed());
        }
        table.flights.insert(wanted.key.clone(), Arc::clone(&flight));
        drop(table);
        let (hub, begun) = (place.hub.clone(), Arc::clone(&flight));
        tracing::info!(stream = %wanted.key, "pull begins");
        self.start(move || flight::run(me, hub, begun, wanted, turn));
        Ok(Some(flight))
    }
}

/// Ready when what was wanted is given up. A refusal is for who began the fetch: whoever differs from him asks for himself.
async fn missing(puller: Weak<Puller>, mut flight: Arc<Flight>, wanted: Wanted) -> Missing {
    loop {
        let missing = flight.missing().await;
        if missing.kind != MissingKind::Forbidden || flight.first.is_as(&wanted) {
            return missing;
        }
        let Some(puller) = puller.upgrade() else { return missing };
        match puller.board(wanted.clone(), false) {
            Ok(Some(next)) => flight = next,
            Ok(None) => pending().await,
            Err(missing) => return missing,
        }
    }
}
