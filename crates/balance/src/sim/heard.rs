//! What a proxy heard of an origin, as the judge goes by it.

use super::clock::Ms;
use super::name_of;
use crate::{Epoch, Node};
use std::collections::VecDeque;
use std::rc::Rc;

/// How much longer than it has to a proxy may take to see that a back-off is over.
const LATE: Ms = 100;
/// What was heard is remembered for so long: a question to the directory takes less.
const REMEMBERED: Ms = 500;

/// How an origin stands to a proxy.
#[derive(Clone, Copy, Default)]
pub(super) struct Heard {
    pub(super) at: Option<Ms>,
    /// When its list was made.
    pub(super) list: Ms,
    /// Since when it says that it drains.
    pub(super) draining: Option<Ms>,
    /// When a dial failed last, in whatever way.
    pub(super) failed: Option<Ms>,
    refusal: Option<Refusal>,
}

/// A dial was refused: the origin is passed over for one second, and twice as long each next time, at most a minute.
#[derive(Clone, Copy)]
struct Refusal {
    at: Ms,
    step: u32,
}

impl Refusal {
    fn pause(self) -> Ms {
        (1_000 << self.step.min(6)).min(60_000)
    }
}

impl Heard {
    pub(super) fn dial_failed(&mut self, refused: bool, now: Ms) {
        self.failed = Some(now);
        if refused && !self.passes(now, |pause| pause - pause / 10) {
            let step = self.refusal.map_or(0, |before| before.step + 1);
            self.refusal = Some(Refusal { at: now, step });
        }
    }

    pub(super) fn dial_ok(&mut self) {
        self.refusal = None;
    }

    /// Whether it may be passed over for a dial that was refused.
    pub(super) fn is_out(&self, now: Ms) -> bool {
        self.passes(now, |pause| pause + LATE)
    }

    /// A back-off may be shorter by a tenth.
    fn passes(&self, now: Ms, pause: impl Fn(Ms) -> Ms) -> bool {
        self.refusal.is_some_and(|refusal| {
            let is_silent = self.at.is_none_or(|at| at <= refusal.at);
            is_silent || now < refusal.at + pause(refusal.pause())
        })
    }
}

/// What a beat says.
pub(super) struct Beat {
    pub(super) draining: bool,
    pub(super) made: Ms,
    lists: Rc<[(usize, Epoch)]>,
}

impl Beat {
    pub(super) fn of(node: &Node, made: Ms) -> Beat {
        let live = node.live.iter().flatten();
        let lists = live.map(|(key, listed)| (name_of(key), listed.epoch)).collect();
        Beat { draining: node.draining, made, lists }
    }
}

/// What a proxy knew of an origin at a moment.
#[derive(Clone)]
pub(super) struct Known {
    /// When it was heard of last.
    pub(super) at: Ms,
    /// When its list was made.
    pub(super) made: Ms,
    pub(super) lists: Rc<[(usize, Epoch)]>,
}

/// The same for the last moments.
#[derive(Clone, Default)]
pub(super) struct Lately(VecDeque<Known>);

impl Lately {
    /// A beat came, or an answer to a probe, which lists nothing.
    pub(super) fn heard(&mut self, beat: Option<Beat>, now: Ms) {
        let known = self.0.back().cloned().unwrap_or(Known { at: now, made: 0, lists: Rc::default() });
        self.0.push_back(match beat {
            Some(Beat { made, lists, .. }) => Known { at: now, made, lists },
            None => Known { at: now, ..known },
        });
        while self.0.get(1).is_some_and(|known| known.at + REMEMBERED < now) {
            self.0.pop_front();
        }
    }

    /// What was known when a question was sent: more may have been heard while that was on the way.
    pub(super) fn before(&self, sent: Ms) -> Option<&Known> {
        self.0.iter().rev().find(|known| known.at < sent)
    }
}
