//! Publishing a clip in real time.

use std::pin::Pin;
use std::time::Duration;

use srs_rtmp::Message;
use srs_rtmp::client::{Event, Role};
use tokio::time::{Instant, sleep_until};

use crate::Outcome;
use crate::address::{Address, Scheme};
use crate::clip::Clip;
use crate::session::Link;
use crate::webrtc;

/// A connection that takes what is published.
pub trait Leg: Sized {
    /// Reads what the server says, which mostly needs no attention. May be dropped at any await without losing anything.
    async fn heard(&mut self) -> Outcome<()>;

    /// Sends a message that was due at this millisecond.
    async fn send(&mut self, due: u64, message: Message) -> Outcome<()>;

    /// Ends the stream in order.
    async fn close(self) -> Outcome<()>;
}

/// Publishes until the connection fails, `ended` is ready or, with `once`, the file is through.
///
/// Timestamps count from `began`, so that a later connection goes on above those of an earlier one.
pub async fn run(
    clip: &Clip,
    url: &Address,
    began: Instant,
    once: bool,
    ended: Pin<&mut impl Future<Output = std::io::Result<()>>>,
) -> Outcome<()> {
    if url.scheme == Scheme::Whip {
        let open = webrtc::Publisher::open(clip, url, began);
        return pace(clip, url, began, once, open, ended).await;
    }
    let open = Link::open(url, Role::Publish { kind: "live".to_owned() });
    pace(clip, url, began, once, open, ended).await
}

async fn pace<L: Leg>(
    clip: &Clip,
    url: &Address,
    began: Instant,
    once: bool,
    open: impl Future<Output = Outcome<L>>,
    mut ended: Pin<&mut impl Future<Output = std::io::Result<()>>>,
) -> Outcome<()> {
    let mut leg = tokio::select! {
        signal = ended.as_mut() => return Ok(signal?),
        leg = open => leg?,
    };
    println!("publishing to {url}");
    let mut play = clip.play(u64::try_from(began.elapsed().as_millis())?);
    loop {
        let (ms, message) = play.next();
        if once && play.rounds() > 0 {
            return leg.close().await;
        }
        let due = began.checked_add(Duration::from_millis(ms)).ok_or("the clock has come to its end")?;
        while Instant::now() < due {
            tokio::select! {
                signal = ended.as_mut() => {
                    signal?;
                    return leg.close().await;
                }
                heard = leg.heard() => heard?,
                () = sleep_until(due) => {}
            }
        }
        leg.send(ms, message).await?;
    }
}

impl Leg for Link {
    async fn heard(&mut self) -> Outcome<()> {
        match self.next().await? {
            Event::Status { code, level, .. } if level == "error" => {
                Err(format!("the server says {code}").into())
            }
            Event::Refused { code, description, .. } => Err(format!("refused: {code} {description}").into()),
            _ => Ok(()),
        }
    }

    async fn send(&mut self, _due: u64, message: Message) -> Outcome<()> {
        self.session.write(&message);
        self.flush().await
    }

    async fn close(self) -> Outcome<()> {
        Link::close(self).await
    }
}

#[cfg(test)]
mod tests;
