//! How a proxy ends: without hurry where it is asked to.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use srs_boot::signals::{Drained, Shutdown, Signal};

use crate::Proxy;

/// A proxy that leaves takes newcomers for so long: balancers look at it every second or two.
const OPEN: Duration = Duration::from_secs(2);

/// How often a proxy that leaves looks whether its last session has ended.
const LOOK: Duration = Duration::from_millis(50);

/// How long an end may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Sessions may go on for so long.
    pub(crate) grace: Duration,
    /// After the first signal the process ends in any case.
    pub(crate) force: Duration,
}

impl Proxy {
    /// Serves until a signal asks the process to end; after SIGTERM or SIGQUIT sessions have the time of
    /// `PROXY_GRACE_QUIT_TIMEOUT` to end by themselves. A second signal ends them at once.
    pub fn run_until_signal(self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.until_over())
    }

    async fn until_over(&self) -> io::Result<()> {
        let Patience { grace, force } = self.patience;
        let mut shutdown = Shutdown::listen()?;
        let signal = shutdown.next().await;
        tracing::info!(%signal, "ending");
        std::thread::spawn(move || {
            std::thread::sleep(force);
            tracing::error!("the end takes too long");
            std::process::exit(1);
        });
        if signal != Signal::Interrupt {
            match shutdown.drain(self.leave(), grace).await {
                Drained::Done => tracing::info!("all sessions have ended"),
                Drained::Forced(signal) => tracing::warn!(%signal, "ending at once"),
                Drained::TimedOut => tracing::warn!(?grace, "ending with sessions still here"),
            }
        }
        Ok(())
    }

    /// Balancers are told to send nobody any more, newcomers are taken for a moment longer, and the sessions that there
    /// are go on until they end by themselves.
    async fn leave(&self) {
        self.ready.store(false, Ordering::Release);
        tokio::time::sleep(OPEN).await;
        self.slots.close();
        while self.slots.used() > 0 {
            tokio::time::sleep(LOOK).await;
        }
    }
}
