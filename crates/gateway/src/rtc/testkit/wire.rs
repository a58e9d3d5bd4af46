//! How a client's datagrams travel.

use std::net::SocketAddr;

use bytes::BytesMut;
use srs_rtc::frames;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

pub(super) enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream, frames::Reader),
}

impl Wire {
    pub(super) async fn send(&mut self, datagram: &[u8], to: SocketAddr) {
        match self {
            Wire::Udp(socket) => drop(socket.send_to(datagram, to).await.unwrap()),
            Wire::Tcp(stream, _) => {
                let mut out = BytesMut::new();
                frames::write(&mut out, datagram).unwrap();
                stream.write_all(&out).await.unwrap();
            }
        }
    }

    pub(super) async fn receive(&mut self) -> Vec<u8> {
        let mut buffer = [0; 4096];
        match self {
            Wire::Udp(socket) => {
                let length = socket.recv(&mut buffer).await.unwrap();
                buffer[..length].to_vec()
            }
            Wire::Tcp(stream, reader) => loop {
                if let Some(frame) = reader.take().unwrap() {
                    return frame.to_vec();
                }
                let length = stream.read(&mut buffer).await.unwrap();
                if length == 0 {
                    // The other end is gone, as no datagram would say.
                    std::future::pending::<()>().await;
                }
                reader.push(&buffer[..length]);
            },
        }
    }
}
