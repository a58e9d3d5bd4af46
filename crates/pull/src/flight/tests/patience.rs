//! How long a stream is looked for that was lost.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_server_that_may_be_silent_for_long_is_still_followed_by_another() {
    let body = async {
        let (one, two) = (Server::live(0, 1).await, Server::live(0, 2).await);
        let rules_ = Rules { no_input: Duration::from_secs(40), ..listed() };
        let edge = Edge::of(rules(rules_, &[&one, &two]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        let silent = Instant::now();
        viewer.sees(2).await;
        assert!((40..42).contains(&silent.elapsed().as_secs()), "{:?}", silent.elapsed());
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_lost_after_a_long_hold_is_followed_by_another() {
    let body = async {
        let (one, two) = (Server::live(0, 1).await, Server::live(0, 2).await);
        let edge = Edge::of(rules(listed(), &[&one, &two]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        one.say(Say::Status("NetStream.Play.Held"));
        pass(Duration::from_secs(60)).await;
        one.die();
        viewer.sees(2).await;
    };
    LocalSet::new().run_until(body).await;
}
