//! From messages to frames at the hub.

use srs_flv::transport::Transport;
use srs_hub::{Publisher, Superseded};

/// Turns what a publisher sends into frames.
#[derive(Debug, Default)]
pub(super) struct Intake {
    transport: Transport,
}

impl Intake {
    /// Takes a message; the answer is how many frames it completed. `cid` is for the log.
    pub(super) fn take(
        &mut self,
        message: &[u8],
        publisher: &Publisher,
        cid: &str,
    ) -> Result<usize, Superseded> {
        let mut count = Ok(0_usize);
        let mut push = |frame| {
            let pushed = publisher.push(frame);
            count = count.and_then(|count| pushed.map(|()| count.saturating_add(1)));
        };
        self.transport.push(message, &mut push, &mut |text| tracing::warn!(cid, "srt publish: {text}"));
        count
    }

    /// The publisher sends no more: what only a next picture would have ended is a frame too.
    pub(super) fn end(&mut self, publisher: &Publisher) {
        self.transport.flush(&mut |frame| {
            // Where another has taken over, there is nobody left to tell.
            let _superseded = publisher.push(frame);
        });
    }

    /// Packets and units that came damaged or not at all.
    pub(super) fn errors(&self) -> u64 {
        self.transport.errors()
    }
}
