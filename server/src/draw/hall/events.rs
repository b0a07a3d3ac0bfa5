//! Server-sent events: the whole state of the hall, at once and after each change.
//!
//! Who loses the connection reconnects and gets the state anew, so no event is ever needed twice. When
//! too many listen, the next is told so (503) and asks every few seconds instead.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};

use super::view::load;
use crate::error::{AppError, Kind, Problem};
use crate::extract::Path;
use crate::state::AppState;

/// Screens that may listen at the same time, over all draws.
const LISTENERS: usize = 256;
/// A comment is sent so often, so that proxies and browsers notice a dead line.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Changes that a slow screen may lag behind; then it gets the newest state once.
const BACKLOG: usize = 64;

/// Tells screens which draw changed.
pub struct Hub {
    changes: broadcast::Sender<Arc<str>>,
    open: watch::Sender<bool>,
    room: Arc<Semaphore>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            changes: broadcast::channel(BACKLOG).0,
            open: watch::channel(true).0,
            room: Arc::new(Semaphore::new(LISTENERS)),
        }
    }
}

impl Hub {
    /// Something of this draw changed, and was committed.
    pub fn changed(&self, draw: &str) {
        // Nobody may be listening.
        let _ = self.changes.send(draw.into());
    }

    /// Ends all streams, so that the server can stop.
    pub fn close(&self) {
        self.open.send_replace(false);
    }
}

struct Listener {
    state: AppState,
    draw: String,
    changes: broadcast::Receiver<Arc<str>>,
    open: watch::Receiver<bool>,
    started: bool,
    sent: String,
    _room: OwnedSemaphorePermit,
}

impl Listener {
    /// The next state that differs from the one sent before; `None` at the end.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if std::mem::replace(&mut self.started, true) {
                let open = &mut self.open;
                tokio::select! {
                    closed = open.wait_for(|open| !open) => {
                        let _ = closed;
                        return None;
                    }
                    change = self.changes.recv() => match change {
                        Ok(id) if *id != *self.draw => continue,
                        Ok(_) | Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return None,
                    },
                }
            }
            let hall = load(&self.state, self.draw.clone()).await.ok()?;
            let text = serde_json::to_string(&hall).ok()?;
            if text != self.sent {
                self.sent.clone_from(&text);
                return Some((Ok(Event::default().event("hall").data(text)), self));
            }
        }
    }
}

/// The state of the hall, now and after each change, as events `hall`. No account needed.
#[utoipa::path(get, path = "/api/public/draws/{id}/events", operation_id = "hall_events", tag = "public", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/event-stream", body = String),
        (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn events(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let Ok(room) = state.hall.room.clone().try_acquire_owned() else {
        return Err(AppError::new(
            Kind::Unavailable,
            "too_many_listeners",
            "同时观看的屏幕太多，页面会改为定时刷新",
        ));
    };
    let (changes, open) = (state.hall.changes.subscribe(), state.hall.open.subscribe());
    // Refuses what is not there before the stream begins.
    load(&state, id.clone()).await?;
    let listener = Listener {
        state,
        draw: id,
        changes,
        open,
        started: false,
        sent: String::new(),
        _room: room,
    };
    let stream = stream::unfold(listener, Listener::next);
    let keep = KeepAlive::new().interval(HEARTBEAT);
    Ok(Sse::new(stream).keep_alive(keep).into_response())
}
