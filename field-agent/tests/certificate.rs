//! Another certificate before the server (S2): nothing is sent to whoever holds it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use field_agent::host::HttpFetch;
use field_agent::ports::{Fetch, FetchError, FetchRequest};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// An authority of somebody's own.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("key");
    let certificate = params.self_signed(&key).expect("certificate");
    let text = base64::engine::general_purpose::STANDARD.encode(certificate.der());
    Authority {
        pem: format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"),
        issuer: Issuer::new(params, key),
    }
}

/// A server with a certificate from `authority`; counts the bytes of requests that reached it.
fn serve(authority: &Authority) -> (String, Arc<AtomicUsize>) {
    let key = KeyPair::generate().expect("key");
    let params = CertificateParams::new(vec!["localhost".into()]).expect("params");
    let certificate = params
        .signed_by(&key, &authority.issuer)
        .expect("certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .expect("config");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = listener.local_addr().expect("address").port();
    let heard = Arc::new(AtomicUsize::new(0));
    let count = heard.clone();
    std::thread::spawn(move || {
        while let Ok((socket, _)) = listener.accept() {
            let Ok(connection) = rustls::ServerConnection::new(config.clone()) else {
                return;
            };
            let mut stream = rustls::StreamOwned::new(connection, socket);
            let mut request = [0; 4096];
            if let Ok(read) = stream.read(&mut request) {
                count.fetch_add(read, Ordering::SeqCst);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                let _ = stream.flush();
            }
        }
    });
    (format!("https://localhost:{port}"), heard)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_a_server_with_another_certificate() {
    let (ours, theirs) = (authority(), authority());
    let fetch = HttpFetch::trusting_only(ours.pem.as_bytes()).expect("client");
    let request = || FetchRequest {
        method: "POST",
        path: "/sync/v1".into(),
        body: b"a record".to_vec(),
        limit: 1024,
        ..FetchRequest::default()
    };
    let (server, heard) = serve(&ours);
    let answer = fetch.fetch(&server, request()).await.expect("answers");
    assert_eq!((answer.status, answer.body), (200, b"ok".to_vec()));
    assert!(heard.load(Ordering::SeqCst) > 0);
    let (impostor, heard) = serve(&theirs);
    let refused = fetch.fetch(&impostor, request()).await;
    assert!(
        matches!(refused, Err(FetchError::Certificate(_))),
        "{refused:?}"
    );
    assert_eq!(heard.load(Ordering::SeqCst), 0, "not a byte of the request");
    // The system's authorities vouch for neither.
    let (server, heard) = serve(&ours);
    let refused = HttpFetch::new()
        .expect("client")
        .fetch(&server, request())
        .await;
    assert!(
        matches!(refused, Err(FetchError::Certificate(_))),
        "{refused:?}"
    );
    assert_eq!(heard.load(Ordering::SeqCst), 0);
}
