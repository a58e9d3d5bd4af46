//! Directories that fail.

use super::*;

/// A directory that never answers.
pub(super) struct Gone;

pub(super) fn gone<'a, T: Send + 'a>() -> Answer<'a, T> {
    Box::pin(std::future::ready(Err(Error::Unavailable("test".to_owned()))))
}

impl Directory for Gone {
    fn domain(&self) -> &str {
        "gone"
    }
    fn claim<'a>(&'a self, _: &'a Claim, _: Option<Epoch>, _: Duration, _: Duration) -> Answer<'a, ()> {
        gone()
    }
    fn renew<'a>(&'a self, _: &'a Claim, _: Duration, _: Duration) -> Answer<'a, ()> {
        gone()
    }
    fn release<'a>(&'a self, _: &'a Claim, _: Duration) -> Answer<'a, ()> {
        gone()
    }
    fn lookup<'a>(&'a self, _: &'a StreamKey, _: Duration) -> Answer<'a, Option<Claim>> {
        gone()
    }
}

/// A directory that can be switched off, and be replaced by one that has never been told what it was.
pub(super) struct Shaky {
    pub(super) tables: [Memory; 2],
    pub(super) replaced: AtomicBool,
    pub(super) away: AtomicBool,
}

impl Shaky {
    fn table(&self) -> &Memory {
        &self.tables[usize::from(self.replaced.load(Ordering::Relaxed))]
    }

    fn unless_away<'a, T: Send + 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        if self.away.load(Ordering::Relaxed) { gone() } else { answer }
    }

    pub(super) fn stands(&self, name: &str, at: f64) -> Option<Claim> {
        ready(self.table().lookup(&key(name), seconds(at))).unwrap()
    }
}

impl Directory for Shaky {
    fn domain(&self) -> &str {
        self.table().domain()
    }
    fn claim<'a>(
        &'a self,
        ask: &'a Claim,
        over: Option<Epoch>,
        lease: Duration,
        now: Duration,
    ) -> Answer<'a, ()> {
        self.unless_away(self.table().claim(ask, over, lease, now))
    }
    fn renew<'a>(&'a self, claim: &'a Claim, lease: Duration, now: Duration) -> Answer<'a, ()> {
        self.unless_away(self.table().renew(claim, lease, now))
    }
    fn release<'a>(&'a self, claim: &'a Claim, now: Duration) -> Answer<'a, ()> {
        self.unless_away(self.table().release(claim, now))
    }
    fn lookup<'a>(&'a self, key: &'a StreamKey, now: Duration) -> Answer<'a, Option<Claim>> {
        self.unless_away(self.table().lookup(key, now))
    }
}

/// A proxy of this name over this directory.
pub(super) fn over(directory: &Arc<impl Directory + 'static>, name: &str) -> AtOnce {
    let config = Config { started_unix_ms: crate::testkit::START_MS, me: id(name), ttl: seconds(300.0) };
    AtOnce::over(config, Arc::clone(directory) as Arc<dyn Directory>)
}

pub(super) fn shaky() -> Arc<Shaky> {
    let tables = [Memory::new("memory"), Memory::new("memory")];
    Arc::new(Shaky { tables, replaced: false.into(), away: false.into() })
}

/// A claim in the directory that this balancer did not make.
pub(super) fn foreign(name: &str, holder: &str, ms: u64) -> Claim {
    let epoch = listed(ms).epoch;
    Claim { key: key(name), holder: id(holder), instance: "1".to_owned(), epoch }
}
