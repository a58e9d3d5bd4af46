//! What proxies tell each other in the directory beside claims.

use super::Balancer;
use crate::directory::Error;
use std::time::Duration;

impl Balancer {
    /// Writes a text down for all proxies: [`Directory::note`](crate::Directory::note).
    ///
    /// # Errors
    /// As there.
    pub async fn write_note(
        &self,
        name: &str,
        text: &str,
        ttl: Duration,
        now: Duration,
    ) -> Result<(), Error> {
        self.directory.note(name, text, ttl, now).await
    }

    /// What was written down under that name.
    ///
    /// # Errors
    /// As there.
    pub async fn read_note(&self, name: &str, now: Duration) -> Result<Option<String>, Error> {
        self.directory.noted(name, now).await
    }
}
