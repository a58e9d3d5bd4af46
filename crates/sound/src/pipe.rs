//! A child that takes bytes and gives bytes, and is started again when it ends.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, Sleep, sleep};

/// Between the end of a child and the next, at first; twice that each time it ends early.
const REST: Duration = Duration::from_secs(1);
/// At most.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// A child that lived so long was not started in vain.
const LIVED: Duration = Duration::from_secs(10);

/// Bytes that wait for a child: the 10 s of sound that a cached group of pictures may hold, at 48 kHz in 16 bits and stereo,
/// and the start of the child.
const MOST_WAITING: usize = 2_500_000;

/// Of what a child complains about, so much is kept for the log.
const COMPLAINT: usize = 300;

/// How much is read at once.
const READ: usize = 16 << 10;

static CHILDREN: AtomicUsize = AtomicUsize::new(0);

/// Children of this process that make sound now.
pub fn children() -> usize {
    CHILDREN.load(Ordering::Relaxed)
}

/// What a pipe tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// What the child wrote.
    Bytes(Bytes),
    /// The child ended, and what was given to it is lost. Another will be started.
    Ended,
}

/// A child, its input and its output.
#[derive(Debug)]
pub(crate) struct Pipe {
    program: PathBuf,
    arguments: Vec<String>,
    /// What fails without it, for the log.
    purpose: &'static str,
    running: Option<Running>,
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
    rest: Option<Pin<Box<Sleep>>>,
    next_rest: Duration,
    warned: bool,
}

#[derive(Debug)]
struct Running {
    /// Killed when it is dropped, and reaped by the runtime.
    _child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: Option<ChildStderr>,
    complaint: Vec<u8>,
    since: Instant,
    _counted: Counted,
}

#[derive(Debug)]
struct Counted;

impl Counted {
    fn new() -> Counted {
        CHILDREN.fetch_add(1, Ordering::Relaxed);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        CHILDREN.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pipe {
    /// A pipe whose child is started with the first bytes.
    pub(crate) fn new(program: PathBuf, arguments: Vec<String>, purpose: &'static str) -> Pipe {
        Pipe {
            program,
            arguments,
            purpose,
            running: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            rest: None,
            next_rest: REST,
            warned: false,
        }
    }

    /// Gives bytes to the child. False when they are left out: there is none at present, or it does not keep up.
    #[must_use]
    pub(crate) fn push(&mut self, bytes: Bytes) -> bool {
        if self.rest.is_some() || self.waiting_bytes.saturating_add(bytes.len()) > MOST_WAITING {
            return false;
        }
        self.waiting_bytes = self.waiting_bytes.saturating_add(bytes.len());
        self.waiting.push_back(bytes);
        true
    }

    /// The next that the child says. Inside a runtime of tokio.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Told> {
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(cx));
            self.rest = None;
        }
        if self.running.is_none() {
            if self.waiting.is_empty() {
                return Poll::Pending;
            }
            match start(&self.program, &self.arguments) {
                Ok(running) => self.running = Some(running),
                Err(error) => return Poll::Ready(self.end(&error.to_string(), cx)),
            }
        }
        let written = self.poll_write(cx);
        let Some(running) = &mut self.running else { return Poll::Pending };
        running.poll_complaint(cx);
        let mut bytes = BytesMut::zeroed(READ);
        let mut buffer = ReadBuf::new(&mut bytes);
        let ended = match Pin::new(&mut running.stdout).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                let length = buffer.filled().len();
                bytes.truncate(length);
                return Poll::Ready(Told::Bytes(bytes.freeze()));
            }
            Poll::Ready(Ok(())) => "it ended".to_owned(),
            Poll::Ready(Err(error)) => error.to_string(),
            Poll::Pending => match written {
                Err(error) => error.to_string(),
                Ok(()) => return Poll::Pending,
            },
        };
        // What it said last tells more than that it is gone.
        running.poll_complaint(cx);
        let complaint = String::from_utf8_lossy(&running.complaint).trim().to_owned();
        let why = if complaint.is_empty() { ended } else { complaint };
        Poll::Ready(self.end(&why, cx))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        while let Some(front) = self.waiting.front_mut() {
            match Pin::new(&mut running.stdin).poll_write(cx, front) {
                Poll::Pending => return Ok(()),
                Poll::Ready(count) => {
                    let count = count?.min(front.len());
                    front.advance(count);
                    self.waiting_bytes = self.waiting_bytes.saturating_sub(count);
                    if front.is_empty() {
                        self.waiting.pop_front();
                    }
                }
            }
        }
        Ok(())
    }

    /// The child is gone: the next one comes after a rest.
    fn end(&mut self, why: &str, cx: &mut Context<'_>) -> Told {
        let lived = self.running.take().is_some_and(|running| running.since.elapsed() >= LIVED);
        if lived {
            self.next_rest = REST;
        }
        let rest = self.next_rest;
        self.next_rest = rest.saturating_mul(2).min(LONGEST_REST);
        if std::mem::replace(&mut self.warned, true) {
            tracing::debug!(program = %self.program.display(), why, "{}: tried again", self.purpose);
        } else {
            tracing::warn!(
                program = %self.program.display(), why, retry_s = rest.as_secs(),
                "{}: it needs ffmpeg; install it, or give its path in the configuration (`rtc_server {{ ffmpeg; }}`)", self.purpose
            );
        }
        self.waiting.clear();
        self.waiting_bytes = 0;
        let mut sleeping = Box::pin(sleep(rest));
        // So that its end wakes who polls, also when he does not poll again before.
        if sleeping.as_mut().poll(cx).is_pending() {
            self.rest = Some(sleeping);
        }
        Told::Ended
    }
}

impl Running {
    fn poll_complaint(&mut self, cx: &mut Context<'_>) {
        let mut bytes = [0; 512];
        while let Some(stderr) = &mut self.stderr {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(stderr).poll_read(cx, &mut buffer) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    // The last words are those that count.
                    self.complaint.extend_from_slice(buffer.filled());
                    let surplus = self.complaint.len().saturating_sub(COMPLAINT);
                    self.complaint.drain(..surplus);
                }
                Poll::Ready(_) => self.stderr = None,
            }
        }
    }
}

fn start(program: &PathBuf, arguments: &[String]) -> io::Result<Running> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        // What ends this process from a terminal is not for the child: streams go on until they are seen off.
        .process_group(0)
        .spawn()?;
    let missing = || io::Error::other("a child without pipes");
    let stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take();
    let complaint = Vec::new();
    Ok(Running {
        _child: child,
        stdin,
        stdout,
        stderr,
        complaint,
        since: Instant::now(),
        _counted: Counted::new(),
    })
}

#[cfg(test)]
mod tests;
