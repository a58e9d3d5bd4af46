//! An origin in a process of its own.

use std::net::SocketAddr;
use std::path::Path;

use crate::Program;
use crate::cluster::{Folder, SECRET};

/// An origin that can be measured, stopped and killed.
pub struct OriginProcess {
    program: Program,
    _folder: Folder,
    /// Where RTMP is served.
    pub rtmp: SocketAddr,
    /// Where HTTP media is served.
    pub http: SocketAddr,
}

impl OriginProcess {
    /// Starts `program` (the binary `origin-alone` of this package) under this server id. `beat` is a proxy's system API.
    pub async fn start(program: &str, name: &str, beat: Option<SocketAddr>) -> OriginProcess {
        OriginProcess::with(program, name, beat, "").await
    }

    /// The same, with more directives in its vhost.
    pub async fn with(program: &str, name: &str, beat: Option<SocketAddr>, vhost: &str) -> OriginProcess {
        let folder = Folder::new();
        let file = folder.path("origin.conf");
        std::fs::write(&file, conf(name, beat, &folder.path("origin.pid"), vhost))
            .expect("a configuration file");
        let arguments = ["-c".as_ref(), file.as_os_str()];
        let program = Program::start(Path::new(program), arguments);
        let address = async |kind: &str| {
            let text = program.line(kind).await;
            text.trim().parse::<SocketAddr>().unwrap_or_else(|error| panic!("{kind} {text:?}: {error}"))
        };
        let (rtmp, http) = (address("rtmp ").await, address("http ").await);
        OriginProcess { program, _folder: folder, rtmp, http }
    }

    /// Resident memory, in bytes.
    pub fn memory(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.program.pid())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
        kib * 1024
    }

    /// Processor time used, in clock ticks of a hundredth second.
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.program.pid())).expect("a process");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let number = |index: usize| fields[index].parse::<u64>().expect("a number");
        // utime and stime are fields 14 and 15 of all, of which two stand before these.
        number(11) + number(12)
    }

    /// What it logged and printed.
    pub fn output(&self) -> String {
        self.program.output()
    }

    /// Sends it a signal by name.
    pub async fn signal(&self, name: &str) {
        crate::tools::signal(self.program.pid(), name).await;
    }

    /// Kills it, and waits until it is gone.
    pub async fn kill(self) {
        self.program.kill().await;
    }
}

fn conf(name: &str, beat: Option<SocketAddr>, pid: &Path, vhost: &str) -> String {
    let heartbeat = beat.map_or_else(String::new, |system| {
        format!(
            "heartbeat {{ enabled on; interval 0.2; url http://{system}/api/v1/srs/register; device_id {name}; ports on; }}\n"
        )
    });
    format!(
        "listen 127.0.0.1:0;\nmax_connections 4000;\ndaemon off;\npid {};\nserver_id {name};\ncluster_secret '{SECRET}';\nsrs_log_tank console;\n\
         http_server {{ enabled on; listen 127.0.0.1:0; }}\nhttp_api {{ enabled on; listen 127.0.0.2:0; }}\n{heartbeat}\
         vhost __defaultVhost__ {{ http_remux {{ enabled on; mount [vhost]/[app]/[stream].flv; }} play {{ mw_latency 20; }} {vhost} }}\n",
        pid.display()
    )
}
