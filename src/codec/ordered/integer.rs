//! Integers in as few bytes as they need, of which the first one tells the sign and the length.

use super::error::Error;
use super::reader::KeyReader;

/// The first byte of zero. That of a number of n bytes is n more.
const ZERO: u8 = 0x80;

/// The number of bytes of the greatest integer.
const MAX_BYTES: u8 = 16;

/// An integer of any type.
#[derive(Clone, Copy)]
pub(super) enum Integer {
    /// Zero or more.
    NonNegative(u128),
    /// Less than zero. Holds the complement, which is zero for -1.
    Negative(u128),
}

impl From<u128> for Integer {
    fn from(value: u128) -> Self {
        Self::NonNegative(value)
    }
}

impl From<i128> for Integer {
    fn from(value: i128) -> Self {
        if value < 0 {
            Self::Negative((!value).cast_unsigned())
        } else {
            Self::NonNegative(value.cast_unsigned())
        }
    }
}

impl Integer {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        // The bytes of a negative number are the complement of the bytes of its complement.
        let (magnitude, mask) = match self {
            Self::NonNegative(magnitude) => (magnitude, 0x00),
            Self::Negative(magnitude) => (magnitude, 0xFF),
        };
        let [zeros, ..] = (magnitude.leading_zeros() / 8).to_le_bytes();
        out.push((ZERO + MAX_BYTES - zeros) ^ mask);
        let digits = magnitude.to_be_bytes();
        let digits = digits.into_iter().skip(zeros.into());
        out.extend(digits.map(|digit| digit ^ mask));
    }

    pub(super) fn read(reader: &mut KeyReader<'_>) -> Result<Self, Error> {
        let head = reader.byte()?;
        let mask = if head < ZERO { 0xFF } else { 0x00 };
        let length = (head ^ mask) - ZERO;
        if length > MAX_BYTES {
            return Err(Error::new("an integer has more than 16 bytes"));
        }
        let digits = reader.take(length.into())?;
        if digits.first() == Some(&mask) {
            return Err(Error::new("an integer is not in its shortest form"));
        }
        let magnitude = digits.iter().fold(0, |magnitude, digit| {
            (magnitude << 8) | u128::from(digit ^ mask)
        });
        Ok(if head < ZERO {
            Self::Negative(magnitude)
        } else {
            Self::NonNegative(magnitude)
        })
    }

    /// Returns the number as a `T`, if it is in its range.
    pub(super) fn narrow<T: TryFrom<u128> + TryFrom<i128>>(self) -> Result<T, Error> {
        let narrow = match self {
            Self::NonNegative(magnitude) => T::try_from(magnitude).ok(),
            Self::Negative(magnitude) => i128::try_from(magnitude)
                .ok()
                .and_then(|magnitude| T::try_from(!magnitude).ok()),
        };
        narrow.ok_or(Error::new("an integer is out of the range of its type"))
    }
}
