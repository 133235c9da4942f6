//! The compiler of the snn language: equations of spiking neurons in, Rust code and diagnostics out.

pub mod check;
pub mod diagnostic;
pub mod expr;
pub mod library;
pub mod model;
pub mod source;
pub mod syntax;
