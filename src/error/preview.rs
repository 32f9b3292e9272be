//! How an encoded key is shown.

/// How many bytes of a key an error message shows.
const PREVIEW_BYTES: usize = 48;

/// A key's bytes as an error message shows them.
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
    fn a_preview_is_escaped_and_short() {
        assert_eq!(preview(b"M\xa3cat"), r#""M\xa3cat""#);
        assert_eq!(preview(&[b'a'; 48]).chars().count(), 50);
        assert_eq!(preview(&[b'a'; 49]).chars().count(), 51);
    }
}
