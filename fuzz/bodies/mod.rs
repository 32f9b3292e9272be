//! The work on one input. The fuzz targets run it, and so do the tests of the library, which
//! include this file.

pub(crate) mod decode;
pub(crate) mod log;
pub(crate) mod open;
mod several;
mod shapes;
pub(crate) mod sorted;
