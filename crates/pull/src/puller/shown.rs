//! What operators are shown of fetches.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use srs_names::{AppRecord, FetchRecord, StreamKey};

use super::Puller;
use crate::apps;
use crate::plan::Scheme;

impl Puller {
    /// What is fetched now, in the order of the streams' names.
    pub fn pulls(&self) -> Vec<FetchRecord> {
        let flights: Vec<_> = self.table().flights.values().cloned().collect();
        let viewers = |key: &StreamKey| self.place.get().map_or(0, |place| place.hub.viewers(key));
        let mut records: Vec<_> = flights
            .iter()
            .map(|flight| FetchRecord { viewers: viewers(&flight.key), ..flight.record() })
            .collect();
        records.sort_by(|one, other| one.key.cmp(&other.key));
        records
    }

    /// The applications that there are, made ones among them.
    pub fn applications(&self) -> Vec<AppRecord> {
        let (now, began) = (self.began.elapsed(), SystemTime::now());
        let unix_ms = |made: Duration| {
            let at = began.checked_sub(now.saturating_sub(made)).unwrap_or(UNIX_EPOCH);
            unix_ms(at)
        };
        let record = |app: apps::AppRecord| AppRecord {
            vhost: app.vhost,
            name: app.name,
            providers: app.schemes.into_iter().map(|scheme| Scheme::name(scheme).to_owned()).collect(),
            made_ms: app.made.map(unix_ms),
            streams: app.streams as u64,
        };
        self.apps.list().into_iter().map(record).collect()
    }
}

/// Milliseconds since 1970.
pub(crate) fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
