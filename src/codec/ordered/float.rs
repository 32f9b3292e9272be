//! Floats as bytes that sort from negative infinity to infinity, and then NaN.

use super::error::Error;
use super::reader::KeyReader;

macro_rules! codes {
    ($($type:ident as $bits:ident, NaN $nan:literal, $write:ident, $read:ident;)*) => {$(
        /// Appends `value`. Negative zero is written as zero, and every NaN as the same one.
        pub(super) fn $write(value: $type, out: &mut Vec<u8>) {
            const SIGN: $bits = $bits::MAX ^ ($bits::MAX >> 1);
            let bits = if value.is_nan() {
                $nan
            } else if value == 0.0 {
                0
            } else {
                value.to_bits()
            };
            // Of two negative numbers, the one with greater bits is less.
            let sorted = if bits & SIGN == 0 { bits | SIGN } else { !bits };
            out.extend(sorted.to_be_bytes());
        }

        pub(super) fn $read(reader: &mut KeyReader<'_>) -> Result<$type, Error> {
            const SIGN: $bits = $bits::MAX ^ ($bits::MAX >> 1);
            let sorted = $bits::from_be_bytes(reader.array()?);
            let bits = if sorted & SIGN == 0 { !sorted } else { sorted ^ SIGN };
            let value = $type::from_bits(bits);
            if bits == SIGN || (value.is_nan() && bits != $nan) {
                return Err(Error::new("a float is a negative zero or an unusual NaN"));
            }
            Ok(value)
        }
    )*};
}

codes! {
    f32 as u32, NaN 0x7FC0_0000, write_f32, read_f32;
    f64 as u64, NaN 0x7FF8_0000_0000_0000, write_f64, read_f64;
}
