use srs_media::Role;
use srs_names::Seal;
use srs_peer::srt::Passphrase;
use srs_srt::streamid::strip_key;
use tokio::net::UdpSocket;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::plan::SrtCall;
use crate::testkit::{id, seal};

mod flights;
mod server;

use server::{Manner, Server, target};

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = async { timeout(Duration::from_secs(30), test).await.expect("within 30 s") };
    LocalSet::new().block_on(&runtime, test);
}

fn asker(seal: Option<Seal>) -> Asker {
    Asker { seal, me: id("edge"), client: None, hops: Vec::new(), debug: false, servers: Vec::new() }
}

async fn open(target: &Target) -> Result<Session, Failed> {
    Session::open(target, None).await
}

async fn refused(target: &Target) -> Failed {
    open(target).await.expect_err("a refusal")
}

/// The next frame that is a picture: its time and its mark.
async fn picture(session: &mut Session) -> (i64, u8) {
    loop {
        match session.next().await.unwrap() {
            Event::Frame(frame) if matches!(frame.role, Role::Key | Role::Inter) => {
                return (frame.time, *frame.wire.last().unwrap());
            }
            Event::Frame(_) | Event::Alive => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_stream_comes_picture_by_picture_until_the_server_says_that_it_is_over() {
    run(async {
        let mut server = Server::new(Manner::Play(7));
        let mut session = open(&server.target()).await.unwrap();
        assert_eq!(server.said.recv().await.unwrap().as_deref(), Some("#!::r=live/a,m=request"));
        for number in 0..40 {
            assert_eq!(picture(&mut session).await, (number * 40, 7));
        }
        server.manner.send(Manner::Over).unwrap();
        while !matches!(session.next().await.unwrap(), Event::Over) {}
    });
}

#[test]
fn media_that_has_made_no_frame_yet_is_known_of() {
    run(async {
        let server = Server::new(Manner::Headless);
        let mut session = open(&server.target()).await.unwrap();
        assert!(!session.brings_media());
        assert!(matches!(session.next().await.unwrap(), Event::Alive));
        assert!(session.brings_media());
    });
}

#[test]
fn a_reason_says_whether_the_stream_the_viewer_or_the_server_is_meant() {
    run(async {
        let server = Server::new(Manner::Mute);
        for (reason, kind) in [
            (Reason::NOT_FOUND, MissingKind::NotFound),
            (Reason::FORBIDDEN, MissingKind::Forbidden),
            (Reason::UNAUTHORIZED, MissingKind::Forbidden),
            (Reason::FAILED_DEPENDENCY, MissingKind::Loop),
            (Reason::UNAVAILABLE, MissingKind::Unreachable),
            (Reason::BAD_SECRET, MissingKind::Unreachable),
            (Reason(1999), MissingKind::Unreachable),
        ] {
            server.manner.send(Manner::Refuse(reason)).unwrap();
            let failed = refused(&server.target()).await;
            assert_eq!((failed.kind, failed.why), (kind, format!("refused: {reason}")));
        }
    });
}

#[test]
fn who_does_not_answer_in_time_and_who_is_not_there_cannot_be_reached() {
    run(async {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut to = target(silent.local_addr().unwrap());
        to.srt.timeout = Some(Duration::from_millis(300));
        assert_eq!(refused(&to).await, Failed::unreachable("no answer in time"));
        drop(silent);
        assert_eq!(refused(&to).await, Failed::unreachable("the port is closed"));
    });
}

#[test]
fn a_server_that_vanishes_is_lost_and_its_stream_is_not_over() {
    run(async {
        let server = Server::new(Manner::Play(1));
        let mut session = open(&server.target()).await.unwrap();
        picture(&mut session).await;
        drop(server);
        let lost = loop {
            match session.next().await {
                Ok(Event::Over) => panic!("it is not over"),
                Ok(_) => {}
                Err(failed) => break failed,
            }
        };
        assert_eq!(lost.kind, MissingKind::Unreachable);
    });
}

#[test]
fn what_is_encrypted_comes_with_the_passphrase_alone() {
    run(async {
        let passphrase = |text| Passphrase::new(text).ok();
        let settings = Settings { passphrase: passphrase("a good passphrase"), ..Settings::default() };
        let server = Server::with(Manner::Play(3), settings);
        let call = |text| SrtCall { passphrase: passphrase(text), ..SrtCall::default() };
        let with = |text| Target { srt: call(text), ..server.target() };
        let mut session = open(&with("a good passphrase")).await.unwrap();
        assert_eq!(picture(&mut session).await.1, 3);
        assert!(refused(&with("a bad passphrase")).await.why.contains("wrong passphrase"));
        assert!(refused(&server.target()).await.why.contains("a passphrase is required"));
    });
}

#[test]
fn a_server_of_ours_is_told_who_asks() {
    run(async {
        let mut server = Server::new(Manner::Play(1));
        let asker = asker(Some(seal()));
        Session::open(&server.target(), Some(&asker)).await.unwrap();
        let said = server.said.recv().await.unwrap().unwrap();
        let (bare, envelope) = strip_key(&said, srs_names::envelope::SRT_KEY);
        assert!(bare == "#!::r=live/a,m=request" && envelope.is_some(), "{said}");
    });
}

#[test]
fn a_server_that_does_not_bear_to_be_told_is_asked_without() {
    run(async {
        let asker = Asker { hops: vec![id(&"x".repeat(60)); 8], ..asker(Some(seal())) };
        for reason in [Reason::ROGUE, Reason::UNKNOWN] {
            let mut server = Server::new(Manner::Narrow(reason));
            let mut session = Session::open(&server.target(), Some(&asker)).await.unwrap();
            picture(&mut session).await;
            assert!(server.said.recv().await.unwrap().unwrap().len() > 512);
            assert_eq!(server.said.recv().await.unwrap().as_deref(), Some("#!::r=live/a,m=request"));
        }
    });
}
