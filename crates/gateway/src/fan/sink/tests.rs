use super::*;

#[tokio::test(start_paused = true)]
async fn who_had_a_burst_gets_as_much_as_the_rate_gives_and_never_more_than_a_burst() {
    let mut allowance = Allowance { rate: 1_000_000, left: BURST, at: Instant::now() };
    assert!(allowance.has(BURST) && !allowance.has(BURST + 1));
    allowance.take(BURST);
    assert!(!allowance.has(1));
    tokio::time::advance(Duration::from_millis(2)).await;
    allowance.refill(Instant::now());
    assert!(allowance.has(2_000) && !allowance.has(2_001));
    tokio::time::advance(Duration::from_secs(3600)).await;
    allowance.refill(Instant::now());
    assert!(allowance.has(BURST) && !allowance.has(BURST + 1));
}

#[tokio::test(start_paused = true)]
async fn moments_too_short_for_a_byte_add_up() {
    let mut allowance = Allowance { rate: 1_000, left: 0, at: Instant::now() };
    for _ in 0..10 {
        tokio::time::advance(Duration::from_micros(300)).await;
        allowance.refill(Instant::now());
    }
    assert!(allowance.has(2), "3 ms at a byte a millisecond");
}
