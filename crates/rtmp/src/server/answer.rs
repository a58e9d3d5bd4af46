//! What a server session says.

use srs_amf::Value;

use super::{Config, Session, State};
use crate::Error;
use crate::command::{Command, data, information};
use crate::user_control::{self, UserControl};
use crate::window::{peer_bandwidth, window_ack};

/// Video codecs that pass through.
const VIDEO_FOURCC: [&str; 5] = ["avc1", "hvc1", "av01", "vp08", "vp09"];

/// Audio codecs that pass through.
const AUDIO_FOURCC: [&str; 6] = ["mp4a", "Opus", "fLaC", "ac-3", "ec-3", ".mp3"];

/// `FourCcInfoMask` CanForward: what is said of each codec, as none is decoded or encoded here.
const CAN_FORWARD: f64 = 4.0;

/// `CapsExMask`: multitrack (2) and ModEx (4) pass intact. Reconnect (1) is not claimed, nor the nanosecond offset (8).
const CAPS_EX: f64 = 6.0;

/// The client id that SRS gives to everyone.
const CLIENT_ID: &str = "ASAICiss";

/// What a player is asked to acknowledge, bytes. TCP knows what has arrived; each acknowledgement would only wake us.
const PLAY_WINDOW: u32 = 1 << 30;

impl Session {
    /// Lets the peer publish.
    pub fn accept_publish(&mut self) {
        let info = with_client_id("NetStream.Publish.Start", "Started publishing stream.");
        self.accept_publish_with(info);
    }

    /// Lets the peer publish and tells it this information object, an origin's own for instance.
    pub fn accept_publish_with(&mut self, info: Value) {
        self.admit();
        self.status_with(info);
    }

    /// Lets the peer play, and says all that players wait for: StreamBegin, reset, start, sample access, data start.
    pub fn accept_play(&mut self) {
        self.accept_play_saying(None);
    }

    /// The same, saying one thing more in the answer.
    pub fn accept_play_saying(&mut self, more: Option<(&str, Value)>) {
        let mut info = with_client_id("NetStream.Play.Start", "Started playing stream.");
        info.set("details", "stream".into());
        if let Some((name, value)) = more {
            info.set(name, value);
        }
        self.accept_play_with(info);
        let access = [Value::from("|RtmpSampleAccess"), true.into(), true.into()];
        self.link.send(&data(&access, self.stream_id));
        let start = [Value::from("onStatus"), Value::object([("code", "NetStream.Data.Start".into())])];
        self.link.send(&data(&start, self.stream_id));
    }

    /// Lets the peer play with this information object for the start; what follows it, the caller forwards.
    pub fn accept_play_with(&mut self, info: Value) {
        self.admit();
        self.link.send(&window_ack(PLAY_WINDOW));
        self.link.send(&user_control::message(UserControl::StreamBegin(self.stream_id)));
        let mut reset = with_client_id("NetStream.Play.Reset", "Playing and resetting stream.");
        reset.set("details", "stream".into());
        self.status_with(reset);
        self.status_with(info);
    }

    /// Refuses: the wish to publish or play, or the connection itself when nothing was wished. Then send what is pending
    /// and close, or read on if the peer may ask again.
    pub fn reject(&mut self, code: &str, description: &str) {
        self.reject_with(information("error", code, description));
    }

    /// Refuses with this information object, an origin's own for instance.
    pub fn reject_with(&mut self, info: Value) {
        if std::mem::replace(&mut self.state, State::Idle) == State::Idle {
            let error = Command::new("_error", self.connect_transaction, Value::Null).with(info);
            self.link.send(&error.message(0));
        } else {
            self.status_with(info);
        }
    }

    /// Tells the peer something about its stream.
    pub fn status(&mut self, level: &str, code: &str, description: &str) {
        self.status_with(information(level, code, description));
    }

    /// Tells the peer this information object.
    pub fn status_with(&mut self, info: Value) {
        let status = Command::new("onStatus", 0.0, Value::Null).with(info);
        self.link.send(&status.message(self.stream_id));
    }

    /// Tells a player that the stream is over.
    pub fn stream_eof(&mut self) {
        self.link.send(&user_control::message(UserControl::StreamEof(self.stream_id)));
    }

