//! What strangers can make a server say must not fill its log.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

/// A second, in which so much is said.
const SPAN: Duration = Duration::from_secs(1);

/// Lets a few lines a second through, and counts the others. Shared by all shards.
#[derive(Debug)]
pub struct Quiet {
    most: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    said: u32,
    kept: u64,
}

impl Quiet {
    /// For `most` lines a second.
    pub const fn new(most: u32) -> Quiet {
        Quiet { most, state: Mutex::new(State { since: None, said: 0, kept: 0 }) }
    }

    /// Says it if a line may be said now, with how many were not since the last one.
    pub fn say(&self, say: impl FnOnce(u64)) {
        if let Some(unsaid) = self.may_say() {
            say(unsaid);
        }
    }

    /// Whether a line may be said now: then how many were not since the last one.
    pub fn may_say(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.since.is_none_or(|since| now.saturating_duration_since(since) >= SPAN) {
            (state.since, state.said) = (Some(now), 0);
        }
        if state.said >= self.most {
            state.kept = state.kept.saturating_add(1);
            return None;
        }
        state.said = state.said.saturating_add(1);
        Some(std::mem::take(&mut state.kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_lines_are_said_in_a_second_and_the_others_counted() {
        let quiet = Quiet::new(2);
        assert_eq!(
            [quiet.may_say(), quiet.may_say(), quiet.may_say(), quiet.may_say()],
            [Some(0), Some(0), None, None]
        );
        tokio::time::advance(SPAN).await;
        assert_eq!([quiet.may_say(), quiet.may_say(), quiet.may_say()], [Some(2), Some(0), None]);
    }
}
