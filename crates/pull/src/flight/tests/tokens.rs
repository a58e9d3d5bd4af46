//! On whose behalf a stream is asked for again.

use super::*;

async fn join(edge: &Edge, query: &str) {
    assert!(matches!(edge.fetch_with("s", query, &[]).await, Ok(Fetch::Coming(_))));
}

#[tokio::test(start_paused = true)]
async fn a_lost_stream_is_asked_for_with_what_the_newest_viewer_said() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = Edge::of(remote(vec![server.at()]));
        join(&edge, "token=old").await;
        let viewer = Viewer::of(&edge.hub, &key("s"));
        viewer.sees(1).await;
        join(&edge, "token=new").await;
        let address = server.address;
        server.die();
        drop(server);
        pass(Duration::from_millis(40)).await;
        let back = Server::again(address, Manner::Play(vec![key_frame(3, 2)])).await;
        *back.only.borrow_mut() = Some("token=new");
        viewer.sees(2).await;
        assert_eq!(back.count(), 1);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_with_a_bad_token_does_not_spoil_the_search_for_those_who_were_let_in() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = Edge::of(remote(vec![server.at()]));
        join(&edge, "token=good").await;
        let viewer = Viewer::of(&edge.hub, &key("s"));
        viewer.sees(1).await;
        for bad in 0..100 {
            join(&edge, &format!("token={bad}")).await;
        }
        let address = server.address;
        server.die();
        drop(server);
        let lost = Instant::now();
        pass(Duration::from_millis(40)).await;
        let back = Server::again(address, Manner::Play(vec![key_frame(3, 2)])).await;
        *back.only.borrow_mut() = Some("token=good");
        viewer.sees(2).await;
        assert!(lost.elapsed() < Duration::from_secs(2), "{:?}", lost.elapsed());
        assert!(back.count() <= 4, "{}", back.count());
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_server_is_asked_with_what_the_newest_viewer_said_whether_it_is_back() {
    let body = async {
        let first = nobody().await;
        let two = Server::live(500, 2).await;
        let rules = Rules { failback: Some(Duration::from_secs(2)), ..listed() };
        let edge = Edge::of(Remote { rules, ..remote(vec![first.clone(), two.at()]) });
        join(&edge, "token=old").await;
        let viewer = Viewer::of(&edge.hub, &key("s"));
        viewer.sees(1).await;
        join(&edge, "token=new").await;
        let one =
            Server::again(([127, 0, 0, 1], first.port).into(), Manner::Play(vec![key_frame(0, 1)])).await;
        *one.only.borrow_mut() = Some("token=new");
        let feeding = async {
            for time in 1_u32.. {
                two.send(inter(500 + time * 40, 3));
                one.send(inter(time * 40, 4));
                pass(Duration::from_millis(40)).await;
            }
        };
        tokio::select! {
            () = feeding => {}
            () = until(|| viewer.coded().iter().any(|(_, mark)| *mark == 1) && two.players.get() == 0) => {}
        }
    };
    LocalSet::new().run_until(body).await;
}
