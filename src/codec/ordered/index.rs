//! The index of an enum variant, in one byte or in five.

use super::error::Error;
use super::reader::KeyReader;

/// The byte before an index of four bytes. It sorts after all indices of one byte.
const LONG: u8 = 0xFF;

pub(super) fn write(index: u32, out: &mut Vec<u8>) {
    match u8::try_from(index) {
        Ok(index) if index < LONG => out.push(index),
        _ => {
            out.push(LONG);
            out.extend(index.to_be_bytes());
        }
    }
}

pub(super) fn read(reader: &mut KeyReader<'_>) -> Result<u32, Error> {
    match reader.byte()? {
        LONG => match u32::from_be_bytes(reader.array()?) {
            index if index < LONG.into() => Err(Error::new(
                "the index of a variant is not in its shortest form",
            )),
            index => Ok(index),
        },
        index => Ok(index.into()),
    }
}
