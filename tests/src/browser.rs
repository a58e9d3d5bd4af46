//! Chromium without a window, told what to do by its DevTools protocol over a pipe.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::cluster::Folder;
use crate::{PATIENCE, tools};

/// A browser with one page open. Dropping it kills it.
pub struct Browser {
    _child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    session: Option<String>,
    next: u64,
    _profile: Folder,
}

/// What a page's `<video>` shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// `currentTime`, in seconds.
    pub time: f64,
    /// Width of the picture in pixels.
    pub width: f64,
    /// How much the brightness of its parts differs, of 255: a black or grey picture has none.
    pub contrast: f64,
    /// What the page says of itself.
    pub state: String,
}

const LOOK: &str = "(() => { const v = document.querySelector('video'); const c = document.createElement('canvas');
    c.width = 32; c.height = 18; const g = c.getContext('2d', { willReadFrequently: true }); let low = 255, high = 0;
    if (v.videoWidth) { g.drawImage(v, 0, 0, 32, 18); const d = g.getImageData(0, 0, 32, 18).data;
        for (let i = 0; i < d.length; i += 4) { const l = (d[i] + d[i + 1] + d[i + 2]) / 3;
            low = Math.min(low, l); high = Math.max(high, l); } }
    return JSON.stringify({ time: v.currentTime, width: v.videoWidth, contrast: Math.max(0, high - low),
        state: document.getElementById('state').textContent }); })()";

impl Browser {
    /// Opens `url` in a Chromium of its own; none when there is no Chromium.
    pub async fn open(url: &str) -> Option<Browser> {
        let chromium = tools::find("chromium")?;
        let profile = Folder::new();
        let mut child = start(&chromium, &profile.path("profile"));
        let (commands, answers) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let mut browser =
            Browser { _child: child, commands, answers, session: None, next: 1, _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": url})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach).await;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        Some(browser)
    }

    /// What the page shows now.
    pub async fn look(&mut self) -> Shown {
        let answer = self.call("Runtime.evaluate", json!({"expression": LOOK, "returnByValue": true})).await;
        let Some(text) = answer["result"]["value"].as_str() else {
            return Shown { time: 0.0, width: 0.0, contrast: 0.0, state: answer.to_string() };
        };
        let seen: Value = serde_json::from_str(text).expect("what the page was asked for");
        let number = |name: &str| seen[name].as_f64().unwrap_or(0.0);
        Shown {
            time: number("time"),
            width: number("width"),
            contrast: number("contrast"),
            state: seen["state"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// The number that an expression has in the page.
    pub async fn number(&mut self, expression: &str) -> f64 {
        let ask = json!({"expression": expression, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", ask).await;
        answer["result"]["value"].as_f64().unwrap_or_else(|| panic!("{expression}: {answer}"))
    }

    /// Waits until the page plays a picture that is none of one colour, and its clock went on by `seconds` after that.
    pub async fn plays(&mut self, seconds: f64) -> Shown {
        let deadline = tokio::time::Instant::now() + 2 * PATIENCE;
        let mut began = None;
        loop {
            let shown = self.look().await;
            if shown.width > 0.0 && shown.contrast > 30.0 {
                let began = *began.get_or_insert(shown.time);
                if shown.time >= began + seconds {
                    return shown;
                }
            }
            assert!(tokio::time::Instant::now() < deadline, "the page does not play: {shown:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.next;
        self.next += 1;
        let mut command = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&command).expect("a command is JSON");
        bytes.push(0);
        let talk = async {
            self.commands.write_all(&bytes).await.expect("the browser runs");
            loop {
                let mut answer = Vec::new();
                let read = self.answers.read_until(0, &mut answer).await.expect("the browser runs");
                assert!(read > 0, "the browser ended");
                answer.pop();
                let answer: Value = serde_json::from_slice(&answer).expect("the browser speaks JSON");
                if answer["id"] == json!(id) {
                    return answer["result"].clone();
                }
            }
        };
        tokio::time::timeout(2 * PATIENCE, talk)
            .await
            .unwrap_or_else(|_| panic!("{method}: the browser does not answer"))
    }
}

fn start(chromium: &Path, profile: &Path) -> Child {
    // It takes commands at descriptor 3 and answers at 4, which a shell can lay from the usual ones.
    let script = "exec \"$@\" 3<&0 4>&1 >/dev/null 2>&1";
    let options = [
        "--headless=new",
        "--remote-debugging-pipe",
        "--no-sandbox",
        "--no-first-run",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--mute-audio",
        "--autoplay-policy=no-user-gesture-required",
    ];
    let mut command = match tools::setpriv() {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig=KILL", "--", "bash"]);
            command
        }
        None => Command::new("bash"),
    };
    command.args(["-c", script, "bash"]).arg(chromium).args(options);
    command.arg(format!("--user-data-dir={}", profile.display())).arg("about:blank");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("a shell")
}
