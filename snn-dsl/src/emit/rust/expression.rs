//! Expressions and straight-line programs as Rust.

use super::names::Names;
use crate::derive::Program;
use crate::expr::{Arena, ExprId, Leaf, Node, Operation, Table};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use std::collections::{BTreeMap, BTreeSet};

/// The scalar type of the code: constants are written differently.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar<'a> {
    /// The type parameter of that name.
    Generic(&'a Ident),
    /// `f64`
    F64,
}

/// How tightly the outermost operation of a piece of code binds in Rust.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Comparison,
    Sum,
    Product,
    Prefix,
    Atom,
}

/// A line of code nests at most so deep, and long ones are cut into several: what reads it (this writer, `syn`, rustc)
/// recurs.
const LEVELS: usize = 32;

/// Writes the expressions of one program.
pub(super) struct Writer<'a> {
    arena: &'a Arena,
    runtime: &'a TokenStream,
    scalar: Scalar<'a>,
    /// What each leaf, given expression or computed `let` is called.
    known: BTreeMap<ExprId, TokenStream>,
    spike: Option<ExprId>,
}

impl<'a> Writer<'a> {
    /// A writer that knows the names of leaves and given expressions; the spike variable is 1 where `spike` holds.
    pub(super) fn new(
        arena: &'a Arena,
        runtime: &'a TokenStream,
        scalar: Scalar<'a>,
        known: BTreeMap<ExprId, TokenStream>,
        spike: Option<ExprId>,
    ) -> Self {
        Self { arena, runtime, scalar, known, spike }
    }

