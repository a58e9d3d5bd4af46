//! Asking upstream about one viewer before it is let in: SRS's `token_traverse`.

use srs_names::{Missing, MissingKind};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::Puller;
use crate::Upstream;
use crate::envelope::Asker;
use crate::flight::shut;
use crate::incoming::{Failed, Incoming};
use crate::limits::TRAVERSE;
use crate::opening::{Failures, missing};
use crate::plan::Target;
use crate::way::{Known, Wanted};

impl Puller {
    /// Asks about a viewer, and remembers for a moment where there is nothing for anybody.
    ///
    /// # Errors
    /// What the server says against this viewer; that nobody answered.
    pub(super) async fn traverse(&self, upstream: &Upstream, wanted: &Wanted) -> Result<(), Missing> {
        let missing = self.table().missing(wanted);
        missing.map_or(Ok(()), Err)?;
        let asked = self.ask(upstream, wanted).await;
        if let Err(missing) = &asked
            && missing.kind != MissingKind::Unreachable
        {
            self.table().note_missing(wanted, missing.clone());
        }
        asked
    }

    /// Plays at one server of `upstream` with what the viewer said, up to its answer.
    async fn ask(&self, upstream: &Upstream, wanted: &Wanted) -> Result<(), Missing> {
        let Known::Way(way) = upstream.known(wanted, 0) else { return Ok(()) };
        let until = Instant::now() + TRAVERSE;
        let asker = self.asker(wanted, &way);
        let mut failures = Failures::new();
        for target in self.living_first(way.plan.targets) {
            let Ok(opened) = timeout_at(until, self.knock(target.clone(), asker.clone())).await else {
                // That says more of our patience than of the server.
                failures.push((target, Failed::unreachable("no answer in time")));
                break;
            };
            match opened {
                Ok(()) => return Ok(()),
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

    /// Plays at this server up to its answer. It is done on a shard, where connections stay.
    async fn knock(&self, target: Target, asker: Option<Asker>) -> Result<(), Failed> {
        let (mut answer, answered) = oneshot::channel();
        self.start(async move || {
            tokio::select! {
                opened = Incoming::open(&target, asker.as_ref()) => {
                    let _nobody_waits = answer.send(opened.map(shut));
                }
                () = answer.closed() => {}
            }
        });
        answered.await.unwrap_or_else(|_| Err(Failed::unreachable("nobody could ask")))
    }
}
