//! Healthy sessions that must not notice what happens beside them.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::media::run_in;
use crate::{Cluster, FlvPlayer, Mark, Player, Publisher, Source, Target, within};

/// Viewers of the healthy stream: half over RTMP, half over HTTP-FLV.
pub const VIEWERS: usize = 20;

/// A stream of 50 pictures and 100 sounds a second with [`VIEWERS`] viewers.
pub struct Crowd {
    stop: watch::Sender<bool>,
    publisher: JoinHandle<Vec<Mark>>,
    viewers: Vec<JoinHandle<Vec<Mark>>>,
}

impl Crowd {
    /// Starts it; when this returns, every viewer has got frames.
    pub async fn start(cluster: &Cluster) -> Crowd {
        let target = Target::live("healthy");
        let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
        let (stop, mut stopped) = watch::channel(false);
        let mut source = Source::new(200);
        source.size = 2000;
        publisher.send_all(&source.clip(2)).await;
        let publisher = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            loop {
                tokio::select! {
                    _ = ticks.tick() => publisher.send_all(&source.tick()).await,
                    _ = stopped.changed() => return publisher.goodbye().await,
                }
            }
        });
        cluster.holder("healthy").await;
        let mut viewers = Vec::new();
        for _ in 0..VIEWERS / 2 {
            let mut rtmp = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
            rtmp.frames(3).await;
            viewers.push(tokio::spawn(async move {
                while rtmp.next().await.is_some() {}
                rtmp.got
            }));
            let mut flv = FlvPlayer::connect(cluster.http(), &Target::flv("healthy")).await;
            flv.frames(3).await;
            viewers.push(tokio::spawn(async move {
                while flv.next().await.is_some() {}
                flv.got
            }));
        }
        Crowd { stop, publisher, viewers }
    }

    /// Ends the stream, and panics if any viewer lost a frame.
    pub async fn lost_nothing(self) {
        self.stop.send_replace(true);
        let sent = within("the healthy publisher's end", self.publisher).await.expect("it does not panic");
        for viewer in self.viewers {
            let got = within("a healthy viewer's end", viewer).await.expect("it does not panic");
            assert!(run_in(&got, &sent).is_some(), "a healthy viewer's frames are one unbroken run");
            let last = |marks: &[Mark]| marks.iter().rfind(|mark| mark.is_coded()).map(|mark| mark.sha256);
            assert_eq!(last(&got), last(&sent), "to the last frame");
        }
    }
}
