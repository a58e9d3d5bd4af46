//! Clients: by UDP and by TCP.

use super::*;

/// A client.
pub struct Client {
    pub socket: UdpSocket,
    pub to: SocketAddr,
}

impl Client {
    pub async fn new(to: SocketAddr) -> Client {
        Client { socket: UdpSocket::bind("127.0.0.1:0").await.unwrap(), to }
    }

    /// One whose session is there.
    pub async fn connected(to: SocketAddr, ufrag: &str) -> Client {
        let client = Client::new(to).await;
        client.check(ufrag).await;
        assert!(is_success(&client.hear().await, ufrag));
        client
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    pub fn far(&self) -> Far {
        Far { peer: self.address(), tcp: false }
    }

    pub async fn say(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.to).await.unwrap();
    }

    /// Sends a good check.
    pub async fn check(&self, ufrag: &str) {
        self.say(&check(ufrag, &password(ufrag))).await;
    }

    /// Sends media.
    pub async fn send(&self, payload: &[u8]) {
        self.say(&media(payload)).await;
    }

    /// The next datagram.
    pub async fn hear(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let length = within(self.socket.recv(&mut buffer)).await.unwrap();
        buffer[..length].to_vec()
    }

    /// The next media.
    pub async fn media(&self) -> Vec<u8> {
        let datagram = self.hear().await;
        assert_eq!(datagram[0], 0x80, "{datagram:?}");
        datagram[HEAD..].to_vec()
    }

    /// Whether nothing has come for it when all that was sent to the port by now was taken.
    pub async fn hears_nothing(&self, here: &Here) {
        here.settled().await;
        let heard = self.socket.try_recv(&mut [0; 2048]);
        assert_eq!(heard.map_err(|error| error.kind()), Err(std::io::ErrorKind::WouldBlock));
    }
}

impl Here {
    /// Waits until each shard has taken what was sent to it by now: drivers take datagrams in the order in which they come.
    pub async fn settled(&self) {
        for shard in 0..self.shards.len() {
            self.client_on(shard).await;
        }
    }
}

/// A client by TCP.
pub struct Caller {
    pub stream: TcpStream,
    reader: frames::Reader,
}

impl Caller {
    pub async fn new(to: SocketAddr) -> Caller {
        Caller { stream: TcpStream::connect(to).await.unwrap(), reader: frames::Reader::default() }
    }

    /// One whose session is there.
    pub async fn connected(to: SocketAddr, ufrag: &str) -> Caller {
        let mut caller = Caller::new(to).await;
        caller.say(&check(ufrag, &password(ufrag))).await;
        assert!(is_success(&caller.hear().await.unwrap(), ufrag));
        caller
    }

    pub fn far(&self) -> Far {
        Far { peer: self.stream.local_addr().unwrap(), tcp: true }
    }

    pub async fn say(&mut self, datagram: &[u8]) {
        let mut out = BytesMut::new();
        frames::write(&mut out, datagram).unwrap();
        self.stream.write_all(&out).await.unwrap();
    }

    /// The next frame; none when the connection has ended.
    pub async fn hear(&mut self) -> Option<Vec<u8>> {
        within(async {
            loop {
                if let Some(frame) = self.reader.take().unwrap() {
                    return Some(frame.to_vec());
                }
                let mut buffer = [0; 4096];
                match self.stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => return None,
                    Ok(length) => self.reader.push(&buffer[..length]),
                }
            }
        })
        .await
    }
}
