//! Programs of others, with a hard end.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::{tools, until, within};

/// A running program. Dropping it kills it (SIGKILL, by its pid); so does the end of the test that started it.
pub struct Program {
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    name: String,
}

impl Program {
    /// Starts a program without input, its output kept.
    pub fn start<S: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = S>) -> Program {
        Self::start_as(program, arguments, &[])
    }

    /// As [`Program::start`] under `setpriv` with these options, `--reuid=65534` for instance.
    pub fn start_as<S: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
        options: &[&str],
    ) -> Program {
        // Not even a test that is killed leaves its children behind.
        let mut command = match tools::setpriv() {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.arg("--pdeathsig=KILL").args(options).arg("--").arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !options.is_empty() {
            command.env("HOME", std::env::temp_dir());
        }
        let name = program.display().to_string();
        let mut child = command.kill_on_drop(true).spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let output = Arc::new(Mutex::new(String::new()));
        let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let readers = vec![keep(out, Arc::clone(&output)), keep(err, Arc::clone(&output))];
        Program { child, output, readers, name }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_else(|| panic!("{} has ended: {}", self.name, self.output()))
    }

    /// Resident memory, in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
        kib * 1024
    }

    /// Both kinds of output so far.
    pub fn output(&self) -> String {
        self.output.lock().expect("no panic inside").clone()
    }

    /// Waits for a line that begins with this; the answer is the rest of it.
    pub async fn line(&self, begin: &str) -> String {
        until(&format!("{} to print {begin:?}", self.name), async || {
            self.output().lines().find_map(|line| line.strip_prefix(begin).map(str::to_owned))
        })
        .await
    }

    /// Waits for its end for as long as it takes.
    pub async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.expect("its end can be waited for")
    }

    /// Waits for its end; the answer is how it ended and all that it printed.
    pub async fn finish(mut self) -> (ExitStatus, String) {
        let what = format!("the end of {}", self.name);
        let wait = async {
            let status = self.child.wait().await.expect("its end can be waited for");
            for reader in self.readers.drain(..) {
                let _cannot_panic = reader.await;
            }
            status
        };
        let status = match tokio::time::timeout(2 * crate::PATIENCE, wait).await {
            Ok(status) => status,
            Err(_) => panic!("{what} did not come; it printed: {}", self.output()),
        };
        (status, self.output())
    }

    /// Waits for its end and panics unless it was a good one; the answer is what it printed.
    pub async fn succeed(self) -> String {
        let name = self.name.clone();
        let (status, output) = self.finish().await;
        assert!(status.success(), "{name}: {status}: {output}");
        output
    }

    /// Asks it to end as Ctrl-C does, and waits until it did.
    pub async fn interrupt(self) -> (ExitStatus, String) {
        tools::signal(self.pid(), "INT").await;
        self.finish().await
    }

    /// Kills it and waits until it is gone.
    pub async fn kill(mut self) {
        within("the end of a killed program", self.child.kill()).await.expect("it can be killed");
    }
}

fn keep(stream: impl AsyncRead + Unpin + Send + 'static, output: Arc<Mutex<String>>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let mut output = output.lock().expect("no panic inside");
            output.push_str(&String::from_utf8_lossy(&line));
            output.push('\n');
        }
    })
}
