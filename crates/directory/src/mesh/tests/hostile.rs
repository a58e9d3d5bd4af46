//! Beats, and what strangers send.

use super::*;
use crate::MAX_BODY;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt as _;

fn beat(name: &str, body: Vec<u8>) -> Beat {
    Beat { id: id(name), body: Bytes::from(body), local: true, host: "host".to_owned() }
}

async fn news(member: &Running) -> Vec<Beat> {
    tokio::time::timeout(LENIENT, member.mesh.news()).await.expect("news")
}

#[tokio::test]
async fn a_beat_arrives_at_all_others_at_once_and_not_at_its_sender() {
    let [a, b, c] = three().await;
    let shown = beat("o1", vec![7; MAX_BODY]);
    let begun = Instant::now();
    a.mesh.post(shown.clone());
    assert_eq!((news(&b).await, news(&c).await), (vec![shown.clone()], vec![shown]));
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    // What b posts comes behind anything that a would have said to itself.
    b.mesh.post(beat("o2", Vec::new()));
    assert_eq!(news(&a).await, vec![beat("o2", Vec::new())]);
}

#[tokio::test]
async fn who_joins_is_shown_the_newest_beats() {
    let a = Running::join("a", &[]);
    a.mesh.post(beat("o1", vec![1]));
    a.mesh.post(beat("o1", vec![2]));
    let b = Running::join("b", &[&a]);
    assert_eq!(news(&b).await, vec![beat("o1", vec![2])]);
}

#[tokio::test]
async fn a_link_that_comes_back_brings_no_old_beats() {
    let a = Running::join("a", &[]);
    let b = Running::join("b", &[&a]);
    settle(&[&a, &b]).await;
    a.mesh.post(beat("o1", vec![1]));
    assert_eq!(news(&b).await, vec![beat("o1", vec![1])]);
    let old = a.mesh.links.get(&id("b")).unwrap();
    old.end();
    until("another link", async || {
        let present = a.mesh.links.get(&id("b"));
        present.is_some_and(|present| !Arc::ptr_eq(&present, &old))
    })
    .await;
    a.mesh.post(beat("o2", vec![2]));
    assert_eq!(news(&b).await, vec![beat("o2", vec![2])]);
}

#[tokio::test]
async fn another_secret_makes_no_member_and_shows_no_beat() {
    let a = Running::join("a", &[]);
    let foreign = Settings { secret: b"another".to_vec(), ..settings("x", &[a.mesh.at().to_string()]) };
    let x = Running::start(foreign);
    a.mesh.post(beat("o1", vec![1]));
    until("it to be ignored a few times", async || a.mesh.ignored() >= 3).await;
    assert_eq!((a.sees(), x.sees()), (vec!["a".to_owned()], vec!["x".to_owned()]));
    assert!(futures_util::FutureExt::now_or_never(x.mesh.news()).is_none());
}

#[tokio::test]
async fn connections_that_do_not_say_who_they_are_keep_nobody_out() {
    let a = Running::join("a", &[]);
    let mut idle = Vec::new();
    for _ in 0..200 {
        let mut stream = tokio::net::TcpStream::connect(a.mesh.at()).await.unwrap();
        // Those beyond the limit are closed.
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n").await;
        idle.push(stream);
    }
    let b = Running::join("b", &[&a]);
    settle(&[&a, &b]).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn garbage_is_counted_and_harms_nobody(datagrams: Vec<Vec<u8>>, sealed: Vec<(u8, Vec<u8>)>) {
        run(async {
            let member = Mesh::start(settings("a", &[])).unwrap();
            let from = "192.0.2.9:9".parse().unwrap();
            for datagram in &datagrams {
                member.swarm.receive(datagram, from);
            }
            assert_eq!(member.ignored(), u64::try_from(datagrams.len()).unwrap());
            // Nor does what a mad member says.
            let key = Key::new(testkit::SECRET).derive(&[b"datagram"]);
            for (kind, says) in &sealed {
                let kind = [seal::Kind::Gossip, seal::Kind::Hello, seal::Kind::Here][usize::from(kind % 3)];
                let datagram = seal::seal(&key, kind, &id("b"), says, swarm::unix_ms());
                member.swarm.receive(&datagram, from);
            }
            assert_eq!(member.members().len(), 1);
        });
    }
}
