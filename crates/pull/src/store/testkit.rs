//! A real redis-server for tests, on a port of its own and killed in the end, and nodes that use it.

use super::*;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

/// A busy machine is no reason for a test of what operations mean to fail.
pub(super) const LENIENT: Duration = Duration::from_secs(5);
/// What a test waits for comes within this time or not at all.
const DEADLINE: Duration = Duration::from_secs(30);

/// Runs a test on one thread. Without a redis-server it is skipped, aloud.
pub(super) fn run(test: impl Future<Output = ()>) {
    if in_path("redis-server").is_none() {
        let must = std::env::var_os("SRS_TESTS_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(!must, "redis-server is missing, and SRS_TESTS_REQUIRE_TOOLS=1 wants it");
        eprintln!("skipped: redis-server is missing");
        return;
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Asks again and again until there is an answer; also how long that took.
pub(super) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> (T, Duration) {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return (found, begun.elapsed());
        }
        assert!(begun.elapsed() < DEADLINE, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) fn key(text: &str) -> StreamKey {
    text.parse().unwrap()
}

/// A redis-server that keeps nothing. Dropping it kills it.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
}

impl Server {
    pub(super) async fn start() -> Self {
        // Somebody else may take the port that was free.
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut server = Self { child: spawn(port), port };
            if server.is_ready().await {
                return server;
            }
        }
        panic!("no redis-server comes up");
    }

    async fn is_ready(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if self.try_ask(&["PING"]).await.is_some() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, empty, where it was.
    pub(super) async fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.port);
        assert!(self.is_ready().await, "the port was taken meanwhile");
    }

    /// A port behind which it is so far away: each piece takes this long, either way.
    pub(super) async fn far(&self, time: Duration) -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, server) = (listener.local_addr().unwrap().port(), self.port);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = tokio::net::TcpStream::connect(("127.0.0.1", server)).await else { continue };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(slowly(near_in, far_out, time));
                tokio::spawn(slowly(far_in, near_out, time));
            }
        });
        port
    }

    /// Sends a signal by name.
    pub(super) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    /// Sends one command by hand; the answer is as it comes, without lengths.
    pub(super) async fn ask(&self, words: &[&str]) -> String {
        self.try_ask(words).await.unwrap_or_else(|| panic!("no answer to {words:?}"))
    }

    async fn try_ask(&self, words: &[&str]) -> Option<String> {
        let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        // The second answer shows that the first one is whole.
        text.push_str("*2\r\n$4\r\nPING\r\n$8\r\nthe end.\r\n");
        socket.write_all(text.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"$8\r\nthe end.\r\n") {
            if socket.read_buf(&mut answer).await.ok()? == 0 {
                return None;
            }
        }
        let whole = String::from_utf8_lossy(&answer).into_owned();
        Some(whole.strip_suffix("$8\r\nthe end.\r\n")?.trim_end().to_owned())
    }

    /// The text under a key; empty for none.
    pub(super) async fn get(&self, name: &str) -> String {
        let answer = self.ask(&["GET", name]).await;
        answer.split_once("\r\n").map(|(_, text)| text.to_owned()).unwrap_or_default()
    }

    /// All keys, by SCAN.
    pub(super) async fn scan(&self) -> Vec<String> {
        let answer = self.ask(&["SCAN", "0", "COUNT", "100000"]).await;
        // After the cursor each key stands in a line of its own.
        answer.lines().skip(4).filter(|line| !line.starts_with('$')).map(str::to_owned).collect()
    }

    pub(super) fn settings(&self, name: Option<&str>) -> Settings {
        Settings {
            redis: format!("127.0.0.1:{}", self.port),
            auth: None,
            origin_host_name: name.map(str::to_owned),
            compatible: false,
        }
    }

    /// An edge of the vhost `v`.
    pub(super) fn edge(&self) -> Store {
        open(&self.settings(None), "edge", "v", LENIENT)
    }

    /// An origin of the vhost `v` at `NAME:1935`, with what is live there.
    pub(super) fn origin(&self, name: &str) -> Origin {
        Origin::new(&self.settings(Some(name)), name, "v")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(super) fn open(settings: &Settings, me: &str, vhost: &str, patience: Duration) -> Store {
    Store::open_with(settings, &NodeId::new(me).unwrap(), vhost, &Handle::current(), patience).unwrap()
}

/// A node that announces.
pub(super) struct Origin {
    pub(super) store: Store,
    live: Arc<Mutex<Vec<(StreamKey, u64)>>>,
}

impl Origin {
    pub(super) fn new(settings: &Settings, me: &str, vhost: &str) -> Self {
        let store = open(settings, me, vhost, LENIENT);
        let live: Arc<Mutex<Vec<(StreamKey, u64)>>> = Arc::default();
        let shown = Arc::clone(&live);
        store.announce(move || lock(&shown).clone(), 1935);
        Self { store, live }
    }

    /// Has one stream from now on.
    pub(super) fn publishes(&self, stream: &str, epoch: u64) {
        lock(&self.live).push((key(stream), epoch));
    }

    pub(super) fn ends(&self, stream: &str) {
        lock(&self.live).retain(|(live, _)| live.as_str() != stream);
    }
}

fn spawn(port: u16) -> Child {
    // Not even a test that is killed leaves its children behind.
    let mut command = match in_path("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig=KILL", "--", "redis-server"]);
            command
        }
        None => Command::new("redis-server"),
    };
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()]);
    command.current_dir(std::env::temp_dir());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Keeps what is logged on this thread.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// How many lines hold this text.
    pub(super) fn that_hold(&self, text: &str) -> usize {
        lock(&self.0).iter().filter(|line| line.contains(text)).count()
    }
}

struct Text(String);

impl tracing::field::Visit for Text {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("srs_pull")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        lock(&self.0).push(text.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// Passes on what comes, each piece after so long.
async fn slowly(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    time: Duration,
) {
    let (give, mut take) = tokio::sync::mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((at, piece)) = take.recv().await {
            tokio::time::sleep_until(at).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    });
    let mut piece = Vec::new();
    while from.read_buf(&mut piece).await.is_ok_and(|count| count > 0) {
        if give.send((Instant::now() + time, std::mem::take(&mut piece))).is_err() {
            return;
        }
    }
}
