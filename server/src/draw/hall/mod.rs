//! The big screen 大屏幕 of a public hall, without an account (D3): one thing at a time, live by
//! server-sent events. What it shows is public by nature; what the rules keep sealed stays blinded.

mod events;
mod page;
mod view;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use events::Hub;
pub use page::router as pages;

use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(view::hall))
        .routes(routes!(events::events))
        .routes(routes!(page::verify_qr))
}
