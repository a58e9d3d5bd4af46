use std::process::Command;

use super::*;

/// Signals reach every listener of the process, so these tests take turns.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn kill(signal: &str) {
    let me = std::process::id().to_string();
    assert!(Command::new("kill").args([signal, &me]).status().unwrap().success());
}

#[tokio::test]
async fn each_signal_is_told_apart() {
    let _turn = TURN.lock().await;
    let mut shutdown = Shutdown::listen().unwrap();
    for (name, expected) in
        [("-INT", Signal::Interrupt), ("-TERM", Signal::Terminate), ("-QUIT", Signal::Quit)]
    {
        kill(name);
        assert_eq!(shutdown.next().await, expected);
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_drain_at_once() {
    let _turn = TURN.lock().await;
    let mut shutdown = Shutdown::listen().unwrap();
    kill("-TERM");
    assert_eq!(shutdown.next().await, Signal::Terminate);
    kill("-INT");
    let drained = shutdown.drain(std::future::pending(), Duration::from_secs(600)).await;
    assert_eq!(drained, Drained::Forced(Signal::Interrupt));
}

#[tokio::test]
async fn a_drain_ends_with_its_work_or_its_time() {
    let _turn = TURN.lock().await;
    let mut shutdown = Shutdown::listen().unwrap();
    assert_eq!(shutdown.drain(std::future::ready(()), Duration::from_secs(600)).await, Drained::Done);
    assert_eq!(shutdown.drain(std::future::pending(), Duration::ZERO).await, Drained::TimedOut);
}

#[tokio::test]
async fn rotation_is_told_at_each_signal() {
    let _turn = TURN.lock().await;
    let (told, mut hear) = tokio::sync::mpsc::unbounded_channel();
    // The first poll installs the handler; without it the signal would end the process.
    let mut rotate = Box::pin(on_rotate(move || told.send(()).unwrap()));
    assert!(futures_poll(rotate.as_mut()).await);
    for _ in 0..2 {
        kill("-USR1");
        tokio::select! {
            heard = hear.recv() => assert_eq!(heard, Some(())),
            ended = &mut rotate => panic!("{ended:?}"),
        }
    }
}

/// Polls once; true while there is more to come.
async fn futures_poll(mut future: std::pin::Pin<&mut impl Future>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending())).await
}
