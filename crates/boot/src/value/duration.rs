use std::time::Duration;

use super::Expected;

/// The unit of a number that names none; SRS's directives differ in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// As `mw_latency 350;`
    Millis,
    /// As `interval 9.9;`
    Seconds,
}

/// The longest time that any setting may name: a year. Longer is a mistaken unit.
pub const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 3600);

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Reads `350`, `9.9`, or a text with units (`10s`, `350ms`, `1m30s`). A bare number is in `unit`.
pub fn duration(text: &str, unit: Unit) -> Result<Duration, Expected> {
    let (nanos, expected) = match unit {
        Unit::Millis => {
            (1_000_000, Expected::fixed("milliseconds (350) or a time with its unit (350ms, 10s)"))
        }
        Unit::Seconds => {
            (NANOS_PER_SECOND, Expected::fixed("seconds (10, 0.3) or a time with its unit (350ms, 10s)"))
        }
    };
    let bare = match decimal(text) {
        Some((number, "")) => number.scaled(nanos).and_then(to_duration),
        Some(_) => with_units(text),
        None => None,
    };
    bare.ok_or(expected)
}

/// Reads a time as Go writes it: `300s`, `1m30s`, `500ms`, `1.5h`, or a plain `0`. A negative time is refused.
pub fn go_duration(text: &str) -> Result<Duration, Expected> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    with_units(text)
        .ok_or(Expected::fixed("a time with its unit, such as 300s, 1m30s or 500ms, of at most a year"))
}

fn with_units(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (number, after) = decimal(rest)?;
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (name, next) = after.split_at_checked(end)?;
        let nanos = match name {
            "h" => 3600 * NANOS_PER_SECOND,
            "m" => 60 * NANOS_PER_SECOND,
            "s" => NANOS_PER_SECOND,
            "ms" => 1_000_000,
            "us" | "µs" | "μs" => 1000,
            "ns" => 1,
            _ => return None,
        };
        total = total.checked_add(number.scaled(nanos)?)?;
        rest = next;
    }
    if text.is_empty() { None } else { to_duration(total) }
}

/// A decimal number of at most nine digits after the point, in units of 10^-9.
struct Decimal(u128);

impl Decimal {
    fn scaled(&self, nanos: u128) -> Option<u128> {
        Some(self.0.checked_mul(nanos)? / NANOS_PER_SECOND)
    }
}

/// Splits off a leading decimal number; `None` where there is none or it is too long to be meant.
fn decimal(text: &str) -> Option<(Decimal, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // 18 digits hold a year in nanoseconds; nine after the point reach the nanosecond of a second.
    if (whole.is_empty() && fraction.is_empty()) || whole.len() > 18 || fraction.len() > 9 {
        return None;
    }
    let mut value: u128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', 9 - fraction.len())) {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u128::from(digit - b'0'))?;
    }
    Some((Decimal(value), rest))
}

fn to_duration(nanos: u128) -> Option<Duration> {
    let duration = Duration::from_nanos(u64::try_from(nanos).ok()?);
    (duration <= MAX_DURATION).then_some(duration)
}
