//! The contract of every directory, run against each implementation.

use super::*;

const LEASE: Duration = Duration::from_secs(30);
const START: Duration = Duration::from_secs(5);

fn key(name: &str) -> StreamKey {
    crate::testkit::key(name)
}

fn ask(name: &str, holder: &str, epoch: u64) -> Claim {
    Claim {
        key: key(name),
        holder: crate::testkit::id(holder),
        instance: format!("{holder}-1"),
        epoch: Epoch(epoch),
    }
}

mod promises {
    use super::*;

    pub fn a_free_key_is_claimed_and_found(directory: &dyn Directory) {
        assert_eq!(directory.lookup(&key("s"), START), Ok(None));
        assert_eq!(directory.claim(&ask("s", "a", 10), None, LEASE, START), Ok(()));
        assert_eq!(directory.lookup(&key("s"), START), Ok(Some(ask("s", "a", 10))));
    }

    pub fn a_second_claim_is_told_the_first(directory: &dyn Directory) {
        directory.claim(&ask("s", "a", 10), None, LEASE, START).unwrap();
        let refused = directory.claim(&ask("s", "b", 11), None, LEASE, START);
        assert_eq!(refused, Err(Error::Held(ask("s", "a", 10))));
        assert_eq!(directory.lookup(&key("s"), START), Ok(Some(ask("s", "a", 10))));
    }

    pub fn a_claim_is_replaced_only_by_its_epoch(directory: &dyn Directory) {
        directory.claim(&ask("s", "a", 10), None, LEASE, START).unwrap();
        let wrong = directory.claim(&ask("s", "b", 12), Some(Epoch(9)), LEASE, START);
        assert_eq!(wrong, Err(Error::Held(ask("s", "a", 10))));
        assert_eq!(directory.claim(&ask("s", "b", 12), Some(Epoch(10)), LEASE, START), Ok(()));
        assert_eq!(directory.lookup(&key("s"), START), Ok(Some(ask("s", "b", 12))));
    }

    pub fn replacing_a_claim_that_is_gone_takes_the_free_key(directory: &dyn Directory) {
        assert_eq!(directory.claim(&ask("s", "b", 12), Some(Epoch(10)), LEASE, START), Ok(()));
    }

    pub fn an_epoch_below_the_last_is_refused(directory: &dyn Directory) {
        directory.claim(&ask("s", "a", 10), None, LEASE, START).unwrap();
        directory.release(&key("s"), Epoch(10), START).unwrap();
        assert_eq!(directory.claim(&ask("s", "b", 10), None, LEASE, START), Err(Error::Stale(Epoch(10))));
        assert_eq!(directory.claim(&ask("s", "b", 9), None, LEASE, START), Err(Error::Stale(Epoch(10))));
        assert_eq!(directory.claim(&ask("s", "b", 11), None, LEASE, START), Ok(()));
    }

    pub fn asking_again_with_the_same_claim_succeeds(directory: &dyn Directory) {
        directory.claim(&ask("s", "a", 10), None, LEASE, START).unwrap();
        let later = START + LEASE / 2;
        assert_eq!(directory.claim(&ask("s", "a", 10), None, LEASE, later), Ok(()));
        assert_eq!(directory.lookup(&key("s"), START + LEASE), Ok(Some(ask("s", "a", 10))));
    }

    pub fn a_claim_expires_with_its_lease(directory: &dyn Directory) {
        directory.claim(&ask("s", "a", 10), None, LEASE, START).unwrap();
        let last = START + LEASE - Duration::from_millis(1);
        assert!(directory.lookup(&key("s"), last).unwrap().is_some());
        assert_eq!(directory.lookup(&key("s"), START + LEASE), Ok(None));
        assert_eq!(directory.renew(&key("s"), Epoch(10), LEASE, START + LEASE), Err(Error::Gone));
    }

