//! The pid file: one process at a time, and its number for scripts.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A pid file held by this process. The lock ends with the value or the process; the file stays, as SRS leaves it.
#[derive(Debug)]
pub struct PidFile {
    _lock: File,
}

/// Why a pid file could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds it.
    #[error("{}: another process with this pid file is running", path.display())]
    Running {
        /// The file.
        path: PathBuf,
    },
    /// It could not be written.
    #[error("{}: cannot write: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl PidFile {
    /// Locks the file and writes the number into it; folders are made as needed.
    pub fn take(path: &Path, pid: u32) -> Result<Self, Error> {
        let failed = |source| Error::Write { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let options = &mut File::options();
        // Truncated only under the lock: until then the number is the other process's.
        let mut file = options.create(true).truncate(false).write(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(Error::Running { path: path.to_owned() }),
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).and_then(|()| file.write_all(pid.to_string().as_bytes())).map_err(failed)?;
        Ok(Self { _lock: file })
    }
}

#[cfg(test)]
mod tests;
