//! How error messages show an encoded key.

/// The most bytes of a key that an error message shows.
const PREVIEW_BYTES: usize = 48;

/// Returns the bytes of a key, escaped, quoted and shortened.
pub(crate) fn preview(bytes: &[u8]) -> String {
    let (shown, more) = match bytes.get(..PREVIEW_BYTES) {
        Some(shown) if bytes.len() > PREVIEW_BYTES => (shown, "…"),
        _ => (bytes, ""),
    };
    format!("\"{}{more}\"", shown.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preview_is_escaped_and_shortened() {
        assert_eq!(preview(b"M\xa3cat"), r#""M\xa3cat""#);
        assert_eq!(preview(&[b'a'; 48]).chars().count(), 50);
        assert_eq!(preview(&[b'a'; 49]).chars().count(), 51);
    }
}
