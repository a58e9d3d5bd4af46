//! Who is looked for.

use super::*;

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn member(id: &str, port: u16) -> Identity {
    Identity { id: NodeId::new(id).unwrap(), at: at(port), bump: 1 }
}

fn finder(ports: &[u16]) -> Finder {
    Finder::new(ports.iter().map(|port| Peer::parse(&at(*port).to_string(), 1).unwrap()).collect())
}

#[test]
fn peers_that_live_are_not_looked_for() {
    let finder = finder(&[1, 2, 3]);
    finder.answered(at(2), &NodeId::new("b").unwrap());
    assert_eq!(finder.targets(&[member("a", 1), member("b", 99)]), [at(3)]);
}

#[test]
fn this_member_does_not_look_for_itself() {
    let finder = finder(&[1, 2]);
    finder.is_me(at(1));
    assert_eq!(finder.targets(&[]), [at(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_member_is_looked_for_seldom_after_a_minute_and_forgotten_after_an_hour() {
    let finder = finder(&[]);
    let in_ten_rounds = || (0..10).map(|_| finder.targets(&[]).len()).sum::<usize>();
    finder.lost(at(1));
    assert_eq!(in_ten_rounds(), 10);
    tokio::time::advance(SOON).await;
    assert_eq!(in_ten_rounds(), 1);
    tokio::time::advance(LOST).await;
    assert_eq!(in_ten_rounds(), 0);
}

#[test]
fn lost_members_have_a_limit() {
    let finder = finder(&[]);
    (1..1000).for_each(|port| finder.lost(at(port)));
    assert_eq!(finder.targets(&[]).len(), MAX_ADDRESSES);
}
