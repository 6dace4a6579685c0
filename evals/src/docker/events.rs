//! `/events`.

use std::{convert::Infallible, pin::Pin, sync::Arc};

use axum::body::{Body, Bytes};
use futures::{FutureExt, Stream, StreamExt, stream};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::filters::{Filters, has_label};
use crate::world::{Shared, event::Event, fault};

/// The filters that are known.
pub(super) const FILTERS: [&str; 5] = ["container", "event", "type", "label", "image"];

/// Which events are wanted; times in milliseconds, both included.
pub(super) struct Wanted {
    pub(super) since: Option<i64>,
    pub(super) until: Option<i64>,
    pub(super) filters: Filters,
}

impl Wanted {
    fn wants(&self, event: &Event) -> bool {
        let labels = || event.labels();
        self.filters.any("container", |name| name == event.container || event.id().starts_with(name))
            && self
                .filters
                .any("event", |action| event.action == action || event.action.starts_with(&format!("{action}:")))
            && self.filters.any("type", |kind| kind == event.kind)
            && self.filters.any("image", |image| event.attribute("image").is_some_and(|found| found.starts_with(image)))
            && self.filters.every("label", |label| has_label(labels(), label))
            && self.until.is_none_or(|until| event.at <= until)
    }
}

fn line(event: &Event) -> Bytes {
    Bytes::from(format!("{}\n", event.json()))
}

/// Events since `since`, up to `until`; without `until` the answer stays open until the world shuts down.
pub(super) fn body(shared: &Shared, wanted: Wanted) -> Body {
    let (past, coming) = {
        let state = shared.state();
        let since = wanted.since.unwrap_or_else(|| state.now().saturating_add(1));
        let past = state.events().filter(|event| event.at >= since && wanted.wants(event)).map(line);
        (past.collect::<Vec<_>>(), state.listen())
    };
    let past = stream::iter(past.into_iter().map(Ok::<_, Infallible>));
    if wanted.until.is_some() {
        return Body::from_stream(past);
    }
    let closed = fault::closed(shared.closing.clone()).boxed();
    Body::from_stream(past.chain(follow(coming, Arc::new(wanted)).take_until(closed)))
}

fn follow(
    coming: Receiver<Event>,
    wanted: Arc<Wanted>,
) -> Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send>> {
    let next = move |mut coming: Receiver<Event>| {
        let wanted = Arc::clone(&wanted);
        async move {
            loop {
                match coming.recv().await {
                    Ok(event) if wanted.wants(&event) => return Some((Ok(line(&event)), coming)),
                    Ok(_) | Err(RecvError::Lagged(_)) => (),
                    Err(RecvError::Closed) => return None,
                }
            }
        }
    };
    stream::unfold(coming, next).boxed()
}
