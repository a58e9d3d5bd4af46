//! What every directory promises, as functions that a test of any implementation calls.
//!
//! Time is the implementation's: a [`Rig`] makes a fresh directory and lets time pass, virtually or really.

use super::{Answer, Claim, Directory, Error};
use crate::Epoch;
use srs_names::{NodeId, StreamKey};
use std::pin::Pin;
use std::time::Duration;

/// A directory under test.
pub trait Rig {
    /// The directory, empty at first.
    fn directory(&self) -> &dyn Directory;

    /// The present moment.
    fn now(&self) -> Duration;

    /// Lets this much time pass.
    fn pass(&mut self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// The lease that tests ask for: short where time is real.
    fn lease(&self) -> Duration;
}

/// A stream of this name.
///
/// # Panics
/// When the name is none.
#[must_use]
#[expect(clippy::unwrap_used, reason = "names of tests")]
pub fn key(name: &str) -> StreamKey {
    StreamKey::new("__defaultVhost__", "live", name).unwrap()
}

/// A claim of this stream by the first run of this node.
///
/// # Panics
/// When a name is none.
#[must_use]
#[expect(clippy::unwrap_used, reason = "names of tests")]
pub fn ask(name: &str, holder: &str, epoch: u64) -> Claim {
    let holder_id = NodeId::new(holder).unwrap();
    Claim { key: key(name), holder: holder_id, instance: format!("{holder}-1"), epoch: Epoch(epoch) }
}

/// Short forms of the operations, at the rig's present moment.
struct Now<'a>(&'a dyn Directory, Duration, Duration);

