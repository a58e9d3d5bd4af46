//! Texts by name, each for a while.

use super::{Error, check_note};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most notes at a time: one for each session of a large site, some 50 MB.
const MOST: usize = 100_000;
/// So many are not worth a look at which of them are good.
const FEW: usize = 1_024;

/// A table of notes.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    texts: HashMap<String, (String, Duration)>,
    /// At how many it is looked which of them are good.
    look_at: usize,
}

impl Notes {
    /// Keeps a text until then.
    ///
    /// # Errors
    /// [`Error::Full`]; [`Error::Unavailable`] for one that is too long.
    pub fn put(&self, name: &str, text: &str, until: Duration, now: Duration) -> Result<(), Error> {
        check_note(name, text)?;
        let mut table = self.table();
        if table.texts.len() >= table.look_at.max(FEW) {
            table.texts.retain(|_, (_, until)| now < *until);
            table.look_at = table.texts.len().saturating_mul(2).min(MOST);
        }
        if table.texts.len() >= MOST && !table.texts.contains_key(name) {
            return Err(Error::Full);
        }
        table.texts.insert(name.to_owned(), (text.to_owned(), until));
        Ok(())
    }

    /// The text of that name, if it is good.
    #[must_use]
    pub fn get(&self, name: &str, now: Duration) -> Option<String> {
        let table = self.table();
        table.texts.get(name).filter(|(_, until)| now < *until).map(|(text, _)| text.clone())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No operation leaves it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
