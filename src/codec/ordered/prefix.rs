//! Which values are the beginnings of which keys.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;

/// A value that is the beginning of keys of type `K`.
///
/// The keys that begin with a prefix stand next to each other in a sorted map.
///
/// | Prefix | Key | Matches |
/// |---|---|---|
/// | `str`, `String` | `String`, `Box<str>`, … | the strings that begin with it |
/// | `[T]`, `Vec<T>` | `Vec<T>`, `Box<[T]>`, … | the sequences that begin with its elements |
/// | `(A,)`, `(A, B)`, … | a tuple of more fields, up to six | the tuples whose first fields are equal to it |
/// | your own type | your own type | see below |
///
/// A field or an element may be borrowed where [`SerializesAs`] says so: `("ada",)` is a prefix of `(String, u64)`.
///
/// Integers have no prefixes. `1` is not the beginning of `10`.
///
/// # Your own types
///
/// Implement this trait for a type that serializes as the first fields of your key, in the same order. The compiler cannot check
/// that. A prefix that serializes in another way matches nothing, or the wrong keys.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use vaults::PrefixOf;
///
/// #[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
/// struct Visit {
///     city: String,
///     street: String,
///     guest: u64,
/// }
///
/// /// The visits to one city.
/// #[derive(Serialize)]
/// struct City<'a> {
///     city: &'a str,
/// }
///
/// impl PrefixOf<Visit> for City<'_> {}
///
/// /// The visits to the streets of one city whose names begin with `start`.
/// #[derive(Serialize)]
/// struct Streets<'a> {
///     city: &'a str,
///     start: &'a str,
/// }
///
/// impl PrefixOf<Visit> for Streets<'_> {
///     const OPEN_ENDED: bool = true;
/// }
/// ```
pub trait PrefixOf<K: ?Sized>: Serialize {
    /// Whether the last string or sequence of the prefix may go on in the key.
    ///
    /// If it is `false`, the last field of the prefix is equal to that of the key. If it is `true`, the prefix must end with a string,
    /// a byte string, a sequence or a map. Using any other prefix is then an error.
    const OPEN_ENDED: bool = false;
}

/// A value that serializes as a `T` does, field by field and byte by byte.
///
/// It lets a [prefix](PrefixOf) borrow what a key owns. Implement it for your own borrowed types.
pub trait SerializesAs<T: ?Sized>: Serialize {}

impl<T: Serialize> SerializesAs<T> for T {}
impl<T: Serialize> SerializesAs<T> for &T {}
impl<T: Serialize> SerializesAs<Vec<T>> for &[T] {}
impl<T: Serialize> SerializesAs<Box<[T]>> for &[T] {}

macro_rules! strings {
    ($($type:ty,)*) => {$(
        impl SerializesAs<$type> for &str {}

        impl PrefixOf<$type> for str {
            const OPEN_ENDED: bool = true;
        }

        impl PrefixOf<$type> for String {
            const OPEN_ENDED: bool = true;
        }
    )*};
}

strings! { String, Box<str>, Rc<str>, Arc<str>, Cow<'_, str>, }

macro_rules! sequences {
    ($($type:ty,)*) => {$(
        impl<T, P: SerializesAs<T>> PrefixOf<$type> for [P] {
            const OPEN_ENDED: bool = true;
        }

        impl<T, P: SerializesAs<T>> PrefixOf<$type> for Vec<P> {
            const OPEN_ENDED: bool = true;
        }
    )*};
}

sequences! { Vec<T>, Box<[T]>, Rc<[T]>, Arc<[T]>, }

/// Implements the prefixes of one tuple: those of one field, of two fields, and so on.
macro_rules! tuples {
    ($(($($prefix:ident = $field:ident,)*) of ($($key:ident,)*);)*) => {$(
        impl<$($prefix,)* $($key,)*> PrefixOf<($($key,)*)> for ($($prefix,)*)
        where
            $($prefix: SerializesAs<$field>,)*
        {
        }
    )*};
}

tuples! {
    (P1 = A,) of (A, B,);
    (P1 = A,) of (A, B, C,);
    (P1 = A,) of (A, B, C, D,);
    (P1 = A,) of (A, B, C, D, E,);
    (P1 = A,) of (A, B, C, D, E, F,);
    (P1 = A, P2 = B,) of (A, B, C,);
    (P1 = A, P2 = B,) of (A, B, C, D,);
    (P1 = A, P2 = B,) of (A, B, C, D, E,);
    (P1 = A, P2 = B,) of (A, B, C, D, E, F,);
    (P1 = A, P2 = B, P3 = C,) of (A, B, C, D,);
    (P1 = A, P2 = B, P3 = C,) of (A, B, C, D, E,);
    (P1 = A, P2 = B, P3 = C,) of (A, B, C, D, E, F,);
    (P1 = A, P2 = B, P3 = C, P4 = D,) of (A, B, C, D, E,);
    (P1 = A, P2 = B, P3 = C, P4 = D,) of (A, B, C, D, E, F,);
    (P1 = A, P2 = B, P3 = C, P4 = D, P5 = E,) of (A, B, C, D, E, F,);
}
