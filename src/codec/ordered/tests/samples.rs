//! Random values of many types. Most of them differ little, so that their bytes do too.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU32, Wrapping};
use std::time::Duration;

use serde::de::{DeserializeOwned, EnumAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A pseudo-random generator with a fixed seed, so that a failure is reproducible: xorshift64*.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Returns a number below `limit`, which must not be zero.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from((self.next() >> 16) % limit as u64).unwrap()
    }

    pub(super) fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }

    /// Returns one of the bytes that have a meaning, or any other.
    pub(super) fn byte(&mut self) -> u8 {
        let any = self.next().to_be_bytes()[0];
        self.pick(&[0, 0, 1, 1, 2, 3, 0x7F, 0x80, 0x81, 0xFE, 0xFF, any])
    }

    /// Returns a number that is near zero or near a power of two, or any other.
    fn bits(&mut self) -> u128 {
        let any = u128::from(self.next()) << 64 | u128::from(self.next());
        let power = 1_u128 << self.below(128);
        let near = self.below(5) as u128;
        let value = match self.below(4) {
            0 => near,
            1 => power.wrapping_add(near).wrapping_sub(2),
            2 => any >> self.below(128),
            _ => any,
        };
        if self.below(2) == 0 { value } else { !value }
    }
}

/// A type with random values.
pub(super) trait Sample: Ord + Clone + Debug + Serialize + DeserializeOwned {
    fn sample(random: &mut Random) -> Self;
}

macro_rules! samples {
    ($([$($generics:tt)*] $type:ty: $random:ident => $value:expr;)*) => {$(
        impl<$($generics)*> Sample for $type {
            fn sample($random: &mut Random) -> Self {
                $value
            }
        }
    )*};
}

macro_rules! sample_integers {
    ($($type:ident)*) => {$(
        impl Sample for $type {
            #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
            fn sample(random: &mut Random) -> Self {
                random.bits() as $type
            }
        }
    )*};
}

sample_integers! { i8 u16 i16 u32 i32 u64 i64 u128 i128 }

/// Returns up to four samples.
fn few<T: Sample, C: FromIterator<T>>(random: &mut Random) -> C {
    let length = random.below(5);
    (0..length).map(|_| T::sample(random)).collect()
}

samples! {
    [] bool: random => random.below(2) == 0;
    [] u8: random => random.byte();
    [] (): _random => ();
    [] char: random => random.pick(&[
        '\0', '\u{1}', 'a', '\u{7F}', '\u{80}', '\u{7FF}', '\u{800}', '\u{D7FF}', '\u{E000}',
        '\u{FFFF}', '\u{10000}', '\u{10FFFF}',
    ]);
    [] String: random => few::<char, _>(random);
    [] Box<str>: random => String::sample(random).into();
    [] Cow<'static, str>: random => String::sample(random).into();
    [] serde_bytes::ByteBuf: random => Vec::sample(random).into();
    [] Duration: random => Duration::new(u32::sample(random).into(), u32::sample(random) % 1_000_000_000);
    [] NonZeroU32: random => u32::sample(random).try_into().unwrap_or(NonZeroU32::MIN);
    [] IpAddr: random => if random.below(2) == 0 {
        Ipv4Addr::from(u32::sample(random)).into()
    } else {
        Ipv6Addr::from(u128::sample(random)).into()
    };
    [] serde_bytes::ByteArray<16>: random => u128::sample(random).to_be_bytes().into();
    [T: Sample] Wrapping<T>: random => Wrapping(T::sample(random));
    [T: Sample] Box<T>: random => Box::new(T::sample(random));
    [T: Sample] Option<T>: random => (random.below(4) > 0).then(|| T::sample(random));
    [T: Sample] Vec<T>: random => few::<T, _>(random);
    [T: Sample] VecDeque<T>: random => few::<T, _>(random);
    [T: Sample] BTreeSet<T>: random => few::<T, _>(random);
    [K: Sample, V: Sample] BTreeMap<K, V>: random => few::<(K, V), _>(random);
    [T: Sample, E: Sample] Result<T, E>: random => if random.below(2) == 0 {
        Ok(T::sample(random))
    } else {
        Err(E::sample(random))
    };
    [A: Sample] (A,): random => (A::sample(random),);
    [A: Sample, B: Sample] (A, B): random => (A::sample(random), B::sample(random));
    [A: Sample, B: Sample, C: Sample] (A, B, C): random =>
        (A::sample(random), B::sample(random), C::sample(random));
    [T: Sample] [T; 3]: random => [T::sample(random), T::sample(random), T::sample(random)];
}

/// A float that is compared as `ordered_float::OrderedFloat` is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Float<F>(pub(super) F);

