//! Ed25519 over a pre-authentication encoding, so that bytes signed as one thing can never be
//! taken for another.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::ids::{Key, Sha256};

/// What a device signs for its newest change: the 32 bytes of the change's hash.
pub const CHANGE: &str = "application/vnd.double-random.change.v1";
/// An inspector's statement about a record.
pub const STATEMENT: &str = "application/vnd.double-random.statement.v1+json";
/// The statement of the party, attested by the device.
pub const PARTY: &str = "application/vnd.double-random.party.v1+json";
/// A team's roster, signed by the server.
pub const ROSTER: &str = "application/vnd.double-random.roster.v1+json";
/// The server's word to a tablet that it is revoked and must wipe itself.
pub const REVOCATION: &str = "application/vnd.double-random.revocation.v1";
/// A request of a device to the server.
pub const REQUEST: &str = "application/vnd.double-random.request.v1";

/// A signature, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Sig(pub [u8; 64]);

impl<C> minicbor::Encode<C> for Sig {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Sig {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = <[u8; 64]>::try_from(d.bytes()?);
        bytes
            .map(Sig)
            .map_err(|_| minicbor::decode::Error::message("a signature has 64 bytes"))
    }
}

/// DSSE's pre-authentication encoding:
/// `"DSSEv1" SP len(type) SP type SP len(body) SP body`, lengths in decimal bytes.
pub fn pae(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {kind} {} ", kind.len(), body.len()).into_bytes();
    out.extend_from_slice(body);
    out
}

/// What the server signs for a revoked device: it stays true, so it may be told again and again.
pub fn revocation(device: &Key) -> Vec<u8> {
    format!("REVOKED\n{device}").into_bytes()
}

/// Signs `body` as a `kind`.
pub fn sign(secret: &SigningKey, kind: &str, body: &[u8]) -> Sig {
    Sig(secret.sign(&pae(kind, body)).to_bytes())
}

/// Whether `sig` is `key`'s over `body` as a `kind`. Strict: no malleable or small-order forms.
pub fn verify(key: &Key, kind: &str, body: &[u8], sig: &Sig) -> bool {
    VerifyingKey::from_bytes(&key.0).is_ok_and(|key| {
        key.verify_strict(&pae(kind, body), &Signature::from_bytes(&sig.0))
            .is_ok()
    })
}

/// The public half of `secret`.
pub fn public(secret: &SigningKey) -> Key {
    Key(secret.verifying_key().to_bytes())
}

/// Who sends a request to the server, and the device's signature for it: the header
/// `Authorization: DR1 key=<64 hex>,at=<ms>,nonce=<32 hex>,sig=<128 hex>[,body=<64 hex>]`. Requests
/// are idempotent, so the server does not refuse a clock that is wrong. `body`, the SHA-256 of the
/// body, lets the server check the signature before the body has come, so that it can keep what
/// arrived of an upload that is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestAuth {
    pub key: Key,
    /// The device's clock, milliseconds since 1970 UTC.
    pub at: i64,
    pub nonce: String,
    /// SHA-256 of the body, where the header tells it.
    pub body: Option<Sha256>,
    sig: Sig,
}

impl RequestAuth {
    /// Signs method, path with query, the SHA-256 of the body, clock and nonce, joined by line feeds.
    pub fn sign(
        secret: &SigningKey,
        method: &str,
        path: &str,
        body: &[u8],
        at: i64,
        nonce: [u8; 16],
    ) -> Self {
        let nonce = hex::encode(nonce);
        let body = Sha256::of(body);
        let sig = sign(
            secret,
            REQUEST,
            &request_body(method, path, &body, at, &nonce),
        );
        RequestAuth {
            key: public(secret),
            at,
            nonce,
            body: (method == "PATCH").then_some(body),
            sig,
        }
    }

    /// The header's value.
    pub fn header(&self) -> String {
        let RequestAuth {
            key,
            at,
            nonce,
            body,
            sig,
        } = self;
        let sig = hex::encode(sig.0);
        let body = body.map_or_else(String::new, |b| format!(",body={b}"));
        format!("DR1 key={key},at={at},nonce={nonce},sig={sig}{body}")
    }

    /// Reads the header's value.
    pub fn parse(header: &str) -> Option<Self> {
        let mut fields = header.strip_prefix("DR1 ")?.split(',');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        let key = field("key")?.parse().ok()?;
        let at = field("at")?.parse().ok()?;
        let nonce = field("nonce")?.to_owned();
        let mut sig = [0; 64];
        hex::decode_to_slice(field("sig")?, &mut sig).ok()?;
        let body = field("body").map(str::parse).transpose().ok()?;
        (nonce.len() == 32).then_some(RequestAuth {
            key,
            at,
            nonce,
            body,
            sig: Sig(sig),
        })
    }

    /// Whether the signature is for this request.
    pub fn holds(&self, method: &str, path: &str, body: &[u8]) -> bool {
        self.holds_for(method, path, &Sha256::of(body))
    }

    /// Whether the signature is for a request whose body has this hash.
    pub fn holds_for(&self, method: &str, path: &str, body: &Sha256) -> bool {
        self.body.is_none_or(|told| told == *body)
            && verify(
                &self.key,
                REQUEST,
                &request_body(method, path, body, self.at, &self.nonce),
                &self.sig,
            )
    }
}

fn request_body(method: &str, path: &str, body: &Sha256, at: i64, nonce: &str) -> Vec<u8> {
    format!("{method}\n{path}\n{body}\n{at}\n{nonce}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_signed_whole() {
        // S2
        let secret = SigningKey::from_bytes(&[3; 32]);
        let auth = RequestAuth::sign(&secret, "POST", "/sync/v1", b"body", 5, [1; 16]);
        let read = RequestAuth::parse(&auth.header()).unwrap();
        assert_eq!(read, auth);
        assert!(read.holds("POST", "/sync/v1", b"body"));
        assert!(!read.holds("POST", "/sync/v2", b"body"));
        assert!(!read.holds("POST", "/sync/v1", b"another"));
        let upload = RequestAuth::sign(&secret, "PATCH", "/blobs/x", b"body", 5, [1; 16]);
        let read = RequestAuth::parse(&upload.header()).unwrap();
        assert!(read.holds_for("PATCH", "/blobs/x", &Sha256::of(b"body")));
        let other = upload.header().replace(
            &Sha256::of(b"body").to_string(),
            &Sha256::of(b"x").to_string(),
        );
        let other = RequestAuth::parse(&other).unwrap();
        assert!(
            !other.holds("PATCH", "/blobs/x", b"x") && !other.holds("PATCH", "/blobs/x", b"body")
        );
        for bad in [
            "",
            "DR1 ",
            "Bearer x",
            &auth.header().replace("at=5", "at=x"),
        ] {
            assert_eq!(RequestAuth::parse(bad), None, "{bad}");
        }
    }
}
