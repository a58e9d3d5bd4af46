//! How sessions call their driver.

use std::cell::RefCell;
use std::task::{Context, Poll, Waker};

use super::wait;

/// How sessions tell their driver which of them have something to do.
#[derive(Debug)]
pub(crate) struct Bell<I> {
    rung: RefCell<Vec<I>>,
    driver: RefCell<Option<Waker>>,
}

impl<I> Default for Bell<I> {
    fn default() -> Bell<I> {
        Bell { rung: RefCell::default(), driver: RefCell::default() }
    }
}

impl<I> Bell<I> {
    /// Takes who rang into `rung`, which must be empty, and lets the driver's task be woken from now on.
    pub(crate) fn answer(&self, rung: &mut Vec<I>, cx: &Context<'_>) {
        let _none_of_this_turn: Poll<()> = wait(&mut self.driver.borrow_mut(), cx);
        std::mem::swap(&mut *self.rung.borrow_mut(), rung);
    }

    /// Has the driver give this one a turn.
    pub(crate) fn ring(&self, id: I) {
        self.rung.borrow_mut().push(id);
        self.wake();
    }

    /// Wakes the driver.
    pub(crate) fn wake(&self) {
        if let Some(driver) = self.driver.borrow_mut().take() {
            driver.wake();
        }
    }
}
