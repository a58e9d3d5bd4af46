//! Vhosts, streams, clients and what is fetched: this node's own, or those of the cluster.

use super::{Api, CLIENT_NOT_FOUND, Page, STREAM_NOT_FOUND, Shows, VHOST_NOT_FOUND, records};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde_json::{Value, json};
use srs_names::Inventory;
use std::sync::Arc;

/// The lists of what is fetched.
pub(super) const PULLS: &str = "pulls";
pub(super) const APPLICATIONS: &str = "applications";

pub(super) async fn vhosts(State(api): State<Arc<Api>>) -> Response {
    match &api.shows {
        Shows::Own(inventory) => api.answer("vhosts", records::vhosts(inventory.as_ref()).into()),
        Shows::Cluster(cluster) => cluster.vhosts(&api).await,
    }
}

pub(super) async fn vhost(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Response {
    match &api.shows {
        Shows::Own(inventory) => {
            let found = records::vhosts(inventory.as_ref()).into_iter().find(|vhost| vhost["id"] == *id);
            found.map_or_else(|| api.code(VHOST_NOT_FOUND), |vhost| api.answer("vhost", vhost))
        }
        Shows::Cluster(cluster) => cluster.vhost(&api, &id).await,
    }
}

pub(super) async fn streams(State(api): State<Arc<Api>>, Query(page): Query<Page>) -> Response {
    match &api.shows {
        Shows::Own(inventory) => list(&api, "streams", &page, &inventory.streams(), records::stream),
        Shows::Cluster(cluster) => cluster.list(&api, "streams", &page).await,
    }
}

pub(super) async fn stream(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Response {
    match &api.shows {
        Shows::Own(inventory) => {
            let found = inventory.streams().into_iter().find(|record| record.id == id);
            let record = found.map(|record| records::stream(&record));
            record.map_or_else(|| api.code(STREAM_NOT_FOUND), |record| api.answer("stream", record))
        }
        Shows::Cluster(cluster) => cluster.one(&api, "stream", &id, STREAM_NOT_FOUND).await,
    }
}

pub(super) async fn clients(State(api): State<Arc<Api>>, Query(page): Query<Page>) -> Response {
    match &api.shows {
        Shows::Own(inventory) => list(&api, "clients", &page, &inventory.clients(), records::client),
        Shows::Cluster(cluster) => cluster.list(&api, "clients", &page).await,
    }
}

pub(super) async fn client(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Response {
    match &api.shows {
        Shows::Own(inventory) => {
            let found = inventory.clients().into_iter().find(|record| record.id == id);
            let record = found.map(|record| records::client(&record));
            record.map_or_else(|| api.code(CLIENT_NOT_FOUND), |record| api.answer("client", record))
        }
        Shows::Cluster(cluster) => cluster.one(&api, "client", &id, CLIENT_NOT_FOUND).await,
    }
}

pub(super) async fn kick(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Response {
    match &api.shows {
        Shows::Own(inventory) => kick_own(&api, inventory.as_ref(), &id),
        Shows::Cluster(cluster) => cluster.kick(&api, &id).await,
    }
}

/// Streams that are fetched from elsewhere, and the applications that they belong to: a page of each.
pub(super) async fn pulls(State(api): State<Arc<Api>>, Query(page): Query<Page>) -> Response {
    let inventory = match &api.shows {
        Shows::Own(inventory) => inventory,
        Shows::Cluster(cluster) => return cluster.pulls(&api, &page).await,
    };
    let (pulls, applications) = (inventory.fetches(), inventory.applications());
    let mut body = api.identity.reply(0);
    body.insert("totals".to_owned(), json!({PULLS: pulls.len(), APPLICATIONS: applications.len()}));
    let pulls: Vec<Value> = page.cut(&pulls).map(records::pull).collect();
    let applications: Vec<Value> = page.cut(&applications).map(records::application).collect();
    body.insert(PULLS.to_owned(), pulls.into());
    body.insert(APPLICATIONS.to_owned(), applications.into());
    crate::reply::ok(&body)
}

fn kick_own(api: &Api, inventory: &dyn Inventory, id: &str) -> Response {
    if !inventory.kick(id) {
        return api.code(CLIENT_NOT_FOUND);
    }
    tracing::info!(id, "client kicked");
    api.code(0)
}

/// A page of a list, with the number of all its entries as SRS has it since 7.0.107.
fn list<T>(api: &Api, name: &str, page: &Page, all: &[T], record: impl Fn(&T) -> Value) -> Response {
    let mut body = api.identity.reply(0);
    body.insert("total".to_owned(), all.len().into());
    let entries: Vec<Value> = page.cut(all).map(record).collect();
    body.insert(name.to_owned(), entries.into());
    crate::reply::ok(&body)
}
