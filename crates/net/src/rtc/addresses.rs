//! Whose an address is.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::door::Far;
use super::line::Line;
use super::wire::Wire;
use crate::limits;

/// How often those whose time is up are looked for, when there is no room.
const SWEEP: Duration = Duration::from_secs(1);

/// Whose an address is.
pub(super) enum Owner {
    /// A session's of this shard.
    Here {
        line: Rc<Line>,
        /// When something came from there.
        seen: Instant,
        /// The connection, where it is one of TCP.
        wire: Option<Rc<Wire>>,
    },
    /// A session's of another shard.
    There {
        shard: usize,
        /// Unless another check comes.
        until: Instant,
    },
}

impl Owner {
    fn is_there(&self) -> bool {
        matches!(self, Owner::There { .. })
    }
}

/// The addresses from which a good check has come.
#[derive(Default)]
pub(super) struct Addresses {
    all: HashMap<Far, Owner>,
    /// How many of them are other shards'.
    there: usize,
    swept: Option<Instant>,
}

impl Addresses {
    pub(super) fn get(&self, far: &Far) -> Option<&Owner> {
        self.all.get(far)
    }

    pub(super) fn get_mut(&mut self, far: &Far) -> Option<&mut Owner> {
        self.all.get_mut(far)
    }

    /// The connection of TCP to this address.
    pub(super) fn wire(&self, far: &Far) -> Option<&Rc<Wire>> {
        match self.all.get(far) {
            Some(Owner::Here { wire, .. }) => wire.as_ref(),
            _ => None,
        }
    }

    /// When something came from an address of this shard's sessions.
    pub(super) fn seen(&self, far: &Far) -> Option<Instant> {
        match self.all.get(far) {
            Some(Owner::Here { seen, .. }) => Some(*seen),
            _ => None,
        }
    }

    /// It is this one's from now on. The answer is whose it was.
    pub(super) fn put(&mut self, far: Far, owner: Owner) -> Option<Owner> {
        self.there = self.there.saturating_add(usize::from(owner.is_there()));
        let before = self.all.insert(far, owner);
        self.gone(before)
    }

    /// It is nobody's any more. The answer is whose it was.
    pub(super) fn remove(&mut self, far: &Far) -> Option<Owner> {
        let before = self.all.remove(far);
        self.gone(before)
    }

    fn gone(&mut self, before: Option<Owner>) -> Option<Owner> {
        self.there = self.there.saturating_sub(usize::from(before.as_ref().is_some_and(Owner::is_there)));
        before
    }

    /// Whether one more that is another shard's can be remembered.
    pub(super) fn has_room(&mut self, now: Instant) -> bool {
        let rested = self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP);
        if self.there >= limits::RTC_STRAYS && rested {
            self.swept = Some(now);
            self.all.retain(|_, owner| !matches!(owner, Owner::There { until, .. } if *until <= now));
            self.there = self.all.values().filter(|owner| owner.is_there()).count();
        }
        self.there < limits::RTC_STRAYS
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests;