    pub fn a_renewed_claim_lives_on(directory: &dyn Directory) {
        directory.claim(&ask("s", "a", 10), None, LEASE, START).unwrap();
        directory.renew(&key("s"), Epoch(10), LEASE, START + LEASE / 2).unwrap();
        assert!(directory.lookup(&key("s"), START + LEASE).unwrap().is_some());
        assert!(directory.lookup(&key("s"), START + LEASE + LEASE / 2).unwrap().is_none());
    }

    pub fn only_the_owner_renews_and_releases(directory: &dyn Directory) {
        directory.claim(&ask("s", "a", 10), None, LEASE, START).unwrap();
        directory.claim(&ask("s", "b", 12), Some(Epoch(10)), LEASE, START).unwrap();
        assert_eq!(directory.renew(&key("s"), Epoch(10), LEASE, START), Err(Error::Gone));
        assert_eq!(directory.release(&key("s"), Epoch(10), START), Err(Error::Gone));
        assert_eq!(directory.lookup(&key("s"), START), Ok(Some(ask("s", "b", 12))));
    }

    pub fn claims_are_counted_by_holder(directory: &dyn Directory) {
        let count = |holder: &str, now| directory.held_by(&crate::testkit::id(holder), now).unwrap();
        directory.claim(&ask("s", "a", 10), None, LEASE, START).unwrap();
        directory.claim(&ask("t", "a", 11), None, LEASE, START).unwrap();
        assert_eq!((count("a", START), count("b", START)), (2, 0));
        directory.claim(&ask("t", "b", 12), Some(Epoch(11)), LEASE, START).unwrap();
        assert_eq!((count("a", START), count("b", START)), (1, 1));
        directory.release(&key("s"), Epoch(10), START).unwrap();
        assert_eq!((count("a", START), count("b", START)), (0, 1));
        assert_eq!(count("b", START + LEASE), 0);
    }
}

/// Writes one test per promise for an implementation.
macro_rules! contract {
    ($implementation:ident, $make:expr, [$($promise:ident),+ $(,)?]) => {
        mod $implementation {
            use super::*;
            $(#[test]
            fn $promise() {
                promises::$promise(&$make);
            })+
        }
    };
}

contract!(
    memory,
    Memory::new(),
    [
        a_free_key_is_claimed_and_found,
        a_second_claim_is_told_the_first,
        a_claim_is_replaced_only_by_its_epoch,
        replacing_a_claim_that_is_gone_takes_the_free_key,
        an_epoch_below_the_last_is_refused,
        asking_again_with_the_same_claim_succeeds,
        a_claim_expires_with_its_lease,
        a_renewed_claim_lives_on,
        only_the_owner_renews_and_releases,
        claims_are_counted_by_holder,
    ]
);

#[test]
fn memory_refuses_more_claims_than_its_limit() {
    let memory = Memory::new();
    for number in 0..MAX_CLAIMS {
        memory.claim(&ask(&number.to_string(), "a", number as u64 + 1), None, LEASE, START).unwrap();
    }
    let refused = memory.claim(&ask("one more", "a", u64::MAX), None, LEASE, START);
    assert_eq!(refused, Err(Error::Full));
    let renamed = ask("0", "b", u64::MAX - 1);
    assert_eq!(memory.claim(&renamed, Some(Epoch(1)), LEASE, START), Ok(()), "replacing needs no room");
    assert_eq!(memory.claim(&ask("one more", "a", u64::MAX), None, LEASE, START + LEASE), Ok(()));
}

#[test]
fn memory_gives_a_key_to_one_of_many_threads() {
    let memory = Memory::new();
    let winners: usize = std::thread::scope(|scope| {
        let runs: Vec<_> = (1..=8_u64)
            .map(|number| {
                let memory = &memory;
                let ask = ask("s", &format!("n{number}"), 100 + number);
                scope.spawn(move || usize::from(memory.claim(&ask, None, LEASE, START).is_ok()))
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).sum()
    });
    assert_eq!(winners, 1);
}
