use std::sync::mpsc;

use tokio::io::AsyncReadExt as _;

use super::*;
use crate::shards::Shards;

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[test]
fn no_more_slots_are_taken_than_there_are() {
    let slots = Slots::new(2);
    let (one, two) = (slots.take(), slots.take());
    assert!(one.is_some() && two.is_some());
    assert!(slots.take().is_none());
    assert_eq!(slots.used(), 2);
    drop(one);
    assert!(slots.take().is_some());
}

#[test]
fn no_slot_is_lost_when_many_threads_take_and_give_back() {
    let slots = Slots::new(3);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..1000).for_each(|_| drop(slots.take())));
        }
    });
    assert_eq!(slots.used(), 0);
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_at_once() {
    let shards = Shards::start(1).unwrap();
    let listener = bind(loopback()).unwrap();
    let address = listener.local_addr().unwrap();
    let (served, rounds) = mpsc::channel();
    serve(&shards.handle(), listener, "test", Slots::new(1), move |stream, _| {
        let served = served.clone();
        async move {
            served.send(()).unwrap();
            std::future::pending::<()>().await;
            drop(stream);
        }
    });
    let _first = dial(address).await.unwrap();
    rounds.recv().unwrap();
    let mut second = dial(address).await.unwrap();
    assert_eq!(second.read(&mut [0]).await.unwrap_or(0), 0);
    assert!(rounds.try_recv().is_err());
}

#[test]
fn the_first_address_that_can_be_had_is_bound() {
    let taken = bind(loopback()).unwrap();
    assert!(
        bind_first(&[taken.local_addr().unwrap(), loopback()]).is_err(),
        "a busy port must not be passed over"
    );
    assert!(bind_first(&[loopback()]).is_ok());
    assert!(bind_first(&[]).is_err());
}

#[test]
fn a_port_that_is_shared_is_bound_again_by_those_who_share_it() {
    let first = bind_shared(&[loopback()]).unwrap();
    let address = first.local_addr().unwrap();
    let second = bind_shared(&[address]).unwrap();
    assert_eq!(second.local_addr().unwrap(), address);
}

#[test]
fn both_owners_of_a_shared_port_get_connections() {
    let first = bind_shared(&[loopback()]).unwrap();
    let address = first.local_addr().unwrap();
    let second = bind_shared(&[address]).unwrap();
    // Each connection goes to either by a hash of its ports: one in 2^63 goes to the same for all of these.
    let _clients: Vec<_> = (0..64).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    let mut served = [0_usize; 2];
    while served.iter().sum::<usize>() < 64 {
        for (count, listener) in served.iter_mut().zip([&first, &second]) {
            *count += usize::from(listener.accept().is_ok());
        }
    }
    assert!(served[0] > 0 && served[1] > 0, "{served:?}");
}

#[test]
fn a_shared_port_and_an_exclusive_one_do_not_mix() {
    for (first, second) in [(true, false), (false, true), (false, false)] {
        let first = open_first(&[loopback()], first).unwrap();
        let error = open_first(&[first.local_addr().unwrap()], second).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}

/// Breaks the loop that clones it, once.
struct Fragile(Arc<std::sync::atomic::AtomicBool>);

impl Clone for Fragile {
    fn clone(&self) -> Fragile {
        assert!(self.0.swap(true, Ordering::Relaxed), "on purpose");
        Fragile(Arc::clone(&self.0))
    }
}

#[tokio::test]
async fn a_panic_while_one_client_is_accepted_does_not_keep_the_next_out() {
    let shards = Shards::start(1).unwrap();
    let listener = bind(loopback()).unwrap();
    let address = listener.local_addr().unwrap();
    let fragile = Fragile(Arc::default());
    serve(&shards.handle(), listener, "test", Slots::new(1), move |stream, _| {
        let _kept = &fragile;
        async move {
            stream.writable().await.unwrap();
            stream.try_write(b"!").unwrap();
        }
    });
    let mut first = dial(address).await.unwrap();
    assert_eq!(first.read(&mut [0]).await.unwrap_or(0), 0, "closed");
    let mut second = dial(address).await.unwrap();
    let answer = timeout(std::time::Duration::from_secs(60), second.read(&mut [0])).await;
    assert_eq!(answer.expect("the next is accepted").unwrap(), 1);
}
