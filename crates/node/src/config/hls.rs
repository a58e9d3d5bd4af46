//! `hls { }`: how streams are offered as segments.

use srs_boot::Expected;
use srs_boot::conf::{Problem, Section};
use srs_boot::value::Unit;
use srs_gateway::hls::{Keys, Settings};
use srs_hls::Template;

/// HLS of a vhost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hls {
    /// `enabled`: off.
    pub enabled: bool,
    /// Everything else, by SRS's defaults, but that segments are in memory where `hls_path` is not said.
    pub settings: Settings,
}

impl Hls {
    /// The block as it is written.
    pub(super) fn read(section: Section<'_>) -> Result<Hls, Problem> {
        let default = Hls::default();
        let Settings { cut, list_file, segment_file, dispose, .. } = default.settings;
        let keys = match section.switch("hls_keys")?.unwrap_or(false) {
            false => None,
            true => Some(Keys {
                file: section.read("hls_key_file", file)?.unwrap_or(Keys::default().file),
                url: section.text("hls_key_url").unwrap_or_default().to_owned(),
            }),
        };
        let on = |name: &str, default: bool| Ok(section.switch(name)?.unwrap_or(default));
        Ok(Hls {
            enabled: on("enabled", default.enabled)?,
            settings: Settings {
                cut: srs_hls::Settings {
                    fragment: section.time("hls_fragment", Unit::Seconds)?.unwrap_or(cut.fragment),
                    window: section.time("hls_window", Unit::Seconds)?.unwrap_or(cut.window),
                    td_ratio: section.read("hls_td_ratio", ratio)?.unwrap_or(cut.td_ratio),
                    aof_ratio: section.read("hls_aof_ratio", ratio)?.unwrap_or(cut.aof_ratio),
                    wait_keyframe: on("hls_wait_keyframe", cut.wait_keyframe)?,
                    fragments_per_key: section
                        .number("hls_fragments_per_key")?
                        .unwrap_or(cut.fragments_per_key),
                    most_bytes: cut.most_bytes,
                },
                list_file: section.read("hls_m3u8_file", file)?.unwrap_or(list_file),
                segment_file: section.read("hls_ts_file", file)?.unwrap_or(segment_file),
                entry_prefix: section.text("hls_entry_prefix").unwrap_or_default().to_owned(),
                path: section.text("hls_path").map(Into::into),
                cleanup: on("hls_cleanup", true)?,
                dispose: section.time("hls_dispose", Unit::Seconds)?.unwrap_or(dispose),
                ctx: on("hls_ctx", true)?,
                ts_ctx: on("hls_ts_ctx", true)?,
                keys,
            },
        })
    }
}

fn file(text: &str) -> Result<Template, Expected> {
    Template::parse(text)
        .map_err(|error| Expected(format!("a path such as [app]/[stream]-[seq].ts: {error}").into()))
}

/// A factor of the fragment's length.
fn ratio(text: &str) -> Result<f64, Expected> {
    match text.parse::<f64>() {
        Ok(ratio) if ratio.is_finite() && (0.1..=100.0).contains(&ratio) => Ok(ratio),
        _ => Err(Expected("a number from 0.1 to 100, such as 1.5".into())),
    }
}
