//! One stream that is published at several servers at once.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::media::Mark;
use crate::{Frame, Publisher, Target};

/// A server that is gone is tried again so often.
const AGAIN: Duration = Duration::from_millis(300);

/// Publishers of one stream, one at each server.
pub(crate) struct Legs {
    legs: Vec<Leg>,
    sent: Vec<Mark>,
}

struct Leg {
    address: SocketAddr,
    target: Target,
    state: State,
}

enum State {
    Up(Box<Publisher>),
    Down(JoinHandle<Publisher>),
}

impl Leg {
    /// Tries for as long as it takes; it ends with the test.
    fn again(&self) -> State {
        let (address, target) = (self.address, self.target.clone());
        State::Down(tokio::spawn(async move {
            loop {
                tokio::time::sleep(AGAIN).await;
                if let Ok(publisher) = Publisher::connect(address, &target).await {
                    return publisher;
                }
            }
        }))
    }

    async fn send(&mut self, frames: &[Frame]) {
        let State::Up(publisher) = &mut self.state else { return };
        for frame in frames {
            if publisher.was_cut() || !publisher.send(frame).await {
                self.state = self.again();
                return;
            }
        }
    }
}

impl Legs {
    /// Connects to each, and waits until all let us publish.
    pub(crate) async fn connect(addresses: &[SocketAddr], target: &Target) -> Legs {
        let mut legs = Vec::new();
        for &address in addresses {
            let publisher = Publisher::connect(address, target).await.expect("publishing begins");
            legs.push(Leg { address, target: target.clone(), state: State::Up(Box::new(publisher)) });
        }
        Legs { legs, sent: Vec::new() }
    }

    /// Goes on where a server is back, with these headers first.
    pub(crate) async fn come_back(&mut self, headers: &[Frame]) {
        for leg in &mut self.legs {
            if let State::Down(coming) = &mut leg.state
                && coming.is_finished()
            {
                let publisher = coming.await.expect("a publisher does not panic");
                leg.state = State::Up(Box::new(publisher));
                leg.send(headers).await;
            }
        }
    }

    /// Sends to all that are there.
    pub(crate) async fn send(&mut self, frames: &[Frame]) {
        for leg in &mut self.legs {
            leg.send(frames).await;
        }
        self.sent.extend(frames.iter().map(Frame::mark));
    }

    /// Ends the stream everywhere; the answer is all that was sent.
    pub(crate) async fn goodbye(self) -> Vec<Mark> {
        for leg in self.legs {
            match leg.state {
                State::Up(publisher) if !publisher.was_cut() => drop(publisher.goodbye().await),
                State::Up(_) => {}
                State::Down(coming) => coming.abort(),
            }
        }
        self.sent
    }
}
