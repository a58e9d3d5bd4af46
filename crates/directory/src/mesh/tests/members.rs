//! Who is a member, and how soon the others know.

use super::*;

#[tokio::test]
async fn three_find_each_other_through_one() {
    let a = Running::join("a", &[]);
    let (b, c) = (Running::join("b", &[&a]), Running::join("c", &[&a]));
    let took = see_each_other(&[&a, &b, &c]).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn a_member_that_is_killed_is_gone_within_four_seconds() {
    let [a, b, c] = three().await;
    c.kill().await;
    let took = see_each_other(&[&a, &b]).await;
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn a_member_that_returns_on_another_port_is_known_there() {
    let [a, b, c] = three().await;
    let old = c.mesh.at();
    c.kill().await;
    let c = Running::join("c", &[&a]);
    assert_ne!(c.mesh.at(), old);
    let here = (id("c"), c.mesh.at());
    until("its new address", async || [&a, &b].iter().all(|m| m.mesh.members().contains(&here))).await;
    settle(&[&a, &b, &c]).await;
}

#[tokio::test]
async fn a_member_is_found_by_the_name_of_its_host() {
    let a = Running::join("a", &[]);
    let b = Running::start(settings("b", &[format!("localhost:{}", a.mesh.at().port())]));
    see_each_other(&[&a, &b]).await;
}

#[tokio::test]
async fn members_that_listen_on_every_address_learn_their_own() {
    let anywhere = |name, peers: &[String]| {
        let listen = vec!["0.0.0.0:0".parse().unwrap()];
        Running::start(Settings { listen, ..settings(name, peers) })
    };
    let a = anywhere("a", &[]);
    let b = anywhere("b", &[format!("127.0.0.1:{}", a.mesh.at().port())]);
    settle(&[&a, &b]).await;
    let loopback = [("a", &a), ("b", &b)]
        .map(|(name, member)| (id(name), SocketAddr::from(([127, 0, 0, 1], member.mesh.at().port()))));
    assert_eq!((a.mesh.members(), b.mesh.members()), (loopback.to_vec(), loopback.to_vec()));
}

#[tokio::test]
async fn its_own_address_among_the_peers_is_no_peer() {
    let taken = Running::join("a", &[]);
    let at = taken.mesh.at().to_string();
    taken.kill().await;
    let listen = vec![at.parse().unwrap()];
    let a = Running::start(Settings { listen, ..settings("a", &[at]) });
    let b = Running::join("b", &[&a]);
    settle(&[&a, &b]).await;
    assert_eq!(a.mesh.ignored(), 0);
}

#[tokio::test]
async fn a_member_whose_peers_do_not_answer_works_alone() {
    let gone = Running::join("gone", &[]);
    let peers = [gone.mesh.at().to_string(), "no-such-host.invalid:1".to_owned()];
    gone.kill().await;
    let a = Running::start(settings("a", &peers));
    let claim = ask("s", "o1", 10);
    until("an answer", async || a.mesh.claim(&claim, None, LEASE, NOW).await.is_ok()).await;
}

#[tokio::test]
async fn every_change_of_members_is_told_to_the_balancer() {
    let a = Running::join("a", &[]);
    assert_eq!(a.mesh.generation(), 0);
    let b = Running::join("b", &[&a]);
    see_each_other(&[&a, &b]).await;
    let joined = a.mesh.generation();
    assert_ne!(joined, 0);
    b.kill().await;
    see_each_other(&[&a]).await;
    assert_ne!(a.mesh.generation(), joined);
}

#[tokio::test]
async fn all_members_name_the_same_domain_and_strangers_another() {
    let start = |secret: &[u8], name| {
        Mesh::start(Settings { secret: secret.to_vec(), ..settings(name, &[]) }).unwrap().domain().to_owned()
    };
    assert_eq!(start(b"one", "a"), start(b"one", "b"));
    assert_ne!(start(b"one", "a"), start(b"two", "a"));
    assert!(start(b"one", "a").starts_with("mesh:") && !start(b"one", "a").contains("one"));
}
