//! What all nodes fetch.

use super::{Cluster, MAX_COUNT, busy, finish, sum};
use crate::api::lists::{APPLICATIONS, PULLS};
use crate::api::{Api, Page};
use axum::response::Response;
use serde_json::Map;

impl Cluster {
    /// A page of the streams that are fetched, and one of the applications that they belong to.
    pub(in crate::api) async fn pulls(&self, api: &Api, page: &Page) -> Response {
        let Some(turn) = self.turn().await else { return busy() };
        let (start, count) = page.range();
        let wanted = start.saturating_add(count);
        let mut body = api.identity.reply(0);
        let mut totals = Map::new();
        let nodes = if wanted <= MAX_COUNT {
            let nodes = turn.ask(&format!("/api/v1/pulls?start=0&count={wanted}"), |_| false).await;
            for name in [PULLS, APPLICATIONS] {
                let (total, records) = sum::lists(&nodes, name, |_| wanted);
                totals.insert(name.to_owned(), total.into());
                body.insert(name.to_owned(), page.cut(records).collect());
            }
            nodes
        } else {
            let (pulls, records, mut nodes) = Self::page_behind(&turn, PULLS, PULLS, start, count).await;
            body.insert(PULLS.to_owned(), records.into());
            let (applications, records, more) =
                Self::page_behind(&turn, PULLS, APPLICATIONS, start, count).await;
            body.insert(APPLICATIONS.to_owned(), records.into());
            nodes.note_failures(&more);
            totals.insert(PULLS.to_owned(), pulls.into());
            totals.insert(APPLICATIONS.to_owned(), applications.into());
            nodes
        };
        body.insert("totals".to_owned(), totals.into());
        finish(body, &nodes)
    }
}
