//! Tests of the serializer that compares values without the order of their entries.

use std::collections::BTreeMap;
use std::hash::RandomState;

use serde::ser::{SerializeMap, SerializeSeq, SerializeTupleVariant, Serializer};
use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::codec::digest::Digest;
use crate::codec::round_trip::write_digested;
use crate::codec::write::write;

const CODECS: [Codec; 2] = [Codec::MessagePack, Codec::Bincode];

/// Returns the digest of `value`, after comparing the written bytes with those of the format.
fn digest(value: &impl Serialize, codec: Codec, keys: &RandomState) -> Option<Digest> {
    let (mut plain, mut digested) = (Vec::new(), Vec::new());
    write(value, codec, &mut plain).ok()?;
    let digest = write_digested(value, codec, keys, &mut digested).ok();
    assert_eq!(digested, plain);
    Some(digest.unwrap())
}

/// Compares two values in each codec that holds them, with and without the order of undeclared maps.
fn same(one: &impl Serialize, other: &impl Serialize) -> (bool, bool) {
    let keys = RandomState::new();
    let mut outcomes = CODECS.into_iter().filter_map(|codec| {
        let (one, other) = (digest(one, codec, &keys)?, digest(other, codec, &keys)?);
        Some((one.strict == other.strict, one.loose == other.loose))
    });
    let first = outcomes.next().unwrap();
    assert!(outcomes.all(|outcome| outcome == first));
    first
}

const SAME: (bool, bool) = (true, true);
const OTHER: (bool, bool) = (false, false);

/// A map or a sequence of pairs, of declared or undeclared length.
#[derive(Clone, Copy)]
struct Pairs<const MAP: bool, const DECLARED: bool>(&'static [(u8, u8)]);

impl<const MAP: bool, const DECLARED: bool> Serialize for Pairs<MAP, DECLARED> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let length = DECLARED.then_some(self.0.len());
        if MAP {
            let mut map = serializer.serialize_map(length)?;
            for (key, value) in self.0 {
                map.serialize_key(key)?;
                map.serialize_value(value)?;
            }
            map.end()
        } else {
            let mut seq = serializer.serialize_seq(length)?;
            for pair in self.0 {
                seq.serialize_element(pair)?;
            }
            seq.end()
        }
    }
}

#[test]
fn the_order_of_entries_and_elements_is_ignored() {
    const ONE: &[(u8, u8)] = &[(1, 2), (3, 4), (1, 2)];
    const OTHER_ORDER: &[(u8, u8)] = &[(3, 4), (1, 2), (1, 2)];
    assert_eq!(
        same(&Pairs::<true, true>(ONE), &Pairs::<true, true>(OTHER_ORDER)),
        SAME
    );
    assert_eq!(
        same(
            &Pairs::<false, true>(ONE),
            &Pairs::<false, true>(OTHER_ORDER)
        ),
        SAME
    );
    assert_eq!(
        same(
            &Pairs::<false, false>(ONE),
            &Pairs::<false, false>(OTHER_ORDER)
        ),
        SAME
    );
    // This may be a struct with flattened fields.
    assert_eq!(
        same(
            &Pairs::<true, false>(ONE),
            &Pairs::<true, false>(OTHER_ORDER)
        ),
        (false, true)
    );
    assert_eq!(
        same(&Pairs::<true, false>(ONE), &Pairs::<true, false>(ONE)),
        SAME
    );
    assert_eq!(
        same(
            &Pairs::<true, false>(ONE),
            &Pairs::<true, true>(OTHER_ORDER)
        ),
        (false, true)
    );
}

#[test]
fn entries_and_elements_are_compared_as_a_whole() {
    let others: [&[(u8, u8)]; 7] = [
        &[(1, 4), (3, 2)],
        &[(2, 1), (4, 3)],
        &[(3, 4), (3, 4)],
        &[(1, 2), (1, 2)],
        &[(1, 2), (4, 3)],
        &[(1, 2)],
        &[(1, 2), (3, 4), (3, 4)],
    ];
    for other in others {
        let one: &[(u8, u8)] = &[(1, 2), (3, 4)];
        assert_eq!(
            same(&Pairs::<true, true>(one), &Pairs::<true, true>(other)),
            OTHER
        );
        assert_eq!(
            same(&Pairs::<true, false>(one), &Pairs::<true, false>(other)),
            OTHER
        );
        assert_eq!(
            same(&Pairs::<false, true>(one), &Pairs::<false, true>(other)),
            OTHER
        );
    }
}

#[test]
fn elements_do_not_move_between_sequences() {
    assert_eq!(same(&[vec![1, 2], vec![3]], &[vec![2, 1], vec![3]]), SAME);
    assert_eq!(
        same(&vec![vec![1, 2], vec![3]], &vec![vec![3], vec![2, 1]]),
        SAME
    );
    assert_eq!(
        same(&vec![vec![1, 2], vec![3]], &vec![vec![1, 3], vec![2]]),
        OTHER
    );
    assert_eq!(same(&[vec![1, 2], vec![3]], &[vec![3], vec![1, 2]]), OTHER);
    assert_eq!(same(&(vec![1], vec![2]), &(vec![2], vec![1])), OTHER);
}

