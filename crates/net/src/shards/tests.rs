use std::sync::mpsc;

use super::*;

#[test]
fn work_is_dealt_to_all_shards_in_turn() {
    let shards = Shards::start(2).unwrap();
    let (sender, receiver) = mpsc::channel();
    for _ in 0..4 {
        let sender = sender.clone();
        shards.handle().deal(move || async move {
            sender.send(thread::current().name().unwrap().to_owned()).unwrap();
        });
    }
    let mut names: Vec<_> = (0..4).map(|_| receiver.recv().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["shard-0", "shard-0", "shard-1", "shard-1"]);
}

#[test]
fn a_panic_ends_one_session_and_is_counted() {
    let shards = Shards::start(1).unwrap();
    let before = panics();
    shards.handle().first(|| async { panic!("on purpose") });
    let (sender, receiver) = mpsc::channel();
    shards.handle().first(move || async move { sender.send(7).unwrap() });
    assert_eq!(receiver.recv().unwrap(), 7);
    assert_eq!(panics(), before + 1);
}
