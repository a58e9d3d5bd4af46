//! An origin in a process of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
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
    /// Where its HTTP API is served.
    pub api: SocketAddr,
    /// Where SRT is served, if it is.
    pub srt: Option<SocketAddr>,
    /// Where media of WebRTC is, if it is served.
    pub rtc: Option<SocketAddr>,
}

impl OriginProcess {
    /// Starts `program` (the binary `origin-alone` of this package) under this server id. `beat` is a proxy's system API.
    pub async fn start(program: &str, name: &str, beat: Option<SocketAddr>) -> OriginProcess {
        OriginProcess::with(program, name, beat.as_slice(), "").await
    }

    /// The same with media at this address, for proxies in another network namespace.
    pub async fn at(program: &str, name: &str, beats: &[SocketAddr], ip: IpAddr) -> OriginProcess {
        OriginProcess::launch(program, name, beats, "", ip).await
    }

    /// The same with several proxies to tell, and more directives in its vhost.
    pub async fn with(program: &str, name: &str, beats: &[SocketAddr], vhost: &str) -> OriginProcess {
        OriginProcess::launch(program, name, beats, vhost, Ipv4Addr::LOCALHOST.into()).await
    }

    /// The same that serves SRT too.
    pub async fn with_srt(program: &str, name: &str, beats: &[SocketAddr]) -> OriginProcess {
        let vhost = "srt { enabled on; srt_to_rtmp on; }";
        OriginProcess::launch(program, name, beats, vhost, Ipv4Addr::LOCALHOST.into()).await
    }

    /// The same that serves WebRTC too.
    pub async fn with_rtc(program: &str, name: &str, beats: &[SocketAddr]) -> OriginProcess {
        OriginProcess::with(program, name, beats, "rtc { enabled on; }").await
    }

    async fn launch(
        program: &str,
        name: &str,
        beats: &[SocketAddr],
        vhost: &str,
        ip: IpAddr,
    ) -> OriginProcess {
        let folder = Folder::new();
        let file = folder.path("origin.conf");
        let (has_srt, has_rtc) = (vhost.contains("srt {"), vhost.contains("rtc {"));
        let mut text = conf(name, beats, &folder.path("origin.pid"), vhost, ip);
        if has_srt {
            text += &format!("srt_server {{ enabled on; listen {ip}:0; }}\n");
        }
        if has_rtc {
            text += &format!("rtc_server {{ enabled on; listen {ip}:0; }}\n");
        }
        std::fs::write(&file, text).expect("a configuration file");
        let arguments = ["-c".as_ref(), file.as_os_str()];
        let program = Program::start(Path::new(program), arguments);
        let address = async |kind: &str| {
            let text = program.line(kind).await;
            text.trim().parse::<SocketAddr>().unwrap_or_else(|error| panic!("{kind} {text:?}: {error}"))
        };
        let (rtmp, http) = (address("rtmp ").await, address("http ").await);
        let api = address("api ").await;
        let srt = if has_srt { Some(address("srt ").await) } else { None };
        let rtc = if has_rtc { Some(address("rtc ").await) } else { None };
        OriginProcess { program, _folder: folder, rtmp, http, api, srt, rtc }
    }

    /// Resident memory, in bytes.
    pub fn memory(&self) -> u64 {
        self.program.memory()
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

    /// Waits for its end; the answer is how it ended and what it printed.
    pub async fn finish(self) -> (std::process::ExitStatus, String) {
        self.program.finish().await
    }
}

/// A proxy in a process of its own.
pub struct ProxyProcess {
    program: Program,
    /// Where RTMP is served.
    pub rtmp: SocketAddr,
    /// Where HTTP media is served.
    pub http: SocketAddr,
    /// Where the HTTP API is served.
    pub api: SocketAddr,
    /// Where SRT is served.
    pub srt: SocketAddr,
    /// Where media of WebRTC goes.
    pub webrtc: SocketAddr,
    /// Where origins register.
    pub system: SocketAddr,
}

impl ProxyProcess {
    /// Starts `program` (the binary `proxy-alone` of this package) with these variables beside those of a test: ports that
    /// the system chooses, and the tests' secret.
    pub async fn start(program: &str, variables: &[(&str, String)]) -> ProxyProcess {
        ProxyProcess::behind(&[], program, variables).await
    }

