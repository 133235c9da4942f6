//! Divisors that may become 0, in all that is computed in a run.

use super::guard::Guards;
use crate::check::interval;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{ExprId, Interval, Leaf, Node, Operation, Signs};
use crate::model::{Formula, Layer, Neuron, Value};
use crate::source::Span;
use std::collections::BTreeSet;

/// Labels show so many characters of a divisor.
const SHOWN: usize = 60;

/// How many expressions are looked at for the values of layers, in a whole text: the same neuron may be that of many layers.
pub(super) const LOOKED_AT: usize = 4_000_000;

/// A divisor that is not known to stay away from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Doubt {
    /// The formula in which it stands.
    formula: usize,
    divisor: ExprId,
    /// It certainly is 0.
    certain: bool,
}

/// A quotient of a formula, and its divisor.
struct Quotient {
    formula: usize,
    at: ExprId,
    divisor: ExprId,
}

/// The quotients of a neuron.
pub(crate) struct Quotients<'a> {
    neuron: &'a Neuron,
    formulas: Vec<Formula>,
    quotients: Vec<Quotient>,
    /// How many expressions stand below the divisors at most.
    size: usize,
}

impl<'a> Quotients<'a> {
    /// Those of a neuron, in the order in which they were written.
    pub(crate) fn new(neuron: &'a Neuron) -> Self {
        let (arena, formulas) = (&neuron.arena, neuron.formulas());
        let mut quotients = Vec::new();
        for (k, formula) in formulas.iter().enumerate() {
            for id in arena.reachable(formula.roots.iter().copied()) {
                if let Node::Binary(Operation::Divide, _, divisor) = arena.node(id) {
                    quotients.push(Quotient { formula: k, at: id, divisor });
                }
            }
            // A factor of parameters is looked at by the check.
            let factor = formula.divisor.filter(|&d| arena.changes(d));
            quotients.extend(factor.map(|divisor| Quotient { formula: k, at: divisor, divisor }));
        }
        let size = quotients.iter().map(|q| arena.bound(q.divisor)).fold(0, usize::saturating_add);
        Self { neuron, formulas, quotients, size }
    }

    /// Warns of the first divisor of each formula that changes from step to step and is not known to stay away from 0,
    /// unless a choice decides by what it reads, or that is 0 in any case.
    pub(super) fn warn(&self, diagnostics: &mut Diagnostics) {
        let mut before = None;
        for doubt in self.doubts(&[], |_| true) {
            let Some(formula) = self.formulas.get(doubt.formula) else { continue };
            if before.replace(doubt.formula) != Some(doubt.formula) {
                diagnostics.push(self.warning(formula.span, format!("a divisor in {}", formula.what), "", doubt));
            }
        }
    }

    /// Warns of those that are in doubt only with the values of a layer; `left` counts what may still be looked at.
    pub(super) fn warn_of_layer(&self, layer: &Layer, left: &mut usize, diagnostics: &mut Diagnostics) {
        let Some(rest) = left.checked_sub(self.size).filter(|_| !layer.values.is_empty()) else { return };
        *left = rest;
        for doubt in self.doubts_of_values(&layer.values) {
            let Some(formula) = self.formulas.get(doubt.formula) else { continue };
            let what = format!("a divisor in {} of `{}`", formula.what, self.neuron.name);
            let with = format!(" with the values of layer `{}`", layer.name);
            diagnostics.push(self.warning(layer.span, what, &with, doubt));
        }
    }

    fn warning(&self, span: Span, what: String, with: &str, doubt: Doubt) -> Diagnostic {
        let verb = if doubt.certain { "is 0" } else { "may become 0" };
        let hint = match (doubt.certain, with) {
            (true, "") => "write a divisor that is not 0",
            (_, with) if !with.is_empty() => "give the layer another value",
            _ => "write x/(exp(x) - 1) with the same x on both sides, a divisor that is positive, or `if` to choose",
        };
        Diagnostic::warning("W0408", span, format!("{what} {verb}{with}"))
            .label(format!("it divides by {}", self.text(doubt.divisor)))
            .hint(hint)
    }

