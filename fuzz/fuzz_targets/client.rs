//! A client faces any server: the same events however the input is cut.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use srs_amf::Value;
use srs_rtmp::client::{Config, Role, Session};

fn run(data: &[u8], role: &Role, step: usize) -> String {
    let connect = Value::object([("app", "live".into())]);
    let mut session = Session::new(Config::new(connect, "s", role.clone()), [1; 32]);
    session.handle_input(&mut Bytes::from(vec![3; 1 + 2 * 1536])).expect("the simple handshake");
    session.poll_output();
    let mut text = String::new();
    for piece in data.chunks(step) {
        let mut input = Bytes::copy_from_slice(piece);
        loop {
            match session.handle_input(&mut input) {
                Ok(Some(event)) => text.push_str(&format!("{event:?}")),
                Ok(None) => break,
                Err(error) => return text + &error.to_string(),
            }
        }
        session.poll_output();
    }
    text
}

fuzz_target!(|data: &[u8]| {
    for role in [Role::Play, Role::Publish { kind: "live".to_owned() }] {
        assert_eq!(run(data, &role, data.len().max(1)), run(data, &role, 1));
    }
});
