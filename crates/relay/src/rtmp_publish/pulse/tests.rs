use std::time::Duration;

use tokio::time::sleep;

use super::*;
use crate::limits::PULSE;

/// When a server is given up that is seen like this from the start, if that is within a minute; `seen` is told how many
/// looks there were.
async fn lost_after(seen: impl Fn(u64) -> Seen) -> Option<Duration> {
    let (began, mut pulse) = (Instant::now(), Pulse::new());
    for looks in 0..240 {
        sleep(PULSE).await;
        if pulse.look(seen(looks)) == Look::Lost {
            return Some(began.elapsed());
        }
    }
    None
}

const MUTE: Seen = Seen { received: 100, sent: 100, waits: false, answers: true };

#[tokio::test(start_paused = true)]
async fn a_server_is_asked_each_second_and_lost_three_seconds_after_its_last_word() {
    let (began, mut pulse) = (Instant::now(), Pulse::new());
    let mut asked = Vec::new();
    let lost = loop {
        sleep(PULSE).await;
        match pulse.look(Seen { sent: began.elapsed().as_millis() as u64, ..MUTE }) {
            Look::Ask => asked.push(began.elapsed().as_millis()),
            Look::Fine => {}
            Look::Lost => break began.elapsed(),
        }
    };
    assert_eq!(asked, [1000, 2000]);
    // Its last word was seen by the first look.
    assert_eq!(lost, Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_stays() {
    assert_eq!(lost_after(|looks| Seen { received: looks / 4, ..MUTE }).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_answers_are_stuck_behind_media_stays_as_long_as_it_takes_that() {
    assert_eq!(lost_after(|looks| Seen { sent: looks / 8, waits: true, ..MUTE }).await, None);
}

#[tokio::test(start_paused = true)]
async fn of_a_server_that_never_answered_silence_says_nothing() {
    assert_eq!(lost_after(|_| Seen { answers: false, ..MUTE }).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_nothing_is_lost_though_it_never_answered() {
    let lost = lost_after(|_| Seen { answers: false, waits: true, ..MUTE }).await;
    assert_eq!(lost, Some(Duration::from_secs(3)));
}
