//! Streams with viewers over RTMP and HTTP-FLV, watched while something breaks: who was cut off, who waited, what was lost.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use crate::legs::Legs;
use crate::media::{coded, payloads};
use crate::{FlvPlayer, Frame, Mark, Player, Publisher, Source, Target, within};

/// Real time of one tick of a [`Source`].
const TICK: Duration = Duration::from_millis(40);

/// How many streams, and who watches each.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Streams, named `NAME-0` and so on.
    pub streams: usize,
    /// Viewers of each over RTMP.
    pub rtmp: usize,
    /// Viewers of each over HTTP-FLV.
    pub flv: usize,
    /// Pictures of a GOP, at 25 a second.
    pub gop: u32,
    /// Bytes of a key frame; other pictures have an eighth.
    pub size: usize,
}

/// Running streams.
pub struct Show {
    name: String,
    stop: watch::Sender<bool>,
    publishers: Vec<JoinHandle<Sent>>,
    viewers: Vec<(usize, JoinHandle<Seen>)>,
}

/// What one publisher sent.
struct Sent {
    marks: Vec<Mark>,
    cut: bool,
}

/// What one viewer saw.
struct Seen {
    got: Vec<Mark>,
    longest: Duration,
    cut: bool,
    disorder: usize,
}

/// What came of it all.
#[derive(Debug, Default)]
pub struct Report {
    /// Publishers whose connection ended before they stopped.
    pub publishers_cut: usize,
    /// Viewers whose connection ended before the stream did.
    pub viewers_cut: usize,
    /// The longest time between two frames at any viewer.
    pub longest_wait: Duration,
    /// Frames that were not of the viewer's stream.
    pub wrong: usize,
    /// Frames that came twice, or behind a later one.
    pub repeated: usize,
    /// Time stamps that went back within audio or video.
    pub disorder: usize,
    /// The most frames that one viewer lacks of those sent between its first and its last.
    pub most_lost: usize,
    /// All frames that viewers lack.
    pub lost: usize,
    /// Viewers that saw the last frame that was sent.
    pub to_the_end: usize,
    /// Frames that viewers got.
    pub frames: usize,
}

impl Show {
    /// Publishes at `ingest` and watches at each of `doors` in turn (RTMP and HTTP addresses). When this returns, every
    /// viewer has frames.
    pub async fn start(
        name: &str,
        ingest: SocketAddr,
        doors: &[(SocketAddr, SocketAddr)],
        plan: Plan,
    ) -> Show {
        Show::start_at(name, &[ingest], doors, plan).await
    }

    /// The same with each stream published at every one of `ingests`, and anew at those that come back.
    pub async fn start_at(
        name: &str,
        ingests: &[SocketAddr],
        doors: &[(SocketAddr, SocketAddr)],
        plan: Plan,
    ) -> Show {
        let (stop, stopped) = watch::channel(false);
        let mut show = Show { name: name.to_owned(), stop, publishers: Vec::new(), viewers: Vec::new() };
        let mut starting = Vec::new();
        for number in 0..plan.streams {
            let target = Target::live(&show.stream(number));
            let mut source = Source::new(u8::try_from(number % 250).expect("small"));
            (source.gop, source.size) = (plan.gop, plan.size);
            show.publishers.push(match ingests {
                [ingest] => {
                    let publisher = Publisher::connect(*ingest, &target).await.expect("publishing begins");
                    tokio::spawn(publish(publisher, source, number, stopped.clone()))
                }
                all => {
                    let legs = Legs::connect(all, &target).await;
                    tokio::spawn(publish_at_all(legs, source, number, stopped.clone()))
                }
            });
        }
        for number in 0..plan.streams {
            let stream = show.stream(number);
            for viewer in 0..plan.rtmp + plan.flv {
                let (rtmp, http) = doors[(number + viewer) % doors.len()];
                let (stream, stopped) = (stream.clone(), stopped.clone());
                starting.push(tokio::spawn(async move {
                    let seen = if viewer < plan.rtmp {
                        let mut player =
                            Player::connect(rtmp, &Target::live(&stream)).await.expect("playing begins");
                        player.frames(3).await;
                        tokio::spawn(watch_rtmp(player, stopped))
                    } else {
                        let mut player = FlvPlayer::connect(http, &Target::flv(&stream)).await;
                        player.frames(3).await;
                        tokio::spawn(watch_flv(player, stopped))
                    };
                    (number, seen)
                }));
            }
        }
        for started in starting {
            show.viewers.push(started.await.expect("a viewer starts"));
        }
        show
    }

    /// The name of a stream, from 0.
    pub fn stream(&self, number: usize) -> String {
        format!("{}-{number}", self.name)
    }

