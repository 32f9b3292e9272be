//! Guides.

pub mod failure;
pub mod sharing;
