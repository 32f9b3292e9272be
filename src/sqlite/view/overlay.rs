//! What was written to a file that must not change, in chunks over the bytes that are there.

use std::collections::BTreeMap;
use std::ops::Range;

/// Every page is made of whole chunks.
pub(super) const CHUNK_BYTES: usize = 512;

type Chunk = [u8; CHUNK_BYTES];

/// The changed chunks of a file, and its changed size.
pub(super) struct Overlay {
    chunks: BTreeMap<u64, Box<Chunk>>,
    /// The size of the file as it is shown.
    len: u64,
    /// So many bytes of the real file are still shown.
    kept: u64,
}

impl Overlay {
    /// No change of a file of this size.
    pub(super) const fn new(len: u64) -> Self {
        Self {
            chunks: BTreeMap::new(),
            len,
            kept: len,
        }
    }

    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Fills `buffer`, with zeros beyond the end; `real` reads what was not changed.
    pub(super) fn read<E>(
        &self,
        offset: u64,
        buffer: &mut [u8],
        mut real: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let (index, within) = place(at, rest.len());
            let count = within.len();
            let Some((piece, later)) = rest.split_at_mut_checked(count) else {
                break;
            };
            match self.chunks.get(&index).and_then(|chunk| chunk.get(within)) {
                Some(changed) => piece.copy_from_slice(changed),
                None => self.read_kept(at, piece, &mut real)?,
            }
            at += count as u64;
            rest = later;
        }
        Ok(())
    }

    fn read_kept<E>(
        &self,
        at: u64,
        piece: &mut [u8],
        real: &mut impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        piece.fill(0);
        let left = usize::try_from(self.kept.saturating_sub(at)).unwrap_or(usize::MAX);
        match piece.get_mut(..left.min(CHUNK_BYTES)) {
            Some([]) => Ok(()),
            Some(kept) => real(at, kept),
            None => real(at, piece),
        }
    }

    /// Keeps what was written.
    pub(super) fn write<E>(
        &mut self,
        offset: u64,
        bytes: &[u8],
        mut real: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let (index, within) = place(at, rest.len());
            let count = within.len();
            let mut chunk = [0; CHUNK_BYTES];
            if count < CHUNK_BYTES {
                self.read(index * CHUNK_BYTES as u64, &mut chunk, &mut real)?;
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

    /// Cuts the file off, or lengthens it with zeros.
    pub(super) fn resize(&mut self, len: u64) {
        let whole = len / CHUNK_BYTES as u64;
        self.chunks.split_off(&len.div_ceil(CHUNK_BYTES as u64));
        if let Some(last) = self.chunks.get_mut(&whole) {
            let within = usize::try_from(len % CHUNK_BYTES as u64).unwrap_or(0);
            last.get_mut(within..).unwrap_or_default().fill(0);
        }
        self.len = len;
        self.kept = self.kept.min(len);
    }
}

/// The chunk that holds the byte at `at`, and which of its bytes are wanted.
fn place(at: u64, wanted: usize) -> (u64, Range<usize>) {
    let size = CHUNK_BYTES as u64;
    let within = usize::try_from(at % size).unwrap_or(0);
    let end = CHUNK_BYTES.min(within.saturating_add(wanted));
    (at / size, within..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(real: &[u8]) -> impl FnMut(u64, &mut [u8]) -> Result<(), ()> + use<> {
        let real = real.to_vec();
        move |at, buffer| {
            let at = usize::try_from(at).unwrap();
            buffer.copy_from_slice(&real[at..at + buffer.len()]);
            Ok(())
        }
    }

    fn shown(overlay: &Overlay, real: &[u8]) -> Vec<u8> {
        let mut bytes = vec![9; usize::try_from(overlay.len()).unwrap()];
        overlay.read(0, &mut bytes, base(real)).unwrap();
        bytes
    }

    #[test]
    fn it_behaves_as_a_file_does() {
        let real: Vec<u8> = (0..=255).cycle().take(3 * CHUNK_BYTES + 77).collect();
        let mut overlay = Overlay::new(real.len() as u64);
        let mut model = real.clone();
        assert_eq!(shown(&overlay, &real), model);
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
            overlay.write(at as u64, &bytes, base(&real)).unwrap();
            model.resize(model.len().max(at + count), 0);
            model[at..at + count].copy_from_slice(&bytes);
            assert_eq!(shown(&overlay, &real), model, "step {step}");
            let cut = model.len() - 100 * step;
            overlay.resize(cut as u64);
            model.truncate(cut);
            overlay.resize(cut as u64 + 50);
            model.resize(cut + 50, 0);
            assert_eq!(shown(&overlay, &real), model, "step {step}, cut");
        }
    }

    #[test]
    fn what_lies_beyond_the_end_reads_as_zeros() {
        let overlay = Overlay::new(3);
        let mut bytes = [9; 6];
        overlay.read(1, &mut bytes, base(b"abc")).unwrap();
        assert_eq!(bytes, *b"bc\0\0\0\0");
    }
}
