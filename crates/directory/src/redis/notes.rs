//! Notes: texts of which the last one of a name counts.

use super::Redis;
use redis::Value;
use srs_balance::directory::{Error, NOTE_BYTES, check_note};

impl Redis {
    pub(super) async fn put_note(&self, name: &str, text: &str, millis: u64) -> Result<(), Error> {
        check_note(name, text)?;
        self.link.wire()?;
        self.link.count();
        let mut set = redis::cmd("SET");
        set.arg(self.keys.note(name)).arg(text).arg("PX").arg(millis);
        let done = |value| matches!(value, Value::Okay).then_some(());
        Ok(self.link.ask(&set, self.link.deadline(), done).await?)
    }

    pub(super) async fn find_note(&self, name: &str) -> Result<Option<String>, Error> {
        self.link.wire()?;
        self.link.count();
        let mut get = redis::cmd("GET");
        get.arg(self.keys.note(name));
        let read = |value| match value {
            Value::Nil => Some(None),
            // What is not to be read here is none.
            Value::BulkString(bytes) if bytes.len() <= NOTE_BYTES => Some(String::from_utf8(bytes).ok()),
            Value::BulkString(_) => Some(None),
            _ => None,
        };
        Ok(self.link.ask(&get, self.link.deadline(), read).await?)
    }
}