#[derive(Serialize)]
struct Fields<T> {
    a: T,
    b: T,
}

#[derive(Serialize)]
enum Variants<T> {
    Unit,
    Newtype(T),
    Tuple(T, T),
    Struct { a: T, b: T },
}

#[test]
fn the_order_of_everything_else_is_compared() {
    use Variants::{Newtype, Struct, Tuple, Unit};
    assert_eq!(same(&(1, 2), &(2, 1)), OTHER);
    assert_eq!(same(&[1, 2], &[2, 1]), OTHER);
    assert_eq!(same(&Fields { a: 1, b: 2 }, &Fields { a: 2, b: 1 }), OTHER);
    assert_eq!(same(&Tuple(1, 2), &Tuple(2, 1)), OTHER);
    assert_eq!(same(&Struct { a: 1, b: 2 }, &Struct { a: 2, b: 1 }), OTHER);
    assert_eq!(same(&[Unit, Newtype(1)], &[Newtype(1), Unit]), OTHER);
    assert_eq!(same(&[Some(1), None], &[None, Some(1)]), OTHER);
    assert_eq!(same(&"ab", &"ba"), OTHER);
    assert_eq!(
        same(&1.5_f64, &f64::from_bits(1.5_f64.to_bits().swap_bytes())),
        OTHER
    );
    assert_eq!(same(&0x0102_u16, &0x0201_u16), OTHER);
    assert_eq!(same(&1_i128, &(1_i128 << 64)), OTHER);
    assert_eq!(
        same(
            &serde_bytes::Bytes::new(b"ab"),
            &serde_bytes::Bytes::new(b"ba")
        ),
        OTHER
    );
    // A tuple around sequences keeps its order.
    assert_eq!(same(&(vec![1, 2], 3), &(vec![2, 1], 3)), SAME);
    assert_eq!(
        same(&Tuple(vec![1, 2], vec![]), &Tuple(vec![2, 1], vec![])),
        SAME
    );
    assert_eq!(
        same(&Tuple(vec![1, 2], vec![]), &Tuple(vec![], vec![2, 1])),
        OTHER
    );
}

/// A tuple variant with a name that is chosen at run time.
struct NamedVariant(&'static str);

impl Serialize for NamedVariant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut variant = serializer.serialize_tuple_variant("E", 3, self.0, 1)?;
        variant.serialize_field(&(1, "x"))?;
        variant.end()
    }
}

#[derive(Serialize, Deserialize)]
struct Flat {
    first: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<u8>,
}

/// The function `digest` compares the bytes.
#[test]
fn the_bytes_equal_those_of_the_format() {
    use Variants::{Newtype, Struct, Tuple, Unit};
    #[derive(Serialize)]
    struct UnitStruct;
    #[derive(Serialize)]
    struct TupleStruct(u8, String);
    #[derive(Serialize)]
    struct Newtyped(u8);

    fn check(value: &impl Serialize) {
        for codec in CODECS {
            digest(value, codec, &RandomState::new());
        }
    }

    check(&(
        true,
        -1_i8,
        300_i16,
        -70_000_i32,
        i64::MIN,
        i128::MAX,
        'é',
        "text",
    ));
    check(&(
        200_u8,
        u16::MAX,
        u32::MAX,
        u64::MAX,
        u128::MAX,
        1.5_f32,
        -0.0_f64,
        (),
    ));
    check(&(
        Some(1),
        None::<u8>,
        UnitStruct,
        Newtyped(1),
        TupleStruct(1, "t".into()),
    ));
    check(&[Unit, Newtype(1), Tuple(1, 2), Struct { a: 1, b: 2 }]);
    check(&Fields {
        a: vec![1; 20],
        b: vec![70_000; 70_000],
    });
    check(&(NamedVariant("variant"), serde_bytes::Bytes::new(&[1; 300])));
    check(&rmpv::Value::Map(vec![(
        rmpv::Value::Nil,
        rmpv::Value::Ext(7, vec![1, 2]),
    )]));
    check(&Pairs::<false, false>(&[(1, 2); 20]));
    check(&Pairs::<true, false>(&[(1, 2); 1000]));
    let rest = [("a", vec![1, 2]), ("b", vec![])]
        .map(|(key, list)| (key.to_owned(), list))
        .into();
    check(&vec![Flat {
        first: 1,
        rest,
        skipped: Some(2),
    }]);
    check(&serde_json::json!({"a": [1, -1, 0.5, "s", true, null, {}], "b": {"c": [[]]}}));
    check(&std::net::IpAddr::from([127, 0, 0, 1]));
    check(&Some(Some(1)));
}
