//! What the roles in this process logged.

use std::fmt::{self, Write as _};
use std::sync::{LazyLock, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

static LINES: LazyLock<Mutex<Vec<String>>> = LazyLock::new(Mutex::default);

struct Keeper;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _infallible = write!(self.0, " {}={value:?}", field.name());
    }
}

impl<S: Subscriber> Layer<S> for Keeper {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let meta = event.metadata();
        if !meta.target().starts_with("srs_") || *meta.level() > Level::DEBUG {
            return;
        }
        let mut text = Text(format!("{} {}", meta.level(), meta.target()));
        event.record(&mut text);
        if std::env::var_os("SRS_TESTS_SHOW_LOGS").is_some() {
            eprintln!("{}", text.0);
        }
        LINES.lock().unwrap_or_else(PoisonError::into_inner).push(text.0);
    }
}

/// Begins to keep what is logged, for all tests of this process; a cluster does it on its start.
pub fn keep() {
    // The second test of a process finds it set.
    let _set_already = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Keeper));
}

/// All lines so far that contain every one of `words`.
pub fn lines(words: &[&str]) -> Vec<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().filter(|line| words.iter().all(|word| line.contains(word))).cloned().collect()
}

/// Waits for a line that contains every one of `words`.
pub async fn wait(words: &[&str]) -> String {
    crate::until(&format!("a log line with {words:?}"), async || lines(words).pop()).await
}
