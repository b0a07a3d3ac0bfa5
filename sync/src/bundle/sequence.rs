//! In which order the frames of a bundle may stand: one rule for all who write and read one.

/// What a frame is, as far as its place is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    Message,
    /// A photo or clip of so many bytes begins.
    Blob(u64),
    /// So many bytes of it.
    Bytes(usize),
    End,
}

/// The place up to which a bundle was read or written.
///
/// The bytes of a photo stand right behind its frame: any other frame ends it. It may end early, since a maker
/// who can read no more of one photo goes on with the next; then it has not come. Bytes that belong to no photo,
/// or that are more than were announced, no maker writes.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// Bytes that may still follow; `None` while no photo has begun.
    left: Option<u64>,
}

impl Sequence {
    /// Goes one frame on; false when it may not stand here.
    pub(super) fn takes(&mut self, frame: Frame) -> bool {
        self.left = match (frame, self.left) {
            (Frame::Message | Frame::End, _) => None,
            (Frame::Blob(size), _) => Some(size),
            (Frame::Bytes(length), Some(left)) => match left.checked_sub(length as u64) {
                Some(left) => Some(left),
                None => return false,
            },
            (Frame::Bytes(_), None) => return false,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Frame::{Blob, Bytes, End, Message};
    use super::*;

    // F6: what a bundle says first and last, in which order, and at which frame it stops being one
    #[rstest::rstest]
    #[case::nothing(&[End], None)]
    #[case::messages_alone(&[Message, Message, End], None)]
    #[case::a_photo(&[Message, Blob(7), Bytes(4), Bytes(3), End], None)]
    #[case::a_photo_without_bytes(&[Blob(0), End], None)]
    #[case::an_empty_stretch(&[Blob(4), Bytes(0), Bytes(4), End], None)]
    #[case::two_photos(&[Blob(4), Bytes(4), Blob(2), Bytes(2), End], None)]
    #[case::one_that_ends_early(&[Blob(7), Bytes(4), Blob(2), Bytes(2), End], None)]
    #[case::one_that_the_end_cuts(&[Blob(7), Bytes(4), End], None)]
    #[case::a_message_behind_a_photo(&[Blob(4), Bytes(4), Message, End], None)]
    #[case::a_message_that_ends_a_photo(&[Blob(7), Bytes(4), Message, End], None)]
    #[case::bytes_behind_such_a_message(&[Blob(7), Bytes(4), Message, Bytes(3)], Some(3))]
    #[case::bytes_behind_a_message(&[Message, Bytes(4)], Some(1))]
    #[case::bytes_first(&[Bytes(0)], Some(0))]
    #[case::more_than_announced(&[Blob(7), Bytes(4), Bytes(4)], Some(2))]
    #[case::more_behind_a_whole_one(&[Blob(4), Bytes(4), Bytes(1)], Some(2))]
    fn frames_stand_in_order(#[case] frames: &[Frame], #[case] stops_at: Option<usize>) {
        let mut sequence = Sequence::default();
        let stopped = frames.iter().position(|frame| !sequence.takes(*frame));
        assert_eq!(stopped, stops_at);
    }
}
