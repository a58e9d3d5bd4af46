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
    assert!(panics() > before);
}

#[test]
fn work_that_panics_before_it_begins_does_not_end_the_shard() {
    let shards = Shards::start(1).unwrap();
    shards.handle().first(|| -> std::future::Ready<()> { panic!("on purpose") });
    let (sender, receiver) = mpsc::channel();
    shards.handle().first(move || async move { sender.send(7).unwrap() });
    assert_eq!(receiver.recv().unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_panics_can_begin_anew_after_a_rest_and_is_counted() {
    let (before, began) = (panics(), tokio::time::Instant::now());
    let mut turns = 0;
    let turn = async |turns: &mut u32| {
        *turns += 1;
        tokio::task::yield_now().await;
        assert!(*turns >= 3, "on purpose");
    };
    while guarded("test", turn(&mut turns)).await.is_none() {}
    assert_eq!((turns, began.elapsed()), (3, 2 * REST));
    assert!(panics() >= before + 2);
}

#[test]
fn what_ends_with_its_shard_may_begin_something_in_its_last_moment() {
    struct Farewell(mpsc::Sender<bool>);
    impl Drop for Farewell {
        fn drop(&mut self) {
            let inside = tokio::runtime::Handle::try_current().is_ok();
            self.0.send(inside).unwrap();
        }
    }
    let shards = Shards::start(1).unwrap();
    let (sender, receiver) = mpsc::channel();
    let (started, running) = mpsc::channel();
    shards.handle().first(move || async move {
        let _farewell = Farewell(sender);
        started.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    running.recv().unwrap();
    drop(shards);
    assert!(receiver.recv().unwrap());
}
