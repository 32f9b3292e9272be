//! Reads a write-ahead log without SQLite: finds the frame with the last committed content of each page.
//!
//! The format is <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};

use crate::sqlite::file_format::{number, read_at};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// The last bit is set if the checksums are big-endian.
const MAGIC: u32 = 0x377F_0682;

/// A write-ahead log, up to the last commit whose checksums match.
pub(in crate::sqlite) struct WalReader {
    file: File,
    /// The offset of the last committed content of each page.
    newest: HashMap<u32, u64>,
    has_commit: bool,
    length: u64,
    page_bytes: usize,
    /// The number of pages of the file after the last commit.
    pages_in_file: u32,
}

impl WalReader {
    /// Reads the frames of a log. Returns `None` if it has no commit.
    pub(in crate::sqlite) fn read(mut file: File) -> io::Result<Option<Self>> {
        let length = file.seek(SeekFrom::End(0))?;
        let mut header = [0; HEADER_BYTES];
        if length < HEADER_BYTES as u64 {
            return Ok(None);
        }
        read_at(&mut file, 0, &mut header)?;
        let word = |at| number(&header, at, 4).unwrap_or(0);
        let page_bytes = word(8) as usize;
        let is_size = page_bytes.is_power_of_two() && (512..=65536).contains(&page_bytes);
        if word(0) & !1 != MAGIC || !is_size {
            return Ok(None);
        }
        let mut checksum = Checksum::new(word(0) & 1 == 1);
        checksum.add(header.get(..24).unwrap_or_default());
        if (word(24), word(28)) != checksum.sums {
            return Ok(None);
        }
        let salts = (word(16), word(20));
        let mut log = Self {
            file,
            newest: HashMap::new(),
            has_commit: false,
            length,
            page_bytes,
            pages_in_file: 0,
        };
        log.read_frames(length, page_bytes, salts, checksum)?;
        Ok(log.has_commit.then_some(log))
    }

    /// Reads frames until one does not belong to the log, or its checksum does not match.
    fn read_frames(
        &mut self,
        length: u64,
        page_bytes: usize,
        salts: (u32, u32),
        mut checksum: Checksum,
    ) -> io::Result<()> {
        let frame_bytes = FRAME_HEADER_BYTES + page_bytes;
        let mut frame = vec![0; frame_bytes];
        let mut at = HEADER_BYTES as u64;
        let mut pending = HashMap::new();
        while at + frame_bytes as u64 <= length {
            read_at(&mut self.file, at, &mut frame)?;
            let word = |offset| number(&frame, offset, 4).unwrap_or(0);
            checksum.add(frame.get(..8).unwrap_or_default());
            checksum.add(frame.get(FRAME_HEADER_BYTES..).unwrap_or_default());
            if (word(8), word(12)) != salts || (word(16), word(20)) != checksum.sums {
                break;
            }
            pending.insert(word(0), at + FRAME_HEADER_BYTES as u64);
            if word(4) != 0 {
                self.newest.extend(pending.drain());
                self.has_commit = true;
                self.pages_in_file = word(4);
            }
            at += frame_bytes as u64;
        }
        Ok(())
    }

    /// Returns the size of the log in bytes.
    pub(in crate::sqlite) const fn bytes(&self) -> u64 {
        self.length
    }

    /// Returns the size of a page in bytes.
    pub(in crate::sqlite) const fn page_bytes(&self) -> u64 {
        self.page_bytes as u64
    }

    /// Returns the number of pages of the file after the last commit.
    pub(in crate::sqlite) const fn pages_in_file(&self) -> u32 {
        self.pages_in_file
    }

    /// Returns `true` if the log has a committed content of the page.
    pub(in crate::sqlite) fn contains(&self, page: u32) -> bool {
        self.newest.contains_key(&page)
    }

    /// Returns the numbers of the pages in the log, sorted.
    pub(in crate::sqlite) fn pages(&self) -> Vec<u32> {
        let mut pages: Vec<u32> = self.newest.keys().copied().collect();
        pages.sort_unstable();
        pages
    }

    /// Returns the log's file and the offset of the page's last committed content in it.
    pub(in crate::sqlite) fn locate(&mut self, page: u32) -> Option<(&mut File, u64)> {
        let offset = *self.newest.get(&page)?;
        Some((&mut self.file, offset))
    }
}

/// The running checksum of a log, over pairs of 32-bit words.
struct Checksum {
    big_endian: bool,
    sums: (u32, u32),
}

impl Checksum {
    const fn new(big_endian: bool) -> Self {
        Self {
            big_endian,
            sums: (0, 0),
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let word = |bytes: [u8; 4]| {
            if self.big_endian {
                u32::from_be_bytes(bytes)
            } else {
                u32::from_le_bytes(bytes)
            }
        };
        let (mut first, mut second) = self.sums;
        for &[a, b, c, d, e, f, g, h] in bytes.as_chunks().0 {
            first = first.wrapping_add(word([a, b, c, d])).wrapping_add(second);
            second = second.wrapping_add(word([e, f, g, h])).wrapping_add(first);
        }
        self.sums = (first, second);
    }
}
