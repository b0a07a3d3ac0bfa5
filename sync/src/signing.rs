//! Ed25519 over a pre-authentication encoding, so that bytes signed as one thing can never be
//! taken for another.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::ids::Key;

/// What a device signs for its newest change: the 32 bytes of the change's hash.
pub const CHANGE: &str = "application/vnd.double-random.change.v1";
/// An inspector's statement about a record.
pub const STATEMENT: &str = "application/vnd.double-random.statement.v1+json";
/// The statement of the party, attested by the device.
pub const PARTY: &str = "application/vnd.double-random.party.v1+json";
/// A team's roster, signed by the server.
pub const ROSTER: &str = "application/vnd.double-random.roster.v1+json";
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

/// What a device signs for a request: method, path, SHA-256 of the body, its clock and a nonce.
/// Sent as `Authorization: DR1 key=<64 hex>,at=<ms>,nonce=<32 hex>,sig=<128 hex>`.
pub fn request_body(
    method: &str,
    path: &str,
    body_sha256: &crate::ids::Sha256,
    at: i64,
    nonce: &str,
) -> Vec<u8> {
    format!("{method}\n{path}\n{body_sha256}\n{at}\n{nonce}").into_bytes()
}
