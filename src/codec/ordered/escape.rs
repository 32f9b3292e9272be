//! Strings of bytes that end with a byte less than all others in them.

/// The end of a string, a sequence or a map, and `None`. It sorts before everything that could stand in its place.
pub(super) const END: u8 = 0x00;

/// The byte before an element, before an entry and before the value of a `Some`. It also begins an escape.
pub(super) const MARK: u8 = 0x01;

/// Appends `bytes`, escaped and without an end.
///
/// `00` becomes `01 01` and `01` becomes `01 02`, so [`END`] occurs nowhere, and the order stays the same.
pub(super) fn write(bytes: &[u8], out: &mut Vec<u8>) {
    for part in bytes.split_inclusive(|byte| *byte <= MARK) {
        match part.split_last() {
            Some((last @ ..=MARK, plain)) => {
                out.extend_from_slice(plain);
                out.extend([MARK, last + 1]);
            }
            _ => out.extend_from_slice(part),
        }
    }
}
