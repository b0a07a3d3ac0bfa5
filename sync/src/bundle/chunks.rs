//! A file that comes in pieces, for a reader that wants to read when it likes.

use std::io::{self, Read};

/// Reads what `next` hands out, until it has no more: such as the body of a request behind a channel.
pub struct FromChunks<F, B> {
    next: F,
    rest: Option<(B, usize)>,
}

impl<F: FnMut() -> Option<B>, B: AsRef<[u8]>> FromChunks<F, B> {
    /// `next` may block; `None` is the end.
    pub fn new(next: F) -> Self {
        FromChunks { next, rest: None }
    }
}

impl<F: FnMut() -> Option<B>, B: AsRef<[u8]>> Read for FromChunks<F, B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some((chunk, done)) = &mut self.rest {
                let left = chunk.as_ref().get(*done..).unwrap_or_default();
                if !left.is_empty() || out.is_empty() {
                    let count = left.len().min(out.len());
                    out[..count].copy_from_slice(&left[..count]);
                    *done += count;
                    return Ok(count);
                }
            }
            match (self.next)() {
                Some(chunk) => self.rest = Some((chunk, 0)),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_as_one() {
        let mut pieces = vec!["", "ab", "", "cde"].into_iter();
        let mut reader = FromChunks::new(|| pieces.next());
        let mut first = [0; 3];
        assert!(reader.read_exact(&mut first).is_ok());
        let mut rest = Vec::new();
        assert_eq!(reader.read_to_end(&mut rest).ok(), Some(2));
        assert_eq!((&first, rest.as_slice()), (b"abc", b"de".as_slice()));
    }
}
