//! Chromium without a window, told what to do by its DevTools protocol over a pipe.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::Folder;
use crate::{PATIENCE, tools};

/// A browser with one page open, with a camera and a microphone that are none. Dropping it kills it.
pub struct Browser {
    _child: Child,
    commands: ChildStdin,
    heard: Arc<Mutex<Heard>>,
    session: Option<String>,
    next: u64,
    _profile: Folder,
}

/// What came from the browser.
#[derive(Default)]
struct Heard {
    /// Who waits for the answer to which command.
    waiting: HashMap<u64, oneshot::Sender<Value>>,
    /// What the page wrote to its console, and its errors.
    console: Vec<String>,
    /// Every http address that the page asked for.
    requests: Vec<String>,
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

/// What `window.measure` of the page `whep.html?measure=1` has measured of the publisher's test picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Frames whose clock was read.
    pub frames: f64,
    /// Half of them came within so many milliseconds, from drawing to showing.
    pub p50: f64,
    /// 95 % of them came within so many milliseconds.
    pub p95: f64,
    /// Frames that were drawn and not shown, among these.
    pub skipped: f64,
    /// Frames that were shown after later ones.
    pub backwards: f64,
    /// Frames whose clock could not be read.
    pub unread: f64,
    /// The longest time between two frames, in milliseconds.
    pub freeze: f64,
    /// Mean power of the sound; 0 is silence.
    pub loudness: f64,
    /// How much later than the picture the sound came, in milliseconds; none before the first beep.
    pub lips: Option<f64>,
    /// Whether the picture is dark all over.
    pub is_black: bool,
}

const MEASURED: &str =
    "(() => { const m = window.measure; return { ...m.delays(), ...m.frames(), unread: m.unread,
    freeze: m.freeze, loudness: m.audioEnergy(), lips: m.lipSync(), black: m.isBlack() }; })()";

const LOOK: &str = "(() => { const v = document.querySelector('video'); const c = document.createElement('canvas');
    c.width = 32; c.height = 18; const g = c.getContext('2d', { willReadFrequently: true }); let low = 255, high = 0;
    if (v.videoWidth) { g.drawImage(v, 0, 0, 32, 18); const d = g.getImageData(0, 0, 32, 18).data;
        for (let i = 0; i < d.length; i += 4) { const l = (d[i] + d[i + 1] + d[i + 2]) / 3;
            low = Math.min(low, l); high = Math.max(high, l); } }
    return JSON.stringify({ time: v.currentTime, width: v.videoWidth, contrast: Math.max(0, high - low),
        state: document.getElementById('state').textContent }); })()";

/// True when a page's scripts have run. Its load event may come much later: a player without media holds it up.
const THERE: &str = "location.href !== 'about:blank' && (document.readyState === 'complete'
    || performance.getEntriesByType('navigation')[0]?.domContentLoadedEventEnd > 0)";

impl Browser {
    /// Opens `url` in a Chromium of its own; none when there is no Chromium.
    pub async fn open(url: &str) -> Option<Browser> {
        let chromium = tools::find("chromium")?;
        let profile = Folder::new();
        let mut child = start(&chromium, &profile.path("profile"));
        let commands = child.stdin.take()?;
        let heard = Arc::new(Mutex::new(Heard::default()));
        tokio::spawn(hear(BufReader::new(child.stdout.take()?), Arc::clone(&heard)));
        let mut browser =
            Browser { _child: child, commands, heard, session: None, next: 1, _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach).await;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for part in ["Runtime.enable", "Log.enable", "Network.enable"] {
            browser.call(part, json!({})).await;
        }
        browser.go(url).await;
        Some(browser)
    }

