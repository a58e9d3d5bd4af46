//! How members are found, datagram by datagram.

use super::super::Mesh;
use super::super::testkit::{SECRET, id, run, settings};
use super::*;

fn member() -> Arc<Mesh> {
    Mesh::start(settings("a", &[])).unwrap()
}

fn from_b(kind: Kind, says: &[u8], sent: u64) -> Vec<u8> {
    seal::seal(&Key::new(SECRET).derive(&[b"datagram"]), kind, &id("b"), says, sent)
}

#[test]
fn an_old_datagram_is_ignored_and_counted() {
    run(async {
        let (member, from) = (member(), "127.0.0.1:9".parse().unwrap());
        member.swarm.receive(&from_b(Kind::Gossip, b"", unix_ms() - 31_000), from);
        assert_eq!(member.ignored(), 1);
    });
}

#[test]
fn a_member_that_is_met_lives_and_an_older_run_of_it_does_not() {
    run(async {
        let member = member();
        let b = |bump| Identity { id: id("b"), at: "127.0.0.1:9".parse().unwrap(), bump };
        assert!(member.swarm.meet(&b(5)));
        assert!(!member.swarm.meet(&b(4)));
        assert!(member.swarm.meet(&b(6)));
        assert_eq!(member.home.member(&id("b")), Some(b(6)));
    });
}

#[test]
fn a_hello_is_answered_and_says_where_this_member_is() {
    run(async {
        let listen = vec!["0.0.0.0:0".parse().unwrap()];
        let member = Mesh::start(super::super::Settings { listen, ..settings("a", &[]) }).unwrap();
        let asking = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let here = asking.local_addr().unwrap();
        let b = Identity { id: id("b"), at: here, bump: 1 };
        let dialled = SocketAddr::from(([127, 0, 0, 1], member.at().port()));
        let mut says = Vec::new();
        b.write(&mut says);
        wire::put_address(&mut says, dialled);
        member.swarm.receive(&from_b(Kind::Hello, &says, unix_ms()), here);
        let mut buffer = [0; 2048];
        asking.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let length = asking.recv(&mut buffer).unwrap();
        let key = Key::new(SECRET).derive(&[b"datagram"]);
        let (kind, sender, says) = seal::open(&key, &buffer[..length], unix_ms()).unwrap();
        let mut reader = Reader(says);
        let who = Identity::read(&mut reader).unwrap();
        assert_eq!((kind, sender, who.at, reader.address()), (Kind::Here, id("a"), dialled, Some(here)));
    });
}
