//! Where streams are that are not published here: SRS's `cluster`, and what this project has beside it.

use super::table::{block, built, later, many};
use super::{Label, Rule, Shape};
use crate::value::Unit;

pub(super) static CLUSTER: &[Rule] = &[
    built("mode", Shape::OneOf(&["local", "remote", "liveedge"])),
    built("origin", Shape::Words),
    built("origin_http", Shape::Words),
    built("primary", Shape::Text),
    built("secondary", Shape::Text),
    built("failback", Shape::Switch),
    built("token_traverse", Shape::Switch),
    built("vhost", Shape::Text),
    built("debug_srs_upnode", Shape::Switch),
    built("protocol", Shape::OneOf(&["rtmp", "flv", "srt"])),
    built("push", Shape::Switch),
    later("follow_client"),
    later("coworkers"),
    later("origin_cluster"),
];

pub(super) static ORIGIN_MAP: &[Rule] = &[
    built("no_input_failover_timeout", Shape::Period(Unit::Millis)),
    built("unused_stream_deletion_timeout", Shape::Period(Unit::Millis)),
    built("stream_failback_timeout", Shape::Period(Unit::Millis)),
    many(built("origin", Shape::Block(Label::Required, ORIGIN))),
];

static ORIGIN: &[Rule] = &[
    built("location_match", Shape::OneOf(&["segment", "string"])),
    built("strict_location", Shape::Switch),
    built("forward_query_params", Shape::Switch),
    built("persistent", Shape::Switch),
    built("failback", Shape::Switch),
    built("relay", Shape::Switch),
    block(
        "pass",
        &[
            built("scheme", Shape::Text),
            built("urls", Shape::Words),
            built("forward_query_params", Shape::Switch),
        ],
    ),
];

pub(super) static ORIGIN_MAP_STORE: &[Rule] = &[
    built("redis", Shape::Text),
    built("auth", Shape::Secret),
    built("origin_host_name", Shape::Text),
    built("compatible", Shape::Switch),
];
