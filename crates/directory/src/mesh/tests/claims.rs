//! One owner: when members come and go, and after they lost each other.

use super::*;
use srs_balance::LEASE;

/// A claim of this stream.
fn claim(key: &StreamKey, holder: &str, epoch: u64) -> Claim {
    Claim { key: key.clone(), ..ask("s", holder, epoch) }
}

async fn stands(member: &Running, key: &StreamKey) -> Result<Option<Claim>, Error> {
    member.mesh.lookup(key, NOW).await
}

#[tokio::test]
async fn every_member_finds_what_was_claimed_through_any() {
    let [a, b, c] = three().await;
    for home in ["a", "b", "c"] {
        let asked = claim(&stream_of(home, &a), "o1", 10);
        assert_eq!(a.mesh.claim(&asked, None, LEASE, NOW).await, Ok(()));
        for member in [&a, &b, &c] {
            assert_eq!(stands(member, &asked.key).await, Ok(Some(asked.clone())));
        }
    }
}

#[tokio::test]
async fn who_joins_keeps_the_claims_whose_home_it_becomes() {
    let a = Running::join("a", &[]);
    let b = Running::join("b", &[&a]);
    settle(&[&a, &b]).await;
    // Which keys will be c's is known when it is there.
    let streams = (0..40).map(|number| srs_balance::directory::contract::key(&format!("s{number}")));
    let claims: Vec<_> = streams.map(|key| claim(&key, "o1", 10)).collect();
    for asked in &claims {
        assert_eq!(a.mesh.claim(asked, None, LEASE, NOW).await, Ok(()));
    }
    let c = Running::join("c", &[&a]);
    see_each_other(&[&a, &b, &c]).await;
    // Nothing is told again here; and no home grants while it does not know.
    let mut moved = 0;
    for asked in &claims {
        until("an answer", async || match stands(&b, &asked.key).await {
            Ok(standing) => {
                assert_eq!(standing.as_ref(), Some(asked));
                true
            }
            Err(_) => false,
        })
        .await;
        moved += usize::from(b.mesh.home.of(&asked.key) == id("c"));
    }
    assert_ne!(moved, 0);
}

#[tokio::test]
async fn a_new_claim_is_refused_at_every_moment_of_a_join() {
    let a = Running::join("a", &[]);
    let asked: Vec<_> = (0..20).map(|number| ask(&format!("s{number}"), "o1", 10)).collect();
    for claim in &asked {
        assert_eq!(a.mesh.claim(claim, None, LEASE, NOW).await, Ok(()));
    }
    let b = Running::join("b", &[&a]);
    let mut granted = Vec::new();
    until("the members to settle", async || {
        for claim in &asked {
            let other = Claim { holder: id("o2"), epoch: Epoch(20), ..claim.clone() };
            for member in [&a, &b] {
                if member.mesh.claim(&other, None, LEASE, NOW).await.is_ok() {
                    granted.push(other.key.clone());
                }
            }
        }
        // A member that has not found the others waits for them.
        b.mesh.members().len() == 2 && b.mesh.home.is_settled() && a.mesh.home.is_settled()
    })
    .await;
    assert_eq!(granted, Vec::<StreamKey>::new());
}

#[tokio::test]
async fn what_a_dead_member_kept_is_told_again_before_it_is_granted() {
    let [a, b, c] = three().await;
    let first = claim(&stream_of("c", &a), "o1", 10);
    assert_eq!(a.mesh.claim(&first, None, LEASE, NOW).await, Ok(()));
    let generation = a.mesh.generation();
    c.kill().await;
    let other = claim(&first.key, "o2", 20);
    // From here on somebody asks for the stream again and again.
    until("the death to be known", async || {
        assert!(b.mesh.claim(&other, None, LEASE, NOW).await.is_err());
        a.mesh.generation() != generation
    })
    .await;
    // As a balancer does at its next tick, until it succeeds.
    until("the claim to be told again", async || {
        assert!(b.mesh.claim(&other, None, LEASE, NOW).await.is_err());
        a.mesh.renew(&first, LEASE, NOW).await.is_ok()
    })
    .await;
    // The other one may know of the death a moment later; until then it has no answer, and never a wrong one.
    until("both to know what stands", async || {
        let answer = b.mesh.claim(&other, None, LEASE, NOW).await;
        assert!(answer.is_err());
        answer == Err(Error::Held(first.clone()))
    })
    .await;
}

