//! Debian's redis-server, started and ended by a test.

use std::net::{SocketAddr, TcpListener};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::cluster::Folder;
use crate::{Program, tools, until};

/// A running server, without files. Dropping it kills it.
pub struct RedisServer {
    program: Option<Program>,
    port: u16,
    folder: Folder,
}

impl RedisServer {
    /// Starts one on a port that is free; none where it is not installed.
    pub async fn start() -> Option<RedisServer> {
        tools::find("redis-server")?;
        // It cannot choose a port itself. Another may take this one in between: then the test fails, and says so.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let mut server = RedisServer { program: None, port, folder: Folder::new() };
        server.again().await;
        Some(server)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Writes down what it has now: that is what it has when it is started [`again`](Self::again).
    pub async fn snapshot(&self) {
        assert_eq!(self.ask("SAVE").await.as_deref(), Some("+OK"));
    }

    /// Starts it on its port, empty but for its last snapshot.
    pub async fn again(&mut self) {
        let program = tools::find("redis-server").expect("it was there");
        let port = self.port.to_string();
        let folder = self.folder.path("");
        let folder = folder.to_str().expect("a path of letters");
        let words =
            ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
        self.program = Some(Program::start(&program, words));
        until("an answer of redis-server", async || self.ask("PING").await.filter(|text| text == "+PONG"))
            .await;
    }

    /// Kills it, and waits until it is gone.
    pub async fn kill(&mut self) {
        if let Some(program) = self.program.take() {
            program.kill().await;
        }
    }

    /// Sends it a signal by name.
    pub async fn signal(&self, name: &str) {
        tools::signal(self.program.as_ref().expect("it runs").pid(), name).await;
    }

    /// Commands that it has served since its start.
    pub async fn commands(&self) -> Option<u64> {
        let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port))).await.ok()?;
        stream.write_all(b"INFO stats\r\n").await.ok()?;
        let mut answer = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&answer);
            let line = text.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
            // Followed by others, so it is whole.
            if let Some(line) = line.filter(|_| text.contains("instantaneous_ops_per_sec")) {
                return line.trim().parse().ok();
            }
            if stream.read_buf(&mut answer).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// The first line of its answer to an inline command.
    pub async fn ask(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port))).await.ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        while !answer.contains(&b'\n') {
            if stream.read_buf(&mut answer).await.ok()? == 0 {
                return None;
            }
        }
        String::from_utf8_lossy(&answer).lines().next().map(str::to_owned)
    }
}
