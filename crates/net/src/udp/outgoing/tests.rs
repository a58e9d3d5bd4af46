use std::cell::{Cell, RefCell};
use std::task::Waker;

use super::*;

const SIZE: usize = 10;

/// A socket with room for so many bytes.
#[derive(Default)]
struct Full {
    room: Cell<usize>,
    breaks: Cell<bool>,
    sent: RefCell<Vec<u8>>,
}

impl Sink for Full {
    fn try_send(&self, _: Way, run: &[u8], size: usize) -> io::Result<usize> {
        if self.breaks.take() {
            return Err(io::ErrorKind::NetworkUnreachable.into());
        }
        let taken = run.len().min(self.room.get() / size * size);
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.room.set(self.room.get() - taken);
        self.sent.borrow_mut().extend(&run[..taken]);
        Ok(taken)
    }

    fn poll_room(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.room.get() == 0 { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

fn way() -> Way {
    (([127, 0, 0, 1], 1).into(), None)
}

fn run(first: u8, count: u8) -> Vec<u8> {
    (first..first + count).flat_map(|number| [number; SIZE]).collect()
}

fn flush(outgoing: &mut Outgoing, socket: &Full, room: usize) -> io::Result<()> {
    socket.room.set(room);
    outgoing.flush(socket, &mut Context::from_waker(Waker::noop()))
}

#[test]
fn what_a_full_socket_does_not_take_goes_out_in_order_when_there_is_room() {
    let (mut outgoing, socket) = (Outgoing::default(), Full::default());
    socket.room.set(2 * SIZE);
    outgoing.send(&socket, way(), &run(0, 4), SIZE).unwrap();
    // Not before those that wait, though there is room.
    socket.room.set(SIZE);
    outgoing.send(&socket, way(), &run(4, 2), SIZE).unwrap();
    assert_eq!(*socket.sent.borrow(), run(0, 2));
    flush(&mut outgoing, &socket, 3 * SIZE).unwrap();
    assert_eq!(*socket.sent.borrow(), run(0, 5));
    flush(&mut outgoing, &socket, 3 * SIZE).unwrap();
    assert_eq!((outgoing.bytes, socket.sent.take()), (0, run(0, 6)));
}

#[test]
fn what_waits_is_bounded() {
    let (mut outgoing, socket) = (Outgoing::default(), Full::default());
    let large = vec![0; 60_000];
    for _ in 0..100 {
        outgoing.send(&socket, way(), &large, SIZE).unwrap();
    }
    assert!(outgoing.bytes <= limits::UDP_OUTGOING && outgoing.bytes > limits::UDP_OUTGOING - large.len());
    assert_eq!(outgoing.bytes, outgoing.queue.iter().map(|parcel| parcel.run.len()).sum::<usize>());
}

#[test]
fn what_cannot_be_sent_does_not_keep_others() {
    let (mut outgoing, socket) = (Outgoing::default(), Full::default());
    outgoing.send(&socket, way(), &run(0, 2), SIZE).unwrap();
    outgoing.send(&socket, way(), &run(2, 2), SIZE).unwrap();
    socket.breaks.set(true);
    flush(&mut outgoing, &socket, 100).unwrap_err();
    assert_eq!((outgoing.bytes, socket.sent.take()), (0, run(2, 2)));
}
