//! Segments on disk: written whole or not at all, by a thread of their own, so that a slow or full disk is nobody's
//! problem but the files'.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2, renameat, unlinkat};
use srs_net::http::Content;

use super::stream::Stream;

/// Files and lists that may wait: a disk that is behind by so many is too slow, and what comes then stays in memory alone.
/// Removals always wait: they are no more than what was written, and one that is forgotten leaves its file for ever.
const WAITING: usize = 256;

/// The writer, which starts with its first job.
#[derive(Default)]
pub(super) struct Disk {
    jobs: OnceLock<Option<Sender<Job>>>,
    /// Jobs that were sent and are not done.
    open: Arc<AtomicUsize>,
}

enum Job {
    Write(Arc<Stream>, String),
    List(Arc<Stream>),
    Remove(Arc<Stream>, String),
}

impl Disk {
    /// Writes a file of the stream; when that is done it is served from there.
    pub(super) fn write(&self, stream: &Arc<Stream>, name: String) {
        self.send(Job::Write(Arc::clone(stream), name));
    }

    /// Writes the list as it is when its turn comes, if all that it names is on disk.
    pub(super) fn write_list(&self, stream: &Arc<Stream>) {
        self.send(Job::List(Arc::clone(stream)));
    }

    /// Removes a file.
    pub(super) fn remove(&self, stream: &Arc<Stream>, name: String) {
        self.send(Job::Remove(Arc::clone(stream), name));
    }

    /// Whether everything is done that was sent.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    fn send(&self, job: Job) {
        let jobs = self.jobs.get_or_init(|| {
            let (jobs, queue) = channel();
            let open = Arc::clone(&self.open);
            let thread =
                std::thread::Builder::new().name("hls-disk".to_owned()).spawn(move || work(&queue, &open));
            match thread {
                Ok(_) => Some(jobs),
                Err(error) => {
                    tracing::error!(%error, "HLS is not written to disk: no thread");
                    None
                }
            }
        });
        let Some(jobs) = jobs else { return };
        let waiting = self.open.fetch_add(1, Ordering::AcqRel);
        let stream = match &job {
            Job::Write(stream, _) | Job::List(stream) if waiting >= WAITING => Some(Arc::clone(stream)),
            _ => None,
        };
        if let Some(stream) = stream {
            tracing::warn!(stream = %stream.key(), "the disk is too slow for HLS; this stays in memory");
        } else if jobs.send(job).is_ok() {
            return;
        }
        self.open.fetch_sub(1, Ordering::AcqRel);
    }
}

fn work(queue: &Receiver<Job>, open: &AtomicUsize) {
    for job in queue {
        let (stream, done) = match &job {
            Job::Write(stream, name) => (stream, write_file(stream, name)),
            Job::List(stream) => (stream, write_list(stream)),
            Job::Remove(stream, name) => (stream, remove(stream, name)),
        };
        if let Err(error) = done {
            tracing::warn!(stream = %stream.key(), %error, "HLS on disk: going on from memory");
        }
        open.fetch_sub(1, Ordering::AcqRel);
    }
}

fn write_file(stream: &Stream, name: &str) -> io::Result<()> {
    // It may be gone by now.
    let Some(Content::Bytes(bytes)) = stream.file(name) else { return Ok(()) };
    let file = put(&root(stream)?, name, &bytes)?;
    stream.on_disk(name, &bytes, Content::of_file(file, bytes.len() as u64));
    Ok(())
}

fn write_list(stream: &Stream) -> io::Result<()> {
    // Who reads the folder must not be sent to a file that is not there.
    let Some(text) = stream.text(None).filter(|_| stream.is_on_disk()) else { return Ok(()) };
    put(&root(stream)?, stream.list_path(), text.as_bytes()).map(drop)
}

fn remove(stream: &Stream, name: &str) -> io::Result<()> {
    let (folder, file) = folder_of(&root(stream)?, name, false)?;
    match unlinkat(&folder, file, AtFlags::empty()) {
        Err(rustix::io::Errno::NOENT) => Ok(()),
        done => Ok(done?),
    }
}

fn root(stream: &Stream) -> io::Result<OwnedFd> {
    let path = stream.settings().path.as_deref().unwrap_or(Path::new("."));
    std::fs::create_dir_all(path)?;
    Ok(File::open(path)?.into())
}

/// Opens the folder in which `name` lies, and says what `name` is called there. Nothing outside the root is ever opened:
/// neither by `..` nor by a link that somebody laid.
fn folder_of<'a>(root: &OwnedFd, name: &'a str, make: bool) -> io::Result<(OwnedFd, &'a str)> {
    let (folders, file) = name.rsplit_once('/').unwrap_or(("", name));
    let mut folder = root.try_clone()?;
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        if make {
            match mkdirat(&folder, part, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        folder = openat2(&folder, part, flags, Mode::empty(), within)?;
    }
    Ok((folder, file))
}

/// Writes `name` below `root`, whole or not at all. The answer is the file, to be read.
fn put(root: &OwnedFd, name: &str, bytes: &[u8]) -> io::Result<File> {
    let (folder, file) = folder_of(root, name, true)?;
    let aside = format!(".{file}.tmp");
    let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut open = File::from(openat(&folder, aside.as_str(), flags, Mode::from_raw_mode(0o644))?);
    let written = open.write_all(bytes);
    let put = written.and_then(|()| Ok(renameat(&folder, aside.as_str(), &folder, file)?));
    if let Err(error) = put {
        let _best_effort = unlinkat(&folder, aside.as_str(), AtFlags::empty());
        return Err(error);
    }
    Ok(open)
}
