//! The two operations that change an announcement, each one atomic step in Redis (Lua 5.1, commands of Redis 5.0).
//!
//! `KEYS` are those of [`Names`](super::value::Names), the last one in compatible mode only. `ARGV`: the URL, the record,
//! who announces, the epoch, the milliseconds until it ends, and what the URL has behind it under the third key.

use redis::{Pipeline, Script};
use std::sync::LazyLock;

/// Claims or refreshes, which is the same: what stands there is either ours, or older, or another program's.
///
/// A URL without a record that goes with it was written by somebody who knows nothing of owners, and stands. Whoever
/// announces the same URL with the same epoch may: one process after another at one place.
const ANNOUNCE: &str = r"
local url, record, who, epoch, life = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local value = redis.pcall('GET', KEYS[1])
local standing = redis.pcall('GET', KEYS[2])
local their_epoch, them, their_url
if type(standing) == 'string' then
  their_epoch, them, their_url = string.match(standing, '^1 (' .. string.rep('%d', 20) .. ') ([^\n]*)\n(.*)$')
end
if value and value ~= their_url then return {'foreign', '', 0} end
if them and them ~= who then
  local is_elsewhere = their_epoch == epoch and value and value ~= url
  if their_epoch > epoch or is_elsewhere then return {'held', them, redis.call('PTTL', KEYS[2])} end
end
redis.call('SET', KEYS[1], url, 'PX', life)
redis.call('SET', KEYS[2], record, 'PX', life)
if KEYS[3] then
  local plain = redis.pcall('GET', KEYS[3])
  if plain and plain ~= url .. ARGV[6] and not (their_url and plain == their_url .. ARGV[6]) then
    return {'ok', 'plain', 0}
  end
  redis.call('SET', KEYS[3], url .. ARGV[6], 'PX', life)
end
return {'ok', '', 0}
";

/// Deletes what this owner wrote with this epoch, and nothing else.
const WITHDRAW: &str = r"
if redis.pcall('GET', KEYS[2]) ~= ARGV[2] then return {'gone', '', 0} end
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
redis.call('DEL', KEYS[2])
if KEYS[3] and redis.pcall('GET', KEYS[3]) == ARGV[1] .. ARGV[6] then redis.call('DEL', KEYS[3]) end
return {'ok', '', 0}
";

/// A script and the hash by which Redis knows it.
pub(super) struct Step {
    text: &'static str,
    hash: String,
}

/// Keys and arguments of one run.
pub(super) struct Call<'a> {
    /// Two, or three in compatible mode.
    pub(super) keys: Vec<&'a str>,
    pub(super) arguments: [&'a str; 6],
}

impl Step {
    fn new(text: &'static str) -> Self {
        Self { text, hash: Script::new(text).get_hash().to_owned() }
    }

    /// All runs in one go. The first one brings the text, so that no answer says that the script is not known.
    pub(super) fn batch<'a>(&self, calls: impl Iterator<Item = Call<'a>>) -> Pipeline {
        let mut pipeline = redis::pipe();
        for (number, call) in calls.enumerate() {
            let (name, script) = if number == 0 { ("EVAL", self.text) } else { ("EVALSHA", &*self.hash) };
            let mut command = redis::cmd(name);
            command.arg(script);
            command.arg(call.keys.len()).arg(call.keys).arg(&call.arguments);
            pipeline.add_command(command);
        }
        pipeline
    }
}

pub(super) static ANNOUNCE_STEP: LazyLock<Step> = LazyLock::new(|| Step::new(ANNOUNCE));
pub(super) static WITHDRAW_STEP: LazyLock<Step> = LazyLock::new(|| Step::new(WITHDRAW));
