//! Going on at a server that nothing forces viewers to: only where the stream lives.

use super::*;

fn shows(viewer: &Viewer, mark: u8) -> bool {
    viewer.coded().iter().any(|(_, seen)| *seen == mark)
}

#[tokio::test(start_paused = true)]
async fn a_stream_returns_to_the_first_server_when_that_is_back() {
    let body = async {
        let first = nobody().await;
        let two = Server::live(500, 2).await;
        let rules = Rules { failback: Some(Duration::from_secs(3)), ..listed() };
        let edge = Edge::of(Remote { rules, ..remote(vec![first.clone(), two.at()]) });
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        let one = Server::again(
            ([127, 0, 0, 1], first.port).into(),
            Manner::Play(vec![config(0, 1), inter(10, 8)]),
        );
        let one = one.await;
        // It is back, but has no key frame yet: nothing waits for it.
        for time in 0..100 {
            two.send(inter(540 + time * 40, 3));
            pass(Duration::from_millis(40)).await;
        }
        assert_eq!((one.count(), viewer.coded().len()), (1, 101));
        one.send(key_frame(50, 1));
        fed(feed(&one, 90, 7), || two.players.get() == 0 && shows(&viewer, 7)).await;
        assert_eq!(viewer.coded()[100..103], [(4500, 3), (4540, 1), (4580, 7)]);
        assert!(grows(&viewer.coded()));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_does_not_return_to_a_server_that_has_only_what_is_cached() {
    let body = async {
        let first = nobody().await;
        let two = Server::live(500, 2).await;
        let rules = Rules { failback: Some(Duration::from_secs(2)), ..listed() };
        let edge = Edge::of(Remote { rules, ..remote(vec![first.clone(), two.at()]) });
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        let cached = vec![config(0, 1), key_frame(0, 1), inter(40, 8)];
        let one = Server::again(([127, 0, 0, 1], first.port).into(), Manner::Held(cached.clone())).await;
        fed(feed(&two, 540, 3), || one.count() == 2 && one.players.get() == 0).await;
        assert!(!shows(&viewer, 1), "its publisher is gone");
        *one.manner.borrow_mut() = Manner::Play(cached);
        fed(feed(&two, 9000, 3), || one.count() == 4 && one.players.get() == 0).await;
        assert!(!shows(&viewer, 1), "nothing came behind it");
        fed(feed(&one, 80, 9), || shows(&viewer, 9)).await;
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_at_one_of_unrelated_servers_goes_on_at_another() {
    let body = async {
        let (one, two) = (Server::live(0, 1).await, Server::live(0, 2).await);
        let edge = Edge::with(mapped(&[&one, &two]), 10);
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        assert_eq!(edge.puller.applications().len(), 1);
        one.say(Say::Status("NetStream.Play.UnpublishNotify"));
        fed(feed(&two, 40, 3), || shows(&viewer, 3)).await;
        assert_eq!(edge.hub.phase(&key("s")), Some(Phase::Live));
        two.say(Say::Status("NetStream.Play.UnpublishNotify"));
        one.die();
        until(|| edge.hub.phase(&key("s")) == Some(Phase::Ended)).await;
        pass(Duration::from_secs(70)).await;
        assert!(edge.puller.applications().is_empty());
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ended_is_not_awaited_where_another_publisher_of_it_was_lost() {
    let body = async {
        let cached = vec![config(0, 2), key_frame(0, 2), inter(40, 2)];
        for manner in [Manner::Held(cached.clone()), Manner::Play(cached)] {
            let (one, two) = (Server::live(0, 1).await, Server::new(manner).await);
            let edge = Edge::with(mapped(&[&one, &two]), 10);
            let viewer = edge.watch("s").await;
            viewer.sees(1).await;
            one.say(Say::Status("NetStream.Play.UnpublishNotify"));
            until(|| edge.hub.phase(&key("s")) == Some(Phase::Ended)).await;
            assert!(two.count() >= 1);
            assert_eq!(viewer.coded().len(), 1, "what is cached there is no part of it");
        }
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ended_goes_on_where_it_lives_and_not_where_it_is_awaited() {
    let body = async {
        let (one, three) = (Server::live(0, 1).await, Server::live(0, 3).await);
        let two = Server::new(Manner::Held(vec![config(0, 2), key_frame(0, 2)])).await;
        let edge = Edge::with(mapped(&[&one, &two, &three]), 10);
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        one.say(Say::Status("NetStream.Play.UnpublishNotify"));
        fed(feed(&three, 40, 4), || shows(&viewer, 4)).await;
        assert!(!shows(&viewer, 2));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_held_upstream_is_held_here() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        let phase = || edge.hub.phase(&key("s"));
        server.say(Say::Status("NetStream.Play.Held"));
        until(|| phase() == Some(Phase::Held)).await;
        server.send(key_frame(40, 2));
        viewer.sees(2).await;
        assert_eq!(phase(), Some(Phase::Live));
        server.say(Say::Status("NetStream.Play.Held"));
        until(|| phase() == Some(Phase::Held)).await;
        server.say(Say::Status("NetStream.Play.Start"));
        until(|| phase() == Some(Phase::Live)).await;
        server.say(Say::Status("NetStream.Play.Held"));
        until(|| phase() == Some(Phase::Held)).await;
        server.die();
        until(|| edge.puller.pulls()[0].state.name() == "lost").await;
        assert_eq!(phase(), Some(Phase::Live), "what is lost is looked for, and nobody need wait for it");
        until(|| phase() == Some(Phase::Ended)).await;
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_cached_of_a_publisher_who_is_awaited_does_not_pass_for_his_return() {
    let body = async {
        let cached = vec![config(0, 1), key_frame(0, 1), inter(40, 2), inter(80, 3)];
        let server = Server::new(Manner::Held(cached)).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let viewer = edge.watch("s").await;
        viewer.sees(3).await;
        pass(Duration::from_secs(20)).await;
        assert_eq!((server.count(), edge.hub.phase(&key("s"))), (1, Some(Phase::Held)));
        // Should it not be said, this says it.
        server.send(inter(120, 4));
        viewer.sees(4).await;
        assert_eq!(edge.hub.phase(&key("s")), Some(Phase::Live));
    };
    LocalSet::new().run_until(body).await;
}
