//! Texts of `/proc`, read without touching the disk. What a kernel does not tell is 0, never an error: an API that shows
//! nothing because one number is missing helps nobody.

use serde_json::{Number, Value};
use std::str::FromStr;

/// The fields of `/proc/self/stat` in their order, by SRS's names.
pub(crate) const STAT: [&str; 44] = [
    "pid",
    "comm",
    "state",
    "ppid",
    "pgrp",
    "session",
    "tty_nr",
    "tpgid",
    "flags",
    "minflt",
    "cminflt",
    "majflt",
    "cmajflt",
    "utime",
    "stime",
    "cutime",
    "cstime",
    "priority",
    "nice",
    "num_threads",
    "itrealvalue",
    "starttime",
    "vsize",
    "rss",
    "rsslim",
    "startcode",
    "endcode",
    "startstack",
    "kstkesp",
    "kstkeip",
    "signal",
    "blocked",
    "sigignore",
    "sigcatch",
    "wchan",
    "nswap",
    "cnswap",
    "exit_signal",
    "processor",
    "rt_priority",
    "policy",
    "delayacct_blkio_ticks",
    "guest_time",
    "cguest_time",
];

/// Places in memory. They are told as 0: they would spare an attacker the guessing.
const ADDRESSES: [&str; 6] = ["startcode", "endcode", "startstack", "kstkesp", "kstkeip", "wchan"];

fn number<T: FromStr + Default>(text: Option<&str>) -> T {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// `/proc/self/stat`: a value for each name of [`STAT`]; none when the text is something else.
pub(crate) fn stat(text: &str) -> Option<Vec<(&'static str, Value)>> {
    // The program's name may hold blanks and parentheses.
    let (pid, rest) = text.split_once(" (")?;
    let (comm, rest) = rest.rsplit_once(") ")?;
    let mut rest = rest.split_ascii_whitespace();
    let state = rest.next().unwrap_or_default().to_owned();
    let comm = format!("({comm})");
    let mut values = vec![Value::from(number::<u64>(Some(pid))), Value::from(comm), Value::from(state)];
    values.extend(rest.map(|text| {
        let unsigned = text.parse::<u64>().map(Number::from);
        Value::from(unsigned.or_else(|_| text.parse::<i64>().map(Number::from)).unwrap_or_else(|_| 0.into()))
    }));
    values.resize(STAT.len(), 0.into());
    let named = STAT.into_iter().zip(values);
    Some(
        named.map(|(name, value)| (name, if ADDRESSES.contains(&name) { 0.into() } else { value })).collect(),
    )
}

/// The number behind `name` and a colon or blanks, in a text with one of these to a line.
pub(crate) fn line(text: &str, name: &str) -> u64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix([':', ' ']));
    number(rest.and_then(|rest| rest.split_ascii_whitespace().next()))
}

/// Ticks of all processors together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cpu {
    pub user: u64,
    pub nice: u64,
    pub sys: u64,
    pub idle: u64,
    pub iowait: u64,
    pub irq: u64,
    pub softirq: u64,
    pub steal: u64,
    pub guest: u64,
    /// Processors that run.
    pub online: u64,
}

impl Cpu {
    /// All ticks; those of guests are in `user` already.
    pub fn total(&self) -> u64 {
        [self.user, self.nice, self.sys, self.idle, self.iowait, self.irq, self.softirq, self.steal]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// `/proc/stat`.
pub(crate) fn cpu(text: &str) -> Cpu {
    let mut fields =
        text.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default().split_whitespace();
    let mut next = || number(fields.next());
    let mut cpu = Cpu {
        user: next(),
        nice: next(),
        sys: next(),
        idle: next(),
        iowait: next(),
        irq: next(),
        softirq: next(),
        steal: next(),
        guest: next(),
        online: 0,
    };
    let is_one = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    cpu.online = text.lines().filter(is_one).count() as u64;
    cpu
}

/// How many there are in `0-3,8`.
pub(crate) fn ranges(text: &str) -> u64 {
    let count = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
        last.checked_sub(first)?.checked_add(1)
    };
    text.trim().split(',').filter_map(count).fold(0, u64::saturating_add)
}

/// Decimal fractions that stand in a row: `/proc/loadavg`, `/proc/uptime`.
pub(crate) fn fractions<const N: usize>(text: &str) -> [f64; N] {
    let mut fields = text.split_ascii_whitespace();
    std::array::from_fn(|_| {
        Some(number::<f64>(fields.next())).filter(|number| number.is_finite()).unwrap_or(0.0)
    })
}

/// `/proc/net/dev`: bytes received and sent, of `public` and of all other interfaces but loopback.
pub(crate) fn interfaces(text: &str, public: Option<&str>) -> ((u64, u64), (u64, u64)) {
    let (mut outside, mut inside) = ((0_u64, 0_u64), (0_u64, 0_u64));
    for line in text.lines() {
        let Some((name, rest)) = line.split_once(':') else { continue };
        let name = name.trim();
        if name == "lo" {
            continue;
        }
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let sum = if public == Some(name) { &mut outside } else { &mut inside };
        sum.0 = sum.0.saturating_add(number(fields.first().copied()));
        sum.1 = sum.1.saturating_add(number(fields.get(8).copied()));
    }
    (outside, inside)
}

/// `/proc/net/route`: the interface of the default route.
pub(crate) fn default_route(text: &str) -> Option<&str> {
    text.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (name, destination) = (fields.next()?, fields.next()?);
        (destination == "00000000").then_some(name)
    })
}

/// The number behind a word in the line that begins with `head`: `/proc/net/sockstat`.
pub(crate) fn word(text: &str, head: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(head)).unwrap_or_default();
    let mut words = line.split_ascii_whitespace().skip_while(|word| *word != name);
    number(words.nth(1))
}

/// `/proc/net/snmp`: TCP connections that are established. Names stand in one line, values in the next.
pub(crate) fn established(text: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let place = names.split_ascii_whitespace().position(|name| name == "CurrEstab");
    place.map_or(0, |place| number(values.split_ascii_whitespace().nth(place)))
}

/// `/proc/diskstats`: milliseconds for which each disk had something to do. Disks made of memory or files are left out.
pub(crate) fn disks(text: &str) -> Vec<(String, u64)> {
    let disk = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let name = *fields.get(2)?;
        let is_real = !["loop", "ram", "zram"].iter().any(|kind| name.starts_with(kind));
        is_real.then(|| (name.to_owned(), number(fields.get(12).copied())))
    };
    text.lines().filter_map(disk).collect()
}

#[cfg(test)]
mod tests;
