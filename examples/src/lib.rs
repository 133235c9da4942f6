//! Shared helpers of the examples.

pub mod digits;
pub mod figure;
pub mod progress;