    pub(super) fn answer_status(&mut self, level: &str, code: &str, description: &str) -> Result<(), Error> {
        let status = Command::new("onStatus", 0.0, Value::Null).with(information(level, code, description));
        self.link.answer(&status.message(self.stream_id))
    }

    pub(super) fn answer_result(&mut self, command: &Command, value: Value) -> Result<(), Error> {
        let result = Command::new("_result", command.transaction, Value::Null).with(value);
        self.link.answer(&result.message(0))
    }

    /// FMLE waits for `onFCPublish` before it publishes.
    pub(super) fn answer_fcpublish(&mut self, command: &Command) -> Result<(), Error> {
        self.answer_result(command, Value::Undefined)?;
        let info = information("status", "NetStream.Publish.Start", "Started publishing stream.");
        self.link.answer(&Command::new("onFCPublish", 0.0, Value::Null).with(info).message(self.stream_id))
    }

    pub(super) fn answer_end(&mut self, command: &Command, published: bool) -> Result<(), Error> {
        if command.name == "FCUnpublish" {
            let info = information("status", "NetStream.Unpublish.Success", "Stop publishing stream.");
            self.link.answer(
                &Command::new("onFCUnpublish", 0.0, Value::Null).with(info).message(self.stream_id),
            )?;
            self.answer_result(command, Value::Undefined)?;
        }
        if published {
            self.answer_status("status", "NetStream.Unpublish.Success", "Stream is now unpublished")?;
        }
        Ok(())
    }

    pub(super) fn answer_pause(&mut self, pause: bool) -> Result<(), Error> {
        if pause {
            self.answer_status("status", "NetStream.Pause.Notify", "Paused stream.")?;
            return self.link.answer(&user_control::message(UserControl::StreamEof(self.stream_id)));
        }
        self.answer_status("status", "NetStream.Unpause.Notify", "Unpaused stream.")?;
        self.link.answer(&user_control::message(UserControl::StreamBegin(self.stream_id)))
    }

    pub(super) fn answer_connect(&mut self, transaction: f64, object: &Value) -> Result<(), Error> {
        self.link.answer(&window_ack(self.config.window_ack))?;
        self.link.send(&peer_bandwidth(self.config.peer_bandwidth));
        self.link.announce_chunk_size(self.config.chunk_size);
        self.link.send(&user_control::message(UserControl::StreamBegin(0)));
        self.link.send(&connect_result(&self.config, transaction, object).message(0));
        self.link.send(&Command::new("onBWDone", 0.0, Value::Null).message(0));
        Ok(())
    }
}

fn with_client_id(code: &str, description: &str) -> Value {
    let mut info = information("status", code, description);
    info.set("clientid", CLIENT_ID.into());
    info
}

fn connect_result(config: &Config, transaction: f64, object: &Value) -> Command {
    let mut properties = Value::object([
        ("fmsVer", config.fms_version.as_str().into()),
        ("capabilities", 127.0.into()),
        ("mode", 1.0.into()),
    ]);
    let mut info = information("status", "NetConnection.Connect.Success", "Connection succeeded");
    info.set("objectEncoding", 0.0.into());
    // Readers of Enhanced RTMP look in the one or the other object.
    for (key, value) in capabilities(object) {
        properties.set(key, value.clone());
        info.set(key, value);
    }
    info.set("data", Value::EcmaArray(config.server_info.clone()));
    Command::new("_result", transaction, properties).with(info)
}

/// What a client of Enhanced RTMP is told; nothing for a client that did not speak of it.
fn capabilities(object: &Value) -> Vec<(&'static str, Value)> {
    const KEYS: [&str; 4] = ["fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"];
    if KEYS.iter().all(|key| object.get(key).is_none()) {
        return Vec::new();
    }
    let map = |names: &[&str]| Value::object(names.iter().map(|name| (*name, Value::Number(CAN_FORWARD))));
    let list = VIDEO_FOURCC.iter().chain(&AUDIO_FOURCC).map(|name| Value::from(*name)).collect();
    let values = [Value::StrictArray(list), map(&VIDEO_FOURCC), map(&AUDIO_FOURCC), Value::Number(CAPS_EX)];
    KEYS.into_iter().zip(values).collect()
}
