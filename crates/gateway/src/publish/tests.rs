use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use srs_names::envelope::Envelope;
use srs_rtmp::client;
use tokio::task::LocalSet;

use super::*;
use crate::testkit::{envelope, rtmp, rtmp_from, to_publish};

/// Lets every publish begin, and keeps where it came from.
#[derive(Default)]
struct Elsewhere(Mutex<Vec<(SocketAddr, Vec<NodeId>)>>);

impl PassOn for Elsewhere {
    fn publish<'a>(
        &'a self,
        _: &'a str,
        mut link: Link<server::Session>,
        _: server::PublishRequest,
        peer: SocketAddr,
        hops: Vec<NodeId>,
    ) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        self.0.lock().unwrap().push((peer, hops));
        Box::pin(async move {
            link.machine().accept_publish();
            link.drain().await.unwrap();
        })
    }
}

#[tokio::test]
async fn who_takes_a_publish_for_elsewhere_is_told_which_nodes_it_has_passed() {
    let test = async {
        let elsewhere = Arc::new(Elsewhere::default());
        let publish = Publish { to: To::Elsewhere, ..Publish::default() };
        let pass_on = Some(Arc::clone(&elsewhere) as Arc<dyn PassOn>);
        let vhost = Vhost { publish, ..Vhost::default() };
        let gateway =
            Gateway::new(srs_hub::Hub::new(), crate::Config { pass_on, ..crate::testkit::config(vhost) });
        let role = || client::Role::Publish { kind: "live".to_owned() };
        let _encoder = rtmp(&gateway, "a", role()).await.unwrap();
        let hops = ["vid-far", "vid-near"].map(|node| NodeId::new(node).unwrap()).to_vec();
        let sent = to_publish(&Envelope { hops: hops.clone(), ..envelope(Purpose::Push) });
        let _edge = rtmp_from(&gateway, "a", role(), &sent).await.unwrap();
        let mut came = elsewhere.0.lock().unwrap().clone().into_iter();
        assert_eq!(came.next().unwrap().1, []);
        assert_eq!(came.next().unwrap(), (([203, 0, 113, 7], 5000).into(), hops));
    };
    LocalSet::new().run_until(test).await;
}
