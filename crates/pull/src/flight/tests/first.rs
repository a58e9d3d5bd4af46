//! Waiting for the first frame of a server that answered.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_server_of_ours_that_sends_nothing_before_a_key_frame_is_awaited() {
    let body = async {
        let server = Server::new(Manner::Play(Vec::new())).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let viewer = edge.watch("s").await;
        pass(Duration::from_millis(8_300)).await;
        server.send(config(0, 1));
        server.send(key_frame(0, 1));
        viewer.sees(1).await;
        assert_eq!(server.count(), 1);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_sends_nothing_at_all_has_nothing() {
    let body = async {
        let server = Server::new(Manner::Play(Vec::new())).await;
        server.is_strange.set(true);
        let edge = Edge::of(remote(vec![server.at()]));
        let began = Instant::now();
        assert_eq!(edge.missing("s").await.kind, MissingKind::NotFound);
        assert!((3..5).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    };
    LocalSet::new().run_until(body).await;
}
