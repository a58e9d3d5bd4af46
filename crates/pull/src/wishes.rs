//! Who wanted a stream that is fetched: servers are asked again with what they said.

use std::collections::VecDeque;

use crate::way::Wanted;

/// Wishes that are remembered of one stream. All of them may be tried at each round over its servers.
const MOST: usize = 4;

/// The newest wishes for one stream, of those that say the same the last one. What they say ages: tokens end.
#[derive(Debug)]
pub(crate) struct Wishes(VecDeque<Wish>);

#[derive(Debug)]
struct Wish {
    wanted: Wanted,
    /// A server let it in last: it is not forgotten, whoever else comes.
    accepted: bool,
}

impl Wishes {
    pub(crate) fn new(first: Wanted) -> Wishes {
        Wishes(VecDeque::from([Wish { wanted: first, accepted: false }]))
    }

    /// Somebody wants it too.
    pub(crate) fn add(&mut self, wanted: &Wanted) {
        let known = self.0.iter().position(|wish| wish.wanted.is_as(wanted));
        let accepted = known.and_then(|at| self.0.remove(at)).is_some_and(|wish| wish.accepted);
        self.0.push_front(Wish { wanted: wanted.clone(), accepted });
        if self.0.len() > MOST
            && let Some(oldest) = self.0.iter().rposition(|wish| !wish.accepted)
        {
            self.0.remove(oldest);
        }
    }

    /// All of them, in the order in which they are tried.
    pub(crate) fn all(&self) -> Vec<Wanted> {
        self.0.iter().map(|wish| wish.wanted.clone()).collect()
    }

    /// A server let this one in.
    pub(crate) fn accepted(&mut self, wanted: &Wanted) {
        for wish in &mut self.0 {
            wish.accepted = wish.wanted.is_as(wanted);
        }
    }

    /// The servers let this one in no more: it is tried last.
    pub(crate) fn refused(&mut self, wanted: &Wanted) {
        if let Some(at) = self.0.iter().position(|wish| wish.wanted.is_as(wanted))
            && let Some(wish) = self.0.remove(at)
        {
            self.0.push_back(wish);
        }
    }
}

#[cfg(test)]
mod tests;
