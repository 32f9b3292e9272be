//! Numbers, text, bytes, `Option`s and units.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::marker::PhantomData;
use std::rc::Rc;

use serde_bytes::ByteBuf;

use super::{
    EACH, EmptyStruct, EmptyTuple, Newtype, ONLY_B, Transparent, Unit, check, check_all, check_by,
};

macro_rules! integers {
    ($($type:ident)*) => {$(
        let mut values = vec![$type::MIN, $type::MAX, 0, 1, $type::MAX / 2, $type::MIN / 2 + 1];
        for shift in 0..$type::BITS {
            for step in [0, 1, 2] {
                let near = (1 as $type).wrapping_shl(shift).wrapping_sub(1).wrapping_add(step);
                values.extend([near, (0 as $type).wrapping_sub(near)]);
            }
        }
        check_all(concat!("Option ", stringify!($type)), values.iter().copied().map(Some).collect(), EACH);
        check_all(stringify!($type), values, EACH);
    )*};
}

#[test]
fn integers() {
    integers! { u8 i8 u16 i16 u32 i32 u64 i64 usize isize u128 i128 }
}

#[test]
fn floats_bit_by_bit() {
    let bits64 = |a: &f64, b: &f64| a.to_bits() == b.to_bits();
    let bits32 = |a: &f32, b: &f32| a.to_bits() == b.to_bits();
    for bits in [
        0x7ff8_0000_0000_0000,
        0x7ff8_dead_beef_0001,
        0xfff8_0000_0000_0001,
        0x8000_0000_0000_0000,
        1,
    ] {
        check_by("f64", &f64::from_bits(bits), EACH, bits64);
    }
    for bits in [0x7fc0_0000, 0x7fc0_beef, 0xffc0_0001, 0x8000_0000, 1] {
        check_by("f32", &f32::from_bits(bits), EACH, bits32);
    }
    for value in [
        0.0,
        0.1,
        f64::MIN,
        f64::MAX,
        f64::EPSILON,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        check("f64", value, EACH);
    }
    for value in [
        0.0,
        0.1,
        f32::MIN,
        f32::MAX,
        f32::EPSILON,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ] {
        check("f32", value, EACH);
    }
}

#[test]
fn text_and_bytes() {
    for value in [
        '\0',
        'a',
        '\x7f',
        '\u{80}',
        'é',
        '\u{d7ff}',
        '\u{e000}',
        '😀',
        char::MAX,
    ] {
        check("char", value, EACH);
    }
    for length in [0, 1, 31, 32, 255, 256, 65_535, 65_536] {
        check("String", "é".repeat(length), EACH);
        check("bytes", ByteBuf::from(vec![0xff; length]), EACH);
        check("Vec<u8>", vec![0xff_u8; length], EACH);
        check("Vec<u16>", vec![0xffff_u16; length], EACH);
    }
    check("str with nul", "a\0b".to_owned(), EACH);
    check("Box<str>", Box::<str>::from("b"), EACH);
    check("Cow", Cow::<'static, str>::Owned("c".into()), EACH);
    check("CString", CString::new("c").unwrap(), EACH);
    check("byte array", serde_bytes::ByteArray::new([1, 2, 255]), EACH);
    check("bool", true, EACH);
}

#[test]
fn options_of_options() {
    check("None", None::<u8>, EACH);
    check("Some", Some(1_u8), EACH);
    check("None of two", None::<Option<u8>>, EACH);
    check("Some(None)", Some(None::<u8>), ONLY_B);
    check("Some(Some)", Some(Some(1_u8)), EACH);
    check("None of four", None::<Option<Option<Option<u8>>>>, EACH);
    check(
        "Some(None) of four",
        Some(None::<Option<Option<u8>>>),
        ONLY_B,
    );
    check(
        "Some(Some(None)) of four",
        Some(Some(None::<Option<u8>>)),
        ONLY_B,
    );
    check(
        "Some(Some(Some(None)))",
        Some(Some(Some(None::<u8>))),
        ONLY_B,
    );
    check("Some four times", Some(Some(Some(Some(1_u8)))), EACH);
    check("Some(Newtype(None))", Some(Newtype(None::<u8>)), ONLY_B);
    check("Newtype(None)", Newtype(None::<u8>), EACH);
    check("Newtype(Some(None))", Newtype(Some(None::<u8>)), ONLY_B);
    check(
        "Some(Transparent(None))",
        Some(Transparent { only: None::<u8> }),
        ONLY_B,
    );
    check("Some(Box(None))", Some(Box::new(None::<u8>)), ONLY_B);
    check("Some(Rc(None))", Some(Rc::new(None::<u8>)), ONLY_B);
    check(
        "some of each",
        vec![None, Some(None), Some(Some(1_u8))],
        ONLY_B,
    );
    check("Some(Ok(None))", Some(Ok::<_, u8>(None::<u8>)), EACH);
    check("Some((None,))", Some((None::<u8>,)), EACH);
    check("Some([])", Some(Vec::<u8>::new()), EACH);
}

#[test]
fn units() {
    check("()", (), EACH);
    check("Some(())", Some(()), ONLY_B);
    check("None::<()>", None::<()>, EACH);
    check("Some(Newtype(()))", Some(Newtype(())), ONLY_B);
    check("Unit", Unit, EACH);
    check("Some(Unit)", Some(Unit), EACH);
    check("Some(Newtype(Unit))", Some(Newtype(Unit)), EACH);
    check("PhantomData", PhantomData::<u8>, EACH);
    check("Some(PhantomData)", Some(PhantomData::<u8>), EACH);
    check("EmptyTuple", EmptyTuple(), EACH);
    check("EmptyStruct", EmptyStruct {}, EACH);
    check("Some(EmptyStruct)", Some(EmptyStruct {}), EACH);
    check("Some(EmptyTuple)", Some(EmptyTuple()), EACH);
    check("units", vec![(); 10], EACH);
    check("(((),),)", (((),),), EACH);
    check("[(); 3]", [(); 3], EACH);
    check("{()}", HashSet::from([()]), EACH);
    check("{(): ()}", HashMap::from([((), ())]), EACH);
    check("{(): Some(())}", HashMap::from([((), Some(()))]), ONLY_B);
}
