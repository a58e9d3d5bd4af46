//! What is remembered for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Values by name, each for the same time after it was told last; never more than a number of them. One for all shards.
pub(super) struct Table<V> {
    entries: Mutex<HashMap<String, (V, Instant)>>,
    life: Duration,
    most: usize,
}

impl<V: Clone> Table<V> {
    pub(super) fn new(life: Duration, most: usize) -> Table<V> {
        Table { entries: Mutex::default(), life, most }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (V, Instant)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, name: &str) -> Option<V> {
        self.within(name, self.life)
    }

    /// What was told within this time.
    pub(super) fn within(&self, name: &str, time: Duration) -> Option<V> {
        let entries = self.lock();
        entries.get(name).filter(|(_, at)| at.elapsed() < time).map(|(value, _)| value.clone())
    }

    /// Takes note; the answer is whether there was nothing under this name. Without room it is forgotten at once: what is
    /// told here only makes things quicker.
    pub(super) fn put(&self, name: &str, value: V) -> bool {
        let mut entries = self.lock();
        let life = self.life;
        if let Some(entry) = entries.get_mut(name) {
            let was_old = entry.1.elapsed() >= life;
            *entry = (value, Instant::now());
            return was_old;
        }
        if entries.len() >= self.most {
            entries.retain(|_, (_, at)| at.elapsed() < life);
        }
        if entries.len() < self.most {
            entries.insert(name.to_owned(), (value, Instant::now()));
        }
        true
    }

    pub(super) fn forget(&self, name: &str) {
        self.lock().remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_has_a_time_and_a_number() {
        let table = Table::new(Duration::from_secs(2), 2);
        assert!(table.put("a", 1));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!table.put("a", 2), "told anew it lasts on");
        assert!(table.put("b", 3));
        table.put("c", 4);
        assert_eq!((table.get("a"), table.get("b"), table.get("c")), (Some(2), Some(3), None));
        assert_eq!(table.within("a", Duration::ZERO), None);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(table.get("a"), None);
        table.put("c", 5);
        assert_eq!(table.get("c"), Some(5), "the old ones make way");
        table.forget("c");
        assert_eq!(table.get("c"), None);
    }
}
