//! An RTMP publisher that remembers what it sent.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use srs_rtmp::chunk::Writer;
use srs_rtmp::client::{Event, Role, Session};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use super::player::Client;
use super::{Refusal, Target};
use crate::media::Mark;
use crate::{Frame, within};

/// An RTMP publisher. Dropping it drops the connection without a goodbye.
pub struct Publisher {
    write: Arc<Mutex<OwnedWriteHalf>>,
    writer: Writer,
    stream: String,
    told: mpsc::UnboundedReceiver<String>,
    reader: JoinHandle<()>,
    /// Everything that was sent, in order.
    pub sent: Vec<Mark>,
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Publisher {
    /// Connects and waits until the server lets us publish.
    pub async fn connect(address: SocketAddr, target: &Target) -> Result<Publisher, Refusal> {
        let role = Role::Publish { kind: "live".to_owned() };
        let client = within("the answer to publish", Client::open(address, target, role, None)).await?;
        let (stream, session, input) = client.split();
        let (read, write) = stream.into_split();
        let write = Arc::new(Mutex::new(write));
        let (sender, told) = mpsc::unbounded_channel();
        let reader = tokio::spawn(listen(read, session, input, Arc::clone(&write), sender));
        let writer = Writer::new(60_000);
        Ok(Publisher { write, writer, stream: target.stream.clone(), told, reader, sent: Vec::new() })
    }

    /// Sends one frame; false when the connection is gone.
    pub async fn send(&mut self, frame: &Frame) -> bool {
        let mut out = BytesMut::new();
        self.writer.write(&frame.message(), &mut out);
        let sent = self.write.lock().await.write_all(&out).await.is_ok();
        if sent {
            self.sent.push(frame.mark());
        }
        sent
    }

    /// Sends several frames and panics if the connection is gone.
    pub async fn send_all(&mut self, frames: &[Frame]) {
        for frame in frames {
            assert!(within("sending", self.send(frame)).await, "the publisher's connection is gone");
        }
    }

    /// Bytes that are no frame of ours.
    pub async fn send_raw(&mut self, bytes: &[u8]) {
        // The server may be faster in closing.
        let _gone = self.write.lock().await.write_all(bytes).await;
    }

    /// Whether the server has closed the connection.
    pub fn was_cut(&self) -> bool {
        self.reader.is_finished()
    }

    /// What the server says next, the code of a status; none when it closed.
    pub async fn told(&mut self) -> Option<String> {
        within("a word from the server", self.told.recv()).await
    }

    /// Waits until the server closes; the answer is what it said before.
    pub async fn closed(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(code) = self.told().await {
            all.push(code);
        }
        all
    }

    /// Ends the stream as encoders do.
    pub async fn goodbye(mut self) -> Vec<Mark> {
        use srs_amf::Value;
        use srs_rtmp::Command;
        let mut out = BytesMut::new();
        let end = Command::new("FCUnpublish", 6.0, Value::Null).with(self.stream.as_str());
        self.writer.write(&end.message(0), &mut out);
        self.writer.write(&Command::new("deleteStream", 7.0, Value::Null).with(1.0).message(0), &mut out);
        let mut write = self.write.lock().await;
        write.write_all(&out).await.expect("the connection holds until we said goodbye");
        write.shutdown().await.expect("the connection can be closed");
        drop(write);
        std::mem::take(&mut self.sent)
    }
}

async fn listen(
    mut read: OwnedReadHalf,
    mut session: Session,
    mut input: Bytes,
    write: Arc<Mutex<OwnedWriteHalf>>,
    told: mpsc::UnboundedSender<String>,
) {
    loop {
        let event = session.handle_input(&mut input);
        if let Some(output) = session.poll_output()
            && write.lock().await.write_all(&output).await.is_err()
        {
            return;
        }
        match event {
            Ok(Some(Event::Status { code, .. })) => {
                let _nobody_listens = told.send(code);
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                let mut block = BytesMut::with_capacity(4096);
                match read.read_buf(&mut block).await {
                    Ok(count) if count > 0 => input = block.freeze(),
                    _ => return,
                }
            }
            Err(_) => return,
        }
    }
}
