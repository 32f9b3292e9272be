//! Blobs that know if they were damaged.
//!
//! A sealed blob is the tag `C`, the 64-bit XXH3 of what it holds, little-endian, and the blob itself. The checksum covers
//! the entry's key too, so that a value that lies under another key is damage. XXH3:
//! <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>.

use twox_hash::XxHash3_64;

/// The first byte of a sealed blob.
const TAG: u8 = b'C';

/// `blob` with its checksum as the value of `key`.
pub(crate) fn seal(key: &[u8], blob: &[u8]) -> Vec<u8> {
    let sum = checksum(key, blob).to_le_bytes();
    [&[TAG], sum.as_slice(), blob].concat()
}

/// The blob in a sealed one, if it is what was sealed as the value of `key`.
#[inline]
pub(crate) fn open<'blob>(key: &[u8], sealed: &'blob [u8]) -> Option<&'blob [u8]> {
    let (tag, rest) = sealed.split_first()?;
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
        let sealed = seal(b"Mkey", b"Mvalue");
        assert_eq!(sealed, b"C\x1d\xb6\x87,z\xbd\xd1]Mvalue");
        assert_eq!(open(b"Mkey", &sealed), Some(b"Mvalue".as_slice()));
    }

    #[test]
    fn every_changed_bit_of_key_and_value_is_noticed() {
        let sealed = seal(b"Mkey", b"Mvalue");
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(b"Mkey", &damaged), None, "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(open(b"Mkey", &sealed[..length]), None, "{length} bytes");
        }
        assert_eq!(open(b"Mkez", &sealed), None);
        assert_eq!(open(b"", &sealed), None);
    }
}