#[tokio::test]
async fn what_nobody_tells_again_after_a_death_is_free_soon() {
    let [a, _b, c] = three().await;
    let first = claim(&stream_of("c", &a), "o1", 10);
    assert_eq!(a.mesh.claim(&first, None, LEASE, NOW).await, Ok(()));
    c.kill().await;
    let other = claim(&first.key, "o2", 20);
    let took =
        until("the stream to be free", async || a.mesh.claim(&other, None, LEASE, NOW).await.is_ok()).await;
    assert!(took < Duration::from_secs(6), "{took:?}");
}

/// A publish that runs, and what its balancer does about its claim: at each tick it tells it again where that is due.
struct Publish<'a> {
    member: &'a Running,
    claim: Claim,
    generation: u64,
    told: bool,
    lost_to: Option<Claim>,
}

impl<'a> Publish<'a> {
    async fn begin(member: &'a Running, claim: Claim) -> Self {
        until("a grant", async || member.mesh.claim(&claim, None, LEASE, NOW).await.is_ok()).await;
        let generation = member.mesh.generation();
        Self { member, claim, generation, told: true, lost_to: None }
    }

    async fn tick(&mut self) {
        let generation = self.member.mesh.generation();
        let is_new = std::mem::replace(&mut self.generation, generation) != generation;
        if self.lost_to.is_none() && (is_new || !self.told) {
            let outcome = self.member.mesh.renew(&self.claim, LEASE, NOW).await;
            self.told = outcome.is_ok();
            if let Err(Error::Held(newer)) = outcome {
                self.lost_to = Some(newer);
            }
        }
    }
}

/// A partition in which each side has an owner; how long after it there is one.
async fn heals(lower_first: bool) -> Duration {
    let [a, b, c] = three().await;
    a.cut(&["b", "c"]);
    b.cut(&["a"]);
    c.cut(&["a"]);
    see_each_other(&[&a]).await;
    see_each_other(&[&b, &c]).await;
    let key = stream_of("c", &b);
    let mut lower = Publish::begin(&b, claim(&key, "o1", 10)).await;
    let mut higher = Publish::begin(&a, claim(&key, "o2", 20)).await;
    [&a, &b, &c].iter().for_each(|member| member.cut(&[]));
    let healed = Instant::now();
    // As often as balancers do.
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    while lower.lost_to.is_none() {
        ticks.tick().await;
        if lower_first {
            lower.tick().await;
            higher.tick().await;
        } else {
            higher.tick().await;
            lower.tick().await;
        }
        assert!(healed.elapsed() < LENIENT, "two owners are left");
    }
    let took = healed.elapsed();
    assert_eq!((lower.lost_to, higher.lost_to), (Some(higher.claim.clone()), None));
    for member in [&a, &b, &c] {
        assert_eq!(stands(member, &key).await, Ok(Some(higher.claim.clone())));
    }
    took
}

#[tokio::test]
async fn after_a_partition_one_owner_is_left_within_three_seconds() {
    let took = heals(false).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn an_owner_that_was_told_first_hears_of_the_newer_one_as_soon() {
    let took = heals(true).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn whose_claim_gave_way_to_one_that_runs_tells_it_again_and_hears_so() {
    let [a, b, c] = three().await;
    for home in [&a, &b, &c] {
        let key = stream_of(home.mesh.me.as_str(), &a);
        let (lower, higher) = (claim(&key, "o1", 10), claim(&key, "o2", 20));
        assert_eq!(b.mesh.renew(&lower, LEASE, NOW).await, Ok(()));
        let generation = b.mesh.generation();
        assert_eq!(a.mesh.renew(&higher, LEASE, NOW).await, Ok(()));
        until("a reason to tell it again", async || b.mesh.generation() != generation).await;
        assert_eq!(b.mesh.renew(&lower, LEASE, NOW).await, Err(Error::Held(higher)));
    }
}

#[tokio::test]
async fn who_has_no_link_to_the_home_hears_so_at_once() {
    let [a, b, _c] = three().await;
    let key = stream_of("a", &b);
    b.cut(&["a"]);
    // Operations have more time in tests than this.
    let answer = tokio::time::timeout(PATIENCE, b.mesh.lookup(&key, NOW)).await;
    assert!(matches!(answer, Ok(Err(Error::Unavailable(_)))), "{answer:?}");
    assert_eq!(a.sees(), ["a", "b", "c"], "the home is not known to be away");
}
