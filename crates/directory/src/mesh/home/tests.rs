//! Who decides, and what is not decided yet.

use super::*;
use srs_balance::directory::contract::{ask, key};

const LEASE: Duration = Duration::from_secs(30);

fn who(id: &str, bump: u64) -> Identity {
    Identity { id: NodeId::new(id).unwrap(), at: "192.0.2.1:7000".parse().unwrap(), bump }
}

fn home() -> Home {
    Home::new(who("a", 1), "test", false)
}

/// A stream whose home is the first of these, and would be the second without it.
fn stream(first: &str, second: &str) -> Claim {
    let lot = |id: &str, key: &StreamKey| Lot::draw(rank::hash(key.as_str()), rank::hash(id), DEFAULT_WEIGHT);
    let all = ["a", "b", "c"];
    let mut names = (0..).map(|number| format!("s{number}"));
    let name = names.find(|name| {
        let mut order = all;
        order.sort_by(|one, other| lot(one, &key(name)).order(&lot(other, &key(name))));
        order[..2] == [first, second]
    });
    ask(&name.unwrap(), "o1", 10)
}

fn claim(home: &Home, claim: &Claim) -> Reply {
    home.serve(&Ask::Claim { claim: claim.clone(), over: None, lease: LEASE })
}

fn is_unavailable(reply: &Reply) -> bool {
    matches!(reply, Err(Error::Unavailable(_)))
}

#[tokio::test(start_paused = true)]
async fn a_member_alone_decides_at_once() {
    assert_eq!(claim(&home(), &stream("a", "b")), Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_expects_others_waits_for_them() {
    let home = Home::new(who("a", 1), "test", true);
    assert!(is_unavailable(&claim(&home, &stream("a", "b"))));
    tokio::time::advance(SETTLE).await;
    assert_eq!(claim(&home, &stream("a", "b")), Ok(None));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_granted_for_a_stream_of_another_home() {
    let home = home();
    home.set(vec![who("a", 1), who("b", 1)]);
    tokio::time::advance(SETTLE).await;
    assert!(is_unavailable(&claim(&home, &stream("b", "a"))));
    assert_eq!(home.of(&stream("b", "a").key), who("b", 1).id);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_waits_until_a_new_member_handed_over_what_it_kept() {
    let home = home();
    home.set(vec![who("a", 1), who("b", 1)]);
    let asked = stream("a", "b");
    assert!(is_unavailable(&claim(&home, &asked)));
    assert!(is_unavailable(&home.serve(&Ask::Lookup { key: asked.key.clone() })));
    home.has_handed(&who("b", 2));
    assert!(is_unavailable(&claim(&home, &asked)), "that was another run");
    home.has_handed(&who("b", 1));
    assert_eq!(claim(&home, &asked), Ok(None));
}

#[tokio::test(start_paused = true)]
async fn what_is_known_is_answered_at_all_times() {
    let home = home();
    let asked = stream("a", "b");
    assert_eq!(claim(&home, &asked), Ok(None));
    home.set(vec![who("a", 1), who("b", 1)]);
    assert_eq!(home.serve(&Ask::Lookup { key: asked.key.clone() }), Ok(Some(asked.clone())));
    let other = Claim { epoch: srs_balance::Epoch(20), ..asked.clone() };
    assert_eq!(claim(&home, &other), Err(Error::Held(asked)));
}

#[tokio::test(start_paused = true)]
async fn after_a_death_only_the_streams_of_the_dead_wait() {
    let home = home();
    home.set(vec![who("a", 1), who("b", 1)]);
    tokio::time::advance(SETTLE).await;
    assert_eq!(home.set(vec![who("a", 1)]), [who("b", 1)]);
    assert_eq!(claim(&home, &stream("a", "b")), Ok(None));
    assert!(is_unavailable(&claim(&home, &stream("b", "a"))));
    tokio::time::advance(SETTLE).await;
    assert_eq!(claim(&home, &stream("b", "a")), Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_told_again_while_others_wait() {
    let home = home();
    home.set(vec![who("a", 1), who("b", 1)]);
    let asked = stream("a", "b");
    assert_eq!(home.serve(&Ask::Renew { claim: asked.clone(), lease: LEASE }), Ok(None));
    assert_eq!(home.serve(&Ask::Lookup { key: asked.key.clone() }), Ok(Some(asked)));
}

#[tokio::test(start_paused = true)]
async fn claims_are_handed_to_their_new_home_and_kept_no_more() {
    let (old, new) = (home(), Home::new(who("b", 1), "test", true));
    let (moves, stays) = (stream("b", "a"), stream("a", "b"));
    for asked in [&moves, &stays] {
        assert_eq!(claim(&old, asked), Ok(None));
    }
    let both = vec![who("a", 1), who("b", 1)];
    old.set(both.clone());
    new.set(both);
    let handed = old.belonging(&old.kept(), &who("b", 1).id);
    assert_eq!(handed, std::slice::from_ref(&moves));
    new.take(&handed);
    old.handed_over(&handed);
    assert_eq!(new.serve(&Ask::Lookup { key: moves.key.clone() }), Ok(Some(moves.clone())));
    // The new home dies, and the claim is told again.
    old.set(vec![who("a", 1)]);
    assert_eq!(old.kept(), [stays]);
    assert_eq!(old.serve(&Ask::Renew { claim: moves, lease: LEASE }), Ok(None));
}

#[tokio::test(start_paused = true)]
async fn of_two_claims_that_were_kept_the_newer_stands() {
    let home = home();
    let mine = stream("a", "b");
    assert_eq!(claim(&home, &mine), Ok(None));
    let older = Claim { epoch: srs_balance::Epoch(5), ..mine.clone() };
    let newer = Claim { epoch: srs_balance::Epoch(20), ..mine.clone() };
    home.take(&[older]);
    assert_eq!(home.serve(&Ask::Lookup { key: mine.key.clone() }), Ok(Some(mine.clone())));
    home.take(std::slice::from_ref(&newer));
    assert_eq!(home.serve(&Ask::Lookup { key: mine.key.clone() }), Ok(Some(newer)));
}

#[tokio::test(start_paused = true)]
async fn only_changes_of_members_are_told() {
    let home = home();
    for (live, generation) in [
        (vec![who("a", 1)], 0),
        (vec![who("a", 1), who("b", 1)], 1),
        (vec![who("a", 1), who("b", 1)], 1),
        (vec![who("a", 1), who("b", 2)], 2),
        (vec![who("a", 1)], 3),
    ] {
        home.set(live);
        assert_eq!(home.generation(), generation);
    }
}

#[tokio::test(start_paused = true)]
async fn claims_that_met_are_told_again_and_others_are_not() {
    let home = home();
    let mine = stream("a", "b");
    let newer = Claim { epoch: srs_balance::Epoch(20), ..mine.clone() };
    let renew = |claim: &Claim| home.serve(&Ask::Renew { claim: claim.clone(), lease: LEASE });
    for claim in [&mine, &mine] {
        assert_eq!((renew(claim), home.generation()), (Ok(None), 0));
    }
    assert_eq!((renew(&newer), home.generation()), (Ok(None), 1));
    assert_eq!((renew(&mine), home.generation()), (Err(Error::Held(newer)), 1));
    home.take(&[mine]);
    assert_eq!(home.generation(), 2);
}
