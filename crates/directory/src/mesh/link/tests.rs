//! Who gets a connection, and which frames pass on it.

use super::*;
use proptest::prelude::*;
use tokio::io::{DuplexStream, duplex};

fn who(id: &str) -> Identity {
    Identity { id: NodeId::new(id).unwrap(), at: "192.0.2.1:7000".parse().unwrap(), bump: 1 }
}

type Opened = io::Result<(Identity, Session)>;

/// Both ends of a connection between `a` and `b`, each with its secret.
async fn open(dialler: &[u8], other: &[u8]) -> (Opened, Opened) {
    let (mut near, mut far) = duplex(4096);
    let (dialler, other) = (Key::new(dialler), Key::new(other));
    tokio::join!(async move { dial(&mut near, &dialler, &who("a"), &who("b").id).await }, async move {
        accept(&mut far, &other, &who("b")).await
    },)
}

/// What `a` sends reaches the test, which passes it on to `b` as it likes.
async fn between() -> (Sender<DuplexStream>, DuplexStream, DuplexStream, Receiver<DuplexStream>) {
    let (near, far) = open(b"secret", b"secret").await;
    let ((_, near), (_, far)) = (near.unwrap(), far.unwrap());
    let ((a, tapped), (feed, b)) = (duplex(1 << 16), duplex(1 << 16));
    (near.frames(tokio::io::empty(), a).1, tapped, feed, far.frames(b, tokio::io::sink()).0)
}

async fn tap(tapped: &mut DuplexStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length + 4 + TAG];
    tapped.read_exact(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn two_members_learn_who_the_other_is() {
    let (near, far) = open(b"secret", b"secret").await;
    assert_eq!((near.unwrap().0, far.unwrap().0), (who("b"), who("a")));
}

#[tokio::test]
async fn another_secret_opens_nothing() {
    let (near, far) = open(b"ours", b"theirs").await;
    assert!(near.is_err() && far.is_err());
}

#[tokio::test]
async fn who_is_not_the_one_that_was_dialled_gets_nothing() {
    let (mut near, mut far) = duplex(4096);
    let key = Key::new(b"secret");
    let (near, far) = tokio::join!(
        async {
            let opened = dial(&mut near, &key, &who("a"), &who("b").id).await;
            drop(near);
            opened
        },
        async { accept(&mut far, &key, &who("c")).await },
    );
    assert!(near.is_err() && far.is_err());
}

#[tokio::test]
async fn frames_pass_in_their_order() {
    let (mut sender, mut tapped, mut feed, mut receiver) = between().await;
    for text in ["one", "two", ""] {
        sender.send(text.as_bytes()).await.unwrap();
        feed.write_all(&tap(&mut tapped, text.len()).await).await.unwrap();
        assert_eq!(receiver.receive().await.unwrap(), text.as_bytes());
    }
}

#[tokio::test]
async fn a_frame_that_comes_again_ends_the_connection() {
    let (mut sender, mut tapped, mut feed, mut receiver) = between().await;
    sender.send(b"one").await.unwrap();
    let frame = tap(&mut tapped, 3).await;
    feed.write_all(&frame).await.unwrap();
    receiver.receive().await.unwrap();
    feed.write_all(&frame).await.unwrap();
    assert!(receiver.receive().await.is_err());
}

#[tokio::test]
async fn a_frame_that_was_left_out_ends_the_connection() {
    let (mut sender, mut tapped, mut feed, mut receiver) = between().await;
    sender.send(b"one").await.unwrap();
    sender.send(b"two").await.unwrap();
    tap(&mut tapped, 3).await;
    feed.write_all(&tap(&mut tapped, 3).await).await.unwrap();
    assert!(receiver.receive().await.is_err());
}

#[tokio::test]
async fn a_frame_of_another_connection_ends_this_one() {
    let (mut other, mut tapped, _, _) = between().await;
    let (_, _, mut feed, mut receiver) = between().await;
    other.send(b"one").await.unwrap();
    feed.write_all(&tap(&mut tapped, 3).await).await.unwrap();
    assert!(receiver.receive().await.is_err());
}

#[tokio::test]
async fn a_frame_that_is_too_long_is_neither_sent_nor_read() {
    let (mut sender, _, mut feed, mut receiver) = between().await;
    assert!(sender.send(&vec![0; MAX_FRAME + 1]).await.is_err());
    feed.write_u32(u32::MAX).await.unwrap();
    assert!(receiver.receive().await.is_err());
}

proptest! {
    #[test]
    fn garbage_opens_nothing(bytes: Vec<u8>, behind_magic: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut near, mut far) = duplex(1 << 16);
            if behind_magic {
                near.write_all(MAGIC).await.unwrap();
            }
            near.write_all(&bytes).await.unwrap();
            near.shutdown().await.unwrap();
            assert!(accept(&mut far, &Key::new(b"secret"), &who("b")).await.is_err());
        });
    }
}
