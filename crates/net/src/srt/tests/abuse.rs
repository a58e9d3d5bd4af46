//! What callers do that mean no good, and what the network does that looks like it.

use srs_srt::packet::{Control, Kind as Packet};

use super::*;

/// A conclusion's answer, and the id that it names.
async fn answered(caller: &Caller) -> Handshake<'static> {
    let heard: &'static [u8] = Vec::leak(caller.hear().await);
    Handshake::read(heard).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_not_turned_to_an_address_that_does_not_answer_for_itself() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let caller = Caller::connected(here.address, 1).await;
        let connection = within(accepted.recv()).await.unwrap();
        let victim = Caller::new(here.address, 2).await;
        tokio::time::advance(Duration::from_secs(2)).await;
        let mut sent = 0;
        for number in 0..100 {
            // As the caller might write it in the victim's name, who knows all its numbers.
            let datagram = media(caller.theirs, FIRST + number, b"");
            sent += datagram.len();
            victim.say(&datagram).await;
            // A number that is guessed, while another was asked for.
            victim.say(&control_with(ControlKind::ACK_ACK, number, caller.theirs, &[])).await;
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        Caller::new(here.address, 3).await.conclusion().await;
        assert_eq!(connection.peer(), caller.address());
        let (mut heard, mut questions, mut buffer) = (0, 0, [0; 2048]);
        while let Ok(length) = victim.socket.try_recv(&mut buffer) {
            assert!(Header::read(&buffer[..length]).unwrap().is(ControlKind::ACK));
            heard += length;
            questions += 1;
        }
        assert!((1..=8).contains(&questions), "{questions}");
        assert!(heard <= sent, "{heard} for {sent}");
    })
    .await;
}

#[tokio::test]
async fn a_caller_without_a_port_is_not_heard() {
    // The kernel lets nobody send from port 0 but those who write their own headers.
    let socket = crate::udp::Socket::new(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
    let nobody = (Ipv4Addr::LOCALHOST, 0).into();
    let refused = socket.try_send(nobody, None, &[0; 8], 4).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    // Had the system seen it, runs would not go out whole any more.
    assert!(socket.sends_runs());
}

#[tokio::test]
async fn an_answer_that_is_told_again_tells_the_time_of_then() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let caller = Caller::new(here.address, 1).await;
        let conclusion = caller.conclusion().await;
        caller.say(&conclusion).await;
        let first = answered(&caller).await;
        let _connection = within(accepted.recv()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        caller.say(&conclusion).await;
        let again = answered(&caller).await;
        assert_eq!(first.fields, again.fields);
        assert!(again.timestamp - first.timestamp >= 20_000, "{} {}", first.timestamp, again.timestamp);
    })
    .await;
}

#[tokio::test]
async fn one_address_does_not_take_the_places_of_others() {
    local(async {
        let here = open(1, 100_000, never);
        let mut caller = Caller::new(here.address, 1).await;
        let mut waiting = 0;
        // Other addresses of this host wait there meanwhile.
        loop {
            caller.id = SocketId(waiting + 1);
            caller.say(&caller.conclusion().await).await;
            caller.conclusion().await;
            if here.slots.used() == waiting as usize {
                break;
            }
            waiting += 1;
        }
        let waiting = waiting as usize;
        assert!((limits::SRT_OF_ONE..=limits::SRT_KNOCKS / 2).contains(&waiting), "{waiting}");
        let other = Caller::at("127.0.0.2", here.address, 1).await;
        other.say(&other.conclusion().await).await;
        other.conclusion().await;
        assert_eq!(here.slots.used(), waiting + 1);
    })
    .await;
}

#[tokio::test]
async fn one_address_does_not_take_all_connections_and_say_nothing() {
    local(async {
        const MOST: usize = 200;
        let (sender, mut accepted) = tokio::sync::mpsc::unbounded_channel();
        let here = open(1, MOST, move |knock| {
            let sender = sender.clone();
            async move {
                let connection = Rc::new(accept(knock));
                let _test_over = sender.send(Rc::clone(&connection));
                connection.ended().await;
            }
        });
        let mut callers = Vec::new();
        for id in 1..=MOST / 2 {
            callers.push(Caller::connected(here.address, id as u32).await);
        }
        let late = Caller::new(here.address, 1).await;
        late.say(&late.conclusion().await).await;
        assert_eq!(asks(&late.hear().await), Kind::Rejection(Reason::BACKLOG));
        // Those that speak are no burden.
        for caller in &mut callers[..MOST / 2 - limits::SRT_OF_ONE + 1] {
            caller.send(b"").await;
        }
        Caller::connected(here.address, 1).await;
        while accepted.try_recv().is_ok() {}
    })
    .await;
}

