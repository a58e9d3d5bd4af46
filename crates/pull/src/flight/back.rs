//! Going back to the first server.

use std::pin::Pin;
use std::sync::Arc;

use srs_names::MissingKind;
use tokio::time::sleep;

use super::pilot::Course;
use crate::opening::{Begin, Opened, open};

impl Course<'_> {
    /// Ready when the first server has the stream again, while it runs on another. Nothing waits for it.
    pub(super) fn failback(&self) -> Pin<Box<dyn Future<Output = Opened>>> {
        let is_away = self.way.plan.targets.first().is_some_and(|first| !first.is_place_of(&self.target));
        let Some(every) = self.way.plan.rules.failback.filter(|_| is_away) else {
            return Box::pin(std::future::pending());
        };
        let (puller, flight) = (Arc::clone(&self.pilot.puller), Arc::clone(&self.pilot.flight));
        let (present, turn) = (self.target.clone(), self.pilot.turn);
        Box::pin(async move {
            loop {
                sleep(every).await;
                let newest = flight.wishes().all().into_iter().next();
                let Some(wanted) = newest else { continue };
                let Ok(way) = puller.way(&wanted, turn).await else { continue };
                let asker = puller.asker(&wanted, &way);
                let first = way.plan.targets.into_iter().next();
                let Some(first) = first.filter(|first| !first.is_place_of(&present)) else { continue };
                match open(first, asker, Begin::Alive(true), Default::default()).await {
                    Ok(opened) => {
                        flight.wishes().accepted(&wanted);
                        return opened;
                    }
                    Err((_, failed)) if failed.kind == MissingKind::Forbidden => {
                        flight.wishes().refused(&wanted);
                    }
                    Err(_) => {}
                }
            }
        })
    }
}
