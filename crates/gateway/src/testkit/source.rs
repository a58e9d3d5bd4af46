//! A source that answers as it is told and keeps what it was asked, and doors that have one.

use std::future::{Future, pending, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use http::Request;
use srs_hub::Hub;
use srs_names::source::{Fetch, Missing, MissingKind, Source, Wish};
use srs_names::{AppRecord, FetchRecord, FetchState};
use srs_net::http::elsewhere::Hops;
use srs_net::http::{Answer, Elsewhere};
use tokio::sync::watch;

use super::config;
use crate::{Config, Gateway, Vhost};

/// What the source says to everybody from now on.
#[derive(Clone)]
pub(crate) enum Says {
    Here,
    Missing(Missing),
    /// It comes, until one is sent why it does not.
    Coming,
    /// Nothing at all.
    Silent,
}

pub(crate) fn missing(kind: MissingKind, reason: &str) -> Missing {
    Missing { kind, reason: reason.to_owned() }
}

/// The source.
pub(crate) struct Spring {
    says: Mutex<Says>,
    /// Key, host, query, client and hops of each wish.
    wishes: Mutex<Vec<[String; 5]>>,
    given_up: watch::Sender<Option<Missing>>,
}

impl Spring {
    pub(crate) fn new(says: Says) -> Arc<Spring> {
        let given_up = watch::Sender::new(None);
        Arc::new(Spring { says: Mutex::new(says), wishes: Mutex::default(), given_up })
    }

    pub(crate) fn say(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    /// What is coming does not.
    pub(crate) fn give_up(&self, missing: Missing) {
        self.given_up.send_replace(Some(missing));
    }

    pub(crate) fn wishes(&self) -> Vec<[String; 5]> {
        self.wishes.lock().unwrap().clone()
    }

    /// Waits until so many wishes were heard.
    pub(crate) async fn heard(&self, count: usize) {
        while self.wishes.lock().unwrap().len() < count {
            tokio::task::yield_now().await;
        }
    }

    /// Doors that ask it.
    pub(crate) fn gateway(self: &Arc<Self>, vhost: Vhost) -> Arc<Gateway> {
        let source = Some(Arc::clone(self) as Arc<dyn Source>);
        Gateway::new(Hub::new(), Config { source, ..config(vhost) })
    }
}

impl Source for Spring {
    fn fetch<'a>(
        &'a self,
        wish: Wish<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Fetch, Missing>> + Send + 'a>> {
        let hops: Vec<_> = wish.hops.iter().map(|hop| hop.as_str()).collect();
        self.wishes.lock().unwrap().push([
            wish.key.to_string(),
            wish.host.to_owned(),
            wish.query.to_owned(),
            wish.client.ip().to_string(),
            hops.join(" "),
        ]);
        match self.says.lock().unwrap().clone() {
            Says::Here => Box::pin(ready(Ok(Fetch::Here))),
            Says::Missing(missing) => Box::pin(ready(Err(missing))),
            Says::Silent => Box::pin(pending()),
            Says::Coming => {
                let mut given_up = self.given_up.subscribe();
                let coming = async move {
                    loop {
                        let missing = given_up.borrow_and_update().clone();
                        match missing {
                            Some(missing) => return missing,
                            None if given_up.changed().await.is_ok() => {}
                            None => return pending().await,
                        }
                    }
                };
                Box::pin(ready(Ok(Fetch::Coming(Box::pin(coming)))))
            }
        }
    }

    fn fetches(&self) -> Vec<FetchRecord> {
        vec![fetched()]
    }

    fn applications(&self) -> Vec<AppRecord> {
        vec![application()]
    }
}

/// What every [`Spring`] says that it fetches.
pub(crate) fn fetched() -> FetchRecord {
    FetchRecord {
        key: super::key("fetched"),
        url: "rtmp://upstream:1935/live/fetched".to_owned(),
        since_ms: 1_795_000_000_000,
        state: FetchState::Running,
        viewers: 3,
        error: String::new(),
    }
}

/// Its application.
pub(crate) fn application() -> AppRecord {
    let (vhost, name) = ("__defaultVhost__".to_owned(), "live".to_owned());
    AppRecord { vhost, name, providers: vec!["rtmp".to_owned()], made_ms: None, streams: 1 }
}

/// Answers every list with its path, and nothing else; `silent` ones are never answered.
#[derive(Default)]
pub(crate) struct Other {
    /// What was asked: path with query, client and hops.
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Other {
    /// Doors that ask it.
    pub(crate) fn gateway(self: &Arc<Self>, vhost: Vhost) -> Arc<Gateway> {
        let elsewhere = Some(Arc::clone(self) as Arc<dyn Elsewhere>);
        Gateway::new(Hub::new(), Config { elsewhere, ..config(vhost) })
    }
}

impl Elsewhere for Other {
    fn answer<'a>(
        &'a self,
        request: &'a Request<()>,
        peer: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = Option<Answer>> + 'a>> {
        let hops = request.extensions().get::<Hops>().map_or(0, |hops| hops.0.len());
        self.asked.lock().unwrap().push(format!("{} {} {hops}", request.uri(), peer.ip()));
        let path = request.uri().path().to_owned();
        Box::pin(async move {
            if path.contains("silent") {
                pending::<()>().await;
            }
            let known = path.contains("known");
            known.then(|| Answer::text(http::StatusCode::OK, &format!("{path} of elsewhere")))
        })
    }
}
