//! Virtual time, chance, and a scheduler of tasks that wait for nothing but time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// Milliseconds since the life began.
pub(super) type Ms = u64;

pub(super) type Task = Pin<Box<dyn Future<Output = ()>>>;
type Act = Box<dyn FnOnce() + Send>;

/// xorshift64*, so that a failing seed can be run again anywhere.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(crate::rank::mix(seed ^ 0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % sides
    }
}

struct Core {
    order: u64,
    /// What is due: when, its place in the order, and the task to poll; no task where something happens by itself.
    queue: BinaryHeap<Reverse<(Ms, u64, Option<usize>)>>,
    acts: HashMap<u64, Act>,
    current: usize,
    dice: Dice,
}

/// The time of one life. Directories use it too, and those are `Send`.
#[derive(Clone)]
pub(super) struct Time {
    now: Arc<AtomicU64>,
    core: Arc<Mutex<Core>>,
}

impl Time {
    pub(super) fn new(seed: u64) -> Time {
        let (queue, acts, dice) = (BinaryHeap::new(), HashMap::new(), Dice::new(seed));
        let core = Core { order: 0, queue, acts, current: 0, dice };
        Time { now: Arc::default(), core: Arc::new(Mutex::new(core)) }
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap()
    }

    pub(super) fn now(&self) -> Ms {
        self.now.load(Ordering::Relaxed)
    }

    pub(super) fn roll(&self, sides: u64) -> u64 {
        self.core().dice.roll(sides)
    }

    pub(super) fn between(&self, least: u64, most: u64) -> u64 {
        least + self.roll(most - least + 1)
    }

    pub(super) fn chance(&self, percent: u64) -> bool {
        self.roll(100) < percent
    }

    /// Has this happen then.
    pub(super) fn at(&self, when: Ms, act: impl FnOnce() + Send + 'static) {
        let mut core = self.core();
        let order = core.enqueue(when.max(self.now()), None);
        core.acts.insert(order, Box::new(act));
    }

    fn wake_at(&self, when: Ms) {
        let mut core = self.core();
        let current = core.current;
        core.enqueue(when.max(self.now()), Some(current));
    }

    pub(super) async fn until(&self, when: Ms) {
        let mut armed = false;
        std::future::poll_fn(|_| {
            if self.now() >= when {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut armed, true) {
                self.wake_at(when);
            }
            Poll::Pending
        })
        .await;
    }

    pub(super) async fn pass(&self, time: Ms) {
        self.until(self.now() + time).await;
    }

    /// What the future says, unless that takes longer: then it is dropped.
    pub(super) async fn before<T>(&self, deadline: Ms, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let mut late = pin!(self.until(deadline));
        std::future::poll_fn(|cx| {
            if late.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            future.as_mut().poll(cx).map(Some)
        })
        .await
    }
}

impl Core {
    fn enqueue(&mut self, when: Ms, task: Option<usize>) -> u64 {
        self.order += 1;
        self.queue.push(Reverse((when, self.order, task)));
        self.order
    }
}

/// Polls tasks in the order of their times; of one time, in the order in which they asked.
pub(super) struct Scheduler {
    time: Time,
    tasks: Vec<Option<Task>>,
}

impl Scheduler {
    pub(super) fn new(time: Time) -> Scheduler {
        Scheduler { time, tasks: Vec::new() }
    }

    /// Begins a task at once.
    pub(super) fn spawn(&mut self, task: Task) {
        self.tasks.push(Some(task));
        self.poll(self.tasks.len() - 1);
    }

    fn poll(&mut self, index: usize) {
        self.time.core().current = index;
        let Some(task) = &mut self.tasks[index] else { return };
        if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.tasks[index] = None;
        }
    }

    /// Goes to what is due next; false when nothing is.
    pub(super) fn step(&mut self) -> bool {
        let (task, act) = {
            let mut core = self.time.core();
            let Some(Reverse((when, order, task))) = core.queue.pop() else { return false };
            self.time.now.store(when, Ordering::Relaxed);
            (task, if task.is_none() { core.acts.remove(&order) } else { None })
        };
        if let Some(act) = act {
            act();
        }
        if let Some(index) = task {
            self.poll(index);
        }
        true
    }
}
