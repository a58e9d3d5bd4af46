//! Whose turn it is among the many sessions that one driver has on its shard, by whatever they speak.

mod alarm;
mod bell;
mod timers;
mod together;

use std::task::{Context, Poll, Waker};
use std::time::Instant;

pub(crate) use alarm::Alarm;
pub(crate) use bell::Bell;
pub(crate) use timers::{Due, Timers};
pub(crate) use together::Together;

use crate::limits;

/// Has `slot` woken instead of who waited there before.
pub(crate) fn wait<T>(slot: &mut Option<Waker>, cx: &Context<'_>) -> Poll<T> {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
    Poll::Pending
}

/// When who is due is asked again: not at once, whatever it says.
pub(crate) fn soonest(now: Instant, due: Instant) -> Instant {
    now.checked_add(limits::TURN_REST).map_or(due, |soon| due.max(soon))
}

/// The time, also where tests hold it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
