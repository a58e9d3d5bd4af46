use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::limits;

fn v4(port: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 7], port))
}

/// A header of version 2.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([command, family]);
    bytes.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
    bytes.extend(rest);
    bytes
}

/// Both addresses of a TCP connection over IPv4, and what is behind them.
fn v4_block(source: SocketAddr, fields: &[u8]) -> Vec<u8> {
    let SocketAddr::V4(source) = source else { panic!("{source}") };
    let mut block = source.ip().octets().to_vec();
    block.extend([192, 0, 2, 1]);
    block.extend(source.port().to_be_bytes());
    block.extend(1935_u16.to_be_bytes());
    block.extend(fields);
    block
}

fn v6_block(source: SocketAddr) -> Vec<u8> {
    let SocketAddr::V6(source) = source else { panic!("{source}") };
    let mut block = source.ip().octets().to_vec();
    block.extend(Ipv6Addr::LOCALHOST.octets());
    block.extend(source.port().to_be_bytes());
    block.extend(1935_u16.to_be_bytes());
    block
}

/// The source of a header that is whole and ends where the bytes do.
fn whole(bytes: &[u8]) -> Result<Option<SocketAddr>, Bad> {
    let header = parse(bytes)?.expect("the header is complete");
    assert_eq!(header.length, bytes.len());
    Ok(header.source)
}

