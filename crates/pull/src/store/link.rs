//! The connection to the store, the breaker before it, and how it comes back.
//!
//! A call that was not answered in time is a miss. After [`MAX_MISSES`] in a row, or when the connection breaks, it is
//! taken away: whoever asks then hears so at once, until the background brought another one.

use super::journal::Journal;
use super::settings::Place;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, IntoConnectionInfo as _, Pipeline,
    RedisConnectionInfo, RedisError, Value,
};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// Misses in a row that open the breaker.
const MAX_MISSES: u32 = 3;
/// Opening a connection, with names and TLS, takes so long at most.
const OPEN: Duration = Duration::from_secs(1);
/// A store far away is given this many times the round trip that its connection began with, but no more than
/// [`MOST_PATIENCE`]: who asks is a first viewer, who waits for a connection to a server as well.
const ROUND_TRIPS: u32 = 4;
const MOST_PATIENCE: Duration = Duration::from_millis(500);
/// Between two looks at a connection that works.
const LOOK: Duration = Duration::from_secs(1);
/// Before another attempt; doubled after each one, less up to half by chance. A store that comes back is to be filled
/// again within 3 s.
const MIN_WAIT: Duration = Duration::from_millis(250);
const MAX_WAIT: Duration = Duration::from_secs(1);
/// A connection that held for so long is replaced at once; one that breaks sooner has to wait like a failed attempt.
const STEADY: Duration = Duration::from_secs(5);
/// Nobody waits for a batch, and a large one takes longer than a question.
const BATCH: Duration = Duration::from_millis(500);
/// Characters of an error of the server's that are kept.
const MAX_TEXT: usize = 200;

/// Why the store did not do what it was asked.
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
    #[error("{0}")]
    Away(String),
}

impl Fault {
    /// By this it is told apart in the log.
    pub(super) fn kind(&self) -> &str {
        match self {
            Self::Late | Self::Broken(_) | Self::Away(_) => "silence",
            Self::Refused { code, .. } => code,
            Self::Malformed => "malformed",
        }
    }

    /// What the server said of one command among others.
    pub(super) fn refused(code: &str, text: Option<&str>) -> Fault {
        Self::Refused { code: plain(code), text: plain(text.unwrap_or_default()) }
    }
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        match error.code() {
            Some(code) => Self::refused(code, error.detail()),
            None if error.is_timeout() => Self::Late,
            None => Self::Broken(plain(&error.to_string())),
        }
    }
}

enum State {
    /// The first attempt is under way.
    Opening,
    Up {
        wire: MultiplexedConnection,
        serial: u64,
        since: Instant,
    },
    Away(String),
}

/// See the module's text.
pub(super) struct Link {
    state: RwLock<State>,
    /// Changes with the state; the number of the present connection, 0 for none.
    serial: watch::Sender<u64>,
    misses: AtomicU32,
    /// How long a question waits for its answer, at least.
    least: Duration,
    /// How long it does on the present connection, in microseconds.
    patience: AtomicU64,
    pub(super) journal: Journal,
}

impl Link {
    pub(super) fn new(patience: Duration, journal: Journal) -> Self {
        Self {
            state: RwLock::new(State::Opening),
            serial: watch::Sender::new(0),
            misses: AtomicU32::new(0),
            least: patience,
            patience: AtomicU64::new(micros(patience)),
            journal,
        }
    }

    /// The number of the present connection, 0 for none.
    pub(super) fn serial(&self) -> u64 {
        *self.serial.borrow()
    }

