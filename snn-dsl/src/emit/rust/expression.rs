//! Expressions and straight-line programs as Rust.
//!
//! Code is appended to one stream of tokens: streams that are put into others are copied, once for each level of an
//! expression.

use super::names::Names;
use crate::derive::Program;
use crate::expr::{Arena, ExprId, Function, IdMap, IdSet, Leaf, Node, Operation};
use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt, quote};
use std::collections::{BTreeMap, BTreeSet};

/// The scalar type of the code: constants are written differently.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar<'a> {
    /// The type parameter of that name.
    Generic(&'a Ident),
    /// `f64`
    F64,
}

/// What a leaf, a given expression or a computed `let` is called.
#[derive(Clone)]
pub(super) enum Name {
    /// A local.
    Local(Ident),
    /// A place in something.
    Place(TokenStream),
}

impl ToTokens for Name {
    fn to_tokens(&self, out: &mut TokenStream) {
        match self {
            Name::Local(name) => name.to_tokens(out),
            Name::Place(place) => place.to_tokens(out),
        }
    }
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
    /// The path of the functions of the runtime, up to their names.
    math: Vec<TokenTree>,
    scalar: Scalar<'a>,
    known: IdMap<Name>,
    spike: Option<ExprId>,
    /// The exponents of steps, and whether all are short.
    exponents: Option<(&'a IdSet, TokenStream)>,
}

/// The code of an expression.
pub(super) struct Value<'w> {
    writer: &'w Writer<'w>,
    id: ExprId,
}

impl ToTokens for Value<'_> {
    fn to_tokens(&self, out: &mut TokenStream) {
        self.writer.write(self.id, out);
    }
}

