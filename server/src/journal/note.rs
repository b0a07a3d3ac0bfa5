//! C2SP signed notes with Ed25519, and the checkpoint that the journal puts into one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::merkle::Tree;
use crate::keys::ServerKeys;

/// Text of a checkpoint: origin, size, root; each on a line.
pub fn checkpoint_text(origin: &str, tree: &Tree) -> String {
    format!(
        "{origin}/journal\n{}\n{}\n",
        tree.size(),
        STANDARD.encode(tree.root())
    )
}

/// First four bytes of SHA-256(name ‖ LF ‖ 0x01 ‖ public key).
fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', 1])
        .chain_update(public)
        .finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

/// The key as verifiers take it: `name+id+base64`.
pub fn verifier_key(name: &str, keys: &ServerKeys) -> String {
    let public = keys.public();
    let mut typed = vec![1];
    typed.extend(public);
    format!(
        "{name}+{}+{}",
        hex::encode(key_id(name, &public)),
        STANDARD.encode(typed)
    )
}

/// `text` (which ends in a line feed), an empty line, and the signature line.
pub fn sign(text: &str, name: &str, keys: &ServerKeys) -> String {
    let mut signature = key_id(name, &keys.public()).to_vec();
    signature.extend(keys.sign(text.as_bytes()));
    format!("{text}\n— {name} {}\n", STANDARD.encode(signature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;
    use ed25519_dalek::{Signature, VerifyingKey};

    #[test]
    fn a_note_is_verified_by_its_published_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys = ServerKeys::open(folder.path(), &SeededRng::new(1)).unwrap();
        let note = sign("sz.example/journal\n0\nx\n", "sz.example", &keys);
        let (text, line) = note.split_once("\n\n— sz.example ").unwrap();
        let signature = STANDARD.decode(line.trim_end()).unwrap();
        let vkey = verifier_key("sz.example", &keys);
        let mut parts = vkey.split('+');
        assert_eq!(parts.next(), Some("sz.example"));
        assert_eq!(parts.next(), Some(hex::encode(&signature[..4]).as_str()));
        // Base64 may hold '+', so the key is what is left.
        let typed = STANDARD
            .decode(parts.collect::<Vec<_>>().join("+"))
            .unwrap();
        let key = VerifyingKey::from_bytes(typed[1..].try_into().unwrap()).unwrap();
        let signature = Signature::from_bytes(signature[4..].try_into().unwrap());
        key.verify_strict(format!("{text}\n").as_bytes(), &signature)
            .unwrap();
    }
}
