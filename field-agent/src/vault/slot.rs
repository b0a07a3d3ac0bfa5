//! A key slot: the store's key and one inspector's signing key, wrapped under PIN and device secret.
//!
//! `slot key = HKDF-SHA-256(salt = device secret, ikm = Argon2id(PIN, salt), info = "double-random/slot/v1")`;
//! the wrapping is XChaCha20-Poly1305 with agent id and person as associated data, so that a slot
//! cannot be moved to another person or tablet.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::ports::Random;

/// Memory and passes of Argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinCost {
    /// KiB of memory.
    pub m_kib: u32,
    pub passes: u32,
}

impl Default for PinCost {
    /// About 0.1 s on a small tablet core.
    fn default() -> Self {
        PinCost {
            m_kib: 64 * 1024,
            passes: 2,
        }
    }
}

/// What a slot holds.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Opened {
    /// Key of the encrypted store; the same in every slot.
    pub data_key: [u8; 32],
    /// Ed25519 seed of this inspector alone.
    pub signing_seed: [u8; 32],
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opened(…)")
    }
}

/// A slot as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub salt: [u8; 16],
    pub cost: PinCost,
    pub nonce: [u8; 24],
    pub bytes: Vec<u8>,
}

/// Why a slot was not made or opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    #[error("wrong PIN")]
    WrongPin,
    /// The parameters in the vault are damaged, or there is too little memory.
    #[error("key derivation: {0}")]
    Derivation(String),
}

/// Wraps `opened` for `person`.
pub fn seal(
    agent: &str,
    person: &str,
    pin: &str,
    device_secret: &[u8; 32],
    cost: PinCost,
    opened: &Opened,
    random: &mut dyn Random,
) -> Result<Sealed, SlotError> {
    let (mut salt, mut nonce) = ([0; 16], [0; 24]);
    random.fill(&mut salt);
    random.fill(&mut nonce);
    let cipher = cipher(pin, device_secret, &salt, cost)?;
    let mut plain = Zeroizing::new([0; 64]);
    plain[..32].copy_from_slice(&opened.data_key);
    plain[32..].copy_from_slice(&opened.signing_seed);
    let payload = Payload {
        msg: plain.as_slice(),
        aad: &associated(agent, person),
    };
    let bytes = cipher
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| SlotError::Derivation("wrapping failed".into()))?;
    Ok(Sealed {
        salt,
        cost,
        nonce,
        bytes,
    })
}

/// Unwraps the slot of `person`.
pub fn open(
    agent: &str,
    person: &str,
    pin: &str,
    device_secret: &[u8; 32],
    sealed: &Sealed,
) -> Result<Opened, SlotError> {
    let cipher = cipher(pin, device_secret, &sealed.salt, sealed.cost)?;
    let payload = Payload {
        msg: &sealed.bytes,
        aad: &associated(agent, person),
    };
    let plain = cipher
        .decrypt(&XNonce::from(sealed.nonce), payload)
        .map_err(|_| SlotError::WrongPin)?;
    let plain = Zeroizing::new(plain);
    let (mut data_key, mut signing_seed) = ([0; 32], [0; 32]);
    if plain.len() != 64 {
        return Err(SlotError::Derivation(format!(
            "a slot holds 64 bytes, not {}",
            plain.len()
        )));
    }
    data_key.copy_from_slice(&plain[..32]);
    signing_seed.copy_from_slice(&plain[32..]);
    Ok(Opened {
        data_key,
        signing_seed,
    })
}

fn associated(agent: &str, person: &str) -> Vec<u8> {
    format!("double-random/slot/v1\n{agent}\n{person}").into_bytes()
}

fn cipher(
    pin: &str,
    device_secret: &[u8; 32],
    salt: &[u8; 16],
    cost: PinCost,
) -> Result<XChaCha20Poly1305, SlotError> {
    let failed = |e: String| SlotError::Derivation(e);
    let params =
        Params::new(cost.m_kib, cost.passes, 1, Some(32)).map_err(|e| failed(e.to_string()))?;
    let mut stretched = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(pin.as_bytes(), salt, stretched.as_mut_slice())
        .map_err(|e| failed(e.to_string()))?;
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(device_secret), stretched.as_slice())
        .expand(b"double-random/slot/v1", key.as_mut_slice())
        .map_err(|e| failed(e.to_string()))?;
    Ok(XChaCha20Poly1305::new(&chacha20poly1305::Key::from(*key)))
}

/// A sub-key of the data key for one purpose.
pub fn derive(data_key: &[u8; 32], purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    // Expanding to 32 bytes cannot fail: the limit is 255 times the hash length.
    let done = Hkdf::<Sha256>::new(None, data_key).expand(purpose.as_bytes(), key.as_mut_slice());
    debug_assert!(done.is_ok());
    key
}
