//! The changes of a file that must stay as it is, kept in memory in chunks.

use std::collections::BTreeMap;
use std::ops::Range;

/// The size of a chunk. It divides every page size of SQLite.
pub(super) const CHUNK_BYTES: usize = 512;

type Chunk = [u8; CHUNK_BYTES];

/// The changed chunks of a file, and its size after the changes.
pub(super) struct Overlay {
    chunks: BTreeMap<u64, Box<Chunk>>,
    /// The size of the file after the changes.
    len: u64,
    /// How many bytes of the unchanged file were never cut off. Those after them read as zeros.
    base_len: u64,
}

impl Overlay {
    /// Creates an overlay without changes over a file of `len` bytes.
    pub(super) const fn new(len: u64) -> Self {
        Self {
            chunks: BTreeMap::new(),
            len,
            base_len: len,
        }
    }

    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Fills `buffer`, with zeros after the end of the file. `base` reads what was not changed.
    pub(super) fn read<E>(
        &self,
        offset: u64,
        buffer: &mut [u8],
        mut base: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let (index, within) = locate(at, rest.len());
            let count = within.len();
            let Some((piece, later)) = rest.split_at_mut_checked(count) else {
                break;
            };
            match self.chunks.get(&index).and_then(|chunk| chunk.get(within)) {
                Some(changed) => piece.copy_from_slice(changed),
                None => self.read_base(at, piece, &mut base)?,
            }
            at += count as u64;
            rest = later;
        }
        Ok(())
    }

    fn read_base<E>(
        &self,
        at: u64,
        piece: &mut [u8],
        base: &mut impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        piece.fill(0);
        let remaining = usize::try_from(self.base_len.saturating_sub(at)).unwrap_or(usize::MAX);
        match piece.get_mut(..remaining.min(CHUNK_BYTES)) {
            Some([]) => Ok(()),
            Some(in_base) => base(at, in_base),
            None => base(at, piece),
        }
    }

    /// Writes `bytes` to the overlay. `base` reads the rest of chunks that are written in part.
    pub(super) fn write<E>(
        &mut self,
        offset: u64,
        bytes: &[u8],
        mut base: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let (index, within) = locate(at, rest.len());
            let count = within.len();
            let mut chunk = [0; CHUNK_BYTES];
            if count < CHUNK_BYTES {
                self.read(index * CHUNK_BYTES as u64, &mut chunk, &mut base)?;
            }
            let (Some(target), Some((piece, later))) =
                (chunk.get_mut(within), rest.split_at_checked(count))
            else {
                break;
            };
            target.copy_from_slice(piece);
            self.chunks.insert(index, Box::new(chunk));
            at += count as u64;
            rest = later;
        }
        self.len = self.len.max(at);
        Ok(())
    }

    /// Truncates the file, or extends it with zeros.
    pub(super) fn resize(&mut self, len: u64) {
        let whole = len / CHUNK_BYTES as u64;
        self.chunks.split_off(&len.div_ceil(CHUNK_BYTES as u64));
        if let Some(last) = self.chunks.get_mut(&whole) {
            let within = usize::try_from(len % CHUNK_BYTES as u64).unwrap_or(0);
            last.get_mut(within..).unwrap_or_default().fill(0);
        }
        self.len = len;
        self.base_len = self.base_len.min(len);
    }
}

/// Returns the index of the chunk that holds the byte at `at`, and the range of at most `count` bytes from
/// there that are in this chunk.
fn locate(at: u64, count: usize) -> (u64, Range<usize>) {
    let size = CHUNK_BYTES as u64;
    let within = usize::try_from(at % size).unwrap_or(0);
    let end = CHUNK_BYTES.min(within.saturating_add(count));
    (at / size, within..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(base: &[u8]) -> impl FnMut(u64, &mut [u8]) -> Result<(), ()> + use<> {
        let base = base.to_vec();
        move |at, buffer| {
            let at = usize::try_from(at).unwrap();
            buffer.copy_from_slice(&base[at..at + buffer.len()]);
            Ok(())
        }
    }

    fn content(overlay: &Overlay, base: &[u8]) -> Vec<u8> {
        let mut bytes = vec![9; usize::try_from(overlay.len()).unwrap()];
        overlay.read(0, &mut bytes, reader(base)).unwrap();
        bytes
    }

    #[test]
    fn an_overlay_behaves_like_a_file() {
        let base: Vec<u8> = (0..=255).cycle().take(3 * CHUNK_BYTES + 77).collect();
        let mut overlay = Overlay::new(base.len() as u64);
        let mut model = base.clone();
        assert_eq!(content(&overlay, &base), model);
        let steps = [
            (0, 1),
            (511, 2),
            (600, 1500),
            (1600, 40),
            (2000, 900),
            (3500, 3),
        ];
        for (step, (at, count)) in steps.into_iter().enumerate() {
            let bytes = vec![u8::try_from(step).unwrap() + 1; count];
            overlay.write(at as u64, &bytes, reader(&base)).unwrap();
            model.resize(model.len().max(at + count), 0);
            model[at..at + count].copy_from_slice(&bytes);
            assert_eq!(content(&overlay, &base), model, "step {step}");
            let cut = model.len() - 100 * step;
            overlay.resize(cut as u64);
            model.truncate(cut);
            overlay.resize(cut as u64 + 50);
            model.resize(cut + 50, 0);
            assert_eq!(content(&overlay, &base), model, "step {step}, cut");
        }
    }

    #[test]
    fn bytes_after_the_end_read_as_zeros() {
        let overlay = Overlay::new(3);
        let mut bytes = [9; 6];
        overlay.read(1, &mut bytes, reader(b"abc")).unwrap();
        assert_eq!(bytes, *b"bc\0\0\0\0");
    }
}
