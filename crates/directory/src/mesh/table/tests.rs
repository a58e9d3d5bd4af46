//! What comes of a question.

use super::*;
use srs_balance::directory::contract::{ask, key};

const PATIENCE: Duration = Duration::from_millis(50);

fn link() -> (Arc<Link>, mpsc::Receiver<Vec<u8>>) {
    let at = "192.0.2.1:7000".parse().unwrap();
    Link::new(Identity { id: NodeId::new("p2").unwrap(), at, bump: 1 })
}

fn look() -> Ask {
    Ask::Lookup { key: key("s") }
}

#[tokio::test]
async fn an_answer_reaches_who_asked() {
    let (link, mut outbox) = link();
    let answer = async {
        let Some(Frame::Ask(number, _)) = Frame::read(&outbox.recv().await.unwrap()) else { panic!() };
        link.answered(number.wrapping_add(1), Ok(None));
        link.answered(number, Ok(Some(ask("s", "o1", 1))));
    };
    let (reply, ()) = tokio::join!(link.ask(look(), PATIENCE), answer);
    assert_eq!(reply, Ok(Some(ask("s", "o1", 1))));
}

#[tokio::test(start_paused = true)]
async fn who_is_not_answered_hears_so_in_time_and_is_forgotten() {
    let (link, _outbox) = link();
    let asked = tokio::time::Instant::now();
    assert!(matches!(link.ask(look(), PATIENCE).await, Err(Error::Unavailable(_))));
    assert_eq!(asked.elapsed().as_millis(), PATIENCE.as_millis());
    assert!(link.asked().is_empty());
}

#[tokio::test]
async fn the_end_of_a_link_is_told_to_all_who_wait() {
    let (link, mut outbox) = link();
    let long = Duration::from_secs(60);
    let end = async {
        outbox.recv().await.unwrap();
        link.end();
    };
    let (reply, ()) = tokio::join!(link.ask(look(), long), end);
    assert!(matches!(reply, Err(Error::Unavailable(_))));
    assert!(matches!(link.ask(look(), long).await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn who_does_not_read_is_asked_no_more_than_so_much() {
    let (link, _outbox) = link();
    while link.say(&Frame::Idle) {}
    assert!(matches!(link.ask(look(), Duration::from_secs(60)).await, Err(Error::Unavailable(_))));
}