    /// The `let` lines of a program: one for every expression that is used more than once, has a name, or nests too
    /// deeply. `wishes` says what they should be called, `names` what they can be called.
    pub(super) fn lets(
        &mut self,
        program: &Program,
        wishes: &BTreeMap<ExprId, String>,
        names: &mut Names,
    ) -> TokenStream {
        let mut lines = TokenStream::new();
        let mut last = 0;
        let mut levels: Table<ExprId, usize> = Table::default();
        for &id in &program.order {
            let uses = program.uses.get(id).copied().unwrap_or(0);
            let wish = wishes.get(&id);
            let level = match (self.arena.node(id), self.spike) {
                (Node::Spike(_), Some(fires)) => levels.get(&fires).copied().unwrap_or(0) + 1,
                (Node::Spike(_), None) => 0,
                _ => self.arena.children(id).map(|c| levels.get(&c).copied().unwrap_or(0) + 1).max().unwrap_or(0),
            };
            if self.known.contains_key(&id) {
                continue;
            }
            if uses < 2 && wish.is_none() && level < LEVELS {
                levels.insert(id, level);
                continue;
            }
            let name = match wish {
                Some(wish) => names.take(wish),
                None => names.take_numbered("t", &mut last),
            };
            let value = self.computed(id).0;
            lines.extend(quote! { let #name = #value; });
            self.known.insert(id, quote! { #name });
        }
        lines
    }

    /// The code of an expression.
    pub(super) fn value(&self, id: ExprId) -> TokenStream {
        self.code(id).0
    }

    fn code(&self, id: ExprId) -> (TokenStream, Binding) {
        match self.known.get(&id) {
            Some(name) => (name.clone(), Binding::Atom),
            None => self.computed(id),
        }
    }

    fn at(&self, id: ExprId, least: Binding) -> TokenStream {
        let (code, binding) = self.code(id);
        if binding < least {
            quote! { (#code) }
        } else {
            code
        }
    }

    fn number(&self, value: f64) -> TokenStream {
        let literal = number_literal(value);
        match self.scalar {
            Scalar::F64 => literal,
            Scalar::Generic(real) if value == 0.0 => quote! { #real::ZERO },
            Scalar::Generic(real) if value == 1.0 => quote! { #real::ONE },
            Scalar::Generic(real) => quote! { #real::from_f64(#literal) },
        }
    }

    fn computed(&self, id: ExprId) -> (TokenStream, Binding) {
        let runtime = self.runtime;
        match self.arena.node(id) {
            Node::Constant(bits) => {
                let value = f64::from_bits(bits);
                let prefix = self.scalar == Scalar::F64 && value < 0.0;
                (self.number(value), if prefix { Binding::Prefix } else { Binding::Atom })
            }
            Node::Truth(value) => (quote! { #value }, Binding::Atom),
            // Every leaf of a program is known to its writer; a name keeps the output readable if one were not.
            Node::Leaf(leaf) => {
                let name = format_ident!("{}", format!("{leaf:?}").replace(['(', ')'], "_"));
                (quote! { #name }, Binding::Atom)
            }
            Node::Negate(a) => {
                let a = self.at(a, Binding::Atom);
                (quote! { -#a }, Binding::Prefix)
            }
            Node::Apply(function, a) => {
                let a = self.at(a, Binding::Or);
                let name = format_ident!("{}", function.name());
                (quote! { #runtime::math::#name(#a) }, Binding::Atom)
            }
            Node::Binary(Operation::Power, a, b) => {
                let (a, b) = (self.at(a, Binding::Or), self.at(b, Binding::Or));
                (quote! { #runtime::math::pow(#a, #b) }, Binding::Atom)
            }
            Node::Binary(operation, a, b) => {
                let (own, right) = match operation {
                    Operation::Add | Operation::Subtract => (Binding::Sum, Binding::Product),
                    _ => (Binding::Product, Binding::Prefix),
                };
                let (a, b) = (self.at(a, own), self.at(b, right));
                let symbol = match operation {
                    Operation::Add => quote! { + },
                    Operation::Subtract => quote! { - },
                    Operation::Divide => quote! { / },
                    _ => quote! { * },
                };
                (quote! { #a #symbol #b }, own)
            }
            Node::Compare(comparison, a, b) => {
                let (a, b) = (self.at(a, Binding::Sum), self.at(b, Binding::Sum));
                let symbol: TokenStream = comparison.symbol().parse().unwrap_or_default();
                (quote! { #a #symbol #b }, Binding::Comparison)
            }
            Node::And(a, b) => {
                let (a, b) = (self.at(a, Binding::And), self.at(b, Binding::Comparison));
                // Not `&&`: both sides are cheap, and a loop without branches can be vectorised.
                (quote! { (#a) & (#b) }, Binding::And)
            }
            Node::Or(a, b) => {
                let (a, b) = (self.at(a, Binding::Or), self.at(b, Binding::And));
                (quote! { (#a) | (#b) }, Binding::Or)
            }
            Node::Not(a) => {
                let a = self.at(a, Binding::Atom);
                (quote! { !#a }, Binding::Prefix)
            }
            Node::Select(c, a, b) => {
                let (c, a, b) = (self.at(c, Binding::Or), self.at(a, Binding::Or), self.at(b, Binding::Or));
                (quote! { if #c { #a } else { #b } }, Binding::Or)
            }
            Node::Detach(a) => self.code(a),
            Node::Spike(_) => match self.spike {
                Some(fires) => {
                    let (fires, one, zero) = (self.at(fires, Binding::Or), self.number(1.0), self.number(0.0));
                    (quote! { if #fires { #one } else { #zero } }, Binding::Or)
                }
                None => (quote! { z }, Binding::Atom),
            },
        }
    }
}

/// A double as a literal that reads back to the same bits.
pub(super) fn number_literal(value: f64) -> TokenStream {
    if value.is_nan() {
        return quote! { f64::NAN };
    }
    if value.is_infinite() {
        return if value > 0.0 {
            quote! { f64::INFINITY }
        } else {
            quote! { f64::NEG_INFINITY }
        };
    }
    format!("{value:?}").parse().unwrap_or_default()
}

/// The leaves that the results of a program read.
pub(super) fn leaves_of(arena: &Arena, program: &Program) -> BTreeSet<Leaf> {
    let leaf = |id: ExprId| match arena.node(id) {
        Node::Leaf(leaf) => Some(leaf),
        _ => None,
    };
    program.uses.iter().filter_map(|(id, _)| leaf(id)).collect()
}
