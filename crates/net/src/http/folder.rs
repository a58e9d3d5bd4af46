//! A folder of files that are served as they lie.
//!
//! The kernel itself keeps every look inside the folder (`openat2` with `RESOLVE_BENEATH`): neither `..` nor a link leads
//! out of it. Where it cannot do that, no link is followed at all.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::{Errno, Result};
use srs_names::percent_decode;

use super::conn::{Answer, Content};

/// What a folder answers with when it is asked for itself.
const INDEX: &str = "index.html";

/// How files are opened: one that is a pipe or a device must not hold the thread.
const HOW: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// A folder of files.
#[derive(Debug, Clone)]
pub struct Folder {
    path: Arc<PathBuf>,
}

impl Folder {
    /// The folder at `path`, which need not be there yet.
    pub fn new(path: PathBuf) -> Folder {
        Folder { path: Arc::new(path) }
    }

    /// Where the file would be that a request's path names, whether there is one or not; none where no file can be.
    pub fn place(&self, path: &str) -> Option<PathBuf> {
        Some(std::path::absolute(self.path.as_path()).ok()?.join(clean(path)?))
    }

    /// The file that a `GET` or `HEAD` names; none when there is none, or it lies outside.
    pub async fn answer(&self, request: &Request<()>) -> Option<Answer> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let path = clean(request.uri().path())?;
        let is_folder = request.uri().path().ends_with('/');
        let folder = Arc::clone(&self.path);
        let found = tokio::task::spawn_blocking(move || find(&folder, path, is_folder)).await.ok()??;
        Some(match found {
            Found::File { file, path } => answer_file(request, file, &path)?,
            Found::Folder(path) => moved(&path)?,
        })
    }
}

enum Found {
    File {
        file: File,
        path: String,
    },
    /// A folder that was asked for as a file.
    Folder(String),
}

/// The path below the folder, escapes decoded; none for one that no file can have. Parts are checked after the one
/// decoding there is, so that an escaped slash is no separator and an escaped `..` no way up.
fn clean(path: &str) -> Option<String> {
    let mut out = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let part = percent_decode(part)?;
        let strange = |c: char| c.is_control() || matches!(c, '/' | '\\');
        if part == "." || part == ".." || part.contains(strange) {
            return None;
        }
        if !out.is_empty() {
            out.push('/');
        }
        out.push_str(&part);
    }
    Some(out)
}

fn find(folder: &PathBuf, mut path: String, is_folder: bool) -> Option<Found> {
    let root = openat(CWD, folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    if is_folder || path.is_empty() {
        let separator = if path.is_empty() { "" } else { "/" };
        path = format!("{path}{separator}{INDEX}");
    }
    let file = File::from(open_beneath(&root, &path).ok()?);
    let kind = file.metadata().ok()?.file_type();
    if kind.is_dir() {
        return Some(Found::Folder(path));
    }
    kind.is_file().then_some(Found::File { file, path })
}

fn open_beneath(root: &OwnedFd, path: &str) -> Result<OwnedFd> {
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match openat2(root, path, HOW, Mode::empty(), beneath) {
        // An old kernel, or a sandbox that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => walk(root, path),
        opened => opened,
    }
}

/// Opens part by part and follows no link.
fn walk(root: &OwnedFd, path: &str) -> Result<OwnedFd> {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut at: Option<OwnedFd> = None;
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        at = Some(openat(at.as_ref().unwrap_or(root), part, flags, Mode::empty())?);
    }
    openat(at.as_ref().unwrap_or(root), name, HOW | OFlags::NOFOLLOW, Mode::empty())
}

fn answer_file(request: &Request<()>, file: File, path: &str) -> Option<Answer> {
    let about = file.metadata().ok()?;
    let tag = format!("\"{:x}-{:x}-{:x}\"", about.mtime(), about.mtime_nsec(), about.len());
    let known = request.headers().get_all(header::IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let unchanged = known.any(|known| known.trim().trim_start_matches("W/") == tag);
    let (status, body) = if unchanged {
        (StatusCode::NOT_MODIFIED, Content::Bytes(Bytes::new()))
    } else {
        (StatusCode::OK, Content::File(Arc::new(file), 0..about.len()))
    };
    let mut answer = Answer::new(status, kind_of(path), body);
    answer.headers.insert(header::ETAG, HeaderValue::from_str(&tag).ok()?);
    Some(answer)
}

/// To the folder's own address. It begins with one slash and a name, so it stays on this server.
fn moved(path: &str) -> Option<Answer> {
    let mut target = String::from("/");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            target.push(char::from(byte));
        } else {
            target.push_str(&format!("%{byte:02X}"));
        }
    }
    target.push('/');
    let mut answer = Answer::text(StatusCode::MOVED_PERMANENTLY, "a folder");
    answer.headers.insert(header::LOCATION, HeaderValue::from_str(&target).ok()?);
    Some(answer)
}

/// `Content-Type` by the name's end.
fn kind_of(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    match extension.as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" | "md" => "text/plain; charset=utf-8",
        "vtt" => "text/vtt; charset=utf-8",
        "json" | "map" => "application/json",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "wasm" => "application/wasm",
        "m3u8" => "application/vnd.apple.mpegurl",
        "mpd" => "application/dash+xml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "flv" => "video/x-flv",
        "ts" => "video/mp2t",
        "mp4" | "m4v" => "video/mp4",
        "m4s" => "video/iso.segment",
        "webm" => "video/webm",
        "mp3" => "audio/mpeg",
        "aac" => "audio/aac",
        "m4a" => "audio/mp4",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