impl<'a> Writer<'a> {
    /// A writer that knows the names of leaves and given expressions; the spike variable is 1 where `spike` holds.
    pub(super) fn new(
        arena: &'a Arena,
        runtime: &TokenStream,
        scalar: Scalar<'a>,
        known: IdMap<Name>,
        spike: Option<ExprId>,
    ) -> Self {
        let math = quote! { #runtime::math:: }.into_iter().collect();
        Self { arena, math, scalar, known, spike, exponents: None }
    }

    /// Some arguments of `exp` and `exprel` are exponents of steps; `short` is a constant of the code that says whether all are
    /// short.
    pub(super) fn with_exponents(self, exponents: &'a IdSet, short: TokenStream) -> Self {
        Self { exponents: Some((exponents, short)), ..self }
    }

    /// Appends the `let` lines of a program: one for every expression that is used more than once, has a name, or nests
    /// too deeply. `wishes` says what they should be called, `names` what they can be called.
    pub(super) fn lets(
        &mut self,
        program: &Program,
        wishes: &BTreeMap<ExprId, String>,
        names: &mut Names,
        out: &mut TokenStream,
    ) {
        let mut last = 0;
        let mut levels: IdMap<usize> = IdMap::default();
        for &id in &program.order {
            let uses = program.uses.get(id).copied().unwrap_or(0);
            let wish = wishes.get(&id);
            let level = match (self.arena.node(id), self.spike) {
                (Node::Spike(_), Some(fires)) => levels.get(fires).copied().unwrap_or(0) + 1,
                (Node::Spike(_), None) => 0,
                _ => self.arena.children(id).map(|c| levels.get(c).copied().unwrap_or(0) + 1).max().unwrap_or(0),
            };
            if self.known.contains(id) {
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
            word("let", out);
            out.append(name.clone());
            symbol("=", out);
            self.write_computed(id, out);
            symbol(";", out);
            self.known.insert(id, Name::Local(name));
        }
    }

    /// The code of an expression.
    pub(super) fn value(&self, id: ExprId) -> Value<'_> {
        Value { writer: self, id }
    }

    fn write(&self, id: ExprId, out: &mut TokenStream) {
        match self.known.get(id) {
            Some(name) => name.to_tokens(out),
            None => self.write_computed(id, out),
        }
    }

    /// In parentheses if it binds less tightly than its place wants.
    fn write_at(&self, id: ExprId, least: Binding, out: &mut TokenStream) {
        if self.binding(id) < least {
            parentheses(out, |inside| self.write(id, inside));
        } else {
            self.write(id, out);
        }
    }

    fn binding(&self, id: ExprId) -> Binding {
        if self.known.contains(id) {
            return Binding::Atom;
        }
        match self.arena.node(id) {
            Node::Constant(bits) if self.scalar == Scalar::F64 && f64::from_bits(bits) < 0.0 => Binding::Prefix,
            Node::Constant(_) | Node::Truth(_) | Node::Leaf(_) | Node::Apply(..) => Binding::Atom,
            Node::Negate(_) | Node::Not(_) => Binding::Prefix,
            Node::Binary(Operation::Add | Operation::Subtract, ..) => Binding::Sum,
            Node::Binary(Operation::Multiply | Operation::Divide, ..) => Binding::Product,
            Node::Binary(Operation::Power, ..) => Binding::Atom,
            Node::Compare(..) => Binding::Comparison,
            Node::And(..) => Binding::And,
            Node::Or(..) => Binding::Or,
            Node::Detach(a) => self.binding(a),
            // In loops they are calls.
            Node::Select(..) | Node::Spike(_) if self.scalar == Scalar::F64 => Binding::Or,
            Node::Select(..) | Node::Spike(_) => Binding::Atom,
        }
    }

    fn write_number(&self, value: f64, out: &mut TokenStream) {
        let Scalar::Generic(real) = self.scalar else { return out.extend(number_literal(value)) };
        out.append(real.clone());
        symbol("::", out);
        if value == 0.0 {
            word("ZERO", out);
        } else if value == 1.0 {
            word("ONE", out);
        } else {
            word("from_f64", out);
            parentheses(out, |inside| inside.extend(number_literal(value)));
        }
    }

    fn write_call(&self, function: &str, arguments: &[ExprId], out: &mut TokenStream) {
        out.extend(self.math.iter().cloned());
        word(function, out);
        parentheses(out, |inside| {
            for (k, &argument) in arguments.iter().enumerate() {
                if k > 0 {
                    symbol(",", inside);
                }
                self.write(argument, inside);
            }
        });
    }

    fn write_two(
        &self,
        (a, left): (ExprId, Binding),
        sign: &str,
        (b, right): (ExprId, Binding),
        out: &mut TokenStream,
    ) {
        self.write_at(a, left, out);
        symbol(sign, out);
        self.write_at(b, right, out);
    }

    /// In a loop over neurons as a function: the branches of an `if` may be taken apart again, and stores with them.
    fn write_choice(
        &self,
        condition: ExprId,
        yes: impl FnOnce(&mut TokenStream),
        no: impl FnOnce(&mut TokenStream),
        out: &mut TokenStream,
    ) {
        if let Scalar::Generic(_) = self.scalar {
            out.extend(self.math.iter().cloned());
            word("select", out);
            return parentheses(out, |inside| {
                self.write(condition, inside);
                symbol(",", inside);
                yes(inside);
                symbol(",", inside);
                no(inside);
            });
        }
        word("if", out);
        self.write(condition, out);
        group(Delimiter::Brace, out, yes);
        word("else", out);
        group(Delimiter::Brace, out, no);
    }

    fn write_computed(&self, id: ExprId, out: &mut TokenStream) {
        match self.arena.node(id) {
            Node::Constant(bits) => self.write_number(f64::from_bits(bits), out),
            Node::Truth(value) => value.to_tokens(out),
            // Every leaf of a program is known to its writer; a name keeps the output readable if one were not.
            Node::Leaf(leaf) => word(&format!("{leaf:?}").replace(['(', ')'], "_"), out),
            Node::Negate(a) => {
                symbol("-", out);
                self.write_at(a, Binding::Atom, out);
            }
            Node::Apply(function, a) => match (&self.exponents, function) {
                (Some((exponents, short)), Function::Exp | Function::Exprel) if exponents.contains(a) => {
                    out.extend(self.math.iter().cloned());
                    word(&format!("step_{}", function.name()), out);
                    out.extend(quote! { ::<_, #short> });
                    parentheses(out, |inside| self.write(a, inside));
                }
                _ => self.write_call(function.name(), &[a], out),
            },
            Node::Binary(operation, a, b) => {
                let (sum, product) = ((Binding::Sum, Binding::Product), (Binding::Product, Binding::Prefix));
                let (sign, (left, right)) = match operation {
                    Operation::Add => ("+", sum),
                    Operation::Subtract => ("-", sum),
                    Operation::Multiply => ("*", product),
                    Operation::Divide => ("/", product),
                    Operation::Power => return self.write_call("pow", &[a, b], out),
                };
                self.write_two((a, left), sign, (b, right), out);
            }
            Node::Compare(comparison, a, b) => {
                self.write_two((a, Binding::Sum), comparison.symbol(), (b, Binding::Sum), out);
            }
            // Not `&&`: both sides are cheap, and a loop without branches can be vectorised.
            Node::And(a, b) => {
                parentheses(out, |inside| self.write_at(a, Binding::And, inside));
                symbol("&", out);
                parentheses(out, |inside| self.write_at(b, Binding::Comparison, inside));
            }
            Node::Or(a, b) => {
                parentheses(out, |inside| self.write(a, inside));
                symbol("|", out);
                parentheses(out, |inside| self.write_at(b, Binding::And, inside));
            }
            Node::Not(a) => {
                symbol("!", out);
                self.write_at(a, Binding::Atom, out);
            }
            Node::Select(c, a, b) => self.write_choice(c, |out| self.write(a, out), |out| self.write(b, out), out),
            Node::Detach(a) => self.write(a, out),
            Node::Spike(_) => match self.spike {
                Some(fires) => {
                    self.write_choice(fires, |out| self.write_number(1.0, out), |out| self.write_number(0.0, out), out);
                }
                None => word("z", out),
            },
        }
    }
}

fn word(text: &str, out: &mut TokenStream) {
    out.append(Ident::new(text, Span::call_site()));
}

/// A sign of one or more characters.
fn symbol(sign: &str, out: &mut TokenStream) {
    let mut signs = sign.chars().peekable();
    while let Some(sign) = signs.next() {
        let spacing = if signs.peek().is_some() { Spacing::Joint } else { Spacing::Alone };
        out.append(Punct::new(sign, spacing));
    }
}

fn parentheses(out: &mut TokenStream, write: impl FnOnce(&mut TokenStream)) {
    group(Delimiter::Parenthesis, out, write);
}

fn group(delimiter: Delimiter, out: &mut TokenStream, write: impl FnOnce(&mut TokenStream)) {
    let mut inside = TokenStream::new();
    write(&mut inside);
    out.append(Group::new(delimiter, inside));
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
