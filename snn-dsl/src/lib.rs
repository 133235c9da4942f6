//! The compiler of the snn language: equations of spiking neurons in, Rust code and diagnostics out.
//!
//! ```text
//! text --syntax--> tree --check--> model --derive--> step, reverse, tape --emit--> Rust
//!                                                                        --interpret--> results
//!                                                                        --explain--> text
//! ```

pub mod build;
pub mod check;
pub mod compile;
pub mod derive;
pub mod diagnostic;
pub mod emit;
pub mod explain;
pub mod expr;
#[cfg(feature = "simulate")]
pub mod interpret;
pub mod library;
mod lint;
pub mod model;
#[cfg(feature = "simulate")]
pub mod simulate;
pub mod source;
pub mod syntax;
