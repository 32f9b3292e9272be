//! The bytes of one key that are not read yet.

use std::borrow::Cow;

use super::error::Error;
use super::escape::{END, MARK};

/// The number of bytes that are searched at once.
const CHUNK_BYTES: usize = 16;

/// Reads bytes from the beginning of a key.
pub(super) struct KeyReader<'de> {
    rest: &'de [u8],
}

impl<'de> KeyReader<'de> {
    pub(super) const fn new(bytes: &'de [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the bytes that are not read yet.
    pub(super) const fn rest(&self) -> &'de [u8] {
        self.rest
    }

    /// Returns the bytes that were read since `rest` was what is not read yet.
    pub(super) fn read_since(&self, rest: &'de [u8]) -> &'de [u8] {
        let length = rest.len().saturating_sub(self.rest.len());
        rest.get(..length).unwrap_or_default()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'de [u8], Error> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// Reads a character of one to four bytes, in UTF-8.
    pub(super) fn char(&mut self) -> Result<char, Error> {
        let length = match self.rest.first() {
            None | Some(..=0x7F) => 1,
            Some(..=0xDF) => 2,
            Some(..=0xEF) => 3,
            Some(_) => 4,
        };
        let text = str::from_utf8(self.take(length)?).ok();
        let first = text.and_then(|text| text.chars().next());
        first.ok_or(Error::new("a character is not UTF-8"))
    }

    /// Reads an end if one is next. Returns `false` if there is another byte.
    pub(super) fn is_end(&mut self) -> Result<bool, Error> {
        match self.rest.split_first() {
            Some((&END, rest)) => {
                self.rest = rest;
                Ok(true)
            }
            Some(_) => Ok(false),
            None => Err(TOO_SHORT),
        }
    }

    /// Reads the byte that stands before an element or an entry.
    pub(super) fn mark(&mut self) -> Result<(), Error> {
        match self.byte()? {
            MARK => Ok(()),
            _ => Err(Error::new("an element does not begin with the byte 0x01")),
        }
    }

    /// Reads one byte that may be escaped.
    pub(super) fn escaped_byte(&mut self) -> Result<u8, Error> {
        match self.byte()? {
            END => Err(Error::new("a byte is missing before the end of a sequence")),
            MARK => self.after_escape(),
            byte => Ok(byte),
        }
    }

    /// Reads an escaped string and its end.
    pub(super) fn escaped(&mut self) -> Result<Cow<'de, [u8]>, Error> {
        let plain = self.plain()?;
        if self.is_end()? {
            return Ok(Cow::Borrowed(plain));
        }
        let mut bytes = plain.to_vec();
        while !self.is_end()? {
            self.mark()?;
            bytes.push(self.after_escape()?);
            bytes.extend_from_slice(self.plain()?);
        }
        Ok(Cow::Owned(bytes))
    }

    /// Reads the bytes before the next end or escape.
    fn plain(&mut self) -> Result<&'de [u8], Error> {
        let is_plain = |chunk: &[u8]| chunk.iter().copied().fold(u8::MAX, u8::min) > MARK;
        // The compiler tests the bytes of a chunk at once.
        let chunks = self.rest.chunks_exact(CHUNK_BYTES);
        let start = CHUNK_BYTES * chunks.take_while(|chunk| is_plain(chunk)).count();
        let rest = self.rest.get(start..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte <= MARK);
        self.take(start + length.ok_or(TOO_SHORT)?)
    }

    fn after_escape(&mut self) -> Result<u8, Error> {
        match self.byte()? {
            escaped @ 1..=2 => Ok(escaped - 1),
            _ => Err(Error::new(
                "the byte 0x01 is followed by neither 0x01 nor 0x02",
            )),
        }
    }
}

const TOO_SHORT: Error = Error::new("the bytes end before the value does");
