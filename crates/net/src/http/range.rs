//! Requests for a part of a body: RFC 9110, section 14.

use std::ops::Range;

use http::{HeaderValue, Method, Request, StatusCode, header};

use super::conn::{Answer, Content};

/// What a `Range` field asks of a body.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// All of it: no range, several ranges, other units, or nonsense, all of which a server may ignore.
    Whole,
    Part(Range<u64>),
    /// Beyond its end.
    Nothing,
}

/// Cuts a whole answer to the range that the request asks for, and says that ranges may be asked for.
pub fn with_range(request: &Request<()>, mut answer: Answer) -> Answer {
    if answer.status != StatusCode::OK || *request.method() != Method::GET || answer.body.is_empty() {
        return answer;
    }
    answer.headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // A condition that we cannot judge: the whole body is always right.
    if request.headers().contains_key(header::IF_RANGE) {
        return answer;
    }
    let length = answer.body.len();
    let field = request.headers().get(header::RANGE).and_then(|value| value.to_str().ok());
    let (status, said, body) = match field.map_or(Wanted::Whole, |field| wanted(field, length)) {
        Wanted::Whole => return answer,
        Wanted::Nothing => {
            let nothing = Content::Bytes(bytes::Bytes::new());
            (StatusCode::RANGE_NOT_SATISFIABLE, format!("bytes */{length}"), nothing)
        }
        Wanted::Part(range) => {
            let last = range.end.saturating_sub(1);
            let said = format!("bytes {}-{last}/{length}", range.start);
            (StatusCode::PARTIAL_CONTENT, said, answer.body.part(range))
        }
    };
    answer.status = status;
    if let Ok(said) = HeaderValue::from_str(&said) {
        answer.headers.insert(header::CONTENT_RANGE, said);
    }
    answer.body = body;
    answer
}

fn wanted(field: &str, length: u64) -> Wanted {
    let Some((first, last)) = field.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Some(first), None) if last.is_empty() => first..length,
        (None, Some(count)) if first.is_empty() => length.saturating_sub(count)..length,
        _ => return Wanted::Whole,
    };
    if range.start >= range.end { Wanted::Nothing } else { Wanted::Part(range) }
}

#[cfg(test)]
mod tests;
