//! The signals that end a process: the first begins a graceful end, the second ends it at once.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// A signal that asks the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, as Ctrl-C sends it.
    Interrupt,
    /// SIGTERM, as service managers send it.
    Terminate,
    /// SIGQUIT, as SRS's scripts send it for a graceful end.
    Quit,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::Quit => "SIGQUIT",
        })
    }
}

/// How a graceful end came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// The work was finished.
    Done,
    /// A second signal came first.
    Forced(Signal),
    /// The time was over first.
    TimedOut,
}

/// Listens for the signals from its making on; none that comes later is lost.
#[derive(Debug)]
pub struct Shutdown {
    interrupt: Stream,
    terminate: Stream,
    quit: Stream,
}

impl Shutdown {
    /// Begins to listen. From here on the signals no longer end the process by themselves.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// The next signal. Safe to drop and call again.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Signal::Interrupt,
            Some(()) = self.terminate.recv() => Signal::Terminate,
            Some(()) = self.quit.recv() => Signal::Quit,
            else => std::future::pending().await,
        }
    }

    /// Runs the work of a graceful end, at most for `limit` and until the next signal.
    pub async fn drain(&mut self, work: impl Future<Output = ()>, limit: Duration) -> Drained {
        tokio::select! {
            () = work => Drained::Done,
            signal = self.next() => Drained::Forced(signal),
            () = tokio::time::sleep(limit) => Drained::TimedOut,
        }
    }
}

/// Waits for the first signal and says which it was. For a program without a graceful end; others keep a [`Shutdown`].
pub async fn shutdown() -> io::Result<Signal> {
    Ok(Shutdown::listen()?.next().await)
}

/// Calls `act` at each SIGUSR1, by which log rotation asks for new files. Never ends.
pub async fn on_rotate(mut act: impl FnMut()) -> io::Result<()> {
    let mut rotate = signal(SignalKind::user_defined1())?;
    while rotate.recv().await.is_some() {
        act();
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests;
