//! Back ends: one file or folder for each form of output.

pub mod rust;
