use super::*;

fn taken(query: &str) -> (SrtCall, String) {
    SrtCall::take(query).unwrap_or_else(|error| panic!("{query}: {error}"))
}

#[test]
fn what_is_for_the_caller_is_taken_out_and_the_rest_is_for_the_stream() {
    let (call, rest) = taken("token=a&latency=200&b=c&pbkeylen=32&passphrase=ten%26letters&mode=caller");
    assert_eq!(rest, "token=a&b=c");
    assert_eq!(call.latency, Some(Duration::from_millis(200)));
    assert_eq!((call.passphrase, call.key_length), (Passphrase::new("ten&letters").ok(), KeyLength::Aes256));
    assert_eq!(call.stream_id, None);
    assert_eq!(taken(""), (SrtCall::default(), String::new()));
}

#[test]
fn the_stream_id_is_decoded_once() {
    let stream_id = |query: &str| taken(query).0.stream_id.unwrap();
    assert_eq!(stream_id("streamid=%23!::r=live/a,m=request"), "#!::r=live/a,m=request");
    assert_eq!(stream_id("streamid=read:a%2526b"), "read:a%26b");
    assert_eq!(stream_id("streamid=a+b=c"), "a+b=c");
}

#[test]
fn the_receivers_own_latency_counts_before_that_of_both_ends() {
    for query in ["latency=100&rcvlatency=300", "rcvlatency=300&latency=100", "rcvlatency=1&rcvlatency=300"] {
        assert_eq!(taken(query).0.latency, Some(Duration::from_millis(300)), "{query}");
    }
}

#[test]
fn what_cannot_be_said_is_refused_without_showing_it() {
    let long = format!("streamid={}", "s3cret".repeat(90));
    for (query, error) in [
        ("streamid=", NoSrtCall::StreamId),
        ("streamid=s3cret%0A", NoSrtCall::StreamId),
        ("streamid=s3cret%FF", NoSrtCall::StreamId),
        (long.as_str(), NoSrtCall::StreamId),
        ("latency=120000", NoSrtCall::Latency),
        ("latency=+1", NoSrtCall::Latency),
        ("rcvlatency=", NoSrtCall::Latency),
        ("passphrase=s3cret", NoSrtCall::Passphrase),
        ("pbkeylen=128", NoSrtCall::KeyLength),
        ("mode=listener", NoSrtCall::Mode),
    ] {
        assert_eq!(SrtCall::take(query), Err(error), "{query}");
        assert!(!error.to_string().contains("s3cret"));
    }
}

#[test]
fn no_text_shows_what_is_secret() {
    let (call, _) = taken("streamid=%23!::r=a,s=s3cret&passphrase=s3cret%20s3cret");
    assert!(!format!("{call:?} {call:#?}").contains("s3cret"));
}
