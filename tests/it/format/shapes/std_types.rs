//! Types of std and of other crates, and types that do not read what they write.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Debug;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroI128, NonZeroU8, NonZeroU64, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeFrom, RangeInclusive};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::{EACH, NEITHER, ONLY_B, ONLY_M, check, check_by};

#[test]
fn numbers_in_wrappers() {
    check("NonZeroU8", NonZeroU8::MAX, EACH);
    check("NonZeroU64", NonZeroU64::MIN, EACH);
    check("NonZeroI128", NonZeroI128::MIN, EACH);
    check("Option<NonZero>", NonZeroU8::new(0), EACH);
    check("Wrapping", Wrapping(-1), EACH);
    check("Saturating", Saturating(255_u8), EACH);
    check("Reverse", Reverse(1), EACH);
    check("Range", Range { start: 1, end: 2 }, EACH);
    check("RangeInclusive", RangeInclusive::new(1, 2), EACH);
    check("RangeFrom", RangeFrom { start: 1 }, EACH);
    check("Bound", (Bound::Included(1), Bound::<u8>::Unbounded), EACH);
    check("Ok", Ok::<u8, String>(1), EACH);
    check("Err", Err::<u8, String>("e".into()), EACH);
    check(
        "Ok(Some(None))",
        Ok::<Option<Option<u8>>, ()>(Some(None)),
        ONLY_B,
    );
}

#[test]
fn times_addresses_and_paths() {
    check("Duration", Duration::MAX, EACH);
    check("Duration", Duration::new(1, 999_999_999), EACH);
    check("epoch", SystemTime::UNIX_EPOCH, EACH);
    check("now", SystemTime::now(), EACH);
    check(
        "before 1970",
        SystemTime::UNIX_EPOCH - Duration::from_nanos(1),
        NEITHER,
    );
    check("IPv4", IpAddr::from([127, 0, 0, 1]), EACH);
    check("IPv6", IpAddr::V6(Ipv6Addr::LOCALHOST), EACH);
    check("SocketAddr", SocketAddr::from(([1, 2, 3, 4], 65_535)), EACH);
    check("PathBuf", PathBuf::from("/a/b"), EACH);
    check(
        "PathBuf, not UTF-8",
        PathBuf::from(OsString::from_vec(vec![0xff])),
        NEITHER,
    );
    check("OsString", OsString::from("os"), EACH);
    check(
        "OsString, not UTF-8",
        OsString::from_vec(vec![0xff, 0]),
        EACH,
    );
}

#[test]
fn types_of_other_crates() {
    let value = json!({"a": [1, -1, 0.5, "s", true, null, {}], "b": {"c": [[]]}, "d": u64::MAX});
    check("Json", value.clone(), ONLY_M);
    check("Json null", Json::Null, ONLY_M);
    check("Some(Json)", Some(value), ONLY_M);
    check("Some(null)", Some(Json::Null), NEITHER);
    let raw = serde_json::from_str::<Box<RawValue>>("[1]").unwrap();
    check_by("RawValue", &raw, NEITHER, |a, b| a.get() == b.get());
    check("Uuid", uuid::Uuid::from_u128(u128::MAX / 3), EACH);
    let time = chrono::DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
    check("DateTime", time, EACH);
    check("NaiveDate", time.date_naive(), EACH);
    check("NaiveTime", time.time(), EACH);
    check("DateTime with offset", time.fixed_offset(), EACH);
    check("rmpv", rmpv::Value::Ext(1, vec![2, 3]), ONLY_M);
    check(
        "rmpv tree",
        rmpv::Value::Array(vec![rmpv::Value::Nil, rmpv::Value::F32(0.5)]),
        ONLY_M,
    );
}

/// Written as any number, and read only if it is even.
#[derive(Debug, PartialEq, Serialize)]
struct Even(u32);

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        if number % 2 == 0 {
            Ok(Self(number))
        } else {
            Err(de::Error::custom("odd"))
        }
    }
}

#[test]
fn types_that_cannot_read_what_they_write() {
    check("even", Even(2), EACH);
    check("odd", Even(3), NEITHER);
    check(
        "odd, nested",
        vec![Some((1, BTreeMap::from([(1, Even(3))])))],
        NEITHER,
    );
}
