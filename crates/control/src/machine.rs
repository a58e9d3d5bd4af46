//! The process and its machine, as `/proc` tells of them, in the words of SRS's API. Read when somebody asks, at most
//! once a second, which takes well below a millisecond; shares of time are those since the reading before.

mod parse;

pub(crate) use parse::Cpu;
use serde_json::Value;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A reading is good for so long: whoever asks more often gets the last one.
const FRESH: Duration = Duration::from_secs(1);
/// The time constant of [`Machine::busy`].
const LATELY: Duration = Duration::from_secs(10);
/// Ticks of a second in `/proc`: 100 for programs on every Linux, whatever the kernel's own clock.
pub(crate) const TICKS: u64 = 100;
/// Threads whose switches are summed: more than any machine has shards.
const MAX_THREADS: usize = 1_024;

/// What reads `/proc`. Shared by all who tell of it.
#[derive(Debug)]
pub struct Machine {
    started: Instant,
    inner: Mutex<(Arc<Reading>, Raw)>,
    /// See [`Machine::busy`].
    busy: Mutex<(f64, Instant)>,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

/// Numbers that only grow, with the time at which they were read.
#[derive(Clone, Debug)]
struct Raw {
    at: Instant,
    own_ticks: u64,
    cpu: Cpu,
    read_kb: u64,
    written_kb: u64,
    disks: Vec<(String, u64)>,
}

/// One reading. Sizes are in KiB unless a name says otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// Was `/proc` readable?
    pub ok: bool,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// This process's share of one processor since the last reading: 1.5 is one and a half.
    pub own_share: f64,
    /// `/proc/self/stat`, see [`parse::STAT`].
    pub stat: Vec<(&'static str, Value)>,
    pub max_rss: u64,
    pub rss: u64,
    pub blocks_in: u64,
    pub blocks_out: u64,
    pub voluntary_switches: u64,
    pub forced_switches: u64,
    pub cpu: Cpu,
    /// How much of all processors' time was used since the last reading, from 0 to 1.
    pub cpu_share: f64,
    pub cpus: u64,
    pub memory: Memory,
    pub read_per_s: u64,
    pub written_per_s: u64,
    /// How much of the time the busiest disk had something to do, from 0 to 1.
    pub disk_share: f64,
    /// Seconds since the machine started, and the idle seconds of its processors.
    pub uptime: [f64; 2],
    pub load: [f64; 3],
    /// Bytes received and sent over the interface that faces the internet.
    pub public: (u64, u64),
    /// The same of the others, without loopback.
    pub private: (u64, u64),
    pub tcp: u64,
    pub tcp_established: u64,
    pub tcp_waiting: u64,
    pub udp: u64,
}

/// The machine's memory in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    pub total: u64,
    pub free: u64,
    pub buffers: u64,
    pub cached: u64,
    pub swap_total: u64,
    pub swap_free: u64,
}

impl Memory {
    fn of(text: &str) -> Self {
        let of = |name| parse::line(text, name);
        Self {
            total: of("MemTotal"),
            free: of("MemFree"),
            buffers: of("Buffers"),
            cached: of("Cached"),
            swap_total: of("SwapTotal"),
            swap_free: of("SwapFree"),
        }
    }

    pub fn active(&self) -> u64 {
        self.total.saturating_sub(self.free)
    }

    /// Without what the kernel would give back at once.
    pub fn in_use(&self) -> u64 {
        self.active().saturating_sub(self.buffers).saturating_sub(self.cached)
    }

    pub fn ram_share(&self) -> f64 {
        share(self.in_use(), self.total)
    }

    pub fn swap_share(&self) -> f64 {
        share(self.swap_total.saturating_sub(self.swap_free), self.swap_total)
    }
}

impl Machine {
    /// Takes the first reading, from which the shares of the next are counted.
    #[must_use]
    pub fn new() -> Self {
        let raw = Raw::read();
        let reading = Reading::new(&raw, &raw);
        let busy = Mutex::new((0.0, raw.at));
        Self { started: Instant::now(), inner: Mutex::new((Arc::new(reading), raw)), busy }
    }

    /// How much of all processors' time was used lately, by whomever, from 0 to 1. The last ten seconds weigh most: a burst
    /// of one is no reason to send work elsewhere.
    #[must_use]
    pub fn busy(&self) -> f32 {
        let _ = self.read();
        let (share, at) = {
            let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            (inner.0.cpu_share, inner.1.at)
        };
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        *busy = (smoothed(busy.0, share, at.saturating_duration_since(busy.1)), at);
        // A share needs no exactness.
        #[expect(clippy::cast_possible_truncation, reason = "from 0 to 1")]
        let share = busy.0.clamp(0.0, 1.0) as f32;
        share
    }

    /// How things stand, at most [`FRESH`] old.
    pub(crate) fn read(&self) -> Arc<Reading> {
        // A panic in here leaves the last reading, which is whole.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.1.at.elapsed() >= FRESH {
            let raw = Raw::read();
            *inner = (Arc::new(Reading::new(&inner.1, &raw)), raw);
        }
        Arc::clone(&inner.0)
    }

    /// Since this was made, which is when the process started.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The mean so far, moved towards a share that was measured over `span`.
fn smoothed(mean: f64, share: f64, span: Duration) -> f64 {
    mean + (share - mean) * (span.as_secs_f64() / LATELY.as_secs_f64()).min(1.0)
}

