//! Streams that a store of origins names; it is a real redis-server, where there is one.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::store::Settings;

/// A redis-server that keeps nothing. Dropping it kills it.
struct Redis {
    child: Child,
    address: SocketAddr,
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Redis {
    /// None where it is not installed.
    async fn start() -> Option<Redis> {
        for _ in 0..20 {
            // Somebody else may take the port that was free.
            let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let mut command = Command::new("redis-server");
            command.args(["--save", "", "--bind", "127.0.0.1", "--port", &address.port().to_string()]);
            let child = match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
                Ok(child) => child,
                Err(error) => {
                    let must = std::env::var_os("SRS_TESTS_REQUIRE_TOOLS").is_some_and(|value| value == "1");
                    assert!(!must, "redis-server is missing: {error}");
                    eprintln!("skipped: redis-server is missing");
                    return None;
                }
            };
            let mut redis = Redis { child, address };
            while redis.child.try_wait().unwrap().is_none() {
                if redis.say("PING").await.is_some() {
                    return Some(redis);
                }
                sleep(Duration::from_millis(10)).await;
            }
        }
        panic!("no redis-server comes up");
    }

    async fn say(&self, command: &str) -> Option<()> {
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await.ok()?;
        let mut answer = [0];
        stream.read_exact(&mut answer).await.ok()?;
        (answer == *b"+").then_some(())
    }

    /// Says where the stream `s` is, as another program would.
    async fn name(&self, server: &Server) {
        let set = format!("SET srs:map:{{{}}} rtmp://{}/live/s", key("s"), server.address);
        self.say(&set).await.unwrap();
    }

    fn upstream(&self) -> Upstream {
        let redis = self.address.to_string();
        let settings = Settings { redis, auth: None, origin_host_name: None, compatible: false };
        Upstream { store: Some(settings), ..Upstream::default() }
    }
}

#[tokio::test]
async fn a_lost_stream_is_looked_up_again_where_origins_name_their_streams() {
    let body = async {
        let Some(redis) = Redis::start().await else { return };
        let (one, two) = (Server::live(0, 1).await, Server::live(0, 2).await);
        redis.name(&one).await;
        let edge = Edge::with(redis.upstream(), 10);
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        assert_eq!(one.asked.borrow()[0].property(RTMP_PROPERTY), None, "a stranger is told nothing");
        redis.name(&two).await;
        one.die();
        viewer.sees(2).await;
        assert_eq!(viewer.coded(), [(0, 1), (40, 2)]);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test]
async fn what_the_store_does_not_name_is_nowhere() {
    let body = async {
        let Some(redis) = Redis::start().await else { return };
        let edge = Edge::with(redis.upstream(), 10);
        let missing = edge.missing("s").await;
        assert_eq!((missing.kind, missing.reason.as_str()), (MissingKind::NotFound, "no origin has it"));
    };
    LocalSet::new().run_until(body).await;
}
