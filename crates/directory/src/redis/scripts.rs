//! The three operations that change a claim, each one atomic step in Redis (Lua 5.1, commands of Redis 5.0).
//!
//! They do what `srs_balance::Memory` does. `KEYS` are the claim and the last epoch; `ARGV`: the value, its epoch, the
//! milliseconds for the claim and for the last epoch, a value that counts as none, and the epoch to replace or nothing.

use redis::{Cmd, Script};
use std::sync::LazyLock;

/// The last epoch of a key is remembered for so long after its claim: far longer than a publisher takes to come back, and
/// then every clock is past it.
pub(super) const REMEMBERED_MS: u64 = 600_000;

const COMMON: &str = r"
local digits = string.rep('%d', 20)
local function standing()
  local value = redis.pcall('GET', KEYS[1])
  if type(value) ~= 'string' or #value > 1024 or value == ARGV[5] then return false end
  if not string.find(value, '^1 ' .. digits .. ' ') then return false end
  return value, string.sub(value, 3, 22)
end
local function last()
  local value = redis.pcall('GET', KEYS[2])
  if type(value) == 'string' and string.find(value, '^' .. digits .. '$') then return value end
  return string.rep('0', 20)
end
local function remember(epoch)
  local known = last()
  if known > epoch then epoch = known end
  redis.call('SET', KEYS[2], epoch, 'PX', ARGV[4])
end
local function put()
  remember(ARGV[2])
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
  return {'ok', ''}
end
";

const CLAIM: &str = r"
local held, epoch = standing()
if held and held == ARGV[1] then return put() end
if held and epoch ~= ARGV[6] then return {'held', held} end
local known = last()
if held and epoch > known then known = epoch end
if ARGV[2] <= known then return {'stale', known} end
return put()
";

const RENEW: &str = r"
local held, epoch = standing()
if held then
  if epoch > ARGV[2] then return {'held', held} end
elseif last() > ARGV[2] then
  return {'gone', ''}
end
return put()
";

const RELEASE: &str = r"
local held, epoch = standing()
if not held or epoch ~= ARGV[2] then return {'gone', ''} end
remember(epoch)
redis.call('DEL', KEYS[1])
return {'ok', ''}
";

/// A script and the hash by which Redis knows it.
pub(super) struct Step {
    text: String,
    hash: String,
}

impl Step {
    fn new(body: &str) -> Self {
        let text = format!("{COMMON}{body}");
        let hash = Script::new(&text).get_hash().to_owned();
        Self { text, hash }
    }

    /// The call by hash, which Redis refuses with `NOSCRIPT` where it does not know the script yet.
    pub(super) fn by_hash(&self, keys: &[String; 2], arguments: &[&[u8]; 6]) -> Cmd {
        Self::call("EVALSHA", &self.hash, keys, arguments)
    }

    /// The call with the whole text, after which the hash is known.
    pub(super) fn by_text(&self, keys: &[String; 2], arguments: &[&[u8]; 6]) -> Cmd {
        Self::call("EVAL", &self.text, keys, arguments)
    }

    fn call(name: &str, script: &str, keys: &[String; 2], arguments: &[&[u8]; 6]) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
        command
    }
}

pub(super) static CLAIM_STEP: LazyLock<Step> = LazyLock::new(|| Step::new(CLAIM));
pub(super) static RENEW_STEP: LazyLock<Step> = LazyLock::new(|| Step::new(RENEW));
pub(super) static RELEASE_STEP: LazyLock<Step> = LazyLock::new(|| Step::new(RELEASE));