#[test]
fn a_line_tells_the_source_of_either_family() {
    assert_eq!(whole(b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 1935\r\n"), Ok(Some(v4(56324))));
    let six = "[2001:db8::1]:1".parse().unwrap();
    assert_eq!(whole(b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"), Ok(Some(six)));
    assert_eq!(whole(b"PROXY TCP4 203.0.113.7 192.0.2.1 0 0\r\n"), Ok(Some(v4(0))));
}

#[test]
fn a_line_of_an_unknown_source_keeps_the_sockets_address() {
    for line in [&b"PROXY UNKNOWN\r\n"[..], b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"]
    {
        assert_eq!(whole(line), Ok(None));
    }
}

#[test]
fn a_line_is_read_up_to_107_bytes_and_no_further() {
    let line = |length: usize| {
        let mut line = b"PROXY UNKNOWN ".to_vec();
        line.resize(length - 2, b'x');
        [line.as_slice(), b"\r\n"].concat()
    };
    assert_eq!(whole(&line(MAX_LINE)), Ok(None));
    assert_eq!(parse(&line(MAX_LINE + 1)), Err(Bad::Line));
    let endless = [b'x'; 200];
    let endless = [&b"PROXY TCP4 "[..], &endless].concat();
    assert_eq!(parse(&endless[..MAX_LINE - 1]), Ok(None));
    assert_eq!(parse(&endless[..MAX_LINE]), Err(Bad::Line));
}

#[test]
fn a_line_with_other_words_is_refused() {
    for line in [
        "PROXY tcp4 203.0.113.7 192.0.2.1 56324 1935\r\n",
        "PROXY UDP4 203.0.113.7 192.0.2.1 56324 1935\r\n",
        "PROXY TCP4  203.0.113.7 192.0.2.1 56324 1935\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 56324 1935 \r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 56324\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 56324 1935 7\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 65536 1935\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 +1 1935\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 01 1935\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 1 \r\n",
        "PROXY TCP4 203.0.113.07 192.0.2.1 1 1935\r\n",
        "PROXY TCP4 203.0.113 192.0.2.1 1 1935\r\n",
        "PROXY TCP4 2001:db8::1 ::1 1 1935\r\n",
        "PROXY TCP6 203.0.113.7 192.0.2.1 1 1935\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 1 1935\n",
        "PROXY TCP4 203.0.113.7\r192.0.2.1 1 1935\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n",
    ] {
        assert_eq!(parse(line.as_bytes()), Err(Bad::Words), "{line:?}");
    }
}

#[test]
fn bytes_that_begin_otherwise_are_refused_at_once() {
    for bytes in [&b"G"[..], b"\x03", b"PROXZ", b"PROXY\r", b"\r\n\r\n\0\r\nQUIT ", b"proxy", b"\r\r"] {
        assert_eq!(parse(bytes), Err(Bad::Start), "{bytes:?}");
    }
}

#[test]
fn a_binary_header_tells_the_source_of_either_family() {
    assert_eq!(whole(&binary(0x21, 0x11, &v4_block(v4(7), &[]))), Ok(Some(v4(7))));
    let six = "[2001:db8::1]:65535".parse().unwrap();
    assert_eq!(whole(&binary(0x21, 0x21, &v6_block(six))), Ok(Some(six)));
}

#[test]
fn fields_behind_the_addresses_are_stepped_over() {
    let fields = [&[0x04, 0, 0][..], &[0x02, 0, 3, b'a', b'b', b'c']].concat();
    assert_eq!(whole(&binary(0x21, 0x11, &v4_block(v4(7), &fields))), Ok(Some(v4(7))));
    for malformed in [&[0x04][..], &[0x04, 0], &[0x04, 0, 1], &[0x04, 0, 0, 9]] {
        let header = binary(0x21, 0x11, &v4_block(v4(7), malformed));
        assert_eq!(parse(&header), Err(Bad::Fields), "{malformed:?}");
    }
}

#[test]
fn a_balancers_own_connection_keeps_the_sockets_address() {
    // The health check of a balancer, whatever else it says.
    for rest in [&[][..], &[1, 2, 3], &v4_block(v4(7), &[0xFF])] {
        assert_eq!(whole(&binary(0x20, 0x00, rest)), Ok(None));
        assert_eq!(whole(&binary(0x20, 0x11, rest)), Ok(None));
    }
    assert_eq!(whole(&binary(0x21, 0x00, &[9; 30])), Ok(None), "an unknown family");
    assert_eq!(whole(&binary(0x21, 0x31, &[b'/'; 216])), Ok(None), "a socket in the file system");
}

#[test]
fn a_binary_header_that_contradicts_itself_is_refused() {
    let block = v4_block(v4(7), &[]);
    assert_eq!(parse(&binary(0x11, 0x11, &block)), Err(Bad::Version(1)));
    assert_eq!(parse(&binary(0x31, 0x11, &block)), Err(Bad::Version(3)));
    assert_eq!(parse(&binary(0x22, 0x11, &block)), Err(Bad::Command(2)));
    for family in [0x01, 0x10, 0x12, 0x13, 0x22, 0x32, 0x41, 0xFF] {
        assert_eq!(parse(&binary(0x21, family, &block)), Err(Bad::Family(family)));
    }
    assert_eq!(parse(&binary(0x21, 0x11, &block[..11])), Err(Bad::Length(27)));
    assert_eq!(parse(&binary(0x21, 0x21, &block)), Err(Bad::Length(28)));
}

#[test]
fn a_binary_header_of_more_than_4_kib_is_refused_by_its_length_alone() {
    assert_eq!(whole(&binary(0x20, 0x00, &vec![0; MAX_HEADER - 16])), Ok(None));
    let long = binary(0x20, 0x00, &vec![0; MAX_HEADER - 15]);
    assert_eq!(parse(&long[..16]), Err(Bad::Length(MAX_HEADER + 1)));
}

proptest! {
    #[test]
    fn a_header_is_found_again_whatever_is_behind_it(ip: [u8; 4], six: [u8; 16], port: u16, fields in 0_usize..300, behind: Vec<u8>) {
        let four = SocketAddr::new(IpAddr::from(ip), port);
        let six = SocketAddr::new(IpAddr::from(six), port);
        let mut field = vec![0x04];
        field.extend(u16::try_from(fields).unwrap().to_be_bytes());
        field.resize(3 + fields, 0xAA);
        let headers = [
            (four, format!("PROXY TCP4 {} 127.0.0.1 {port} 1\r\n", four.ip()).into_bytes()),
            (six, format!("PROXY TCP6 {} ::1 {port} 1\r\n", six.ip()).into_bytes()),
            (four, binary(0x21, 0x11, &v4_block(four, &field))),
            (six, binary(0x21, 0x21, &v6_block(six))),
        ];
        for (source, header) in headers {
            let bytes = [header.as_slice(), &behind].concat();
            prop_assert_eq!(parse(&bytes), Ok(Some(Header { source: Some(source), length: header.len() })));
            for end in 0..header.len() {
                prop_assert_eq!(parse(&bytes[..end]), Ok(None));
            }
        }
    }

    #[test]
    fn no_byte_behind_an_answer_changes_it(bytes: Vec<u8>, begin in 0..4) {
        let begin: &[u8] = match begin { 0 => b"", 1 => b"PROXY ", 2 => b"PROXY TCP4 1.2.3.4 1.2.3.4 ", _ => SIGNATURE };
        let bytes = [begin, &bytes].concat();
        let last = parse(&bytes);
        let mut seen = Ok(None);
        for end in 0..=bytes.len() {
            let now = parse(&bytes[..end]);
            match seen {
                Ok(None) => {}
                // Which of several faults is told may change; that there is one may not.
                Err(_) => prop_assert!(now.is_err()),
                found => prop_assert_eq!(now, found),
            }
            if let Ok(Some(header)) = now {
                prop_assert!(header.length <= end && header.length <= MAX_HEADER);
            }
            seen = now;
        }
        prop_assert_eq!(seen, last);
    }
}

/// A listener that trusts everybody, and where it is.
fn listener() -> (Listener, SocketAddr) {
    let socket = crate::tcp::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = socket.local_addr().unwrap();
    (Listener::new(socket, Trust::of(|_| true), "test").unwrap(), address)
}

const LINE: &[u8] = b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 1935\r\n";

#[tokio::test]
async fn what_is_behind_the_header_stays_the_clients() {
    for header in [LINE.to_vec(), binary(0x21, 0x11, &v4_block(v4(56324), &[0x04, 0, 0]))] {
        let (mut listener, address) = listener();
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(&[header.as_slice(), b"hello"].concat()).await.unwrap();
        let (mut stream, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, v4(56324));
        let mut rest = [0; 5];
        stream.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"hello");
    }
}

#[tokio::test]
async fn a_header_may_come_byte_by_byte() {
    let (mut listener, address) = listener();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.set_nodelay(true).unwrap();
    let write = async {
        for byte in binary(0x21, 0x11, &v4_block(v4(1), &[0x04, 0, 0])) {
            client.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        client.write_all(b"!").await.unwrap();
    };
    let ((), accepted) = tokio::join!(write, listener.accept());
    let (mut stream, peer) = accepted.unwrap();
    assert_eq!((peer, stream.read_u8().await.unwrap()), (v4(1), b'!'));
}

#[tokio::test]
async fn a_connection_without_a_source_keeps_its_own_address() {
    let (mut listener, address) = listener();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(&binary(0x20, 0x00, &[])).await.unwrap();
    let (_stream, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

#[tokio::test]
async fn from_other_addresses_no_header_is_looked_for() {
    let socket = crate::tcp::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = socket.local_addr().unwrap();
    let elsewhere = IpAddr::from([10, 0, 0, 1]);
    let mut listener = Listener::new(socket, Trust::of(move |ip| ip == elsewhere), "test").unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(LINE).await.unwrap();
    let (mut stream, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    assert_eq!(stream.read_u8().await.unwrap(), b'P');
}

#[tokio::test]
async fn what_is_no_header_is_closed_and_the_next_is_served() {
    let (mut listener, address) = listener();
    let mut bad = TcpStream::connect(address).await.unwrap();
    bad.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut ended = TcpStream::connect(address).await.unwrap();
    ended.write_all(b"PROXY TCP4").await.unwrap();
    ended.shutdown().await.unwrap();
    let mut good = TcpStream::connect(address).await.unwrap();
    let serve = async {
        let (_stream, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, v4(56324));
        // The others are closed while the listener waits for more.
        listener.accept().await.map(|_| ())
    };
    let watch = async {
        assert_eq!(bad.read(&mut [0]).await.unwrap_or(0), 0);
        assert_eq!(ended.read(&mut [0]).await.unwrap_or(0), 0);
        good.write_all(LINE).await.unwrap();
        let mut last = TcpStream::connect(address).await.unwrap();
        last.write_all(LINE).await.unwrap();
        last
    };
    let (served, _last) = tokio::join!(serve, watch);
    served.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_header_that_does_not_come_is_not_awaited_for_long() {
    let (mut listener, address) = listener();
    let began = tokio::time::Instant::now();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"PROXY TCP4 ").await.unwrap();
    let end = async { slow.read(&mut [0]).await.unwrap_or(0) };
    tokio::select! {
        _ = listener.accept() => panic!("served without a header"),
        count = end => assert_eq!(count, 0),
    }
    assert!(began.elapsed() >= limits::PROXY_HEADER && began.elapsed() < 2 * limits::PROXY_HEADER);
}

#[tokio::test]
async fn a_silent_connection_keeps_nobody_waiting() {
    let (mut listener, address) = listener();
    let _silent = TcpStream::connect(address).await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(LINE).await.unwrap();
    let (_stream, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, v4(56324));
}

#[tokio::test]
async fn no_more_headers_are_awaited_than_the_limit_says() {
    let (mut listener, address) = listener();
    listener.most = 1;
    let mut first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    let mut byte = [0];
    tokio::select! {
        _ = listener.accept() => panic!("served without a header"),
        count = second.read(&mut byte) => assert_eq!(count.unwrap_or(0), 0),
    }
    first.write_all(LINE).await.unwrap();
    assert_eq!(listener.accept().await.unwrap().1, v4(56324));
}
