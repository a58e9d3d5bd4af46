//! What publishers that are connected have agreed to send.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use srs_names::StreamKey;
use srs_rtc::Codec;

type Table = Mutex<HashMap<StreamKey, (u64, Vec<Codec>)>>;

/// The codecs of each stream that is published by WebRTC here. They are known before its first picture is whole.
#[derive(Debug, Default)]
pub(super) struct Agreed {
    table: Arc<Table>,
    last: Mutex<u64>,
}

/// One publisher's, until it is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Entry {
    table: Arc<Table>,
    key: StreamKey,
    number: u64,
}

impl Agreed {
    /// A publisher sends these from now on, in the place of the one before.
    pub(super) fn begin(&self, key: &StreamKey, codecs: Vec<Codec>) -> Entry {
        let number = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = last.wrapping_add(1);
            *last
        };
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.insert(key.clone(), (number, codecs));
        Entry { table: Arc::clone(&self.table), key: key.clone(), number }
    }

    /// What the publisher of a stream sends; none when it is not published by WebRTC.
    pub(super) fn of(&self, key: &StreamKey) -> Option<Vec<Codec>> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.get(key).map(|(_, codecs)| codecs.clone())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            table.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_publisher_says_what_comes_until_it_is_gone() {
        let agreed = Agreed::default();
        let key = StreamKey::new("v", "live", "a").unwrap();
        let first = agreed.begin(&key, vec![Codec::H264]);
        let second = agreed.begin(&key, vec![Codec::Vp8, Codec::Opus]);
        drop(first);
        assert_eq!(agreed.of(&key), Some(vec![Codec::Vp8, Codec::Opus]));
        drop(second);
        assert_eq!(agreed.of(&key), None);
    }
}
