//! Asking upstream about one viewer before it is let in: SRS's `token_traverse`.

use srs_names::Missing;
use tokio::time::{Instant, timeout_at};

use super::Puller;
use crate::Upstream;
use crate::incoming::{Failed, Incoming};
use crate::limits::TRAVERSE;
use crate::opening::{Failures, missing};
use crate::way::{Known, Wanted};

impl Puller {
    /// Plays at one server of `upstream` with what the viewer said, up to its answer.
    ///
    /// # Errors
    /// What the server says against this viewer; that nobody answered.
    pub(super) async fn traverse(&self, upstream: &Upstream, wanted: &Wanted) -> Result<(), Missing> {
        let Known::Way(way) = upstream.known(wanted, 0) else { return Ok(()) };
        let until = Instant::now() + TRAVERSE;
        let asker = self.asker(wanted, &way);
        let mut failures = Failures::new();
        for target in self.living_first(way.plan.targets) {
            let opened = timeout_at(until, Incoming::open(&target, asker.as_ref())).await;
            match opened.unwrap_or_else(|_| Err(Failed::unreachable("no answer in time"))) {
                Ok(incoming) => {
                    incoming.close().await;
                    return Ok(());
                }
                Err(failed) => {
                    let silent = failed.is_silence();
                    self.note(&target, silent);
                    failures.push((target, failed));
                    // What one of them says of a viewer, all say.
                    if !silent || Instant::now() >= until {
                        break;
                    }
                }
            }
        }
        Err(missing(&failures))
    }
}