    /// Whether divisors are 0, and may be 0, with other values of parameters than those of the model: as a phrase that ends
    /// in that.
    #[cfg(feature = "simulate")]
    pub(crate) fn with_values(&self, values: &[(usize, Value)]) -> (Vec<String>, Vec<String>) {
        let (mut zero, mut doubtful) = (Vec::new(), Vec::new());
        for doubt in self.doubts_of_values(values) {
            let Some(formula) = self.formulas.get(doubt.formula) else { continue };
            let text = self.text(doubt.divisor);
            match doubt.certain {
                true => zero.push(format!("{text}, a divisor in {}, is 0", formula.what)),
                false => doubtful.push(format!("{text}, a divisor in {}, may become 0", formula.what)),
            }
        }
        (zero, doubtful)
    }

    /// The first in each formula that is in doubt only with these values.
    fn doubts_of_values(&self, values: &[(usize, Value)]) -> Vec<Doubt> {
        let arena = &self.neuron.arena;
        let reads = |e: ExprId| values.iter().any(|&(i, _)| arena.may_read(e, Leaf::Parameter(i as u16)));
        if !self.quotients.iter().any(|q| reads(q.divisor)) {
            return Vec::new();
        }
        let before: BTreeSet<Doubt> = self.doubts(&[], reads).into_iter().collect();
        let mut doubts = self.doubts(values, reads);
        doubts.retain(|doubt| !before.contains(doubt));
        doubts.dedup_by_key(|doubt| doubt.formula);
        doubts
    }

    /// Divisors in doubt among those that `wanted` holds for, in order.
    fn doubts(&self, values: &[(usize, Value)], wanted: impl Fn(ExprId) -> bool) -> Vec<Doubt> {
        let arena = &self.neuron.arena;
        let of = |leaf: Leaf| match leaf {
            Leaf::Parameter(i) => self.values_of(usize::from(i), values),
            Leaf::Dt => Interval::new(f64::MIN_POSITIVE, f64::INFINITY),
            _ => Interval::ALL,
        };
        let wanted: Vec<&Quotient> = self.quotients.iter().filter(|q| wanted(q.divisor)).collect();
        let signs = Signs::new(arena, wanted.iter().map(|q| q.divisor), of);
        let mut doubts = Vec::new();
        let mut guards: Option<(usize, Guards)> = None;
        for q in wanted {
            let certain = signs.is_zero(q.divisor);
            if !certain && (!arena.changes(q.divisor) || signs.is_nonzero(q.divisor)) {
                continue;
            }
            let Some(formula) = self.formulas.get(q.formula) else { continue };
            if guards.as_ref().is_none_or(|(k, _)| *k != q.formula) {
                guards = Some((q.formula, Guards::new(arena, &formula.roots)));
            }
            if !guards.as_ref().is_some_and(|(_, guards)| guards.decide(q.at, q.divisor)) {
                doubts.push(Doubt { formula: q.formula, divisor: q.divisor, certain });
            }
        }
        doubts
    }

    /// The values of a parameter. What is given and not trained counts as it is, and not as the range in which it may lie.
    fn values_of(&self, i: usize, values: &[(usize, Value)]) -> Interval {
        let given = values.iter().any(|v| v.0 == i);
        match (self.neuron.parameters.get(i), self.neuron.value(i, values)) {
            (Some(parameter), Some(Value::Constant(value))) if given && !parameter.trainable => Interval::point(value),
            (Some(parameter), Some(value)) => interval(parameter, value),
            _ => Interval::ALL,
        }
    }

    fn text(&self, divisor: ExprId) -> String {
        let text = self.neuron.arena.show(divisor, &|id| leaf_name(self.neuron, id));
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
            None => text,
        }
    }
}

fn leaf_name(neuron: &Neuron, id: ExprId) -> Option<String> {
    let quantity = match neuron.arena.node(id) {
        Node::Leaf(Leaf::Parameter(i)) => neuron.parameters.get(usize::from(i)).map(|p| &p.quantity),
        Node::Leaf(Leaf::State(i)) => neuron.states.get(usize::from(i)).map(|s| &s.quantity),
        Node::Leaf(Leaf::Event(i)) => neuron.events.get(usize::from(i)),
        Node::Leaf(Leaf::Drive(i)) => neuron.drives.get(usize::from(i)),
        Node::Leaf(Leaf::Dt) => return Some("dt".into()),
        _ => None,
    };
    quantity.map(|q| q.name.clone())
}
