//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::address::{Address, Scheme};

/// What `--help` prints.
pub const USAGE: &str = "\
Usage: srs-publish [--once] FILE.flv URL
       srs-publish --watch [--seconds N] URL

Publishes the file in real time, again and again; timestamps go on over the end of the file. When the server goes
away, it tries again after 1 to 10 seconds. Ctrl-C ends the stream in order. URL is rtmp://HOST[:PORT]/APP/STREAM or
http://HOST[:PORT]/rtc/v1/whip/?app=APP&stream=STREAM (WHIP; AAC is made into Opus).

  --once       publish the file once; any failure ends the program
  --watch      play rtmp://HOST[:PORT]/APP/STREAM, srt:// the same, http://HOST[:PORT]/APP/STREAM.flv (or .ts, .m3u8),
               or http://HOST[:PORT]/rtc/v1/whep/?app=APP&stream=STREAM (WHEP), print what came, and fail when it did
               not play as it should
  --seconds N  how long to watch, 1 to 3600 (3)
  -h, --help   print this";

/// How long is watched when nothing is said, seconds.
const SECONDS: u64 = 3;

/// The longest watching: whoever wants more can call again.
const MAX_SECONDS: u64 = 3600;

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Task {
    /// Print the usage.
    Help,
    /// Publish a file.
    Publish {
        /// The file.
        file: PathBuf,
        /// Where to.
        url: Address,
        /// Whether to end with the file.
        once: bool,
    },
    /// Play a stream and judge it.
    Watch {
        /// Where from.
        url: Address,
        /// For how long, counted from the first frame.
        time: Duration,
    },
}

/// Reads the arguments, without the program's name.
pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Task, String> {
    let mut words = Vec::new();
    let (mut once, mut watch, mut seconds) = (false, false, None);
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-h" | "--help" => return Ok(Task::Help),
            "--once" => once = true,
            "--watch" => watch = true,
            "--seconds" => seconds = Some(number(args.next())?),
            option if option.starts_with("--") => return Err(wrong(&format!("no option {option}"))),
            _ => words.push(arg),
        }
    }
    match (watch, words.as_slice()) {
        (true, _) if once => Err(wrong("--once is for publishing")),
        (true, [url]) => {
            let time = Duration::from_secs(seconds.unwrap_or(SECONDS));
            let url: Address = url.parse()?;
            if url.scheme == Scheme::Whip {
                return Err(format!("{url}: watched is by whep, not by whip"));
            }
            Ok(Task::Watch { url, time })
        }
        (true, _) => Err(wrong("--watch wants one URL")),
        (false, _) if seconds.is_some() => Err(wrong("--seconds is for --watch")),
        (false, [file, url]) => {
            let url: Address = url.parse()?;
            if !matches!(url.scheme, Scheme::Rtmp | Scheme::Whip) {
                return Err(format!("{url}: published is by rtmp:// or WHIP"));
            }
            Ok(Task::Publish { file: file.into(), url, once })
        }
        (false, _) => Err(wrong("a file and a URL are wanted")),
    }
}

fn number(text: Option<String>) -> Result<u64, String> {
    let number = text.as_deref().and_then(|text| text.parse().ok());
    let number = number.filter(|number| (1..=MAX_SECONDS).contains(number));
    number.ok_or_else(|| wrong(&format!("--seconds wants a number from 1 to {MAX_SECONDS}")))
}

fn wrong(what: &str) -> String {
    format!("{what}\n\n{USAGE}")
}

#[cfg(test)]
mod tests;
