//! What is published where its streams are published elsewhere: it goes on as RTMP.

use std::future::poll_fn;
use std::sync::Arc;

use srs_net::rtc::Connection;
use srs_net::rtmp::Link;
use srs_rtc::engine::{self, Event};
use srs_rtmp::client;

use super::intake::{Intake, Took};
use super::keys::KeyFrames;
use super::sessions::{Command, PublishPlan, Running};
use crate::push::{OnTheWay, message_of};
use crate::{Gateway, shown};

/// Why it ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the publisher ended it")]
    Deleted,
    #[error("the node ends")]
    Leaving,
    #[error("it was ended where it goes")]
    There,
    #[error("{0}")]
    Connection(engine::Ended),
}

/// What an offer's query says of the stream's name and of WebRTC: nobody upstream asks for that.
const OWN_WORDS: [&str; 4] = ["app", "stream", "eip", "candidate"];

impl Gateway {
    /// Lets a publish go where it belongs: as a publisher of RTMP would at this very node, from where the client is.
    pub(super) async fn push_rtc(
        self: Arc<Self>,
        connection: Connection,
        plan: PublishPlan,
        running: Running,
    ) {
        let pictures = plan.has_pictures();
        let PublishPlan { key, peer, query, layers, .. } = plan;
        let Ok((_, vhost)) = self.resolve(&key) else { return };
        let query = without_own_words(&query);
        let opened = Arc::clone(&self).open_to_ourselves(&OnTheWay { key: &key, query: &query, peer }).await;
        let link = match opened {
            Ok(link) => link,
            Err(error) => {
                self.clients.failed();
                return tracing::warn!(peer = shown(peer), stream = %key, %error, "webrtc publish cannot be passed on");
            }
        };
        tracing::info!(peer = shown(peer), stream = %key, "webrtc publish is passed on");
        let keys = KeyFrames::new(&connection, vhost, pictures);
        let push = Push { connection: &connection, link, running, keys, stream: key.to_string() };
        let reason = push.run(&mut Intake::new(&layers)).await;
        tracing::info!(peer = shown(peer), stream = %key, %reason, "webrtc publish that was passed on ended");
    }
}

fn without_own_words(query: &str) -> String {
    let is_own = |part: &&str| part.split('=').next().is_some_and(|name| OWN_WORDS.contains(&name));
    let parts: Vec<&str> = query.split('&').filter(|part| !part.is_empty() && !is_own(part)).collect();
    parts.join("&")
}

/// One publish on its way.
struct Push<'a> {
    connection: &'a Connection,
    link: Link<client::Session>,
    running: Running,
    keys: KeyFrames<'a>,
    stream: String,
}

impl Push<'_> {
    /// Until either side ends.
    async fn run(mut self, intake: &mut Intake) -> Ended {
        loop {
            tokio::select! {
                biased;
                event = self.connection.event() => match event {
                    Some(Event::Frame(frame)) => {
                        let machine = self.link.machine();
                        let took = intake.take(&frame, &self.stream, &mut |frame| machine.write(&message_of(frame)));
                        if took == Took::NeedsKey {
                            self.keys.want(frame.layer);
                        }
                        if self.link.drain().await.is_err() {
                            return Ended::There;
                        }
                    }
                    Some(_) => {}
                    None => {
                        let ended = self.connection.ended().await;
                        // Upstream waits for media longer than this.
                        if ended == engine::Ended::Peer && self.running.is_deleted().await {
                            return self.finish().await;
                        }
                        // Upstream is to wait for the publisher: a page that is loaded anew says goodbye too.
                        return Ended::Connection(ended);
                    }
                },
                event = self.link.next() => if !matches!(event, Ok(Some(_))) {
                    return Ended::There;
                },
                () = poll_fn(|cx| self.keys.poll_due(intake.is_broken(), cx)) => self.keys.ask(intake.layer()),
                command = self.running.commands.recv() => match command {
                    Some(Command::Restart { ours, theirs }) => self.connection.restart(ours, theirs),
                    Some(Command::Layer(layer)) => {
                        intake.choose(layer);
                        self.keys.ask(intake.layer());
                    }
                    // As if its line broke: upstream is to wait for it.
                    Some(Command::Leave) => return Ended::Leaving,
                    Some(Command::Delete) | None => return self.finish().await,
                },
            }
        }
    }

    /// Says upstream that the stream is over.
    async fn finish(mut self) -> Ended {
        self.link.machine().close();
        if self.link.drain().await.is_ok() {
            self.link.linger().await;
        }
        Ended::Deleted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_the_stream_does_not_go_on_twice() {
        assert_eq!(without_own_words("app=live&stream=a"), "");
        assert_eq!(without_own_words("app=live&token=1&stream=a&eip=1.2.3.4&&x"), "token=1&x");
    }
}
