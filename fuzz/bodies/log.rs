//! Corrects the checksums of a changed write-ahead log, so that SQLite accepts its content:
//! <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// The magic number of a log with big-endian checksums.
const MAGIC: u32 = 0x377F_0683;
const VERSION: u32 = 3_007_000;
const SALTS: std::ops::Range<usize> = 16..24;

/// Writes the correct checksums, and the salts of the header into each frame.
pub(crate) fn mend(log: &mut [u8]) {
    let Some((header, mut frames)) = log.split_at_mut_checked(HEADER_BYTES) else {
        return;
    };
    header[..4].copy_from_slice(&MAGIC.to_be_bytes());
    header[4..8].copy_from_slice(&VERSION.to_be_bytes());
    let page_bytes = usize::from(u16::from_be_bytes([header[10], header[11]]).max(1));
    let mut sums = add((0, 0), &header[..24]);
    store(&mut header[24..32], sums);
    while let Some((frame, rest)) = frames.split_at_mut_checked(FRAME_HEADER_BYTES + page_bytes) {
        frame[8..16].copy_from_slice(&header[SALTS]);
        sums = add(sums, &frame[..8]);
        sums = add(sums, &frame[FRAME_HEADER_BYTES..]);
        store(&mut frame[16..24], sums);
        frames = rest;
    }
}

fn add((mut first, mut second): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    for &[a, b, c, d, e, f, g, h] in bytes.as_chunks().0 {
        let word = u32::from_be_bytes;
        first = first.wrapping_add(word([a, b, c, d])).wrapping_add(second);
        second = second.wrapping_add(word([e, f, g, h])).wrapping_add(first);
    }
    (first, second)
}

fn store(place: &mut [u8], (first, second): (u32, u32)) {
    place[..4].copy_from_slice(&first.to_be_bytes());
    place[4..].copy_from_slice(&second.to_be_bytes());
}
