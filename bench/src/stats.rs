//! Numbers out of many numbers, and the JSON line that carries them.

use std::io::Write as _;

use serde_json::{Map, Value};

use crate::Outcome;
use crate::args::Args;

/// The value below which `percent` of the values lie; `None` without values. Sorts.
pub fn percentile<T: Copy + Ord>(values: &mut [T], percent: usize) -> Option<T> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    values.get((values.len() * percent / 100).min(last)).copied()
}

/// The middle of a few measurements.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        count if count % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// Cut to three decimals: more is noise.
pub fn round(value: f64) -> Value {
    Value::from((value * 1000.0).round() / 1000.0)
}

/// p50 and p99 of microseconds or nanoseconds as milliseconds, into `line`.
pub fn put_percentiles(line: &mut Map<String, Value>, name: &str, values: &mut [u64], per_ms: f64) {
    for percent in [50, 99] {
        let value = percentile(values, percent).map_or(Value::Null, |value| round(value as f64 / per_ms));
        line.insert(format!("{name}_p{percent}_ms"), value);
    }
}

/// Adds the `--label k=v` pairs and prints the line.
pub fn print(mut line: Map<String, Value>, args: &Args) -> Outcome<()> {
    for label in args.given("label") {
        let (key, value) = label.split_once('=').ok_or_else(|| format!("--label {label:?} is not k=v"))?;
        line.insert(key.to_owned(), value.parse::<u64>().map_or_else(|_| Value::from(value), Value::from));
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", Value::Object(line))?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_of_one_value_is_that_value() {
        assert_eq!((percentile(&mut [7], 50), percentile(&mut [7], 99)), (Some(7), Some(7)));
    }

    #[test]
    fn percentile_99_of_a_hundred_is_the_largest() {
        let mut values: Vec<u32> = (0..100).rev().collect();
        assert_eq!((percentile(&mut values, 50), percentile(&mut values, 99)), (Some(50), Some(99)));
    }

    #[test]
    fn median_of_an_even_count_is_between() {
        assert_eq!(
            (median(&[4.0, 1.0]), median(&[]), median(&[3.0, 1.0, 2.0])),
            (Some(2.5), None, Some(2.0))
        );
    }
}
