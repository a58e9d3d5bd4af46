//! A connection to Redis of whichever kind: opened, and asked with a limit of time.

use super::settings::{Host, Place, Target};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, Pipeline,
    RedisConnectionInfo, RedisError, RedisFuture, Value,
};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// One connection may take so long to open.
const DIAL: Duration = Duration::from_millis(1_000);
/// A sentinel has so long to answer, since another one may do so.
const SENTINEL: Duration = Duration::from_millis(300);
/// Characters of an error of the server's that are kept.
const MAX_TEXT: usize = 200;

/// Why Redis did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("no answer in time")]
    Late,
    #[error("{0}")]
    Broken(String),
    #[error("{code} {text}")]
    Refused { code: String, text: String },
    #[error("an answer that makes no sense")]
    Malformed,
    #[error("redis is away: {0}")]
    Away(String),
}

impl Fault {
    /// Whether it says something about one key and nothing about the server.
    pub(super) fn is_of_a_key(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if matches!(code.as_str(), "WRONGTYPE" | "NOSCRIPT"))
    }

    /// By this it is told apart in the log.
    pub(super) fn kind(&self) -> &str {
        match self {
            Self::Late | Self::Broken(_) | Self::Away(_) => "silence",
            Self::Refused { code, .. } => code,
            Self::Malformed => "malformed",
        }
    }
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect::<String>();
        match error.code() {
            Some(code) => {
                Self::Refused { code: plain(code), text: plain(error.detail().unwrap_or_default()) }
            }
            None if error.is_timeout() => Self::Late,
            None => Self::Broken(plain(&error.to_string())),
        }
    }
}

/// A connection. Clones share it.
#[derive(Clone)]
pub(super) enum Wire {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Wire {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

impl Wire {
    /// Asks, and gives up at the deadline. What was sent may still be done then.
    pub(super) async fn ask(&mut self, command: &Cmd, deadline: Instant) -> Result<Value, Fault> {
        match timeout_at(deadline, command.query_async(self)).await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(Fault::Late),
        }
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Whether nobody will be answered on this connection any more. A cluster's heals itself.
    pub(super) fn is_lost(&self, fault: &Fault) -> bool {
        !self.is_cluster() && matches!(fault, Fault::Broken(_))
    }

    /// Connects to the server that takes writes.
    pub(super) async fn open(target: &Target) -> Result<Self, Fault> {
        match &target.place {
            Place::One(host) => dial(target, host, true).await.map(Self::One),
            Place::Sentinel { sentinels, master } => {
                by_sentinel(target, sentinels, master).await.map(Self::One)
            }
            Place::Cluster(seeds) => {
                let seeds = seeds
                    .iter()
                    .map(|seed| information(target, seed, true))
                    .collect::<Result<Vec<_>, _>>()?;
                let client = ClusterClientBuilder::new(seeds)
                    .tcp_settings(tcp())
                    .connection_timeout(DIAL)
                    .response_timeout(DIAL)
                    // Retries fit into the time that an operation has.
                    .retries(3)
                    .min_retry_wait(2)
                    .max_retry_wait(10)
                    .build()?;
                Ok(Self::Cluster(client.get_async_connection().await?))
            }
        }
    }
}

fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn information(target: &Target, (host, port): &Host, with_login: bool) -> Result<ConnectionInfo, Fault> {
    let (host, port) = (host.clone(), *port);
    let address = if target.tls {
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    };
    // The name of the library is told by a command that Redis 5 does not know.
    let mut settings = RedisConnectionInfo::default().set_skip_set_lib_name();
    if with_login {
        if let Some(user) = &target.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &target.password {
            settings = settings.set_password(password);
        }
        settings = settings.set_db(i64::from(target.db));
    }
    Ok(address.into_connection_info()?.set_tcp_settings(tcp()).set_redis_settings(settings))
}

async fn dial(target: &Target, host: &Host, with_login: bool) -> Result<MultiplexedConnection, Fault> {
    let limits = AsyncConnectionConfig::new().set_connection_timeout(Some(DIAL)).set_response_timeout(None);
    let client = Client::open(information(target, host, with_login)?)?;
    Ok(client.get_multiplexed_async_connection_with_config(&limits).await?)
}

/// Asks one sentinel after the other for the master, and believes it when the server says that it is one.
async fn by_sentinel(
    target: &Target,
    sentinels: &[Host],
    master: &str,
) -> Result<MultiplexedConnection, Fault> {
    let mut last = Fault::Broken("no sentinel answers".to_owned());
    for sentinel in sentinels {
        let asked = tokio::time::timeout(SENTINEL, where_is(target, sentinel, master)).await;
        let found = match asked.unwrap_or(Err(Fault::Late)) {
            Ok(Some(host)) => reach_master(target, &host).await,
            Ok(None) => Err(Fault::Broken(format!("the sentinels know no master named {master}"))),
            Err(fault) => Err(fault),
        };
        match found {
            Ok(connection) => return Ok(connection),
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

async fn where_is(target: &Target, sentinel: &Host, master: &str) -> Result<Option<Host>, Fault> {
    // Sentinels are open where servers are not, more often than not; those that are not have the same user.
    let anonymous = ask_for(&mut dial_sentinel(target, sentinel, false).await?, master).await;
    match anonymous {
        Err(Fault::Refused { code, .. }) if target.password.is_some() && code == "NOAUTH" => {
            ask_for(&mut dial_sentinel(target, sentinel, true).await?, master).await
        }
        answer => answer,
    }
}

async fn dial_sentinel(
    target: &Target,
    sentinel: &Host,
    login: bool,
) -> Result<MultiplexedConnection, Fault> {
    // A sentinel has no databases.
    dial(&Target { db: 0, ..target.clone() }, sentinel, login).await
}

async fn ask_for(connection: &mut MultiplexedConnection, master: &str) -> Result<Option<Host>, Fault> {
    let mut command = redis::cmd("SENTINEL");
    command.arg("get-master-addr-by-name").arg(master);
    let answer: Option<(String, u16)> = command.query_async(connection).await?;
    Ok(answer)
}

async fn reach_master(target: &Target, host: &Host) -> Result<MultiplexedConnection, Fault> {
    let mut connection = dial(target, host, true).await?;
    let role: Value = redis::cmd("ROLE").query_async(&mut connection).await?;
    let Value::Array(parts) = role else { return Err(Fault::Malformed) };
    match parts.first() {
        Some(Value::BulkString(name)) if name == b"master" => Ok(connection),
        Some(_) => Err(Fault::Broken("the sentinels' master is none (yet)".to_owned())),
        None => Err(Fault::Malformed),
    }
}
