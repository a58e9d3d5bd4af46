use std::fmt::{self, Write};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::clock;

/// A longer line is cut: log readers and terminals choke, and a peer must not choose how much is written.
const MAX_LINE: usize = 8 * 1024;

/// Keeps each span's fields with the span.
pub(super) struct Spans;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }
}

/// The fields of a span or event as text, its `cid` and message apart.
#[derive(Default)]
struct Fields {
    cid: String,
    message: String,
    others: String,
}

impl Fields {
    fn put(&mut self, field: &Field, value: &dyn fmt::Display) {
        // Writing to a String fails only if the value's own Display does; then what it wrote stands.
        let _ = match field.name() {
            "cid" => {
                self.cid.clear();
                write!(self.cid, "{value}")
            }
            "message" => write!(self.message, "{value}"),
            name if self.others.len() < MAX_LINE => write!(self.others, " {name}={value}"),
            _ => Ok(()),
        };
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, &format_args!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, &value);
    }
}

/// Prints an event as a line.
pub(super) struct Lines {
    pid: u32,
}

impl Lines {
    pub(super) fn new(pid: u32) -> Self {
        Self { pid }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut cid = String::new();
        let mut outer = String::new();
        for span in context.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                outer.push_str(&of_span.others);
                // From the outermost in, so that the innermost stands in the end, and the event's own above all.
                if !of_span.cid.is_empty() {
                    cid.clone_from(&of_span.cid);
                }
            }
        }
        if !fields.cid.is_empty() {
            cid = fields.cid;
        }
        let stamp = clock::stamp(SystemTime::now());
        let cid = if cid.is_empty() { "-" } else { &cid };
        let text = format!("{}{}{outer}", fields.message, fields.others);
        write!(out, "[{stamp}][{}][{}][{}] ", event.metadata().level(), self.pid, Escaped(cid))?;
        writeln!(out, "{}", Escaped(&text))
    }
}

/// Text with control characters made visible, cut at [`MAX_LINE`].
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, c) in self.0.char_indices() {
            if at >= MAX_LINE {
                return f.write_char('…');
            }
            // U+2028 and U+2029 part lines for some readers.
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}
