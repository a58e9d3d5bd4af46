//! Publishing a clip in real time.

use std::pin::Pin;
use std::time::Duration;

use srs_rtmp::client::{Event, Role};
use tokio::time::{Instant, sleep_until};

use crate::Outcome;
use crate::address::Address;
use crate::clip::Clip;
use crate::session::Link;

/// Publishes until the connection fails, `ended` is ready or, with `once`, the file is through.
///
/// Timestamps count from `began`, so that a later connection goes on above those of an earlier one.
pub async fn run(
    clip: &Clip,
    url: &Address,
    began: Instant,
    once: bool,
    mut ended: Pin<&mut impl Future<Output = std::io::Result<()>>>,
) -> Outcome<()> {
    let role = Role::Publish { kind: "live".to_owned() };
    let mut link = tokio::select! {
        signal = ended.as_mut() => return Ok(signal?),
        link = Link::open(url, role) => link?,
    };
    println!("publishing to {url}");
    let mut play = clip.play(u64::try_from(began.elapsed().as_millis())?);
    loop {
        let (due, message) = play.next();
        if once && play.rounds() > 0 {
            return link.close().await;
        }
        let due = began.checked_add(Duration::from_millis(due)).ok_or("the clock has come to its end")?;
        while Instant::now() < due {
            tokio::select! {
                signal = ended.as_mut() => {
                    signal?;
                    return link.close().await;
                }
                event = heard(&mut link) => event?,
                () = sleep_until(due) => {}
            }
        }
        link.session.write(&message);
        link.flush().await?;
    }
}

/// Reads what the server says; most of it needs no attention.
async fn heard(link: &mut Link) -> Outcome<()> {
    match link.next().await? {
        Event::Status { code, level, .. } if level == "error" => {
            Err(format!("the server says {code}").into())
        }
        Event::Refused { code, description, .. } => Err(format!("refused: {code} {description}").into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
