//! Values with a checksum, which detects damage.
//!
//! The stored value is the tag `C`, a 64-bit XXH3 checksum in little-endian order, and the encoded value. The checksum also
//! covers the entry's key, so a value that is stored under another key counts as damaged. XXH3:
//! <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>.

use twox_hash::XxHash3_64;

/// The first byte of a value with a checksum.
const TAG: u8 = b'C';

/// Returns the encoded value `blob` of `key` with its checksum.
pub(crate) fn add_checksum(key: &[u8], blob: &[u8]) -> Vec<u8> {
    let sum = checksum(key, blob).to_le_bytes();
    [&[TAG], sum.as_slice(), blob].concat()
}

/// Returns the encoded value in `stored`, or `None` if its checksum is wrong for `key`.
#[inline]
pub(crate) fn verify_checksum<'blob>(key: &[u8], stored: &'blob [u8]) -> Option<&'blob [u8]> {
    let (tag, rest) = stored.split_first()?;
    let (sum, blob) = rest.split_first_chunk()?;
    let intact = *tag == TAG && u64::from_le_bytes(*sum) == checksum(key, blob);
    intact.then_some(blob)
}

fn checksum(key: &[u8], blob: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(key), blob)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_fixed() {
        let stored = add_checksum(b"Mkey", b"Mvalue");
        assert_eq!(stored, b"C\x1d\xb6\x87,z\xbd\xd1]Mvalue");
        assert_eq!(
            verify_checksum(b"Mkey", &stored),
            Some(b"Mvalue".as_slice())
        );
    }

    #[test]
    fn every_changed_bit_of_key_and_value_is_detected() {
        let stored = add_checksum(b"Mkey", b"Mvalue");
        for bit in 0..stored.len() * 8 {
            let mut damaged = stored.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verify_checksum(b"Mkey", &damaged), None, "bit {bit}");
        }
        for length in 0..stored.len() {
            let truncated = &stored[..length];
            assert_eq!(verify_checksum(b"Mkey", truncated), None, "{length} bytes");
        }
        assert_eq!(verify_checksum(b"Mkez", &stored), None);
        assert_eq!(verify_checksum(b"", &stored), None);
    }
}
