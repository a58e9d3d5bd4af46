//! The contract on the directory in memory, and its limits.

use super::contract::{Rig, ask, key};
use super::*;
use crate::testkit::ready;

const LEASE: Duration = Duration::from_secs(30);
const START: Duration = Duration::from_secs(5);

struct InMemory {
    directory: Memory,
    now: Duration,
}

impl Rig for InMemory {
    fn directory(&self) -> &dyn Directory {
        &self.directory
    }

    fn now(&self) -> Duration {
        self.now
    }

    fn pass(&mut self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.now += time;
        Box::pin(std::future::ready(()))
    }

    fn lease(&self) -> Duration {
        LEASE
    }
}

async fn in_memory() -> InMemory {
    InMemory { directory: Memory::new("memory"), now: START }
}

crate::contract!(memory, ready, in_memory());

#[test]
fn memory_refuses_more_claims_than_its_limit() {
    let memory = Memory::new("memory");
    let claim =
        |claim: &Claim, over: Option<u64>, now| ready(memory.claim(claim, over.map(Epoch), LEASE, now));
    for number in 0..MAX_CLAIMS {
        claim(&ask(&number.to_string(), "a", number as u64 + 1), None, START).unwrap();
    }
    let one_more = ask("one more", "a", u64::MAX);
    assert_eq!(claim(&one_more, None, START), Err(Error::Full));
    let renamed = ask("0", "b", u64::MAX - 1);
    assert_eq!(claim(&renamed, Some(1), START), Ok(()), "replacing needs no room");
    assert_eq!(claim(&one_more, None, START + LEASE), Ok(()));
}

#[test]
fn memory_forgets_names_but_not_that_epochs_rise() {
    let memory = Memory::new("memory");
    ready(memory.claim(&ask("s", "a", 10), None, LEASE, START)).unwrap();
    let late = START + LEASE * 10;
    assert_eq!(ready(memory.lookup(&key("s"), late)), Ok(None));
    assert_eq!(memory.remembered(late), 0);
    let refused = ready(memory.claim(&ask("s", "b", 10), None, LEASE, late));
    assert_eq!(refused, Err(Error::Stale(Epoch(10))));
}

#[test]
fn memory_gives_a_key_to_one_of_many_threads() {
    let memory = Memory::new("memory");
    let winners: usize = std::thread::scope(|scope| {
        let runs: Vec<_> = (1..=8_u64)
            .map(|number| {
                let memory = &memory;
                let ask = ask("s", &format!("n{number}"), 100 + number);
                scope.spawn(move || usize::from(ready(memory.claim(&ask, None, LEASE, START)).is_ok()))
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).sum()
    });
    assert_eq!(winners, 1);
}
