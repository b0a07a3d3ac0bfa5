//! A colleague's tablet in the hands of somebody hostile: it holds a true device key and stands on the
//! roster, and answers its neighbours whatever it likes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use field_agent::host::tablet_certificate;
use serde_json::json;
use sync::admit::Offered;
use sync::author::Author;
use sync::ids::TaskId;
use sync::message::*;

use crate::wire::NOW;

/// What it says next.
#[derive(Default)]
struct Script {
    seq: Option<u64>,
    /// Said until whoever asks has read it, which his place in the log tells.
    next: Option<SyncResponse>,
    said_at: Option<u64>,
    /// What it gives for any photo.
    photo: Vec<u8>,
}

/// A tablet that says what a test wants.
pub struct Fellow {
    pub address: SocketAddr,
    incarnation: [u8; 16],
    script: Arc<Mutex<Script>>,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Fellow {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An answer of a tablet's log: changes and nothing else.
pub fn said(task: TaskId, authors: Vec<Author>, changes: Vec<Offered>) -> SyncResponse {
    let cursor = Cursor {
        incarnation: [0; 16],
        seq: 0,
    };
    SyncResponse {
        authors,
        docs: vec![DocChanges { task, changes }],
        ..SyncResponse::at(cursor, NOW)
    }
}

impl Fellow {
    /// Listens on loopback with the certificate of this device.
    pub fn open(device: &ed25519_dalek::SigningKey, incarnation: [u8; 16]) -> Fellow {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
        listener.set_nonblocking(true).expect("does not block");
        let address = listener.local_addr().expect("address");
        let config = tablet_certificate(device).expect("a certificate");
        let config = axum_server::tls_rustls::RustlsConfig::from_config(config);
        let script = Arc::<Mutex<Script>>::default();
        let (log, photo) = (script.clone(), script.clone());
        let hello =
            json!({ "incarnation": hex::encode(incarnation), "name": "平板", "people": ["李四"] });
        let app = Router::new()
            .route("/nearby/v1", get(|| async { StatusCode::NO_CONTENT }))
            .route(
                "/nearby/v1/hello",
                post(move || async move { axum::Json(hello) }),
            )
            .route(
                "/nearby/v1/sync",
                post(move |body: Bytes| async move { answer(&log, incarnation, &body) }),
            )
            .route(
                "/nearby/v1/blobs/{task}/{sha256}",
                get(move |Path(_): Path<(String, String)>| async move {
                    let script = photo.lock().unwrap_or_else(PoisonError::into_inner);
                    script.photo.clone()
                }),
            );
        let server = axum_server::from_tcp_rustls(listener, config).expect("listens");
        let serving = tokio::spawn(server.serve(app.into_make_service()));
        Fellow {
            address,
            incarnation,
            script,
            serving,
        }
    }

    /// What it answers the next time it is asked.
    pub fn says(&self, response: SyncResponse) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.next = Some(response);
        script.said_at = None;
    }

    /// What it gives when it is asked for a photo.
    pub fn shows(&self, bytes: Vec<u8>) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.photo = bytes;
    }

    /// The name of its log.
    pub fn log(&self) -> [u8; 16] {
        self.incarnation
    }

    /// How far it was read, as the reader said when it asked last; `None`: nobody asked.
    pub fn read_to(&self) -> Option<u64> {
        self.script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .seq
    }
}

fn answer(script: &Mutex<Script>, log: [u8; 16], body: &[u8]) -> axum::response::Response {
    let Ok(request) = unpack::<SyncRequest>(body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
    let seq = request.cursor.map_or(0, |c| c.seq);
    script.seq = Some(seq);
    if script.said_at.is_some_and(|at| at != seq) {
        script.next = None;
    }
    let mut response = said(TaskId([0; 16]), vec![], vec![]);
    let mut place = seq;
    if let Some(next) = &script.next {
        response = next.clone();
        place = seq + 1;
        script.said_at = Some(seq);
    }
    if response.cursor.seq == 0 {
        response.cursor = Cursor {
            incarnation: log,
            seq: place,
        };
    }
    match pack(&response) {
        Ok(bytes) => bytes.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
