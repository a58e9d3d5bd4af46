//! Bytes that many clients will be sent, in memory of the kernel's.
//!
//! Sending bytes of ours costs a copy for each client, which is most of what a segment of HLS costs. The pages of a file in
//! memory are handed out as they lie.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Resource, getrlimit};

use super::conn::Content;

/// Below this the copy costs less than the second system call.
const LEAST: usize = 32 << 10;

/// Most of them at a time, in a process that may open many files: each takes a descriptor that a client could have.
const MOST: usize = 8192;

/// The part of all descriptors that they may take.
const SHARE: usize = 8;

static OPEN: AtomicUsize = AtomicUsize::new(0);

/// A file that is held open to be sent: one without a name in memory, or a segment on disk.
#[derive(Debug)]
pub struct Stored {
    file: File,
}

impl Stored {
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

fn most() -> usize {
    static LIMIT: OnceLock<usize> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        usize::try_from(descriptors).map_or(MOST, |descriptors| MOST.min(descriptors / SHARE))
    })
}

/// A place among them.
fn take() -> bool {
    let taken = OPEN.fetch_add(1, Ordering::Relaxed) < most();
    if !taken {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
    taken
}

impl Content {
    /// The first `length` bytes of a file that will be sent many times; none when too many are held open.
    pub fn of_file(file: File, length: u64) -> Option<Content> {
        take().then(|| Content::Stored(Arc::new(Stored { file }), 0..length))
    }

    /// Content that will be sent many times. It stays in memory of ours where it is small, and where there are too many.
    pub fn stored(bytes: Bytes) -> Content {
        if bytes.len() < LEAST || !take() {
            return Content::Bytes(bytes);
        }
        match create(&bytes) {
            Ok(file) => Content::Stored(Arc::new(Stored { file }), 0..bytes.len() as u64),
            Err(error) => {
                OPEN.fetch_sub(1, Ordering::Relaxed);
                tracing::debug!(%error, "content stays in our own memory");
                Content::Bytes(bytes)
            }
        }
    }
}

fn create(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("content", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    Ok(file)
}

#[cfg(test)]
mod tests;
