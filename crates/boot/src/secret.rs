//! The cluster secret of this machine, made once where no setting names one.
//!
//! It is enough for programs of one user on one machine; nodes on several machines need the same one set for each.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rand::CryptoRng;

use crate::env::Vars;
use crate::value::Secret;

/// Bytes of chance in a secret that is made here.
const RANDOM: usize = 32;

/// Fewer letters can be guessed, more are no secret but another file.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=4096;

/// Why there is no secret of this machine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither `XDG_STATE_HOME` nor `HOME` says where to keep it.
    #[error("no place for the cluster secret: neither XDG_STATE_HOME nor HOME is set")]
    NoPlace,
    /// The file cannot be read or made.
    #[error("cluster secret {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner may read the file.
    #[error("cluster secret {}: other users may read it; chmod 600 it, or remove it to have a new one made", path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no secret.
    #[error("cluster secret {}: expected one line of 16 to 4096 letters; remove it to have a new one made", path.display())]
    Strange {
        /// The file.
        path: PathBuf,
    },
}

/// Where the secret is kept: `${XDG_STATE_HOME:-$HOME/.local/state}/srs-cluster/secret`.
pub fn path(vars: &Vars) -> Option<PathBuf> {
    let set = |name: &str| vars.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
    Some(state.join("srs-cluster/secret"))
}

/// Reads the secret, making it first if there is none. Of programs that start together all end with the same one.
pub fn load_or_make(vars: &Vars, rng: &mut impl CryptoRng) -> Result<Secret, Error> {
    let path = path(vars).ok_or(Error::NoPlace)?;
    let failed = |source| Error::File { path: path.clone(), source };
    if let Some(secret) = load(&path)? {
        return Ok(secret);
    }
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let mut bytes = [0; RANDOM];
    rng.fill_bytes(&mut bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // Threads of one process may come together too, so that the process id alone is no name of one's own.
    let aside = path.with_extension(format!("{}.{:08x}.new", std::process::id(), rng.next_u32()));
    match place(&path, &aside, &text) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    load(&path)?.ok_or_else(|| failed(io::Error::other("was removed while it was read")))
}

fn load(path: &Path) -> Result<Option<Secret>, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
        return Err(Error::Open { path: path.to_owned() });
    }
    let mut text = String::new();
    let most = u64::try_from(*LENGTHS.end()).unwrap_or(u64::MAX);
    file.take(most.saturating_add(2)).read_to_string(&mut text).map_err(failed)?;
    let secret = text.trim();
    if LENGTHS.contains(&secret.len()) && secret.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(Some(Secret::new(secret)))
    } else {
        Err(Error::Strange { path: path.to_owned() })
    }
}

/// Writes aside and links into place: the name appears with its whole content, and only for the first to come.
fn place(path: &Path, aside: &Path, text: &str) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(aside)?;
    let placed = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(aside, path));
    // Left behind it would only be litter.
    let _ = std::fs::remove_file(aside);
    placed
}

#[cfg(test)]
mod tests;
