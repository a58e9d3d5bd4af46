use super::{UserControl, message, read};

#[test]
fn every_event_survives_the_round_trip() {
    let buffer = UserControl::SetBufferLength { stream: 1, ms: 3000 };
    for event in [
        UserControl::StreamBegin(1),
        UserControl::StreamEof(2),
        UserControl::StreamDry(3),
        buffer,
        UserControl::StreamIsRecorded(4),
        UserControl::Ping(u32::MAX),
        UserControl::Pong(0),
        UserControl::Other(31),
    ] {
        assert_eq!(read(&message(event).body), Some(event));
    }
}

#[test]
fn a_body_too_short_for_its_event_is_none() {
    assert_eq!(read(&[]), None);
    assert_eq!(read(&[0, 6, 0, 0, 0]), None);
    assert_eq!(read(&[0, 3, 0, 0, 0, 1, 0, 0, 0]), None);
}

#[test]
fn unknown_events_of_any_length_pass() {
    assert_eq!(read(&[0, 26, 1]), Some(UserControl::Other(26)));
}