impl<'a> Now<'a> {
    fn of(rig: &'a (impl Rig + ?Sized)) -> Now<'a> {
        Now(rig.directory(), rig.now(), rig.lease())
    }

    fn claim(&self, ask: &'a Claim, over: Option<u64>) -> Answer<'a, ()> {
        self.0.claim(ask, over.map(Epoch), self.2, self.1)
    }

    fn renew(&self, claim: &'a Claim) -> Answer<'a, ()> {
        self.0.renew(claim, self.2, self.1)
    }

    fn release(&self, claim: &'a Claim) -> Answer<'a, ()> {
        self.0.release(claim, self.1)
    }

    async fn stands(&self, name: &str) -> Option<Claim> {
        let outcome = self.0.lookup(&key(name), self.1).await;
        assert!(outcome.is_ok(), "{outcome:?}");
        outcome.ok().flatten()
    }
}

/// A free key is claimed, and everybody finds the claim.
pub async fn a_free_key_is_claimed_and_found(rig: &mut dyn Rig) {
    let now = Now::of(rig);
    assert_eq!(now.stands("s").await, None);
    assert_eq!(now.claim(&ask("s", "a", 10), None).await, Ok(()));
    assert_eq!(now.stands("s").await, Some(ask("s", "a", 10)));
}

/// Who comes second is told who was first.
pub async fn a_second_claim_is_told_the_first(rig: &mut dyn Rig) {
    let now = Now::of(rig);
    assert_eq!(now.claim(&ask("s", "a", 10), None).await, Ok(()));
    assert_eq!(now.claim(&ask("s", "b", 11), None).await, Err(Error::Held(ask("s", "a", 10))));
    assert_eq!(now.stands("s").await, Some(ask("s", "a", 10)));
}

/// A standing claim is replaced by who names its epoch.
pub async fn a_claim_is_replaced_only_by_its_epoch(rig: &mut dyn Rig) {
    let now = Now::of(rig);
    assert_eq!(now.claim(&ask("s", "a", 10), None).await, Ok(()));
    assert_eq!(now.claim(&ask("s", "b", 12), Some(9)).await, Err(Error::Held(ask("s", "a", 10))));
    assert_eq!(now.claim(&ask("s", "b", 12), Some(10)).await, Ok(()));
    assert_eq!(now.stands("s").await, Some(ask("s", "b", 12)));
}

/// To replace what is gone is to take a free key.
pub async fn replacing_a_claim_that_is_gone_takes_the_free_key(rig: &mut dyn Rig) {
    assert_eq!(Now::of(rig).claim(&ask("s", "b", 12), Some(10)).await, Ok(()));
}

/// Epochs of a key rise, also over a release.
pub async fn an_epoch_below_the_last_is_refused(rig: &mut dyn Rig) {
    let now = Now::of(rig);
    assert_eq!(now.claim(&ask("s", "a", 10), None).await, Ok(()));
    assert_eq!(now.release(&ask("s", "a", 10)).await, Ok(()));
    assert_eq!(now.claim(&ask("s", "b", 10), None).await, Err(Error::Stale(Epoch(10))));
    assert_eq!(now.claim(&ask("s", "b", 9), None).await, Err(Error::Stale(Epoch(10))));
    assert_eq!(now.claim(&ask("s", "b", 11), None).await, Ok(()));
}

/// An answer may be lost: asking again is no fault.
pub async fn asking_again_with_the_same_claim_succeeds(rig: &mut dyn Rig) {
    assert_eq!(Now::of(rig).claim(&ask("s", "a", 10), None).await, Ok(()));
    rig.pass(rig.lease() / 2).await;
    assert_eq!(Now::of(rig).claim(&ask("s", "a", 10), None).await, Ok(()));
    rig.pass(rig.lease() * 3 / 4).await;
    assert_eq!(Now::of(rig).stands("s").await, Some(ask("s", "a", 10)));
}

/// A lease runs out.
pub async fn a_claim_expires_with_its_lease(rig: &mut dyn Rig) {
    assert_eq!(Now::of(rig).claim(&ask("s", "a", 10), None).await, Ok(()));
    assert!(Now::of(rig).stands("s").await.is_some());
    rig.pass(rig.lease()).await;
    assert_eq!(Now::of(rig).stands("s").await, None);
    assert_eq!(Now::of(rig).claim(&ask("s", "b", 11), None).await, Ok(()));
}

/// A renewal counts from when it is made.
pub async fn a_renewed_claim_lives_on(rig: &mut dyn Rig) {
    assert_eq!(Now::of(rig).claim(&ask("s", "a", 10), None).await, Ok(()));
    rig.pass(rig.lease() / 2).await;
    assert_eq!(Now::of(rig).renew(&ask("s", "a", 10)).await, Ok(()));
    rig.pass(rig.lease() * 3 / 4).await;
    assert!(Now::of(rig).stands("s").await.is_some());
    rig.pass(rig.lease() / 2).await;
    assert!(Now::of(rig).stands("s").await.is_none());
}

/// A claim that ran out is put back by the publish that runs, where nobody was quicker.
pub async fn a_running_claim_that_was_lost_is_put_back(rig: &mut dyn Rig) {
    assert_eq!(Now::of(rig).renew(&ask("s", "a", 10)).await, Ok(()), "a directory that came back empty");
    assert_eq!(Now::of(rig).stands("s").await, Some(ask("s", "a", 10)));
    rig.pass(rig.lease()).await;
    assert_eq!(Now::of(rig).renew(&ask("s", "a", 10)).await, Ok(()), "a lease that ran out");
    assert_eq!(Now::of(rig).stands("s").await, Some(ask("s", "a", 10)));
}

/// A newer claim is put above an older one that came back.
pub async fn a_running_claim_ends_an_older_one(rig: &mut dyn Rig) {
    let now = Now::of(rig);
    assert_eq!(now.claim(&ask("s", "a", 10), None).await, Ok(()));
    assert_eq!(now.renew(&ask("s", "b", 12)).await, Ok(()));
    assert_eq!(now.stands("s").await, Some(ask("s", "b", 12)));
}

/// The owner of a newer claim is not disturbed by the older one.
pub async fn only_the_owner_renews_and_releases(rig: &mut dyn Rig) {
    let now = Now::of(rig);
    assert_eq!(now.claim(&ask("s", "a", 10), None).await, Ok(()));
    assert_eq!(now.claim(&ask("s", "b", 12), Some(10)).await, Ok(()));
    assert_eq!(now.renew(&ask("s", "a", 10)).await, Err(Error::Held(ask("s", "b", 12))));
    assert_eq!(now.release(&ask("s", "a", 10)).await, Err(Error::Gone));
    assert_eq!(now.stands("s").await, Some(ask("s", "b", 12)));
    assert_eq!(now.release(&ask("s", "b", 12)).await, Ok(()));
    assert_eq!(now.renew(&ask("s", "a", 10)).await, Err(Error::Gone), "a newer one came and went");
}

/// A note is found by everybody until its time is over, and another of its name takes its place.
pub async fn a_note_is_found_until_its_time_is_over(rig: &mut dyn Rig) {
    let (directory, lease) = (rig.directory(), rig.lease());
    assert_eq!(directory.noted("rtc:a+/", rig.now()).await, Ok(None));
    assert_eq!(directory.note("rtc:a+/", "one", lease, rig.now()).await, Ok(()));
    assert_eq!(directory.note("rtc:b", "other", lease, rig.now()).await, Ok(()));
    assert_eq!(directory.noted("rtc:a+/", rig.now()).await, Ok(Some("one".to_owned())));
    assert_eq!(directory.note("rtc:a+/", "two", lease, rig.now()).await, Ok(()));
    assert_eq!(directory.noted("rtc:a+/", rig.now()).await, Ok(Some("two".to_owned())));
    rig.pass(lease).await;
    assert_eq!(rig.directory().noted("rtc:a+/", rig.now()).await, Ok(None));
}

/// Writes one test per promise: `contract!(tests_of_it, attribute, make_the_rig)`.
#[macro_export]
macro_rules! contract {
    ($implementation:ident, $run:path, $make:expr) => {
        $crate::contract!($implementation, $run, $make, [
            a_free_key_is_claimed_and_found,
            a_second_claim_is_told_the_first,
            a_claim_is_replaced_only_by_its_epoch,
            replacing_a_claim_that_is_gone_takes_the_free_key,
            an_epoch_below_the_last_is_refused,
            asking_again_with_the_same_claim_succeeds,
            a_claim_expires_with_its_lease,
            a_renewed_claim_lives_on,
            a_running_claim_that_was_lost_is_put_back,
            a_running_claim_ends_an_older_one,
            only_the_owner_renews_and_releases,
            a_note_is_found_until_its_time_is_over,
        ]);
    };
    ($implementation:ident, $run:path, $make:expr, [$($promise:ident),+ $(,)?]) => {
        mod $implementation {
            use super::*;
            $(#[test]
            fn $promise() {
                $run(async {
                    let mut rig = $make.await;
                    $crate::directory::contract::$promise(&mut rig).await;
                });
            })+
        }
    };
}
