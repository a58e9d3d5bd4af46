//! Real Redis servers for tests, each on a port of its own and killed in the end, and a fake one.

use super::*;
use srs_balance::directory::contract::Rig;
use std::net::TcpListener as StdListener;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

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

/// Asks again and again until there is an answer.
pub(super) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Another name for each test and each call, so that tests never meet.
pub(super) fn unique(name: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{name}{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

pub(super) fn free_port() -> u16 {
    StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A redis-server. Dropping it kills it.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
    arguments: Vec<String>,
    folder: PathBuf,
}

impl Server {
    /// One that keeps nothing.
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With more arguments.
    pub(super) async fn start_with(more: &[&str]) -> Self {
        Self::launch("", |_| {
            let usual = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
            usual.iter().chain(more).map(|text| (*text).to_owned()).collect()
        })
        .await
    }

    /// A sentinel with this configuration.
    pub(super) async fn sentinel(conf: &str) -> Self {
        Self::launch(conf, |folder| vec![folder.join("conf").display().to_string(), "--sentinel".to_owned()])
            .await
    }

    async fn launch(conf: &str, arguments: impl Fn(&Path) -> Vec<String>) -> Self {
        // Somebody else may take the port that was free.
        for _ in 0..20 {
            let port = free_port();
            let folder = std::env::temp_dir().join(unique("srs-directory-"));
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("conf"), conf).unwrap();
            let arguments = arguments(&folder);
            let mut server = Self { child: spawn(port, &arguments, &folder), port, arguments, folder };
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

    /// Starts it again, empty, where it was.
    pub(super) async fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.port, &self.arguments, &self.folder);
        assert!(self.is_ready().await, "the port was taken meanwhile");
    }

    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by name.
    pub(super) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Sends one command by hand; the answer is as it comes, up to 64 KiB.
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
            if answer.starts_with(b"-NOAUTH") {
                return Some("NOAUTH".to_owned());
            }
        }
        let whole = String::from_utf8_lossy(&answer).into_owned();
        Some(whole.strip_suffix("$8\r\nthe end.\r\n")?.to_owned())
    }

    /// The only number in an answer.
    pub(super) async fn number(&self, words: &[&str]) -> i64 {
        let answer = self.ask(words).await;
        answer.trim().trim_start_matches(':').parse().unwrap_or_else(|_| panic!("{words:?}: {answer:?}"))
    }

    /// All keys, by SCAN.
    pub(super) async fn scan(&self) -> Vec<String> {
        let answer = self.ask(&["SCAN", "0", "COUNT", "100000"]).await;
        // After the cursor each key stands in a line of its own.
        answer.lines().skip(4).filter(|line| !line.starts_with('$')).map(str::to_owned).collect()
    }

    /// This server, everything under a prefix that nobody else has.
    pub(super) fn target(&self) -> Target {
        target(&format!("redis://{}", self.host()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn spawn(port: u16, arguments: &[String], folder: &Path) -> Child {
    // Not even a test that is killed leaves its children behind.
    let mut command = match in_path("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig=KILL", "--", "redis-server"]);
            command
        }
        None => Command::new("redis-server"),
    };
    command.args(arguments).arg("--port").arg(port.to_string()).arg("--dir").arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Runs a program to its end; the answer is what it printed.
pub(super) fn output(program: &str, arguments: &[String]) -> String {
    let ended = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{program}: {text}{}", String::from_utf8_lossy(&ended.stderr));
    text
}

/// A target by its URL, with a prefix that nobody else has.
pub(super) fn target(url: &str) -> Target {
    Settings { url: Some(url.to_owned()), key_prefix: unique("t"), ..Settings::default() }.parse().unwrap()
}

/// A driver that is connected. Operations on it have the time `patience`.
pub(super) async fn connected(target: Target, name: &str, patience: Duration) -> Arc<Redis> {
    let redis = Redis::start_with(target, &NodeId::new(name).unwrap(), patience);
    tokio::time::timeout(DEADLINE, redis.link.up()).await.expect("a connection");
    redis
}

/// The contract's directory with the servers that it needs.
pub(super) struct Real<S> {
    redis: Arc<Redis>,
    _servers: S,
}

impl<S> Real<S> {
    pub(super) async fn new(servers: S, target: Target) -> Self {
        Self { redis: connected(target, "p1", LENIENT).await, _servers: servers }
    }
}

impl<S: Send> Rig for Real<S> {
    fn directory(&self) -> &dyn Directory {
        &*self.redis
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn pass(&mut self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // Redis counts whole milliseconds.
        Box::pin(tokio::time::sleep(time + Duration::from_millis(5)))
    }

    fn lease(&self) -> Duration {
        Duration::from_millis(1_000)
    }
}

/// Gives each connection's commands, one after the other, to `answer`, which says what to send; nothing closes the
/// connection. Its address is the first part of the answer.
pub(super) async fn fake(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let mut buffer = Vec::new();
                while let Ok(1..) = socket.read_buf(&mut buffer).await {
                    while let Some((words, length)) = command(&buffer) {
                        buffer.drain(..length);
                        match answer(&words) {
                            Some(bytes) => drop(socket.write_all(&bytes).await),
                            None => return,
                        }
                    }
                }
            });
        }
    });
    host
}

/// The first whole command in what came, its words with blanks between, and its length.
fn command(bytes: &[u8]) -> Option<(String, usize)> {
    let line = |from: usize| {
        let end = bytes[from..].windows(2).position(|pair| pair == b"\r\n")? + from;
        Some((std::str::from_utf8(&bytes[from + 1..end]).ok()?.parse::<usize>().ok()?, end + 2))
    };
    let (count, mut at) = line(0)?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (length, begin) = line(at)?;
        let word = bytes.get(begin..begin + length + 2)?;
        words.push(String::from_utf8_lossy(&word[..length]).into_owned());
        at = begin + length + 2;
    }
    Some((words.join(" "), at))
}
