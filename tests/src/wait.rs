//! Waiting with a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How long any one step may take. Two loaded cores and debug builds need seconds at worst; a hang is a failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How often a state that tells nobody of its changes is looked at.
const LOOK: Duration = Duration::from_millis(15);

/// The future's outcome; panics with `what` when it takes longer than [`PATIENCE`].
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} took more than {PATIENCE:?}"),
    }
}

/// Looks again and again until `look` gives a value; panics with `what` after [`PATIENCE`].
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come within {PATIENCE:?}");
        sleep(LOOK).await;
    }
}
