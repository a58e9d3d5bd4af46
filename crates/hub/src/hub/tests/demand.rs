//! What is said upward of the streams that are wanted.

use super::*;

const TAPPED: Format = Format("tapped");

#[derive(Default)]
struct Wish {
    said: Mutex<Vec<&'static str>>,
    hub: Mutex<Option<Hub>>,
    feed: Mutex<Option<Feed>>,
}

impl Wish {
    fn hub() -> (Arc<Wish>, Hub) {
        let wish = Arc::new(Wish::default());
        let hub = Hub::with_demand(Arc::clone(&wish) as Arc<dyn Demand>);
        (wish, hub)
    }

    fn say(&self, what: &'static str) {
        self.said.lock().unwrap().push(what);
    }
}

impl Demand for Wish {
    fn wanted(&self, _: &StreamKey) {
        self.say("wanted");
    }
    fn key_frame(&self, _: &StreamKey) {
        self.say("key frame");
    }
    fn unwanted(&self, key: &StreamKey) {
        // As another shard would, between the last viewer's going and this.
        let hub = self.hub.lock().unwrap().take();
        if let Some(hub) = hub {
            *self.feed.lock().unwrap() = Some(hub.subscribe(key, PLAIN, || Box::new(Plain)));
        }
        self.say("unwanted");
    }
}

#[test]
fn demand_hears_of_the_first_viewer_and_of_the_last() {
    let (wish, hub) = Wish::hub();
    let first = Shard::of(&hub, &name("s"));
    let publisher = publish(&hub);
    let second = Shard::of(&hub, &name("s"));
    drop(first);
    drop(second);
    drop(publisher);
    assert_eq!(*wish.said.lock().unwrap(), ["wanted", "key frame", "unwanted"]);
}

#[test]
fn a_viewer_that_comes_while_the_last_one_leaves_is_heard_last() {
    let (wish, hub) = Wish::hub();
    let shard = Shard::of(&hub, &name("s"));
    *wish.hub.lock().unwrap() = Some(hub.clone());
    drop(shard);
    assert_eq!(wish.said.lock().unwrap().last(), Some(&"wanted"));
    assert!(hub.phase(&name("s")).is_some());
}

#[test]
fn what_only_taps_a_stream_keeps_it_no_longer_wanted() {
    let (wish, hub) = Wish::hub();
    let publisher = publish(&hub);
    let tap = hub.tap(&name("s"), TAPPED, || Box::new(Plain));
    let shard = Shard::of(&hub, &name("s"));
    drop(shard);
    assert_eq!(*wish.said.lock().unwrap(), ["key frame", "unwanted"]);
    drop(publisher);
    assert_eq!(hub.phase(&name("s")), Some(Phase::Ended), "it is kept for the tap");
    drop(tap);
    assert_eq!(hub.phase(&name("s")), None);
    assert_eq!(wish.said.lock().unwrap().len(), 2);
}

#[test]
fn the_first_viewer_of_a_stream_that_was_only_tapped_wants_it() {
    let (wish, hub) = Wish::hub();
    let _tap = hub.tap(&name("s"), TAPPED, || Box::new(Plain));
    let _shard = Shard::of(&hub, &name("s"));
    assert_eq!(*wish.said.lock().unwrap(), ["wanted"]);
}
