use srs_hub::{Finish, Phase, Settings};
use tokio::task::LocalSet;

use super::*;
use crate::testkit::key;

const HOLD: Duration = Duration::from_secs(10);

/// Publishes and drops.
fn drop_one(holds: &Arc<Holds>, hub: &Hub) {
    let settings = Settings { hold: true, ..Settings::default() };
    let publisher = hub.publish(&key("a"), settings).unwrap();
    let generation = publisher.finish(Finish::Dropped).unwrap();
    holds.begin(hub, &key("a"), generation, HOLD);
}

async fn after(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_publisher_dropped_twice_is_held_from_the_second_time_on() {
    LocalSet::new()
        .run_until(async {
            let (holds, hub) = (Arc::new(Holds::default()), Hub::new());
            drop_one(&holds, &hub);
            after(9).await;
            drop_one(&holds, &hub);
            after(9).await;
            assert_eq!(hub.phase(&key("a")), Some(Phase::Held));
            after(2).await;
            assert_eq!(hub.phase(&key("a")), None);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_comes_and_drops_all_the_time_costs_one_timer() {
    LocalSet::new()
        .run_until(async {
            let (holds, hub) = (Arc::new(Holds::default()), Hub::new());
            for _ in 0..100 {
                drop_one(&holds, &hub);
            }
            // The timer has one handle, and we have the other.
            assert_eq!((Arc::strong_count(&holds), holds.lock().len()), (2, 1));
            after(11).await;
            assert_eq!((Arc::strong_count(&holds), holds.lock().len()), (1, 0));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_came_back_is_left_alone() {
    LocalSet::new()
        .run_until(async {
            let (holds, hub) = (Arc::new(Holds::default()), Hub::new());
            drop_one(&holds, &hub);
            let _again = hub.publish(&key("a"), Settings::default()).unwrap();
            after(11).await;
            assert_eq!(hub.phase(&key("a")), Some(Phase::Live));
            assert!(holds.lock().is_empty());
        })
        .await;
}
