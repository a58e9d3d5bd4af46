use super::*;

fn url() -> Url {
    Url::parse("rtmp://h:1/live/s?token=1").unwrap()
}

fn reply(values: &[Value<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    command(&mut out, 0, values);
    out
}

/// A session behind the handshake, with what it has sent.
fn connected(role: Role) -> (Session, Vec<u8>) {
    let mut out = Vec::new();
    let mut session = Session::new(role, &url(), "s", &mut out);
    assert_eq!(out.len(), 1 + HANDSHAKE);
    out.clear();
    session.feed(&[[3].as_slice(), &[9; 2 * HANDSHAKE]].concat(), &mut out, &mut |_, _| {}).unwrap();
    assert_eq!(out[..HANDSHAKE], [9; HANDSHAKE]);
    (session, out.split_off(HANDSHAKE))
}

fn names(bytes: &[u8]) -> Vec<String> {
    let mut reader = Reader::new();
    reader.push(bytes);
    let messages = std::iter::from_fn(|| reader.next().unwrap());
    let commands = messages.filter(|message| message.kind == COMMAND);
    commands.map(|message| Reply::read(&message.body).unwrap().name.to_owned()).collect()
}

#[test]
fn player_goes_one_command_at_a_time() {
    let (mut session, out) = connected(Role::Play);
    assert_eq!(names(&out), ["connect"]);
    let mut out = Vec::new();
    let result = reply(&[Value::Text("_result"), Value::Number(1.0), Value::Null]);
    session.feed(&result, &mut out, &mut |_, _| {}).unwrap();
    assert_eq!(names(&out), ["createStream"]);
    out.clear();
    let result = reply(&[Value::Text("_result"), Value::Number(4.0), Value::Null, Value::Number(1.0)]);
    session.feed(&result, &mut out, &mut |_, _| {}).unwrap();
    assert_eq!(names(&out), ["play"]);
    let status =
        Value::Object(&[("level", Value::Text("status")), ("code", Value::Text("NetStream.Play.Start"))]);
    let result = reply(&[Value::Text("onStatus"), Value::Number(0.0), Value::Null, status]);
    session.feed(&result, &mut out, &mut |_, _| {}).unwrap();
    assert!(session.started);
}

#[test]
fn error_status_ends_the_session_with_its_code() {
    let (mut session, _) = connected(Role::Play);
    let status = Value::Object(&[
        ("level", Value::Text("error")),
        ("code", Value::Text("NetStream.Play.StreamNotFound")),
    ]);
    let result = reply(&[Value::Text("onStatus"), Value::Number(0.0), Value::Null, status]);
    let error = session.feed(&result, &mut Vec::new(), &mut |_, _| {}).unwrap_err();
    assert_eq!(error, "NetStream.Play.StreamNotFound");
}

#[test]
fn ping_is_answered() {
    let (mut session, _) = connected(Role::Publish(60_000));
    let (mut bytes, mut out) = (Vec::new(), Vec::new());
    chunk::write(&mut bytes, DEFAULT_CHUNK, 2, 0, 4, 0, &[0, 6, 1, 2, 3, 4]);
    session.feed(&bytes, &mut out, &mut |_, _| {}).unwrap();
    assert_eq!(out[12..], [0, 7, 1, 2, 3, 4]);
}
