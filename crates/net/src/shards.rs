//! One single-threaded runtime per core.
//!
//! A connection is dealt to a shard when it is accepted and stays there: nothing that belongs to it is ever locked or
//! moved. What shards share is immutable or behind a lock that is held for one flush.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use tokio::sync::mpsc;
use tokio::task::LocalSet;

type Local = Pin<Box<dyn Future<Output = ()>>>;

enum Job {
    Start(Box<dyn FnOnce() -> Local + Send>),
    Stop,
}

/// A loop that ended in a panic rests this long: one that does so at once must not keep its core from the sessions.
const REST: Duration = Duration::from_millis(200);

/// Sessions and turns of loops that ended in a panic, since the start. Each one is a defect; none may take others along.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Sessions and turns of loops that ended in a panic, since the process started.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// The threads. Dropping this ends them and everything that runs on them.
#[derive(Debug)]
pub struct Shards {
    handle: Handle,
    threads: Vec<JoinHandle<()>>,
}

/// A way to start work on the shards. Cheap to clone; work given after the shards ended is dropped.
#[derive(Clone)]
pub struct Handle {
    jobs: Arc<[mpsc::UnboundedSender<Job>]>,
    next: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("shards", &self.jobs.len()).finish()
    }
}

/// One more thread with a runtime of its own, for what must not wait behind media. Dropping this ends what runs there.
#[derive(Debug)]
pub struct Aside {
    handle: tokio::runtime::Handle,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Aside {
    /// Starts the thread under this name.
    pub fn start(name: &str) -> io::Result<Aside> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let run = move || drop(runtime.block_on(stopped));
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Aside { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Its runtime.
    pub fn handle(&self) -> &tokio::runtime::Handle {
        &self.handle
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

impl Shards {
    /// Starts `count` shards (at least one), in threads named `shard-0`, `shard-1`, …
    pub fn start(count: usize) -> io::Result<Shards> {
        let mut jobs = Vec::new();
        let mut threads = Vec::new();
        for index in 0..count.max(1) {
            let (sender, receiver) = mpsc::unbounded_channel();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let thread = thread::Builder::new().name(format!("shard-{index}")).spawn(move || {
                let tasks = LocalSet::new();
                tasks.block_on(&runtime, run(receiver));
                // What tasks own may want a runtime for its end.
                let _inside = runtime.enter();
                drop(tasks);
            })?;
            jobs.push(sender);
            threads.push(thread);
        }
        Ok(Shards { handle: Handle { jobs: jobs.into(), next: Arc::default() }, threads })
    }

    /// The handle for starting work.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        for jobs in self.handle.jobs.iter() {
            let _stopped_already = jobs.send(Job::Stop);
        }
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}

impl Handle {
    /// Number of shards.
    pub fn count(&self) -> usize {
        self.jobs.len()
    }

    /// Starts `make`'s future on the first shard.
    pub fn first<F, T>(&self, make: F)
    where
        F: FnOnce() -> T + Send + 'static,
        T: Future<Output = ()> + 'static,
    {
        self.start_on(0, make);
    }

    /// Starts `make`'s future on the next shard in turn.
    pub fn deal<F, T>(&self, make: F)
    where
        F: FnOnce() -> T + Send + 'static,
        T: Future<Output = ()> + 'static,
    {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.start_on(turn.checked_rem(self.jobs.len()).unwrap_or(0), make);
    }

    /// Starts `make`'s future on this shard.
    pub(crate) fn start_on<F, T>(&self, index: usize, make: F)
    where
        F: FnOnce() -> T + Send + 'static,
        T: Future<Output = ()> + 'static,
    {
        if let Some(jobs) = self.jobs.get(index) {
            let _shards_ended = jobs.send(Job::Start(Box::new(move || Box::pin(make()))));
        }
    }
}

async fn run(mut jobs: mpsc::UnboundedReceiver<Job>) {
    while let Some(Job::Start(make)) = jobs.recv().await {
        // Also what makes the task may panic, and must not end the shard.
        spawn(async move { make().await });
    }
}

/// Runs a task on this shard. A panic ends that task alone, is logged and counted.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    tokio::task::spawn_local(async move {
        // What a session owns dies with it, and what is shared is locked only around plain data.
        if caught(task).await.is_none() {
            tracing::error!("a session ended in a panic: a defect; other sessions go on");
        }
    });
}

/// Runs a loop without which the node is of no use, so that a panic need not end it: that is logged under `name` and
/// counted, and after a rest the answer is none, upon which the caller begins anew:
///
/// ```ignore
/// while shards::guarded("sampling", self.sample_all()).await.is_none() {}
/// ```
pub async fn guarded<T>(name: &'static str, task: impl Future<Output = T>) -> Option<T> {
    let ended = caught(task).await;
    if ended.is_none() {
        tracing::error!(name, "a loop of this node ended in a panic: a defect; it begins anew");
        tokio::time::sleep(REST).await;
    }
    ended
}

/// Runs `task` to its end; none when that was a panic, which is counted.
async fn caught<T>(task: impl Future<Output = T>) -> Option<T> {
    let mut task = pin!(task);
    poll_fn(|cx| match catch(|| task.as_mut().poll(cx)) {
        Some(poll) => poll.map(Some),
        None => Poll::Ready(None),
    })
    .await
}

/// Calls something that must not take others along when it panics: none when it did, which is counted. What it worked on
/// is not to be used any more.
pub(crate) fn catch<T>(call: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(call));
    if result.is_err() {
        PANICS.fetch_add(1, Ordering::Relaxed);
    }
    result.ok()
}

#[cfg(test)]
mod tests;
