//! Prints every call across the boundary, from the events of mapisync's feature `tracing`.

use crate::dialog::say;
use std::fmt::{Debug, Write as _};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The name of the span of a store, in which its run is started.
const STORE: &str = "store";

/// Makes the span of a store. The calls of its run are printed with this name, unless it is empty.
pub fn store_span(name: &str) -> Span {
    tracing::info_span!(STORE, name)
}

/// Prints calls from now on, in all threads.
pub fn print() {
    let subscriber = tracing_subscriber::registry().with(PrintCalls);
    tracing::subscriber::set_global_default(subscriber).expect("this is the only subscriber");
}

/// A subscriber's layer, which prints a line for each event.
struct PrintCalls;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for PrintCalls {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut store = Call::default();
        attributes.record(&mut store);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(store);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        // The store has an event of the same call, with its own target.
        if event.metadata().target() != "mapisync::host" {
            return;
        }
        let mut call = Call::default();
        event.record(&mut call);
        let mut spans = context.event_scope(event).into_iter().flatten();
        if let Some(store) = spans.find(|span| span.name() == STORE) {
            if let Some(store) = store.extensions().get::<Call>() {
                call.store.clone_from(&store.store);
            }
        }
        let Call { store, method, arguments, result, duration } = call;
        say!("{store}{method}({arguments}) → {result} in {duration}");
    }
}

/// The fields of a call. The span of a store has a field, too.
#[derive(Default)]
struct Call {
    /// The name of the store and a colon, or nothing.
    store: String,
    method: String,
    arguments: String,
    result: String,
    duration: String,
}

impl Visit for Call {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "name" if value.is_empty() => {}
            "name" => self.store = format!("{value}: "),
            "method" => self.method = value.into(),
            "direction" => {} // it is the same for all calls of a method
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "result" => self.result = format!("{value:?}"),
            "duration" => self.duration = format!("{value:?}"),
            name => {
                let comma = if self.arguments.is_empty() { "" } else { ", " };
                let _ = write!(self.arguments, "{comma}{name}: {value:?}");
            }
        }
    }
}
