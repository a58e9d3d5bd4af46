//! Asking the nodes, side by side and within one limit of time.

use super::{Cluster, MAX_ANSWER};
use crate::client::{self, Question, Target};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Map, Value};
use srs_balance::{Node, OriginView, Role};
use srs_names::envelope::CAPABILITY;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, timeout_at};

/// Answers above this are read in a thread apart: at some 100 MB/s it takes a millisecond, for which media may wait.
const LARGE: usize = 128 << 10;
/// Characters of a node's words that are passed on: a refusal with the setting that would allow it has some 200.
const MAX_WORDS: usize = 400;

/// The right to ask all nodes once or twice until a deadline.
pub(super) struct Turn<'a> {
    pub cluster: &'a Cluster,
    pub limit: Duration,
    pub deadline: Instant,
    pub _permit: SemaphorePermit<'a>,
}

/// What a node answered.
pub(super) struct Answered {
    pub status: StatusCode,
    pub body: Map<String, Value>,
    _room: Option<OwnedSemaphorePermit>,
}

/// A node, and what came of asking it: its answer with status 200, or what was wrong.
pub(super) struct Asked {
    pub view: OriginView,
    pub outcome: Result<Answered, String>,
    /// It was asked, and did not say anything.
    pub mute: bool,
}

impl Asked {
    pub fn id(&self) -> &str {
        self.view.node.id.as_str()
    }
}

/// All nodes in the order of their ids.
pub(super) struct Nodes(Vec<Asked>);

impl Deref for Nodes {
    type Target = [Asked];

    fn deref(&self) -> &[Asked] {
        &self.0
    }
}

impl Nodes {
    /// The first node whose answer has this record.
    pub fn found(&self, name: &str) -> Option<(&Asked, &Map<String, Value>)> {
        self.iter().find_map(|node| Some((node, record(node.outcome.as_ref().ok()?, name)?)))
    }

    /// Takes over what went wrong at those who were asked once more.
    pub fn note_failures(&mut self, more: &Nodes) {
        for node in more.iter() {
            let known = self.0.iter_mut().find(|known| known.id() == node.id());
            if let (Err(text), Some(known)) = (&node.outcome, known) {
                known.outcome = Err(text.clone());
            }
        }
    }
}

fn record<'a>(answered: &'a Answered, name: &str) -> Option<&'a Map<String, Value>> {
    answered.body.get(name)?.as_object()
}

impl Turn<'_> {
    /// Asks every node that speaks, until all have answered, one has answered `enough`, or the time is up.
    pub async fn ask(&self, path: &str, enough: impl Fn(&Answered) -> bool) -> Nodes {
        self.ask_some(|_| Some(path.to_owned()), enough).await
    }

    /// The same, with a path for each node; none for those that are not to be asked.
    pub async fn ask_some(
        &self,
        path: impl Fn(&str) -> Option<String>,
        enough: impl Fn(&Answered) -> bool,
    ) -> Nodes {
        let mut asks = JoinSet::new();
        let mut nodes = Vec::new();
        for view in self.cluster.nodes() {
            let Some(path) = path(view.node.id.as_str()) else { continue };
            let place = nodes.len();
            let (outcome, mute) = match target(&view, &path) {
                Ok(target) => {
                    let fetched = self.cluster.fetch(&view.node, target, Method::GET);
                    asks.spawn(async move { (place, fetched.await) });
                    (format!("no answer within {:?}", self.limit), true)
                }
                Err(why) => (why.to_owned(), false),
            };
            nodes.push(Asked { view, outcome: Err(outcome), mute });
        }
        while let Ok(Some(joined)) = timeout_at(self.deadline, asks.join_next()).await {
            // A panic in there leaves its node without an answer.
            let Ok((place, outcome)) = joined else { continue };
            let mute = outcome.is_err();
            let outcome = outcome.and_then(understood);
            let is_enough = outcome.as_ref().is_ok_and(&enough);
            if let Some(node) = nodes.get_mut(place) {
                (node.outcome, node.mute) = (outcome, mute);
            }
            if is_enough {
                break;
            }
        }
        Nodes(nodes)
    }

    /// Asks every node for the record with this id, until one has it.
    pub async fn find(&self, name: &str, id: &str) -> Nodes {
        self.ask(&format!("/api/v1/{name}s/{id}"), |answered| record(answered, name).is_some()).await
    }

    /// Tells one node something, whatever it answers.
    pub async fn tell(&self, node: &Asked, method: Method, path: &str) -> Result<Answered, String> {
        let target = target(&node.view, path)?;
        let told = self.cluster.fetch(&node.view.node, target, method);
        let late = |_| Err(format!("no answer within {:?}", self.limit));
        timeout_at(self.deadline, told).await.unwrap_or_else(late)
    }
}

impl Cluster {
    /// Asks one node, with our signature where it understands that.
    pub(super) fn fetch(
        &self,
        node: &Node,
        target: Target,
        method: Method,
    ) -> impl Future<Output = Result<Answered, String>> + use<> {
        let signer = self.signer.as_ref().filter(|_| node.can(CAPABILITY));
        let signature = signer.and_then(|signer| signer.control(&node.id, &method, target.path()));
        let room = Arc::clone(&self.room);
        let question = Question { for_a_sum: true, signature, room, ..Question::new(method, MAX_ANSWER) };
        fetch(target, question)
    }
}

fn target(view: &OriginView, path: &str) -> Result<Target, &'static str> {
    let node: &Node = &view.node;
    if view.silent {
        return Err("silent: not asked");
    }
    if node.role == Role::Proxy {
        return Err("a proxy: not asked");
    }
    let api = node.endpoint("api").ok_or("it registered no api endpoint")?;
    Ok(Target::new(&api.host, api.port, path))
}

async fn fetch(target: Target, question: Question<'static>) -> Result<Answered, String> {
    let answer = client::exchange(&target, question).await.map_err(|error| error.to_string())?;
    let body = read(answer.body).await;
    let body = body.ok_or_else(|| format!("status {}, and no JSON object", answer.status))?;
    Ok(Answered { status: answer.status, body, _room: answer.room })
}

async fn read(body: Bytes) -> Option<Map<String, Value>> {
    let is_large = body.len() > LARGE;
    let parse = move || serde_json::from_slice(&body).ok();
    if is_large { spawn_blocking(parse).await.ok()? } else { parse() }
}

/// A node's refusal is told in the node's own words, which name the setting that would allow the question.
pub(super) fn understood(answered: Answered) -> Result<Answered, String> {
    if answered.status == StatusCode::OK {
        return Ok(answered);
    }
    let words = answered.body.get("error").and_then(Value::as_str).unwrap_or_default();
    let words: String = words.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
    Err(format!("{}: {words}", answered.status))
}
