//! What is done with an input. The fuzz targets do it, and so do the library's tests, which
//! include this file.

pub(crate) mod decode;
pub(crate) mod log;
pub(crate) mod open;
mod shapes;