    /// Lets it run for so long.
    pub async fn run(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Ends all streams and tells what was seen.
    pub async fn stop(self) -> Report {
        self.stop.send_replace(true);
        let mut report = Report::default();
        let mut sent = Vec::new();
        for publisher in self.publishers {
            let publisher = within("a publisher's end", publisher).await.expect("it does not panic");
            report.publishers_cut += usize::from(publisher.cut);
            sent.push(publisher.marks);
        }
        for (number, viewer) in self.viewers {
            let seen = within("a viewer's end", viewer).await.expect("it does not panic");
            report.add(&seen, &sent[number]);
        }
        report
    }
}

impl Report {
    fn add(&mut self, seen: &Seen, sent: &[Mark]) {
        self.viewers_cut += usize::from(seen.cut);
        self.longest_wait = self.longest_wait.max(seen.longest);
        self.disorder += seen.disorder;
        let sent = payloads(sent);
        let places: HashMap<_, _> =
            sent.iter().enumerate().map(|(place, payload)| (payload, place)).collect();
        let got: Vec<Option<usize>> =
            payloads(&seen.got).iter().map(|payload| places.get(payload).copied()).collect();
        self.frames += got.len();
        self.wrong += got.iter().filter(|place| place.is_none()).count();
        let known: Vec<usize> = got.into_iter().flatten().collect();
        self.repeated += known.windows(2).filter(|two| two[1] <= two[0]).count();
        if let (Some(first), Some(last)) = (known.first(), known.iter().max()) {
            let lost = (last + 1 - first).saturating_sub(known.len());
            self.lost += lost;
            self.most_lost = self.most_lost.max(lost);
            self.to_the_end += usize::from(*last + 1 == sent.len());
        }
    }
}

async fn publish(
    mut publisher: Publisher,
    mut source: Source,
    number: usize,
    mut stopped: watch::Receiver<bool>,
) -> Sent {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    // Not all in the same moment.
    tokio::time::sleep(TICK * u32::try_from(number % 25).expect("small") / 25).await;
    let mut frames = source.headers();
    loop {
        for frame in &frames {
            if !publisher.send(frame).await {
                return Sent { marks: std::mem::take(&mut publisher.sent), cut: true };
            }
        }
        tokio::select! {
            _ = ticks.tick() => frames = source.tick(),
            _ = stopped.changed() => {
                let cut = publisher.was_cut();
                return Sent { marks: publisher.goodbye().await, cut };
            }
        }
    }
}

async fn publish_at_all(
    mut legs: Legs,
    mut source: Source,
    number: usize,
    mut stopped: watch::Receiver<bool>,
) -> Sent {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    tokio::time::sleep(TICK * u32::try_from(number % 25).expect("small") / 25).await;
    let headers = source.headers();
    legs.send(&headers).await;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                legs.come_back(&headers).await;
                legs.send(&source.tick()).await;
            }
            _ = stopped.changed() => return Sent { marks: legs.goodbye().await, cut: false },
        }
    }
}

/// Between frames, and what came.
struct Eyes {
    last: Instant,
    longest: Duration,
    times: HashMap<u8, u32>,
    disorder: usize,
}

impl Eyes {
    fn new() -> Eyes {
        Eyes { last: Instant::now(), longest: Duration::ZERO, times: HashMap::new(), disorder: 0 }
    }

    fn see(&mut self, frame: &Frame) {
        if !frame.mark().is_coded() {
            return;
        }
        self.longest = self.longest.max(self.last.elapsed());
        self.last = Instant::now();
        let before = self.times.insert(frame.kind, frame.time);
        // Behind is more than half the circle ahead.
        self.disorder += usize::from(before.is_some_and(|before| frame.time.wrapping_sub(before) > 1 << 31));
    }

    fn seen(self, got: Vec<Mark>, stopped: &watch::Receiver<bool>) -> Seen {
        let cut = !*stopped.borrow();
        Seen { got: coded(&got), longest: self.longest, cut, disorder: self.disorder }
    }
}

async fn watch_rtmp(mut player: Player, stopped: watch::Receiver<bool>) -> Seen {
    let mut eyes = Eyes::new();
    while let Some(frame) = player.next().await {
        eyes.see(&frame);
    }
    eyes.seen(player.got, &stopped)
}

async fn watch_flv(mut player: FlvPlayer, stopped: watch::Receiver<bool>) -> Seen {
    let mut eyes = Eyes::new();
    while let Some(frame) = player.next().await {
        eyes.see(&frame);
    }
    eyes.seen(player.got, &stopped)
}
