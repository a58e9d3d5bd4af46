//! The names a node gives itself: a server id that outlives restarts and a service id that does not.
//!
//! Proxies order origins by the server id, so it must be stable; the service id tells them of a restart.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rand::{Rng, RngExt};

/// Letters of an id, as SRS draws them.
const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// What SRS's statistics ids begin with.
const PREFIX: &str = "vid-";

/// An id longer than this is not an id; they travel in every heartbeat and beat key.
const MAX_ID: u64 = 64;

/// A server id and how it was come by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerId {
    /// The id, such as `vid-46p14mm`.
    pub id: String,
    /// Why it may not be the same after the next start, if so.
    pub warning: Option<String>,
}

/// The configured id, else the one kept beside the pid file, else a new one, which is kept there.
pub fn server_id(pid_file: &Path, configured: Option<&str>, rng: &mut impl Rng) -> ServerId {
    if let Some(id) = configured {
        return ServerId { id: id.to_owned(), warning: None };
    }
    let path = id_file(pid_file);
    let new = format!("{PREFIX}{}", letters(7, rng));
    let found = kept(&path).and_then(|id| id.map_or_else(|| keep(&path, &new), Ok));
    match found {
        Ok(id) => ServerId { id, warning: None },
        Err(error) => {
            let warning =
                format!("{}: {error}; the server id is new and changes at each start", path.display());
            ServerId { id: new, warning: Some(warning) }
        }
    }
}

/// An id for this start of the process, of eight letters.
pub fn service_id(rng: &mut impl Rng) -> String {
    letters(8, rng)
}

/// Whether a text can be a server id: it becomes part of keys, lists and log lines.
pub fn is_id(text: &str) -> bool {
    let fits = u64::try_from(text.len()).is_ok_and(|len| (1..=MAX_ID).contains(&len));
    fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn letters(count: usize, rng: &mut impl Rng) -> String {
    (0..count)
        .filter_map(|_| ALPHABET.get(rng.random_range(0..ALPHABET.len())))
        .map(|letter| char::from(*letter))
        .collect()
}

/// `objs/srs.pid` keeps its id in `objs/srs.id`.
fn id_file(pid_file: &Path) -> PathBuf {
    pid_file.with_extension("id")
}

fn kept(path: &Path) -> io::Result<Option<String>> {
    let mut text = String::new();
    match File::open(path) {
        Ok(file) => file.take(MAX_ID + 2).read_to_string(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let id = text.trim();
    if is_id(id) { Ok(Some(id.to_owned())) } else { Err(io::Error::other("holds no server id")) }
}

/// Writes aside and links into place, so that of two starting together both end with the same id.
fn keep(path: &Path, id: &str) -> io::Result<String> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let aside = path.with_extension(format!("id.{}.{id}.new", std::process::id()));
    let written = File::create(&aside).and_then(|mut file| file.write_all(id.as_bytes()));
    let linked = written.and_then(|()| match std::fs::hard_link(&aside, path) {
        // Some file systems have no links; there the last of two starting together wins.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => std::fs::rename(&aside, path),
        done => done,
    });
    // Left behind it would only be litter.
    let _ = std::fs::remove_file(&aside);
    match linked {
        Ok(()) => Ok(id.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            kept(path)?.ok_or_else(|| io::Error::other("was removed while it was read"))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
