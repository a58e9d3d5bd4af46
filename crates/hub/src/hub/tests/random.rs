//! Whatever happens in whatever order, a viewer gets whole frames that it can decode.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::limits::LAG_BYTES_HARD;
use crate::testkit::{Item, Viewer, audio, item};

/// As the doors have it, but short, so that skips are many.
const LAG: Lag = Lag { queue_ms: 200 };

#[derive(Debug, Clone)]
enum Act {
    /// A frame of this kind: key frames at 0, sound at 1, codec headers at 2. Then its size, and its distance in time.
    Push(u8, usize, i64),
    Pull(usize),
    Trim(usize),
    /// A viewer's socket takes this many bytes.
    Take(usize, usize, usize),
    DropLag(usize),
    Join(usize, bool),
    Tell(usize, usize),
    TakeOver,
}

fn act() -> impl Strategy<Value = Act> {
    let shard = 0..2_usize;
    prop_oneof![
        12 => (0..10_u8, 0..400_usize, 0..90_i64).prop_map(|(kind, size, step)| Act::Push(kind, size, step)),
        4 => shard.clone().prop_map(Act::Pull),
        3 => shard.clone().prop_map(Act::Trim),
        6 => (shard.clone(), 0..6_usize, 0..700_usize).prop_map(|(shard, who, most)| Act::Take(shard, who, most)),
        3 => shard.clone().prop_map(Act::DropLag),
        1 => (shard.clone(), any::<bool>()).prop_map(|(shard, cache)| Act::Join(shard, cache)),
        1 => (shard, 0..6_usize).prop_map(|(shard, who)| Act::Tell(shard, who)),
        1 => Just(Act::TakeOver),
    ]
}

/// What was pushed, by number: what kind, and which codec header holds.
#[derive(Default)]
struct Log {
    pushed: BTreeMap<u32, (char, Vec<u8>)>,
    config: Vec<u8>,
    next: u32,
    time: i64,
}

impl Log {
    fn frame(&mut self, kind: u8, size: usize, step: i64) -> Frame {
        let number = self.next;
        self.next += 1;
        self.time += step;
        let mut wire = number.to_be_bytes().to_vec();
        wire.resize(4 + size, 7);
        let (what, frame) = match kind {
            0 => ('k', key(self.time, &wire)),
            1 => ('i', audio(self.time, &wire)),
            2 => ('c', config(self.time, &wire)),
            _ => ('i', inter(self.time, &wire)),
        };
        if what == 'c' {
            self.config.clone_from(&wire);
        }
        self.pushed.insert(number, (what, self.config.clone()));
        frame
    }

    /// Checks all that one viewer got.
    fn check(&self, got: &[u8]) {
        let all: Vec<Item> = items(got).into_iter().filter(|item| item.what != 'p').collect();
        let mut last: Option<u32> = None;
        let mut config: Option<Vec<u8>> = None;
        let mut head = false;
        for (index, item) in all.iter().enumerate() {
            assert_eq!(item.what == 'F', index == 0, "the opening comes once, first");
            if matches!(item.what, 'F' | 'A') {
                config = Some(item.body.clone());
                head = true;
                continue;
            }
            let number = u32::from_be_bytes(item.body[..4].try_into().unwrap());
            let (what, due) = &self.pushed[&number];
            assert_eq!(item.what, *what);
            let follows = last.is_some_and(|last| number == last + 1);
            assert!(last.is_none_or(|last| number > last), "frames came twice, or back");
            assert!((follows && !head) || item.what == 'k', "frame {number} after {last:?} is no start");
            if item.what == 'c' {
                config = Some(item.body.clone());
            }
            if item.what == 'k' && !due.is_empty() {
                assert_eq!(config.as_deref(), Some(due.as_slice()), "frame {number} has other codec headers");
            }
            (last, head) = (Some(number), false);
        }
    }
}

fn tell(shard: &mut Shard, who: usize) {
    let Shard { viewers, window, .. } = shard;
    if let Some(viewer) = viewers.get_mut(who) {
        viewer.cursor.insert(item('p', 0, b"pong"), window);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn viewers_get_whole_frames_in_order_from_key_frames_with_their_headers(acts in vec(act(), 1..400)) {
        let hub = Hub::new();
        let mut publisher = publish(&hub);
        let mut shards = [Shard::of(&hub, &name("s")), Shard::of(&hub, &name("s"))];
        let mut log = Log::default();
        // There is a picture, so that sound is no start.
        publisher.push(log.frame(2, 3, 0)).unwrap();
        for act in acts {
            match act {
                Act::Push(kind, size, step) => publisher.push(log.frame(kind, size, step)).unwrap(),
                Act::Pull(shard) => shards[shard].pull(),
                Act::Trim(shard) => shards[shard].trim(),
                Act::Take(shard, who, most) => {
                    let Shard { viewers, window, .. } = &mut shards[shard];
                    if let Some(viewer) = viewers.get_mut(who) {
                        // As a turn: not every pull is followed by one.
                        viewer.cursor.settle(window);
                        viewer.take(window, most);
                    }
                }
                Act::DropLag(shard) => shards[shard].drop_lag(LAG),
                Act::Join(shard, cache) => { shards[shard].join(cache); }
                Act::Tell(shard, who) => tell(&mut shards[shard], who),
                Act::TakeOver => {
                    // As encoders do: codec headers, then a key frame.
                    publisher = publish(&hub);
                    log.config.clear();
                    publisher.push(log.frame(2, 3, 0)).unwrap();
                    publisher.push(log.frame(0, 3, 0)).unwrap();
                }
            }
            for shard in &shards {
                prop_assert!(shard.window.len() < LAG_BYTES_HARD);
            }
        }
        for shard in &mut shards {
            shard.flow();
            for viewer in &shard.viewers {
                log.check(&viewer.got);
            }
        }
    }

    #[test]
    fn viewers_that_keep_up_miss_nothing(frames in vec((0..10_u8, 0..400_usize, 0..90_i64), 1..200), pace in 1..9_usize) {
        let hub = Hub::new();
        let publisher = publish(&hub);
        let mut shard = Shard::of(&hub, &name("s"));
        let mut log = Log::default();
        publisher.push(log.frame(0, 1, 0)).unwrap();
        shard.join(true);
        let count = frames.len();
        for (index, (kind, size, step)) in frames.into_iter().enumerate() {
            publisher.push(log.frame(kind, size, step)).unwrap();
            if index % pace == 0 {
                shard.flow();
                shard.drop_lag(LAG);
            }
        }
        shard.flow();
        let Viewer { got, cursor } = &shard.viewers[0];
        prop_assert_eq!(items(got).len(), count + 2);
        prop_assert_eq!(cursor.skips(), 0);
        log.check(got);
    }
}
