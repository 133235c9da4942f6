//! Shared helpers of the examples.

pub mod figure;
