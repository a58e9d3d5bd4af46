use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use tokio::task::LocalSet;

use super::*;

fn fields(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

fn of_size(size: usize) -> Loaded {
    let kept = Kept {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: Content::Bytes(vec![0; size].into()),
        packed: None,
        at: Instant::now(),
    };
    Loaded::Keep(kept, Duration::from_secs(10))
}

#[test]
fn what_an_origin_says_of_keeping_is_understood() {
    let rules = |value| Rules::of(&fields(&[("cache-control", value)]));
    let seconds = |rules: Rules| rules.age.map(|age| age.as_secs());
    assert_eq!(Rules::of(&HeaderMap::new()), Rules::default());
    assert!(rules("Public, Max-Age=7").public);
    assert_eq!(seconds(rules("public, max-age=7, immutable")), Some(7));
    assert_eq!(seconds(rules("max-age=7, s-maxage=9")), Some(9));
    assert_eq!(seconds(rules("max-age=nonsense")), Some(0));
    for private in ["private", "no-store", "public, no-cache", "private=\"set-cookie\""] {
        assert!(rules(private).private, "{private}");
        assert_eq!(rules(private).own, !private.contains("no-cache"), "{private}");
    }
}

#[test]
fn an_answer_that_may_differ_by_client_is_private() {
    for (name, value) in [
        ("set-cookie", "a=1"),
        ("vary", "*"),
        ("vary", "cookie"),
        ("vary", "accept-encoding, origin"),
        ("content-encoding", "br"),
    ] {
        let rules = Rules::of(&fields(&[(name, value)]));
        assert!(rules.private && rules.own, "{name}: {value}");
    }
    assert!(!Rules::of(&fields(&[("vary", "Accept-Encoding")])).private);
}

#[tokio::test]
async fn what_is_kept_stays_within_its_bound() {
    LocalSet::new()
        .run_until(async {
            let cache = Arc::new(Cache::default());
            for number in 0..20 {
                cache.get(format!("large {number}"), |_| async { of_size(CACHE_BYTES / 8) }).await;
                assert!(cache.lock().bytes <= CACHE_BYTES);
            }
            for number in 0..=ENTRIES {
                cache.get(format!("small {number}"), |_| async { of_size(0) }).await;
            }
            assert!(cache.lock().slots.len() <= ENTRIES);
            let state = cache.lock();
            let sum: usize = state
                .slots
                .values()
                .map(|slot| if let Slot::Done { cost, .. } = slot { *cost } else { 0 })
                .sum();
            assert_eq!(state.bytes, sum);
        })
        .await;
}

#[tokio::test]
async fn what_is_being_loaded_counts_and_is_given_back() {
    LocalSet::new()
        .run_until(async {
            let cache = Arc::new(Cache::default());
            let mut room = cache.room();
            assert!(room.take(CACHE_BYTES));
            let mut other = cache.room();
            assert!(!other.take(1));
            drop(room);
            assert!(other.take(1));
            drop(other);
            assert_eq!(cache.lock().bytes, 0);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asks_for_any_more_is_let_go() {
    LocalSet::new()
        .run_until(async {
            let cache = Arc::new(Cache::default());
            cache.get("one".to_owned(), |_| async { of_size(1000) }).await;
            tokio::time::advance(Duration::from_secs(11)).await;
            cache.get("two".to_owned(), |_| async { of_size(0) }).await;
            assert_eq!(cache.lock().slots.len(), 1);
        })
        .await;
}

#[tokio::test]
async fn a_load_that_panics_is_not_waited_for() {
    LocalSet::new()
        .run_until(async {
            let cache = Arc::new(Cache::default());
            for _ in 0..2 {
                let got = cache.get("key".to_owned(), |_| async { panic!("a defect") }).await;
                assert!(matches!(got, Got::Alone));
            }
            assert!(cache.lock().slots.is_empty());
        })
        .await;
}

#[test]
fn all_shards_share_one_fetch() {
    let pool = shards::Shards::start(4).unwrap();
    let cache = Arc::new(Cache::default());
    let (loads, go) = (Arc::new(AtomicUsize::new(0)), watch::Sender::new(false));
    let (answered, answers) = std::sync::mpsc::channel();
    for _ in 0..40 {
        let (cache, loads, mut gone) = (Arc::clone(&cache), Arc::clone(&loads), go.subscribe());
        let answered = answered.clone();
        pool.handle().deal(move || async move {
            let load = |_| async move {
                loads.fetch_add(1, Ordering::Relaxed);
                gone.wait_for(|gone| *gone).await.unwrap();
                of_size(7)
            };
            let Got::Kept(kept) = cache.get("key".to_owned(), load).await else { panic!("not kept") };
            answered.send(kept.body.len()).unwrap();
        });
    }
    go.send_replace(true);
    drop(answered);
    assert_eq!(answers.iter().collect::<Vec<_>>(), [7; 40]);
    assert_eq!(loads.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_load_goes_on_as_long_as_somebody_waits_for_it() {
    LocalSet::new()
        .run_until(async {
            let cache = Arc::new(Cache::default());
            let (give, come) = oneshot::channel();
            let loads = Arc::new(AtomicUsize::new(0));
            let mut first = Box::pin(cache.get("key".to_owned(), |_| async {
                come.await.unwrap();
                of_size(7)
            }));
            let again = |_| {
                loads.fetch_add(1, Ordering::Relaxed);
                async { of_size(8) }
            };
            let mut second = Box::pin(cache.get("key".to_owned(), again));
            for _ in 0..10 {
                assert!(first.as_mut().now_or_never().is_none());
                assert!(second.as_mut().now_or_never().is_none());
                tokio::task::yield_now().await;
            }
            drop(first);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            give.send(()).unwrap();
            let Got::Kept(kept) = second.await else { panic!("not kept") };
            assert_eq!((kept.body.len(), loads.load(Ordering::Relaxed)), (7, 0));
        })
        .await;
}

#[tokio::test]
async fn a_load_that_nobody_waits_for_is_given_up_and_begins_anew_for_who_comes() {
    LocalSet::new()
        .run_until(async {
            let cache = Arc::new(Cache::default());
            let (give, mut gone) = oneshot::channel::<()>();
            let mut first = Box::pin(cache.get("key".to_owned(), |mut room| async move {
                assert!(room.take(CACHE_BYTES));
                std::future::pending::<()>().await;
                drop(give);
                of_size(7)
            }));
            assert!(first.as_mut().now_or_never().is_none());
            tokio::task::yield_now().await;
            drop(first);
            assert!((&mut gone).await.is_err(), "the load has been dropped");
            let Got::Kept(kept) = cache.get("key".to_owned(), |_| async { of_size(8) }).await else {
                panic!("not kept")
            };
            assert_eq!(kept.body.len(), 8);
        })
        .await;
}
