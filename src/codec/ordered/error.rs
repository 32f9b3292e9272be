//! The error of serde's traits, for one value.

use std::borrow::Cow;
use std::fmt::Display;

use serde::{de, ser};

/// Why a value was not written or not read, as a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Error(Cow<'static, str>);

impl Error {
    #[cold]
    pub(super) const fn new(message: &'static str) -> Self {
        Self(Cow::Borrowed(message))
    }
}

impl ser::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string().into())
    }
}

impl de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string().into())
    }
}
