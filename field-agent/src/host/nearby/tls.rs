//! TLS 1.3 between tablets. A tablet's certificate is one that it signs itself with its device key; what
//! makes the key trusted is the roster that the server signed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerIncompatible, ServerConfig,
    SignatureScheme,
};
use sync::ids::Key;

use super::super::line::Line;
use super::super::{HostError, fetch};
use crate::ports::{FetchError, FetchRequest, FetchingNearby, OtherTablets};

/// RFC 8410: what stands before the 32 bytes of an Ed25519 key, public and private.
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
const PRIVATE_PREFIX: [u8; 16] = [
    0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
];
const CONNECT: Duration = Duration::from_secs(4);
const STALL: Duration = Duration::from_secs(10);

fn private(device: &SigningKey) -> PrivatePkcs8KeyDer<'static> {
    PrivatePkcs8KeyDer::from([PRIVATE_PREFIX.as_slice(), &device.to_bytes()].concat())
}

/// The certificate with which the tablet of this device key answers others.
///
/// # Errors
/// What the library says of a key that it does not take.
pub fn server_config(device: &SigningKey) -> Result<Arc<ServerConfig>, String> {
    let told = |e: rcgen::Error| e.to_string();
    let key = rcgen::KeyPair::try_from(&private(device)).map_err(told)?;
    let params = rcgen::CertificateParams::new(vec!["tablet.local".into()]).map_err(told)?;
    let certificate = params.self_signed(&key).map_err(told)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|b| {
            b.with_no_client_auth().with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(private(device)),
            )
        })
        .map_err(|e| e.to_string())?;
    Ok(Arc::new(config))
}

/// The Ed25519 key in a certificate.
fn key_of(certificate: &CertificateDer<'_>) -> Result<Key, Error> {
    let bad = || Error::InvalidCertificate(CertificateError::BadEncoding);
    let certificate = webpki::EndEntityCert::try_from(certificate).map_err(|_| bad())?;
    let spki = certificate.subject_public_key_info();
    let key = spki
        .strip_prefix(PUBLIC_PREFIX.as_slice())
        .ok_or_else(bad)?;
    Ok(Key(key.try_into().map_err(|_| bad())?))
}

/// Trusts the keys that the server's rosters name, whatever else a certificate says.
#[derive(Debug)]
struct TeamVerifier {
    trusted: BTreeSet<Key>,
    provider: Arc<CryptoProvider>,
    met: Mutex<Option<Key>>,
}

impl ServerCertVerifier for TeamVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = key_of(end_entity)?;
        if !self.trusted.contains(&key) {
            return Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ));
        }
        *self.met.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// Other tablets over TLS.
#[derive(Debug)]
pub struct TlsTablets {
    line: Line,
}

impl TlsTablets {
    /// # Errors
    /// [`HostError::Client`]: the system has no thread left.
    pub fn new() -> Result<Self, HostError> {
        Ok(TlsTablets {
            line: Line::start()?,
        })
    }

    async fn ask(
        &self,
        address: SocketAddr,
        trusted: BTreeSet<Key>,
        request: FetchRequest,
    ) -> Result<(Key, crate::ports::FetchAnswer), FetchError> {
        let bad = |e: String| FetchError::BadAnswer(e);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Arc::new(TeamVerifier {
            trusted,
            provider: provider.clone(),
            met: Mutex::default(),
        });
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|e| bad(e.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .connect_timeout(CONNECT)
            .read_timeout(STALL)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|e| bad(e.to_string()))?;
        let answer = fetch::send(
            &self.line,
            client,
            fetch::Patience::default(),
            format!("https://{address}"),
            request,
        )
        .await?;
        let met = *verifier.met.lock().unwrap_or_else(PoisonError::into_inner);
        let key = met.ok_or_else(|| bad("no certificate was shown".into()))?;
        Ok((key, answer))
    }
}

impl OtherTablets for TlsTablets {
    fn fetch<'a>(
        &'a self,
        address: SocketAddr,
        trusted: BTreeSet<Key>,
        request: FetchRequest,
    ) -> FetchingNearby<'a> {
        Box::pin(self.ask(address, trusted, request))
    }
}
