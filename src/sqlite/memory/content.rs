//! The bytes of one file, in chunks that never move.

/// The size of the largest database page, so that no page lies in two chunks.
const CHUNK_BYTES: usize = 64 * 1024;

/// There is no memory left to hold more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutOfMemory;

/// What is in a file.
///
/// One long vector would copy the whole database each time that it grows.
#[derive(Default)]
pub(super) struct Content {
    /// Every chunk has room for `CHUNK_BYTES` and all but the last are full.
    chunks: Vec<Vec<u8>>,
}

impl Content {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    /// The size of the file.
    pub(super) fn len(&self) -> usize {
        match self.chunks.split_last() {
            Some((last, full)) => full.len() * CHUNK_BYTES + last.len(),
            None => 0,
        }
    }

    /// Hands over the bytes from `offset` on, piece by piece: `count` of them, or as many as
    /// there are.
    pub(super) fn read(&self, offset: usize, count: usize, mut sink: impl FnMut(&[u8])) {
        let mut left = count;
        let mut skip = offset % CHUNK_BYTES;
        for chunk in self.chunks.get(offset / CHUNK_BYTES..).unwrap_or_default() {
            let piece = chunk.get(skip..).unwrap_or_default();
            let piece = piece.get(..left).unwrap_or(piece);
            sink(piece);
            left -= piece.len();
            if left == 0 {
                break;
            }
            skip = 0;
        }
    }

    /// Writes all of the bytes, or none when there is no memory for them.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), OutOfMemory> {
        let end = offset.checked_add(bytes.len()).ok_or(OutOfMemory)?;
        if end > self.len() {
            self.resize(end)?;
        }
        self.overwrite(offset, bytes);
        Ok(())
    }

    fn overwrite(&mut self, offset: usize, bytes: &[u8]) {
        let mut rest = bytes;
        let mut skip = offset % CHUNK_BYTES;
        let chunks = self.chunks.get_mut(offset / CHUNK_BYTES..);
        for chunk in chunks.unwrap_or_default() {
            rest = copy_in(rest, chunk.get_mut(skip..).unwrap_or_default());
            if rest.is_empty() {
                break;
            }
            skip = 0;
        }
    }

    /// Cuts the file off, or lengthens it with zeros. Nothing changes if that fails.
    pub(super) fn resize(&mut self, len: usize) -> Result<(), OutOfMemory> {
        let before = self.len();
        if len <= before {
            self.shrink(len);
            return Ok(());
        }
        while self.len() < len {
            if self.grow_by_a_chunk(len).is_err() {
                self.shrink(before);
                return Err(OutOfMemory);
            }
        }
        Ok(())
    }

    fn shrink(&mut self, len: usize) {
        self.chunks.truncate(len.div_ceil(CHUNK_BYTES));
        if let Some((last, full)) = self.chunks.split_last_mut() {
            last.truncate(len.saturating_sub(full.len() * CHUNK_BYTES));
        }
    }

    /// Lengthens the last chunk towards `len`, after adding one if the last is full.
    fn grow_by_a_chunk(&mut self, len: usize) -> Result<(), OutOfMemory> {
        if self.chunks.last().is_none_or(|c| c.len() >= CHUNK_BYTES) {
            self.add_chunk()?;
        }
        if let Some((last, full)) = self.chunks.split_last_mut() {
            let missing = len.saturating_sub(full.len() * CHUNK_BYTES);
            // Within the capacity, so this allocates nothing and cannot fail.
            last.resize(missing.min(CHUNK_BYTES), 0);
        }
        Ok(())
    }

    fn add_chunk(&mut self) -> Result<(), OutOfMemory> {
        let mut chunk = Vec::new();
        chunk
            .try_reserve_exact(CHUNK_BYTES)
            .and_then(|()| self.chunks.try_reserve(1))
            .map_err(|_| OutOfMemory)?;
        self.chunks.push(chunk);
        Ok(())
    }
}

/// Copies as much as fits and returns what is left of the source.
fn copy_in<'a>(source: &'a [u8], target: &mut [u8]) -> &'a [u8] {
    let count = source.len().min(target.len());
    match (source.split_at_checked(count), target.get_mut(..count)) {
        (Some((source, rest)), Some(target)) => {
            target.copy_from_slice(source);
            rest
        }
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &Content, offset: usize, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        content.read(offset, count, |piece| bytes.extend_from_slice(piece));
        bytes
    }

    #[test]
    fn what_was_written_is_read_as_far_as_the_file_goes() {
        let mut content = Content::new();
        assert_eq!(read(&content, 0, 3), b"");
        content.write(0, b"abc").unwrap();
        assert_eq!(content.len(), 3);
        assert_eq!(read(&content, 1, 4), b"bc");
        assert_eq!(read(&content, 3, 2), b"");
        assert_eq!(read(&content, usize::MAX, 2), b"");
        content.write(1, b"XYZ").unwrap();
        assert_eq!(read(&content, 0, 4), b"aXYZ");
        assert_eq!(read(&content, 1, 2), b"XY");
    }

    #[test]
    fn a_gap_before_a_write_reads_as_zeros() {
        let mut content = Content::new();
        content.write(2, b"c").unwrap();
        content.write(CHUNK_BYTES + 1, b"d").unwrap();
        assert_eq!(read(&content, 0, 4), b"\0\0c\0");
        assert_eq!(read(&content, CHUNK_BYTES - 1, 9), b"\0\0d");
    }

    #[test]
    fn bytes_may_straddle_chunks() {
        let mut content = Content::new();
        let bytes: Vec<u8> = (0..=250).cycle().take(3 * CHUNK_BYTES).collect();
        content.write(CHUNK_BYTES - 7, &bytes).unwrap();
        assert_eq!(content.len(), 4 * CHUNK_BYTES - 7);
        assert!(read(&content, CHUNK_BYTES - 7, bytes.len()) == bytes);
        assert_eq!(read(&content, 2 * CHUNK_BYTES - 3, 6).len(), 6);
    }

    #[test]
    fn what_was_cut_off_comes_back_as_zeros() {
        let mut content = Content::new();
        content.write(0, &vec![1; 2 * CHUNK_BYTES + 5]).unwrap();
        content.resize(CHUNK_BYTES + 1).unwrap();
        assert_eq!(content.len(), CHUNK_BYTES + 1);
        content.resize(CHUNK_BYTES + 3).unwrap();
        assert_eq!(read(&content, CHUNK_BYTES - 1, 9), [1, 1, 0, 0]);
        content.resize(CHUNK_BYTES).unwrap();
        assert_eq!(content.chunks.len(), 1);
        content.resize(0).unwrap();
        assert!(content.chunks.is_empty());
    }

    #[test]
    fn chunks_stay_where_they_are_when_the_file_grows() {
        let mut content = Content::new();
        content.write(0, &[1]).unwrap();
        let first = content.chunks[0].as_ptr();
        content.resize(100 * CHUNK_BYTES).unwrap();
        assert_eq!(content.chunks[0].as_ptr(), first);
        let full = |chunk: &Vec<u8>| chunk.capacity() == CHUNK_BYTES;
        assert!(content.chunks.iter().all(full));
    }

    #[test]
    fn a_write_beyond_all_memory_is_refused() {
        let mut content = Content::new();
        assert_eq!(content.write(usize::MAX, b"ab"), Err(OutOfMemory));
        assert_eq!(content.len(), 0);
    }
}
