use std::pin::Pin;
use std::task::Waker;

use tokio::io::AsyncWrite;

use super::*;

/// Takes the given numbers of bytes, one per write, then is full.
#[derive(Default)]
struct Narrow {
    room: VecDeque<usize>,
    took: Vec<u8>,
}

impl AsyncWrite for Narrow {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(room) = self.room.pop_front() else { return Poll::Pending };
        let count = room.min(bytes.len());
        self.took.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(room) = self.room.pop_front() else { return Poll::Pending };
        let whole: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(room).collect();
        self.took.extend_from_slice(&whole);
        Poll::Ready(Ok(whole.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn send(outbox: &mut Outbox, socket: &mut Narrow) -> Poll<io::Result<()>> {
    let mut cx = Context::from_waker(Waker::noop());
    outbox.poll_with(|slices| Pin::new(&mut *socket).poll_write_vectored(&mut cx, slices))
}

fn filled() -> Outbox {
    let mut outbox = Outbox::default();
    for part in [&b"abc"[..], b"", b"defgh", b"i"] {
        outbox.push(Bytes::copy_from_slice(part));
    }
    outbox
}

#[test]
fn whatever_a_socket_takes_at_once_all_is_sent_in_order() {
    for step in 1..=9 {
        let mut outbox = filled();
        let mut socket = Narrow { room: vec![step; 9].into(), ..Narrow::default() };
        assert!(matches!(send(&mut outbox, &mut socket), Poll::Ready(Ok(()))), "{step}");
        assert_eq!((socket.took.as_slice(), outbox.len()), (&b"abcdefghi"[..], 0));
        assert!(outbox.is_empty());
    }
}

#[test]
fn what_a_full_socket_did_not_take_waits() {
    for taken in 0..9 {
        let mut outbox = filled();
        let mut socket = Narrow { room: (0..taken).map(|_| 1).collect(), ..Narrow::default() };
        assert!(send(&mut outbox, &mut socket).is_pending());
        assert_eq!(outbox.len(), 9 - taken);
        assert_eq!(outbox.take_all()[..], b"abcdefghi"[taken..]);
        assert!(outbox.is_empty());
    }
}

#[test]
fn more_slices_than_fit_one_write_are_sent() {
    let mut outbox = Outbox::default();
    (0..1000).for_each(|_| outbox.push(Bytes::from_static(b"xy")));
    let mut socket = Narrow { room: vec![usize::MAX; 1000].into(), ..Narrow::default() };
    assert!(send(&mut outbox, &mut socket).is_ready());
    assert_eq!(socket.took.len(), 2000);
}

#[test]
fn detached_bytes_are_the_same_with_memory_of_their_own() {
    let block = Bytes::from(vec![5; 100]);
    let mut outbox = Outbox::default();
    outbox.push(block.slice(..10));
    outbox.push(block.slice(50..60));
    outbox.detach();
    assert_eq!(outbox.len(), 20);
    assert!(block.is_unique());
}

#[test]
fn a_socket_that_takes_nothing_is_an_error() {
    let mut outbox = filled();
    let mut socket = Narrow { room: vec![0].into(), ..Narrow::default() };
    assert!(matches!(send(&mut outbox, &mut socket), Poll::Ready(Err(_))));
}

#[test]
fn what_comes_behind_detached_bytes_is_sent_behind_them() {
    for taken in 0..20 {
        let block = Bytes::from_static(b"abcdefghijklmnopqrst").to_vec();
        let block = Bytes::from(block);
        let mut outbox = Outbox::default();
        let mut socket = Narrow { room: (0..taken).map(|_| 1).collect(), ..Narrow::default() };
        outbox.push(block.slice(..5));
        outbox.detach();
        outbox.push(block.slice(5..10));
        assert_eq!(send(&mut outbox, &mut socket).is_ready(), taken >= 10);
        outbox.push(block.slice(10..15));
        outbox.detach();
        outbox.push(block.slice(15..));
        socket.room.extend([1; 20]);
        assert!(send(&mut outbox, &mut socket).is_ready());
        assert_eq!((socket.took.as_slice(), outbox.len()), (&block[..], 0), "{taken}");
        assert!(outbox.is_empty() && block.is_unique());
    }
}

#[test]
fn bytes_that_were_detached_are_not_copied_again_for_those_that_follow() {
    let mut outbox = Outbox::default();
    outbox.push(Bytes::from(vec![5; 100_000]));
    outbox.detach();
    let first = outbox.kept[0].as_ptr();
    for _ in 0..10_000 {
        outbox.push(Bytes::from(vec![5; 10]));
        outbox.detach();
    }
    assert_eq!(outbox.kept[0].as_ptr(), first);
    assert_eq!(outbox.len(), 200_000);
    let room: usize = outbox.kept.iter().map(BytesMut::capacity).sum();
    assert!(room <= outbox.len() + PIECE, "{room}");
}
