//! What is remembered for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A full table is looked through for what is old no more often.
const SWEEP: Duration = Duration::from_secs(1);

/// Values by name, each for the same time after it was told last; never more than a number of them. One for all shards.
pub(super) struct Table<V> {
    state: Mutex<State<V>>,
    life: Duration,
    most: usize,
}

struct State<V> {
    entries: HashMap<String, (V, Instant)>,
    /// When what is old was last removed.
    swept: Option<Instant>,
}

impl<V: Clone> Table<V> {
    pub(super) fn new(life: Duration, most: usize) -> Table<V> {
        Table { state: Mutex::new(State { entries: HashMap::new(), swept: None }), life, most }
    }

    fn lock(&self) -> MutexGuard<'_, State<V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, name: &str) -> Option<V> {
        self.within(name, self.life)
    }

    /// What was told within this time.
    pub(super) fn within(&self, name: &str, time: Duration) -> Option<V> {
        let state = self.lock();
        state.entries.get(name).filter(|(_, at)| at.elapsed() < time).map(|(value, _)| value.clone())
    }

    /// Takes note; the answer is whether there was nothing under this name. Without room it is forgotten at once: what is
    /// told here only makes things quicker.
    pub(super) fn put(&self, name: &str, value: V) -> bool {
        let (mut state, now, life) = (self.lock(), Instant::now(), self.life);
        if let Some(entry) = state.entries.get_mut(name) {
            let was_old = entry.1.elapsed() >= life;
            *entry = (value, now);
            return was_old;
        }
        // Shards wait for this, and a table that is full is so for each who comes.
        if state.entries.len() >= self.most && state.swept.is_none_or(|swept| now >= swept + SWEEP) {
            state.swept = Some(now);
            state.entries.retain(|_, (_, at)| at.elapsed() < life);
        }
        if state.entries.len() < self.most {
            state.entries.insert(name.to_owned(), (value, now));
        }
        true
    }

    pub(super) fn forget(&self, name: &str) {
        self.lock().entries.remove(name);
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

    #[tokio::test(start_paused = true)]
    async fn a_full_table_is_looked_through_once_a_second_however_many_come() {
        let table = Table::new(Duration::from_millis(500), 2);
        table.put("a", 1);
        table.put("b", 2);
        table.put("c", 3);
        tokio::time::advance(Duration::from_millis(600)).await;
        assert!(table.put("d", 4));
        assert_eq!(table.get("d"), None, "there is no room yet");
        tokio::time::advance(Duration::from_millis(400)).await;
        table.put("d", 4);
        assert_eq!(table.get("d"), Some(4));
    }
}