/// Milliseconds since 1970.
pub(crate) fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn file(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no exactness")]
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl Raw {
    fn read() -> Self {
        let stat = parse::stat(&file("/proc/self/stat")).unwrap_or_default();
        let pages = file("/proc/vmstat");
        Self {
            at: Instant::now(),
            own_ticks: of(&stat, "utime").saturating_add(of(&stat, "stime")),
            cpu: parse::cpu(&file("/proc/stat")),
            read_kb: parse::line(&pages, "pgpgin"),
            written_kb: parse::line(&pages, "pgpgout"),
            disks: parse::disks(&file("/proc/diskstats")),
        }
    }
}

/// A number of `/proc/self/stat`.
pub(crate) fn of(stat: &[(&'static str, Value)], name: &str) -> u64 {
    stat.iter().find(|(known, _)| *known == name).and_then(|(_, value)| value.as_u64()).unwrap_or(0)
}

impl Reading {
    fn new(last: &Raw, raw: &Raw) -> Self {
        let stat = parse::stat(&file("/proc/self/stat"));
        let status = file("/proc/self/status");
        let io = file("/proc/self/io");
        let sockets = file("/proc/net/sockstat");
        let routes = file("/proc/net/route");
        let (public, private) =
            parse::interfaces(&file("/proc/net/dev"), parse::default_route(&routes).filter(|_| is_public()));
        let (voluntary_switches, forced_switches) = switches();
        let waiting = parse::word(&sockets, "TCP:", "tw");
        let mut reading = Self {
            ok: stat.is_some(),
            at_ms: unix_ms(),
            stat: stat.unwrap_or_else(|| parse::stat("0 () ?").unwrap_or_default()),
            max_rss: parse::line(&status, "VmHWM"),
            rss: parse::line(&status, "VmRSS"),
            blocks_in: parse::line(&io, "read_bytes") / 512,
            blocks_out: parse::line(&io, "write_bytes") / 512,
            voluntary_switches,
            forced_switches,
            cpu: raw.cpu,
            cpus: parse::ranges(&file("/sys/devices/system/cpu/present")).max(raw.cpu.online),
            memory: Memory::of(&file("/proc/meminfo")),
            uptime: parse::fractions(&file("/proc/uptime")),
            load: parse::fractions(&file("/proc/loadavg")),
            public,
            private,
            tcp: parse::word(&sockets, "TCP:", "inuse").saturating_add(waiting),
            tcp_established: parse::established(&file("/proc/net/snmp")),
            tcp_waiting: waiting,
            udp: parse::word(&sockets, "UDP:", "inuse"),
            ..Self::default()
        };
        reading.compare(last, raw);
        reading
    }

    /// The shares of the time between two readings.
    fn compare(&mut self, last: &Raw, raw: &Raw) {
        let millis = u64::try_from(raw.at.saturating_duration_since(last.at).as_millis()).unwrap_or(u64::MAX);
        let ticks = raw.own_ticks.saturating_sub(last.own_ticks);
        self.own_share = share(ticks.saturating_mul(1_000), millis.saturating_mul(TICKS));
        let all = raw.cpu.total().saturating_sub(last.cpu.total());
        let idle = raw.cpu.idle.saturating_sub(last.cpu.idle);
        self.cpu_share = share(all.saturating_sub(idle), all);
        let per_s = |now: u64, then: u64| {
            now.saturating_sub(then).saturating_mul(1_000).checked_div(millis).unwrap_or(0)
        };
        self.read_per_s = per_s(raw.read_kb, last.read_kb);
        self.written_per_s = per_s(raw.written_kb, last.written_kb);
        let busy = raw.disks.iter().filter_map(|(name, now)| {
            let (_, then) = last.disks.iter().find(|(known, _)| known == name)?;
            Some(now.saturating_sub(*then))
        });
        self.disk_share = share(busy.max().unwrap_or(0), millis).min(1.0);
    }
}

/// Switches of all threads: `/proc/self/status` tells those of the first alone.
fn switches() -> (u64, u64) {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return (0, 0) };
    let texts = threads.flatten().take(MAX_THREADS).filter_map(|thread| {
        // A thread may end between the two.
        fs::read_to_string(thread.path().join("status")).ok()
    });
    texts.fold((0, 0), |(voluntary, forced), text| {
        (
            voluntary.saturating_add(parse::line(&text, "voluntary_ctxt_switches")),
            forced.saturating_add(parse::line(&text, "nonvoluntary_ctxt_switches")),
        )
    })
}

/// Whether the address from which this machine would call the internet is one of the internet's own.
fn is_public() -> bool {
    // Connecting a datagram socket sends nothing; it only asks the routing table. The address is for documents.
    let address = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    match address.map(|address| address.ip()) {
        Ok(IpAddr::V4(ip)) => {
            let [first, second, ..] = ip.octets();
            // RFC 6598: addresses that a provider shares among its customers.
            let is_shared = first == 100 && (64..128).contains(&second);
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || is_shared)
        }
        _ => false,
    }
}

/// What `uname` says.
pub(crate) struct Uname {
    pub sysname: String,
    pub nodename: String,
    pub release: String,
    pub version: String,
    pub machine: &'static str,
}

impl Uname {
    pub fn read() -> Self {
        let of = |name: &str| file(&format!("/proc/sys/kernel/{name}")).trim_end().to_owned();
        Self {
            sysname: of("ostype"),
            nodename: of("hostname"),
            release: of("osrelease"),
            version: of("version"),
            machine: std::env::consts::ARCH,
        }
    }
}

#[cfg(test)]
mod tests;
