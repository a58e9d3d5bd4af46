//! `srs-publish`: publishes an FLV file in a loop, or watches a stream and says what came.
//!
//! It is what the demo needs so that it needs no ffmpeg. It speaks RTMP by `srs-rtmp`, SRT as edges do, WebRTC as the servers do, and
//! decodes nothing but the sound that WebRTC has to have as Opus.

mod address;
mod args;
mod clip;
mod packets;
mod publish;
mod seen;
mod session;
mod srt;
mod watch;
mod webrtc;

use std::process::ExitCode;
use std::time::Duration;

use address::{Address, Scheme};
use args::Task;
use clip::Clip;
use tokio::task::LocalSet;
use tokio::time::Instant;

/// The first pause before a new attempt, and the longest; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// What went wrong, in words for the person at the terminal.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("srs-publish: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let task = args::parse(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match task {
        Task::Help => println!("{}", args::USAGE),
        Task::Watch { url, time } if matches!(url.scheme, Scheme::Rtmp) || url.is(".flv") => {
            let seen = runtime.block_on(watch::watch(&url, time))?;
            if seen.began() {
                println!("{seen}");
            }
            seen.verdict(time).map_err(|wrong| format!("{url}: {wrong}"))?;
        }
        Task::Watch { url, time } => {
            let watch = async {
                match url.scheme {
                    Scheme::Whep => Ok(webrtc::watch(&url, time).await?.verdict(time)?),
                    Scheme::Srt => srt::stream(&url, time).await?.verdict(time),
                    _ if url.is(".ts") => packets::stream(&url, time).await?.verdict(time),
                    _ => packets::list(&url, time).await?.verdict(time),
                }
            };
            // What drives a call of SRT runs beside it, on this thread.
            let said = LocalSet::new().block_on(&runtime, watch);
            println!("{}", said.map_err(|wrong: Box<dyn std::error::Error>| format!("{url}: {wrong}"))?);
        }
        Task::Publish { file, url, once } => {
            let clip = clip::load(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            runtime.block_on(publish(&clip, &url, once))?;
        }
    }
    Ok(())
}

/// Publishes until a signal ends it, or until the file was published once.
async fn publish(clip: &Clip, url: &Address, once: bool) -> Outcome<()> {
    let mut ended = std::pin::pin!(signalled());
    let began = Instant::now();
    let mut pause = PAUSES.0;
    loop {
        let attempt = Instant::now();
        let failed = match publish::run(clip, url, began, once, ended.as_mut()).await {
            Ok(()) => return Ok(()),
            Err(error) if once => return Err(format!("{url}: {error}").into()),
            Err(error) => error,
        };
        if attempt.elapsed() > PAUSES.1 {
            pause = PAUSES.0;
        }
        eprintln!("srs-publish: {url}: {failed}; again in {} s", pause.as_secs());
        tokio::select! {
            signal = ended.as_mut() => return signal.map_err(Into::into),
            () = tokio::time::sleep(pause) => {}
        }
        pause = pause.saturating_mul(2).min(PAUSES.1);
    }
}

/// Returns when the process is asked to end.
async fn signalled() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}