    /// The same behind these words, `nsenter` for instance.
    pub async fn behind(before: &[String], program: &str, variables: &[(&str, String)]) -> ProxyProcess {
        let listeners = [
            "PROXY_RTMP_SERVER",
            "PROXY_HTTP_SERVER",
            "PROXY_HTTP_API",
            "PROXY_SRT_SERVER",
            "PROXY_WEBRTC_SERVER",
            "PROXY_SYSTEM_API",
        ];
        let own = listeners.map(|name| (name, "127.0.0.1:0".to_owned()));
        let secret = ("PROXY_CLUSTER_SECRET", SECRET.to_owned());
        let all = own.into_iter().chain([secret]).chain(variables.iter().cloned());
        let words: Vec<String> = all
            .map(|(name, value)| format!("{name}={value}"))
            .chain(before.iter().cloned())
            .chain([program.to_owned()])
            .collect();
        let env = crate::tools::find("env").expect("env is everywhere");
        let program = Program::start(&env, words);
        let address = async |kind: &str| {
            let text = program.line(kind).await;
            text.trim().parse::<SocketAddr>().unwrap_or_else(|error| panic!("{kind} {text:?}: {error}"))
        };
        let (rtmp, http) = (address("rtmp ").await, address("http ").await);
        let (api, system) = (address("api ").await, address("system ").await);
        let (srt, webrtc) = (address("srt ").await, address("webrtc ").await);
        ProxyProcess { program, rtmp, http, api, srt, webrtc, system }
    }

    /// Resident memory, in bytes.
    pub fn memory(&self) -> u64 {
        self.program.memory()
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

    /// Waits for its end; the answer is how it ended and what it printed.
    pub async fn finish(self) -> (std::process::ExitStatus, String) {
        self.program.finish().await
    }

    /// Where other proxies reach it, by its log; none without a mesh.
    pub fn mesh(&self) -> Option<SocketAddr> {
        let output = self.output();
        let line = output.lines().find(|line| line.contains("mesh of proxies"))?;
        line.rsplit("at=").next()?.trim().parse().ok()
    }

    /// Waits until it thinks that so many origins live.
    pub async fn wait_for_origins(&self, count: usize) {
        crate::until(&format!("{count} living origins"), async || {
            let reply = crate::http::get(self.system, "/api/v1/origins").await;
            let list = reply.json()["origins"].as_array().cloned().unwrap_or_default();
            (list.iter().filter(|origin| origin["alive"] == true).count() == count).then_some(())
        })
        .await;
    }
}

fn conf(name: &str, beats: &[SocketAddr], pid: &Path, vhost: &str, ip: IpAddr) -> String {
    // Another address than the media's, or both would be one server: the next one.
    let api = match ip {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from(u32::from(ip) + 1)),
        other => other,
    };
    let urls: Vec<String> =
        beats.iter().map(|system| format!("http://{system}/api/v1/srs/register")).collect();
    let heartbeat = match urls.as_slice() {
        [] => String::new(),
        urls => format!(
            "heartbeat {{ enabled on; interval 0.2; url {}; device_id {name}; ports on; }}\n",
            urls.join(" ")
        ),
    };
    format!(
        "listen {ip}:0;\nmax_connections 4000;\ndaemon off;\npid {};\nserver_id {name};\ncluster_secret '{SECRET}';\nsrs_log_tank console;\n\
         http_server {{ enabled on; listen {ip}:0; }}\nhttp_api {{ enabled on; listen {api}:0; }}\n{heartbeat}\
         vhost __defaultVhost__ {{ http_remux {{ enabled on; mount [vhost]/[app]/[stream].flv; }} play {{ mw_latency 20; }} {vhost} }}\n",
        pid.display()
    )
}
