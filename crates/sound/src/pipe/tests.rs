use std::future::poll_fn;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn pipe(script: &str) -> Pipe {
    Pipe::new("/bin/sh".into(), vec!["-c".to_owned(), script.to_owned()], "a test")
}

async fn next(pipe: &mut Pipe) -> Told {
    tokio::time::timeout(PATIENCE, poll_fn(|cx| pipe.poll_next(cx))).await.unwrap()
}

/// The first line of what the child writes now.
async fn line(pipe: &mut Pipe) -> String {
    let mut all = Vec::new();
    while !all.contains(&b'\n') {
        match next(pipe).await {
            Told::Bytes(bytes) => all.extend_from_slice(&bytes),
            Told::Ended => panic!("it ended"),
        }
    }
    String::from_utf8(all).unwrap().lines().next().unwrap().to_owned()
}

/// Waits until its rest is over.
async fn rest(pipe: &mut Pipe) {
    poll_fn(|cx| {
        let _nothing_to_do = pipe.poll_next(cx);
        if pipe.rest.is_some() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

fn is_there(id: &str) -> bool {
    std::path::Path::new("/proc").join(id).exists()
}

#[tokio::test]
async fn what_goes_in_comes_out() {
    let mut pipe = pipe("exec cat");
    assert!(pipe.push(Bytes::from_static(b"sound\n")));
    assert_eq!(line(&mut pipe).await, "sound");
    assert_eq!(children(), 1);
}

#[tokio::test]
async fn a_child_that_was_killed_is_followed_by_another_after_a_rest() {
    let mut pipe = pipe("echo $$; exec cat");
    assert!(pipe.push(Bytes::from_static(b"x")));
    let first = line(&mut pipe).await;
    let killed = std::process::Command::new("kill").args(["-9", &first]).status().unwrap();
    assert!(killed.success());
    while !matches!(next(&mut pipe).await, Told::Ended) {}
    assert!(!pipe.push(Bytes::from_static(b"x")), "it rests");
    rest(&mut pipe).await;
    assert!(pipe.push(Bytes::from_static(b"x")));
    assert_ne!(line(&mut pipe).await, first);
}

#[tokio::test(start_paused = true)]
async fn rests_grow_up_to_half_a_minute() {
    let mut pipe = Pipe::new("/nowhere/program".into(), Vec::new(), "a test");
    let mut rests = Vec::new();
    for _ in 0..8 {
        rest(&mut pipe).await;
        assert!(pipe.push(Bytes::from_static(b"x")));
        let before = Instant::now();
        assert!(matches!(poll_fn(|cx| pipe.poll_next(cx)).await, Told::Ended));
        rests.push(pipe.rest.as_ref().unwrap().deadline().duration_since(before).as_secs());
    }
    assert_eq!(rests, [1, 2, 4, 8, 16, 30, 30, 30]);
}

#[tokio::test]
async fn a_child_is_killed_and_reaped_when_its_pipe_is_dropped() {
    let mut pipe = pipe("echo $$; exec sleep 60");
    assert!(pipe.push(Bytes::from_static(b"x")));
    let id = line(&mut pipe).await;
    assert!(is_there(&id));
    drop(pipe);
    assert_eq!(children(), 0);
    let gone = async {
        while is_there(&id) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}

#[tokio::test]
async fn a_child_that_takes_nothing_holds_nobody_up_and_costs_a_bounded_amount() {
    let mut pipe = pipe("exec sleep 60");
    let piece = Bytes::from(vec![0; 100_000]);
    let mut taken = 0;
    while pipe.push(piece.clone()) {
        taken += 1;
        poll_fn(|cx| {
            assert!(pipe.poll_next(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert!(taken < 1_000);
    }
    assert!(pipe.waiting_bytes <= MOST_WAITING);
}

#[tokio::test]
async fn what_a_child_complains_about_does_not_stop_it() {
    let mut pipe = pipe("head -c 300000 /dev/zero >&2; exec cat");
    assert!(pipe.push(Bytes::from_static(b"sound\n")));
    assert_eq!(line(&mut pipe).await, "sound");
    assert!(pipe.running.as_ref().unwrap().complaint.len() <= COMPLAINT);
}
