//! Types whose serde form does not sort as their `Ord`. The encoder accepts their keys, and only a comparison of neighbours in the
//! map detects them. These tests say why that comparison exists.

use std::cmp::Reverse;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::ordered::encode_key;

/// Checks that `lesser` and `greater` are accepted as keys, and that their bytes are in the other order.
fn sorts_in_another_order<K>(lesser: &K, greater: &K)
where
    K: Serialize + DeserializeOwned + Ord,
{
    assert!(lesser < greater);
    let [lesser, greater] = [lesser, greater].map(|key| {
        let mut bytes = Vec::new();
        encode_key::<K, K>(key, true, K::eq, &mut bytes).unwrap();
        bytes
    });
    assert!(lesser > greater);
}

#[test]
fn reversed_keys() {
    sorts_in_another_order(&Reverse(2), &Reverse(1));
}

#[test]
fn discriminants_that_do_not_ascend() {
    #[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    enum Level {
        High = 2,
        Low = 1,
    }
    sorts_in_another_order(&Level::Low, &Level::High);
}

#[test]
fn paths() {
    sorts_in_another_order(&PathBuf::from("a/b"), &PathBuf::from("a.b"));
}

#[test]
fn times_as_text() {
    /// Half seconds since midnight, written as `chrono` and `jiff` write times.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(into = "String", try_from = "String")]
    struct Time(u32);
    impl From<Time> for String {
        fn from(Time(halves): Time) -> Self {
            let half = if halves % 2 == 1 { ".5" } else { "" };
            format!("2020-01-01T00:00:{:02}{half}Z", halves / 2)
        }
    }
    impl TryFrom<String> for Time {
        type Error = &'static str;
        fn try_from(text: String) -> Result<Self, Self::Error> {
            let mut times = (0..120).map(Self);
            let time = times.find(|time| String::from(*time) == text);
            time.ok_or("not a time")
        }
    }
    sorts_in_another_order(&Time(0), &Time(1));
}

#[test]
fn numbers_with_the_least_digit_first() {
    /// A number of two digits.
    #[derive(PartialEq, Eq, Serialize, Deserialize)]
    struct Digits(u8, u8);
    impl Ord for Digits {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            (self.1, self.0).cmp(&(other.1, other.0))
        }
    }
    impl PartialOrd for Digits {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    sorts_in_another_order(&Digits(9, 1), &Digits(1, 2));
}
