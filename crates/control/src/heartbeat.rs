//! The heartbeat: tells a proxy, again and again, that this node lives and what it carries, and hears what the proxy
//! answers. Who has several proxies runs one for each, so that none waits for another.

use crate::client::{self, ClientError, Target};
use crate::register::Message;
use crate::signed::Signer;
use bytes::Bytes;
use http::HeaderValue;
use serde::Deserialize;
use srs_names::{StreamKey, Term};
use srs_net::shards;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// A heartbeat not answered by then is given up. Longer than a lost SYN takes, shorter than the three seconds
/// of silence.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Heartbeats come up to a twentieth early, so that nodes started together do not beat together.
const JITTER: f64 = 0.05;
/// Shortest interval: a slip of the pen in a configuration must not flood the proxy.
pub const MIN_INTERVAL: Duration = Duration::from_millis(100);
/// Characters of a refusal that are logged.
const MAX_EXCERPT: usize = 600;

/// Where heartbeats go, and how often.
#[derive(Clone)]
pub struct Heartbeat {
    target: Target,
    token: Option<HeaderValue>,
    signer: Option<Signer>,
    interval: Duration,
}

/// What a proxy answers to a heartbeat, beyond that it heard it. Of an answer that says nothing of the kind it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Streams that belong to other nodes by now, with the claims by which they do.
    pub fenced: Vec<(StreamKey, Term)>,
}

/// As it stands in the body: `{"fenced":[{"key":"vhost/app/stream","domain":"…","epoch":123}]}`.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    fenced: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Fenced {
    key: StreamKey,
    domain: String,
    epoch: u64,
}

impl Answer {
    /// Other servers answer what they like; and one entry that makes no sense must not cost the others.
    fn read(body: &[u8]) -> Self {
        let Ok(Body { fenced }) = serde_json::from_slice(body) else { return Self::default() };
        let entries = fenced.into_iter().filter_map(|entry| serde_json::from_value(entry).ok());
        let fence = |Fenced { key, domain, epoch }| (key, Term { domain, epoch, resumed: false });
        Self { fenced: entries.map(fence).collect() }
    }
}

#[derive(Debug, thiserror::Error)]
enum Missed {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{status}: {excerpt}")]
    Refused { status: u16, excerpt: String },
    #[error("cannot write the heartbeat: {0}")]
    Message(serde_json::Error),
}

/// Tells changes from repetitions, so that a proxy that is down for a day is one line in the log.
#[derive(Default)]
struct News(Option<bool>);

impl News {
    fn is_new(&mut self, is_answered: bool) -> bool {
        self.0.replace(is_answered) != Some(is_answered)
    }
}

impl Heartbeat {
    /// A heartbeat to an `http://` URL, with a bearer token when one is given.
    ///
    /// # Errors
    /// [`ClientError::Url`], also when the token holds characters that no header may.
    pub fn new(url: &str, interval: Duration, token: Option<&str>) -> Result<Self, ClientError> {
        let target = Target::parse(url)?;
        let header = |token| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| ClientError::Url("the token cannot stand in a header".to_owned()))?;
            value.set_sensitive(true);
            Ok::<_, ClientError>(value)
        };
        let token = token.map(header).transpose()?;
        Ok(Self { target, token, signer: None, interval: interval.max(MIN_INTERVAL) })
    }

    /// The same, each one signed. Servers that are none of ours take no notice of it.
    #[must_use]
    pub fn signed(self, signer: Option<Signer>) -> Self {
        Self { signer, ..self }
    }

    /// The time between two heartbeats, for [`Message::interval_ms`].
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Beats at once and then each interval, until dropped, and also whenever `early` changes. `message` is asked anew for
    /// each one, and `told` is given it again with what was answered, none when nobody did. Two never overlap: one that
    /// was late is followed by the next at once. Only changes between answered and not answered are logged.
    pub async fn run<T>(
        self,
        mut early: watch::Receiver<T>,
        mut message: impl FnMut() -> Message,
        mut told: impl FnMut(&Message, Option<Answer>),
    ) {
        // A node that falls silent loses its streams to others. What broke one beat may be gone at the next.
        while shards::guarded("heartbeat", self.beat_on(&mut early, &mut message, &mut told)).await.is_none()
        {
        }
    }

    async fn beat_on<T>(
        &self,
        early: &mut watch::Receiver<T>,
        message: &mut impl FnMut() -> Message,
        told: &mut impl FnMut(&Message, Option<Answer>),
    ) {
        let mut news = News::default();
        loop {
            let begun = Instant::now();
            // What changes from here on is for the next one.
            early.mark_unchanged();
            let message = message();
            let result = self.beat(&message).await;
            if news.is_new(result.is_ok()) {
                let proxy = self.target.authority();
                match &result {
                    Ok(_) => tracing::info!(proxy, "registered"),
                    Err(error) => tracing::warn!(proxy, "heartbeat failed, going on: {error}"),
                }
            }
            told(&message, result.ok());
            let sooner = self.interval.mul_f64(JITTER * rand::random::<f64>());
            let next = tokio::time::sleep_until(begun + self.interval.saturating_sub(sooner));
            tokio::select! {
                () = next => {}
                () = changed(early) => {}
            }
        }
    }

    async fn beat(&self, message: &Message) -> Result<Answer, Missed> {
        let body = serde_json::to_vec(message).map_err(Missed::Message)?;
        let signature = self.signer.as_ref().and_then(|signer| signer.beat(&self.target.authority(), &body));
        let body = Some(Bytes::from(body));
        let (status, answer) =
            client::ask(&self.target, self.token.as_ref(), signature, body, TIMEOUT).await?;
        if status.is_success() {
            return Ok(Answer::read(&answer));
        }
        let excerpt =
            String::from_utf8_lossy(&answer).chars().filter(|c| !c.is_control()).take(MAX_EXCERPT).collect();
        Err(Missed::Refused { status: status.as_u16(), excerpt })
    }
}

/// Ready at the next change; never once there can be none.
async fn changed<T>(early: &mut watch::Receiver<T>) {
    if early.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
