//! What names mean where.

use super::budget::Budget;
use super::dimension::Dimension;
use crate::expr::ExprId;
use crate::model::Window;
use crate::source::{SourceMap, Span};
use crate::syntax::tree;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What an expression is: a number of some dimension, or yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number.
    Number(Dimension),
    /// Yes or no.
    Truth,
}

/// The axes of an array of a network's losses and readouts; none in neurons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Axes {
    /// Has a value at every step of this window.
    pub time: Option<TimeAxis>,
    /// Has a value for every neuron of this layer (an index).
    pub neurons: Option<usize>,
    /// Has a value for every sample; not so a mean over the samples.
    pub samples: bool,
}

/// The steps over which an array extends: a window that ends with the simulation is as good as one without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeAxis(u64, u64);

impl TimeAxis {
    /// The whole simulation.
    pub(super) const WHOLE: Self = Self(0, u64::MAX);

    /// The steps of a window in a simulation of `duration` ms in steps of `dt`. Without `dt`, which has been reported,
    /// the ends are compared as they are.
    pub(super) fn window(window: Window, dt: Option<f64>, duration: f64) -> Self {
        let step = |time: f64| match dt {
            Some(dt) => (time / dt).round() as u64,
            None => time.to_bits(),
        };
        let end = window.to.map(step).filter(|&end| end < step(duration));
        Self(step(window.from.unwrap_or(0.0)), end.unwrap_or(u64::MAX))
    }
}

/// A checked expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typed {
    /// The expression in the arena at hand.
    pub id: ExprId,
    /// What it is.
    pub kind: Kind,
    /// Over what it extends.
    pub axes: Axes,
}

/// A checked expression that is a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantity {
    /// The expression in the arena at hand.
    pub id: ExprId,
    /// What it measures.
    pub dimension: Dimension,
    /// Over what it extends.
    pub axes: Axes,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A number in base units.
    Constant(f64, Dimension),
    /// An expression.
    Value(Typed),
    /// Its definition is wrong, which has been reported.
    Poisoned,
    /// An event port, which only its own block reads.
    Port,
    /// It exists, but cannot be read here: the message and a hint.
    Forbidden(String, Option<String>),
    /// The language has it, this version has not.
    Unsupported(&'static str),
}

/// The names of one place.
pub(super) type Scope = BTreeMap<String, Entry>;

/// The definitions of one source text that others refer to.
#[derive(Debug)]
pub(super) struct Definitions<'t> {
    /// `fn`
    pub functions: BTreeMap<&'t str, &'t tree::Function>,
    /// Functions with a mistake of their own, which has been reported.
    pub broken_functions: BTreeSet<&'t str>,
    /// `const`
    pub constants: Scope,
    /// How much may be repeated; shared by all texts of a check.
    pub budget: Rc<Budget>,
    /// The mistakes in bodies of functions that were reported, by place, code and message: each call finds them again.
    pub reported: RefCell<BTreeSet<(Span, &'static str, String)>>,
}

/// A surrogate and the text it comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct SurrogateDefinition<'t> {
    /// Its definition.
    pub tree: &'t tree::Surrogate,
    /// The index of the text whose constants and functions it sees.
    pub text: usize,
    /// It has a mistake, which has been reported.
    pub broken: bool,
}

/// What the neurons and networks of all texts refer to; texts are counted from the user's, which is 0.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub sources: &'a SourceMap,
    /// The constants and functions of each text.
    pub texts: &'a [Definitions<'a>],
    /// The surrogates that each text sees, those of the library included.
    pub surrogates: &'a [BTreeMap<&'a str, SurrogateDefinition<'a>>],
}

/// The names of a group, each once; the second definition of a name is reported.
#[derive(Debug, Default)]
pub(super) struct Names {
    places: BTreeMap<String, Span>,
}

/// Names with a meaning everywhere.
const RESERVED: [(&str, &str); 3] = [("dt", "the time step"), ("t", "the time"), ("xi", "white noise")];

/// True for a name that cannot be declared.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|r| r.0 == name)
}

impl Names {
    /// Adds a name; false if it cannot be used.
    pub(super) fn declare(&mut self, name: &tree::Ident, diagnostics: &mut crate::diagnostic::Diagnostics) -> bool {
        use crate::diagnostic::Diagnostic;
        if let Some((_, meaning)) = RESERVED.iter().find(|r| r.0 == name.name) {
            diagnostics.push(
                Diagnostic::error(
                    "E0203",
                    name.span,
                    format!("expected a free name, found `{}`, {meaning}", name.name),
                )
                .hint("choose another name"),
            );
            return false;
        }
        if let Some(first) = self.places.get(&name.name) {
            diagnostics.push(
                Diagnostic::error("E0202", name.span, format!("`{}` is defined twice", name.name))
                    .label("defined again here")
                    .also(*first, "first defined here")
                    .hint("rename or remove one of them"),
            );
            return false;
        }
        self.places.insert(name.name.clone(), name.span);
        true
    }
}