#[tokio::test]
async fn a_shard_hears_on_while_others_of_a_closed_port_have_connections() {
    local(async {
        let (here, mut accepted) = open_and_accept(2);
        let mut caller = Caller::connected(here.address, 1).await;
        let connection = within(accepted.recv()).await.unwrap();
        here.slots.close();
        // An answer from where it would be asked of another shard.
        let (own, other) = of_shards(&here, &caller);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!((Rc::strong_count(own) > 1, Rc::strong_count(other) > 1), (true, true));
        caller.send(b"goes on").await;
        assert_eq!(messages(&connection, 1).await, ["goes on"]);
        drop(connection);
        caller.say(&control(ControlKind::SHUTDOWN, caller.theirs, &[0; 4])).await;
        within(async {
            while here.shards.iter().any(|shard| Rc::strong_count(shard) > 1) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn what_is_for_nobody_of_another_shard_is_not_passed_on() {
    local(async {
        let (here, mut accepted) = open_and_accept(2);
        let caller = Caller::connected(here.address, 1).await;
        let _connection = within(accepted.recv()).await.unwrap();
        let (own, other) = of_shards(&here, &caller);
        let shard = here.shards.iter().position(|shard| Rc::ptr_eq(shard, own)).unwrap();
        let room = || other.all[shard].capacity();
        let before = room();
        let strays = |id| {
            let mut datagram = media(id, FIRST, b"");
            let (from, now) = (([127, 0, 0, 9], 9).into(), Instant::now());
            other.datagram(now, crate::udp::Datagram { from, to: None, bytes: &mut datagram }, false);
        };
        // Of the same shard.
        strays(SocketId(caller.theirs.0 ^ 0x100));
        assert_eq!(room(), before);
        strays(caller.theirs);
        assert_eq!(room(), before - 1);
    })
    .await;
}

#[tokio::test]
async fn a_connection_outlives_a_word_that_its_peer_is_gone() {
    local(async {
        let listener = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answering = async {
            let mut buffer = [0; 1500];
            let mut caller = None;
            for _ in 0..2 {
                let (length, from) = listener.recv_from(&mut buffer).await.unwrap();
                let asked = Handshake::read(&buffer[..length]).unwrap().fields;
                let answer = srs_srt::handshake::Fields { socket: SocketId(7), cookie: 9, ..asked };
                listener.send_to(&answer.write(asked.socket, 0), from).await.unwrap();
                caller = Some((from, asked.socket));
            }
            caller.unwrap()
        };
        let (called, (from, id)) = tokio::join!(call(address), answering);
        let connection = called.unwrap();
        drop(listener);
        // What it says next, that it is alive, nobody takes.
        tokio::time::sleep(2 * ALIVE).await;
        let listener = UdpSocket::bind(address).await.unwrap();
        listener.send_to(&media(id, FIRST, b"still here"), from).await.unwrap();
        assert_eq!(messages(&connection, 1).await, ["still here"]);
    })
    .await;
}

/// The shard of a caller's connection, and the other one of two.
fn of_shards<'a>(here: &'a Here, caller: &Caller) -> (&'a Rc<shard::Shard>, &'a Rc<shard::Shard>) {
    let [first, second] = here.shards.as_slice() else { panic!("two") };
    if first.state.borrow().is_taken(caller.theirs) { (first, second) } else { (second, first) }
}

/// A control packet with its number.
fn control_with(kind: ControlKind, info: u32, destination: SocketId, content: &[u8]) -> Vec<u8> {
    let kind = Packet::Control(Control { kind, subtype: 0, info });
    [&Header { kind, timestamp: 0, destination }.write()[..], content].concat()
}