    /// Goes to another page, and waits until it is there.
    pub async fn go(&mut self, url: &str) {
        let gone = self.call("Page.navigate", json!({"url": url})).await;
        assert!(gone.get("errorText").is_none(), "{url}: {gone}");
        self.wait_for(THERE).await;
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

    /// The value of an expression in the page, of a promise once it is kept. As after a click, where pages may do more.
    pub async fn eval(&mut self, expression: &str) -> Value {
        let ask = json!({"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true});
        let answer = self.call("Runtime.evaluate", ask).await;
        let wrong = &answer["exceptionDetails"];
        assert!(wrong.is_null(), "{expression}: {wrong}\nconsole: {:#?}", self.console());
        answer["result"]["value"].clone()
    }

    /// The number that an expression has in the page.
    pub async fn number(&mut self, expression: &str) -> f64 {
        let value = self.eval(expression).await;
        value.as_f64().unwrap_or_else(|| panic!("{expression}: {value}"))
    }

    /// The text that an expression has in the page.
    pub async fn text(&mut self, expression: &str) -> String {
        let value = self.eval(expression).await;
        value.as_str().unwrap_or_else(|| panic!("{expression}: {value}")).to_owned()
    }

    /// Waits until an expression is true in the page.
    pub async fn wait_for(&mut self, expression: &str) {
        let deadline = Instant::now() + 2 * PATIENCE;
        while self.eval(expression).await != json!(true) {
            if Instant::now() >= deadline {
                let shown = self.look().await;
                panic!("{expression} does not come true: {shown:?}\nconsole: {:#?}", self.console());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Forgets what was measured so far, and measures so many frames.
    pub async fn measure(&mut self, frames: usize) -> Measured {
        self.eval("measure.reset()").await;
        self.wait_for(&format!("measure.samples.length >= {frames}")).await;
        self.measured().await
    }

    /// What was measured so far.
    pub async fn measured(&mut self) -> Measured {
        let seen = self.eval(MEASURED).await;
        let number = |name: &str| seen[name].as_f64().unwrap_or_else(|| panic!("{name}: {seen}"));
        Measured {
            frames: number("shown"),
            p50: number("p50"),
            p95: number("p95"),
            skipped: number("skipped"),
            backwards: number("backwards"),
            unread: number("unread"),
            freeze: number("freeze"),
            loudness: number("loudness"),
            lips: seen["lips"].as_f64(),
            is_black: seen["black"] == json!(true),
        }
    }

    /// Waits until the page marks itself with this state; the answer is what it says then.
    pub async fn state(&mut self, name: &str) -> String {
        self.wait_for(&format!("document.body.dataset.state === '{name}'")).await;
        self.text("document.getElementById('state').textContent").await
    }

    /// Clicks on the element of that id.
    pub async fn click(&mut self, id: &str) {
        self.eval(&format!("void document.getElementById('{id}').click()")).await;
    }

    /// What the pages wrote to the console so far, with their errors.
    pub fn console(&self) -> Vec<String> {
        locked(&self.heard).console.clone()
    }

    /// Every http address that the pages asked for so far.
    pub fn requests(&self) -> Vec<String> {
        locked(&self.heard).requests.clone()
    }

    /// Waits until the page plays a picture that is none of one colour, and its clock went on by `seconds` after that.
    pub async fn plays(&mut self, seconds: f64) -> Shown {
        let deadline = Instant::now() + 2 * PATIENCE;
        let mut began = None;
        loop {
            let shown = self.look().await;
            if shown.width > 0.0 && shown.contrast > 30.0 {
                let began = *began.get_or_insert(shown.time);
                if shown.time >= began + seconds {
                    return shown;
                }
            }
            let late = Instant::now() >= deadline;
            assert!(!late, "the page does not play: {shown:?}\nconsole: {:#?}", self.console());
            sleep(Duration::from_millis(100)).await;
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
        let (sender, answer) = oneshot::channel();
        locked(&self.heard).waiting.insert(id, sender);
        let talk = async {
            self.commands.write_all(&bytes).await.expect("the browser runs");
            let answer = answer.await.unwrap_or_else(|_| panic!("{method}: the browser ended"));
            assert!(answer.get("error").is_none(), "{method}: {answer}");
            answer["result"].clone()
        };
        timeout(2 * PATIENCE, talk).await.unwrap_or_else(|_| panic!("{method}: the browser does not answer"))
    }
}

fn locked(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Sorts what the browser says, until it ends.
async fn hear(mut from: BufReader<ChildStdout>, heard: Arc<Mutex<Heard>>) {
    loop {
        let mut bytes = Vec::new();
        let read = from.read_until(0, &mut bytes).await.unwrap_or(0);
        let mut heard = locked(&heard);
        if read == 0 {
            // Whoever still waits sees its end.
            heard.waiting.clear();
            return;
        }
        bytes.pop();
        let said: Value = serde_json::from_slice(&bytes).expect("the browser speaks JSON");
        let waiting = said["id"].as_u64().and_then(|id| heard.waiting.remove(&id));
        if let Some(waiting) = waiting {
            let _gave_up = waiting.send(said);
            continue;
        }
        let params = &said["params"];
        match said["method"].as_str().unwrap_or_default() {
            "Runtime.consoleAPICalled" => heard.console.push(params["args"].to_string()),
            "Runtime.exceptionThrown" => heard.console.push(params["exceptionDetails"].to_string()),
            "Log.entryAdded" => {
                let entry = &params["entry"];
                heard.console.push(format!("{}: {} {}", entry["level"], entry["text"], entry["url"]));
            }
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap_or_default();
                if url.starts_with("http") {
                    heard.requests.push(url.to_owned());
                }
            }
            _ => {}
        }
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
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
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
