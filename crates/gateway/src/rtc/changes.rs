//! When what is known of a stream changes: whether it is live, and its headers.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};
use srs_hub::{Feed, Format, Headers, Hub, Opener, Phase, Rendition, Window};
use srs_media::{Frame, Kind, Role};
use srs_names::StreamKey;

use crate::rendition::ts::Headless;

/// One byte for each change.
const CHANGES: Format = Format("changes");

/// Awaits changes of one stream, which need not be there yet.
pub(super) struct Changes {
    feed: Feed,
    window: Window,
    phase: Phase,
}

impl Changes {
    /// Those that come from now on.
    pub(super) fn of(hub: &Hub, key: &StreamKey) -> Changes {
        let feed = hub.tap(key, CHANGES, || Box::<Marks>::default());
        let mut changes = Changes { feed, window: Window::default(), phase: Phase::Waiting };
        changes.pull();
        changes
    }

    /// Waits for the next one. May be dropped at any time without losing any.
    pub(super) async fn next(&mut self) {
        poll_fn(|cx| self.feed.poll_changed(&self.window, self.phase, cx)).await;
        self.pull();
    }

    fn pull(&mut self) {
        self.phase = self.feed.pull(&mut self.window, |_| {});
        self.window.trim(self.window.end());
    }
}

/// Marks headers, and the first frame of each kind.
#[derive(Default)]
struct Marks {
    audio: bool,
    video: bool,
}

impl Rendition for Marks {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(Headless)
    }

    fn begin(&mut self, headers: &Headers) {
        (self.audio, self.video) = (headers.audio, headers.video);
    }

    fn push(&mut self, frame: &Frame, _start: bool, out: &mut BytesMut) {
        let is_first = match frame.kind {
            Kind::Audio => !std::mem::replace(&mut self.audio, true),
            Kind::Video => !std::mem::replace(&mut self.video, true),
            Kind::Data => false,
        };
        if is_first || frame.role == Role::Config {
            out.put_u8(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::testkit::{begin, gateway, inter, key, publisher};

    const SHORT: Duration = Duration::from_millis(10);

    #[tokio::test(start_paused = true)]
    async fn a_change_is_that_a_stream_begins_or_has_another_header_and_no_frame_of_many() {
        let gateway = gateway(crate::Vhost::default());
        let mut changes = Changes::of(&gateway.hub, &key("a"));
        assert!(timeout(SHORT, changes.next()).await.is_err());
        let publisher = publisher(&gateway, "a");
        timeout(SHORT, changes.next()).await.unwrap();
        begin(&publisher);
        timeout(SHORT, changes.next()).await.unwrap();
        (1..100).for_each(|number| inter(&publisher, number * 40, 100));
        assert!(timeout(SHORT, changes.next()).await.is_err());
        crate::testkit::video(&publisher, 4_000, &[0x17, 0, 0, 0, 0, 2]);
        timeout(SHORT, changes.next()).await.unwrap();
        publisher.finish(srs_hub::Finish::Clean);
        timeout(SHORT, changes.next()).await.unwrap();
        drop(changes);
        assert!(gateway.hub.streams().is_empty(), "it keeps nothing");
    }
}
