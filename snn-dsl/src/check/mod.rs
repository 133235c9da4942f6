//! Names, units and roles: from the syntax tree to a checked model.

mod dimension;
mod units;

pub use dimension::{Dimension, Exponent};

use crate::diagnostic::Diagnostics;
use crate::model::Model;
use crate::source::SourceMap;
use crate::syntax::tree;

/// Checks a text.
pub fn check(_sources: &mut SourceMap, _tree: &tree::File, _diagnostics: &mut Diagnostics) -> Model {
    Model::default()
}
