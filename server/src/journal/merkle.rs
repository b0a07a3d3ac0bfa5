//! The RFC 6962 tree over the journal's entries.

use sha2::{Digest, Sha256};

/// A node of the tree.
pub type Node = [u8; 32];

/// The root of a growing list of leaves, kept as the roots of its complete subtrees: one node for
/// each bit of its length.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    size: u64,
    peaks: Vec<Node>,
}

impl Tree {
    /// Adds one entry.
    pub fn push(&mut self, entry: &[u8]) {
        let mut node: Node = Sha256::new()
            .chain_update([0])
            .chain_update(entry)
            .finalize()
            .into();
        let mut carry = self.size;
        while carry & 1 == 1 {
            if let Some(left) = self.peaks.pop() {
                node = join(&left, &node);
            }
            carry >>= 1;
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// How many entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root; that of an empty tree is the SHA-256 of nothing.
    pub fn root(&self) -> Node {
        self.peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| join(&left, &right))
            .unwrap_or_else(|| Sha256::digest([]).into())
    }
}

fn join(left: &Node, right: &Node) -> Node {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition in RFC 6962, section 2.1, word for word.
    fn by_definition(leaves: &[&[u8]]) -> Node {
        match leaves.len() {
            0 => Sha256::digest([]).into(),
            1 => Sha256::new()
                .chain_update([0])
                .chain_update(leaves[0])
                .finalize()
                .into(),
            n => {
                let k = n.next_power_of_two() / 2;
                join(&by_definition(&leaves[..k]), &by_definition(&leaves[k..]))
            }
        }
    }

    #[test]
    fn the_growing_root_is_the_defined_one() {
        let leaves: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n; usize::from(n)]).collect();
        let mut tree = Tree::default();
        for n in 0..=leaves.len() {
            let borrowed: Vec<&[u8]> = leaves[..n].iter().map(Vec::as_slice).collect();
            assert_eq!(tree.root(), by_definition(&borrowed), "{n} leaves");
            if let Some(next) = leaves.get(n) {
                tree.push(next);
            }
        }
    }
}
