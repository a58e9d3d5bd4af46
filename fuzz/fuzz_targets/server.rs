//! The same events and answers however the input is cut; answers stay in proportion to what was asked.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use srs_rtmp::Error;
use srs_rtmp::server::{Config, Event, Session};

struct Run {
    events: Vec<Event>,
    output: Vec<u8>,
    error: Option<Error>,
}

fn run(data: &[u8], step: usize) -> Run {
    let mut session = Session::new(Config::default(), [1; 32]);
    session.handle_input(&mut Bytes::from(vec![3; 1 + 2 * 1536])).expect("the simple handshake");
    session.poll_output();
    let mut run = Run { events: Vec::new(), output: Vec::new(), error: None };
    for piece in data.chunks(step) {
        let mut input = Bytes::copy_from_slice(piece);
        while run.error.is_none() {
            match session.handle_input(&mut input) {
                Ok(Some(event)) => {
                    match &event {
                        Event::Publish(_) => session.accept_publish(),
                        Event::Play(_) => session.accept_play(),
                        _ => {}
                    }
                    run.events.push(event);
                }
                Ok(None) => {
                    assert!(input.is_empty());
                    break;
                }
                Err(error) => run.error = Some(error),
            }
        }
        run.output.extend(session.poll_output().into_iter().flatten());
    }
    run
}

/// By text, as a NaN in a command is not equal to itself.
fn text(run: &Run) -> String {
    format!("{:?} {:?}", run.events, run.error)
}

fuzz_target!(|data: &[u8]| {
    let whole = run(data, data.len().max(1));
    // Fed byte by byte, the answers are taken in time and cannot pile up.
    if matches!(whole.error, Some(Error::TooManyAnswers { .. })) {
        return;
    }
    let bytewise = run(data, 1);
    assert_eq!(text(&whole), text(&bytewise));
    assert!(
        whole.output.len() <= 2000 + data.len().saturating_mul(200),
        "{} bytes of answers",
        whole.output.len()
    );
});