macro_rules! float_samples {
    ($($type:ident from $bits:ident,)*) => {$(
        impl Ord for Float<$type> {
            fn cmp(&self, other: &Self) -> Ordering {
                let (left, right) = (self.0, other.0);
                left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
            }
        }

        impl PartialOrd for Float<$type> {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq for Float<$type> {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }

        impl Eq for Float<$type> {}

        impl Sample for Float<$type> {
            fn sample(random: &mut Random) -> Self {
                let any = $type::from_bits($bits::sample(random));
                let special = random.pick(&[
                    0.0, -0.0, 1.0, -1.0, $type::MIN, $type::MAX, $type::MIN_POSITIVE, $type::EPSILON,
                    $type::INFINITY, -$type::INFINITY, $type::NAN, -$type::NAN,
                ]);
                Self(random.pick(&[any, special]))
            }
        }
    )*};
}

float_samples! { f32 from u32, f64 from u64, }

/// Derives what a key needs.
macro_rules! keys {
    ($($item:item)*) => {$(
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        $item
    )*};
}

keys! {
    pub(super) struct Unit;
    pub(super) struct Byte(pub(super) u8);
    pub(super) struct Wrapped(pub(super) Byte);
    pub(super) struct Maybe(pub(super) Option<Byte>);
    pub(super) struct Pair(pub(super) String, pub(super) i64);
    pub(super) struct Named {
        pub(super) name: String,
        pub(super) id: u64,
        pub(super) inner: Inner,
        pub(super) tags: Vec<String>,
    }
    pub(super) struct Inner {
        pub(super) flag: bool,
        pub(super) note: Option<Box<Inner>>,
    }
    pub(super) enum Shape {
        Empty,
        Round(u8),
        Text(String),
        Both(String, bool),
        Fields { id: i32, name: String },
        Nested(Box<Shape>),
        Many(Vec<Shape>),
    }
}

samples! {
    [] Unit: _random => Unit;
    [] Byte: random => Byte(random.byte());
    [] Wrapped: random => Wrapped(Byte::sample(random));
    [] Maybe: random => Maybe(Option::sample(random));
    [] Pair: random => Pair(String::sample(random), i64::sample(random));
    [] Named: random => Named {
        name: String::sample(random),
        id: u64::sample(random),
        inner: Inner::sample(random),
        tags: Vec::sample(random),
    };
    [] Inner: random => Inner {
        flag: bool::sample(random),
        note: (random.below(2) == 0).then(|| Box::sample(random)),
    };
    [] Shape: random => match random.below(9) {
        0 => Shape::Empty,
        1 => Shape::Round(random.byte()),
        2 => Shape::Text(String::sample(random)),
        3 | 4 => Shape::Both(String::sample(random), bool::sample(random)),
        5 | 6 => Shape::Fields { id: i32::sample(random), name: String::sample(random) },
        7 => Shape::Nested(Box::sample(random)),
        _ => Shape::Many(few::<Shape, Vec<_>>(random).into_iter().take(2).collect()),
    };
}

/// An enum with 2³² variants without fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Variants(pub(super) u32);

impl Sample for Variants {
    fn sample(random: &mut Random) -> Self {
        let any = u32::sample(random);
        Self(random.pick(&[0, 1, 253, 254, 255, 256, 257, u32::MAX, any]))
    }
}

impl Serialize for Variants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit_variant("Variants", self.0, "")
    }
}

impl<'de> Deserialize<'de> for Variants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Index;

        impl<'de> Visitor<'de> for Index {
            type Value = Variants;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a variant")
            }

            fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Variants, A::Error> {
                let (index, variant) = data.variant()?;
                variant.unit_variant()?;
                Ok(Variants(index))
            }
        }

        deserializer.deserialize_enum("Variants", &[], Index)
    }
}

/// Calls a macro with each type that has samples, and whether each of its values has one form only.
///
/// Sets and times are also read from other forms: a set in another order, a time with more than 10⁹ nanoseconds.
macro_rules! for_each_sample {
    ($call:ident) => {
        $call! {
            true:
            bool, u8, i8, u16, i16, u32, i32, u64, i64, u128, i128, char, String, Box<str>, (), Unit,
            Cow<'static, str>, serde_bytes::ByteBuf, NonZeroU32, IpAddr, serde_bytes::ByteArray<16>, Wrapping<i32>,
            Float<f32>, Float<f64>, Byte, Wrapped, Maybe, Pair, Named, Inner, Shape, Variants,
            Option<bool>, Option<()>, Option<Option<u8>>, Option<Option<Option<String>>>,
            Vec<u8>, Vec<i8>, Vec<bool>, Vec<()>, Vec<u16>, Vec<i64>, Vec<Byte>, Vec<Wrapped>, Vec<Float<f64>>,
            Vec<String>, Vec<char>, Vec<Vec<u8>>, Vec<Vec<Vec<u8>>>, Vec<Vec<String>>, Vec<Option<u8>>,
            Vec<Maybe>, Vec<Pair>, Vec<Unit>, Vec<Variants>, Vec<(u8, u8)>, Vec<[u8; 3]>, Vec<Shape>, Vec<serde_bytes::ByteBuf>, VecDeque<u32>,
            (String, String), (Vec<u8>, u8), (Vec<u8>, Vec<u8>), (u8, i64, String), (i64, String, Option<u8>),
            (String, (), Vec<String>), ((u8, String), (String, u8)), (Option<String>, Option<String>),
            [u8; 3], [String; 3], [Option<i16>; 3], (IpAddr, u16), (Shape, Shape), (Variants, u8),
            (Float<f64>, i8), (char, char), Result<String, u8>, Box<(String, Box<u8>)>,
            BTreeMap<u8, String>, BTreeMap<String, Vec<u8>>, BTreeMap<(), u8>, BTreeMap<Option<i16>, BTreeMap<char, bool>>,
            (BTreeMap<u8, u8>, u8), Vec<BTreeMap<String, u8>>,
        }
        $call! {
            false:
            BTreeSet<u8>, BTreeSet<i32>, BTreeSet<String>, BTreeSet<Vec<u8>>, (BTreeSet<u8>, u8),
            BTreeMap<u8, BTreeSet<i8>>, BTreeMap<BTreeSet<u8>, u8>, Duration, (String, Duration),
        }
    };
}

pub(super) use for_each_sample;

/// Multiplies the number of random cases.
pub(super) fn rounds() -> usize {
    std::env::var("VAULTS_TEST_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap())
}