    /// For how long the present connection has been there.
    pub(super) fn age(&self) -> Duration {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Up { since, .. } => since.elapsed(),
            State::Opening | State::Away(_) => Duration::ZERO,
        }
    }

    /// How long a question waits for its answer.
    fn patience(&self) -> Duration {
        Duration::from_micros(self.patience.load(Ordering::Relaxed))
    }

    /// The present connection and its number; none while there may soon be a first one.
    fn wire(&self) -> Result<Option<(MultiplexedConnection, u64)>, Fault> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Opening => Ok(None),
            State::Up { wire, serial, .. } => Ok(Some((wire.clone(), *serial))),
            State::Away(why) => Err(Fault::Away(why.clone())),
        }
    }

    async fn first_wire(&self, deadline: Instant) -> Result<(MultiplexedConnection, u64), Fault> {
        let mut changes = self.serial.subscribe();
        loop {
            if let Some(wire) = self.wire()? {
                return Ok(wire);
            }
            if timeout_at(deadline, changes.changed()).await.is_err() {
                return Err(Fault::Away("not connected yet".to_owned()));
            }
        }
    }

    /// Asks over the present connection, and gives up when the patience is over. What was sent may still be done then.
    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, Fault> {
        let deadline = Instant::now() + self.patience();
        let (mut wire, serial) = self.first_wire(deadline).await?;
        let answer = answer(timeout_at(deadline, wire.send_packed_command(command)).await);
        self.note(serial, answer.as_ref().err());
        match answer? {
            Value::ServerError(error) => Err(self.odd(Fault::refused(error.code(), error.details()))),
            value => Ok(value),
        }
    }

    /// Asks many things at once, in the background. Each has an answer of its own.
    pub(super) async fn batch(&self, commands: &Pipeline) -> Result<Vec<Value>, Fault> {
        let deadline = Instant::now() + BATCH.max(self.patience().saturating_mul(2));
        let (mut wire, serial) = self.first_wire(deadline).await?;
        let count = commands.len();
        let answers = answer(timeout_at(deadline, wire.send_packed_commands(commands, 0, count)).await);
        self.note(serial, answers.as_ref().err());
        answers.and_then(|answers| if answers.len() == count { Ok(answers) } else { Err(Fault::Malformed) })
    }

    /// Tells of a fault that says nothing about the connection.
    pub(super) fn odd(&self, fault: Fault) -> Fault {
        self.journal.odd(fault.kind(), &fault);
        fault
    }

    /// Takes note of what became of a question on the connection of this number.
    fn note(&self, asked: u64, fault: Option<&Fault>) {
        let Some(fault) = fault else {
            self.misses.store(0, Ordering::Relaxed);
            return;
        };
        if matches!(fault, Fault::Refused { .. }) {
            self.journal.odd(fault.kind(), fault);
            return;
        }
        let misses = self.misses.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if misses < MAX_MISSES && !matches!(fault, Fault::Broken(_)) {
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Up { serial, .. } if *serial == asked) {
            self.put_away(&mut state, fault);
        }
    }

    /// Under the lock, so that it cannot overtake or be overtaken by another change.
    fn put_away(&self, state: &mut State, fault: &Fault) {
        *state = State::Away(fault.to_string());
        self.serial.send_replace(0);
        self.journal.away(fault);
    }

    /// Another connection failed to come about.
    fn still_away(&self, fault: &Fault) {
        self.put_away(&mut self.state.write().unwrap_or_else(PoisonError::into_inner), fault);
    }

    /// Lets calls use this connection.
    fn install(&self, wire: MultiplexedConnection, serial: u64) {
        self.misses.store(0, Ordering::Relaxed);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = State::Up { wire, serial, since: Instant::now() };
        self.serial.send_replace(serial);
        self.journal.back();
    }

    /// Waits until the connection of this number is not the present one.
    async fn gone(&self, serial: u64) {
        // Fails when the sender is gone, which is `self`.
        let _ = self.serial.subscribe().wait_for(|now| *now != serial).await;
    }

    /// Opens the connection, watches it, opens the next, for ever.
    pub(super) async fn keep(self: Arc<Self>, place: Place) {
        let mut wait = MIN_WAIT;
        let mut serial = 0_u64;
        loop {
            match self.open(&place).await {
                Ok(wire) => {
                    // 0 is none.
                    serial = serial.wrapping_add(1).max(1);
                    let since = Instant::now();
                    self.install(wire, serial);
                    self.watch(serial).await;
                    if since.elapsed() >= STEADY {
                        wait = MIN_WAIT;
                        continue;
                    }
                }
                Err(fault) => self.still_away(&fault),
            }
            tokio::time::sleep(wait.mul_f64(1.0 - rand::random::<f64>() / 2.0)).await;
            wait = wait.saturating_mul(2).min(MAX_WAIT);
        }
    }

    /// A new connection over which something was answered.
    async fn open(&self, place: &Place) -> Result<MultiplexedConnection, Fault> {
        let place = place.clone();
        // In a task of its own: should the client's code panic on an answer, the next attempt follows all the same.
        let attempt = tokio::spawn(async move { timeout(OPEN, dial(&place)).await });
        let mut wire = match attempt.await {
            Ok(Ok(outcome)) => outcome?,
            Ok(Err(_)) => return Err(Fault::Late),
            Err(_) => return Err(Fault::Broken("the client gave up on an answer".to_owned())),
        };
        let ping = redis::cmd("PING");
        let asked = Instant::now();
        match answer(timeout(OPEN, wire.send_packed_command(&ping)).await)? {
            Value::SimpleString(text) if text == "PONG" => {
                let far = asked.elapsed().saturating_mul(ROUND_TRIPS).min(MOST_PATIENCE);
                self.patience.store(micros(far.max(self.least)), Ordering::Relaxed);
                Ok(wire)
            }
            Value::ServerError(error) => Err(Fault::refused(error.code(), error.details())),
            _ => Err(Fault::Malformed),
        }
    }

    /// Looks at a connection again and again until it is the present one no more.
    async fn watch(&self, serial: u64) {
        let ping = redis::cmd("PING");
        loop {
            tokio::select! {
                () = self.gone(serial) => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            // What comes of it is noted where it is asked.
            let _ = self.ask(&ping).await;
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// From the two ways of failing to one.
fn answer<T>(outcome: Result<Result<T, RedisError>, tokio::time::error::Elapsed>) -> Result<T, Fault> {
    outcome.map_err(|_| Fault::Late)?.map_err(Fault::from)
}

async fn dial(place: &Place) -> Result<MultiplexedConnection, Fault> {
    let (host, port) = (place.host.host.clone(), place.host.port);
    let address = if place.tls {
        // Fails where one is chosen already, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    };
    // The name of the library is told by a command that Redis 5 does not know.
    let mut login = RedisConnectionInfo::default().set_skip_set_lib_name().set_db(i64::from(place.db));
    if let Some(user) = &place.user {
        login = login.set_username(user);
    }
    if let Some(password) = &place.password {
        login = login.set_password(password);
    }
    let tcp = TcpSettings::default().set_nodelay(true);
    let information = address.into_connection_info()?.set_tcp_settings(tcp).set_redis_settings(login);
    let limits = AsyncConnectionConfig::new().set_connection_timeout(Some(OPEN)).set_response_timeout(None);
    let client = Client::open(information)?;
    Ok(client.get_multiplexed_async_connection_with_config(&limits).await?)
}
