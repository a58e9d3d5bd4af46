//! Members on loopback, which tests kill, and cut off from each other.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::task::JoinHandle;

/// A busy machine is no reason for a test of what operations mean to fail.
pub(super) const LENIENT: Duration = Duration::from_secs(5);
/// What a test waits for comes within this time or not at all.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);
pub(super) const SECRET: &[u8] = b"the cluster's secret";

/// Runs a test on one thread.
pub(super) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Asks again and again until there is an answer; how long it took.
pub(super) async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !ask().await {
        assert!(begun.elapsed() < DEADLINE, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

pub(super) fn id(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub(super) fn settings(name: &str, peers: &[String]) -> Settings {
    let listen = vec!["127.0.0.1:0".parse().unwrap()];
    Settings { listen, peers: peers.to_vec(), secret: SECRET.to_vec(), me: id(name) }
}

/// A member that runs. Dropping it kills it without a word.
pub(super) struct Running {
    pub(super) mesh: Arc<Mesh>,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) fn start(settings: Settings) -> Self {
        let mesh = Mesh::start_with(settings, LENIENT).unwrap();
        let task = tokio::spawn(Arc::clone(&mesh).run());
        Self { mesh, task }
    }

    /// Under the common secret, beside these.
    pub(super) fn join(name: &str, peers: &[&Self]) -> Self {
        let peers: Vec<_> = peers.iter().map(|peer| peer.mesh.at.to_string()).collect();
        Self::start(settings(name, &peers))
    }

    /// The ids of those who live as far as this one knows.
    pub(super) fn sees(&self) -> Vec<String> {
        self.mesh.members().into_iter().map(|(id, _)| id.as_str().to_owned()).collect()
    }

    /// Ends it, with its sockets.
    pub(super) async fn kill(self) {
        let Self { mesh, task } = self;
        task.abort();
        let _ = task.await;
        let rest = Arc::downgrade(&mesh);
        drop(mesh);
        until("the end of its tasks", async || rest.strong_count() == 0).await;
    }

    /// Nothing passes between this one and those, and everything between it and others.
    pub(super) fn cut(&self, from: &[&str]) {
        let from: Vec<_> = from.iter().map(|name| id(name)).collect();
        self.mesh.strangers.cut(&from);
        from.iter().filter_map(|id| self.mesh.links.get(id)).for_each(|link| link.end());
    }

    fn is_settled(&self) -> bool {
        let others = self.mesh.members().len() - 1;
        self.mesh.links.all().len() == others && self.mesh.home.is_settled()
    }
}

/// Waits until each of these sees just these.
pub(super) async fn see_each_other(members: &[&Running]) -> Duration {
    let mut all: Vec<_> = members.iter().map(|member| member.mesh.me.as_str()).collect();
    all.sort_unstable();
    until("the members to see each other", async || members.iter().all(|member| member.sees() == all)).await
}

/// The same, and until every key is decided on.
pub(super) async fn settle(members: &[&Running]) {
    see_each_other(members).await;
    until("the members to settle", async || members.iter().all(|member| member.is_settled())).await;
}

/// Three members that have settled.
pub(super) async fn three() -> [Running; 3] {
    let a = Running::join("a", &[]);
    let b = Running::join("b", &[&a]);
    let c = Running::join("c", &[&a]);
    settle(&[&a, &b, &c]).await;
    [a, b, c]
}

/// A stream whose home is this member, as that one sees it.
pub(super) fn stream_of(home: &str, seen_by: &Running) -> StreamKey {
    let names = (0..).map(|number| srs_balance::directory::contract::key(&format!("s{number}")));
    names.into_iter().find(|key| seen_by.mesh.home.of(key) == id(home)).unwrap()
}

/// A directory of members; each operation goes through another one.
pub(super) struct InTurn {
    members: Vec<Running>,
    next: AtomicUsize,
}

impl InTurn {
    pub(super) fn new(members: Vec<Running>) -> Self {
        Self { members, next: AtomicUsize::new(0) }
    }

    fn next(&self) -> &Mesh {
        &self.members[self.next.fetch_add(1, Ordering::Relaxed) % self.members.len()].mesh
    }
}

impl Directory for InTurn {
    fn domain(&self) -> &str {
        self.next().domain()
    }

    fn claim<'a>(
        &'a self,
        ask: &'a Claim,
        over: Option<Epoch>,
        lease: Duration,
        now: Duration,
    ) -> Answer<'a, ()> {
        self.next().claim(ask, over, lease, now)
    }

    fn renew<'a>(&'a self, claim: &'a Claim, lease: Duration, now: Duration) -> Answer<'a, ()> {
        self.next().renew(claim, lease, now)
    }

    fn release<'a>(&'a self, claim: &'a Claim, now: Duration) -> Answer<'a, ()> {
        self.next().release(claim, now)
    }

    fn lookup<'a>(&'a self, key: &'a StreamKey, now: Duration) -> Answer<'a, Option<Claim>> {
        self.next().lookup(key, now)
    }

    fn note<'a>(&'a self, name: &'a str, text: &'a str, ttl: Duration, now: Duration) -> Answer<'a, ()> {
        self.next().note(name, text, ttl, now)
    }

    fn noted<'a>(&'a self, name: &'a str, now: Duration) -> Answer<'a, Option<String>> {
        self.next().noted(name, now)
    }
}

impl srs_balance::directory::contract::Rig for InTurn {
    fn directory(&self) -> &dyn Directory {
        self
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn pass(&mut self, time: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(time + Duration::from_millis(5)))
    }

    fn lease(&self) -> Duration {
        Duration::from_millis(1_000)
    }
}
