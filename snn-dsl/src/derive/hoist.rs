//! Expressions of parameters and dt alone are taken out of the time loop: the step reads them as coefficients. The
//! reverse accumulates the gradient of a coefficient over time; it is chained to the parameters once.

use super::error_filter::FilterEntry;
use super::reverse::{Reverse, adjoints};
use super::step::Step;
use crate::expr::{Arena, ExprId, Function, IdMap, IdSet, Leaf, Node, Operation, Table};
use crate::model::{Neuron, Parameter, State, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A hoisted expression.
#[derive(Clone, Debug)]
pub struct Coefficient {
    /// A name, unique among the coefficients.
    pub name: String,
    /// Its value: leaves are parameters and dt.
    pub value: ExprId,
    /// It depends on a parameter that changes from neuron to neuron.
    pub per_neuron: bool,
}

/// What is computed of a matrix, by rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixFunction {
    /// `[exp(M), phi1(M) E]` of `[M, E]`: the exact solution of linear equations over a step.
    Propagator,
    /// `[L, 0]` of `[M, w]`, L lower triangular with L L' the covariance that white noise of the factors w leaves over a step.
    NoiseFactor,
}

/// A function of a matrix of parameters and dt.
#[derive(Clone, Debug)]
pub struct Propagator {
    /// Which.
    pub function: MatrixFunction,
    /// The number of rows.
    pub states: usize,
    /// The entries by rows, all of one length of at least `states`: expressions of parameters and dt.
    pub entries: Vec<ExprId>,
    /// The result in the same order is read as `Propagator(first)` and so on.
    pub first: u32,
}

/// A parameter that is kept outside the kernel: trainable, or with a value for every neuron.
#[derive(Clone, Debug)]
pub struct StoredParameter {
    /// Its index in the model.
    pub parameter: usize,
    /// One number for every neuron.
    pub per_neuron: bool,
    /// Changed by training.
    pub trainable: bool,
    /// The parameter as an expression of the stored number `Stored(k)`: bounded on both sides
    /// low + (high - low) sigmoid(theta), on one side low + softplus(theta) or high - softplus(theta), else theta.
    pub value: ExprId,
}

/// The way back from coefficients to stored parameters.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// The gradient of each entry of each matrix exponential, in their order; leaves as below.
    pub propagators: Vec<ExprId>,
    /// For each trainable stored parameter (by its index among the stored ones) the gradient of its stored number;
    /// leaves are parameters, stored numbers, dt, entries of matrix exponentials and of their adjoints, and
    /// `OutputAdjoint(j)`, the gradient of the j-th differentiated coefficient.
    pub gradients: Vec<(usize, ExprId)>,
}

/// The range of a parameter decides how it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Transform {
    /// As it is.
    Raw,
    /// theta = ln((p - low)/(high - p))
    Logit(f64, f64),
    /// p = low + softplus(theta)
    Above(f64),
    /// p = high - softplus(theta)
    Below(f64),
}

impl Transform {
    /// How a parameter is stored; only trainable parameters are transformed.
    pub fn of(parameter: &Parameter) -> Self {
        match (parameter.trainable, parameter.low, parameter.high) {
            (true, Some(low), Some(high)) => Transform::Logit(low, high),
            (true, Some(low), None) => Transform::Above(low),
            (true, None, Some(high)) => Transform::Below(high),
            _ => Transform::Raw,
        }
    }
}

pub(super) fn stored_parameters(arena: &mut Arena, neuron: &Neuron) -> Vec<StoredParameter> {
    let mut stored = Vec::new();
    for (index, parameter) in neuron.parameters.iter().enumerate() {
        let drawn = !matches!(parameter.value, Value::Constant(_));
        if !(parameter.trainable || parameter.per_neuron || drawn) {
            continue;
        }
        let theta = arena.leaf(Leaf::Stored(stored.len() as u16));
        let value = match Transform::of(parameter) {
            Transform::Raw => theta,
            Transform::Logit(low, high) => {
                let s = arena.apply(Function::Sigmoid, theta);
                let (low, width) = (arena.constant(low), arena.constant(high - low));
                let inside = arena.multiply(width, s);
                arena.add(low, inside)
            }
            Transform::Above(low) => {
                let (low, above) = (arena.constant(low), softplus(arena, theta));
                arena.add(low, above)
            }
            Transform::Below(high) => {
                let (high, below) = (arena.constant(high), softplus(arena, theta));
                arena.subtract(high, below)
            }
        };
        let per_neuron = parameter.per_neuron || drawn;
        stored.push(StoredParameter { parameter: index, per_neuron, trainable: parameter.trainable, value });
    }
    stored
}

/// ln(1 + exp(x)) = max(x, 0) + ln(1 + exp(-|x|))
fn softplus(arena: &mut Arena, x: ExprId) -> ExprId {
    let one = arena.constant(1.0);
    let size = arena.apply(Function::Abs, x);
    let minus = arena.negate(size);
    let exp = arena.apply(Function::Exp, minus);
    let sum = arena.add(one, exp);
    let ln = arena.apply(Function::Ln, sum);
    let positive = arena.relu(x);
    arena.add(positive, ln)
}

pub(super) struct Hoisted<'a> {
    neuron: &'a Neuron,
    /// Value and name.
    coefficients: Vec<(ExprId, String)>,
    /// The index of each value.
    places: Table<ExprId, usize>,
    taken: BTreeSet<String>,
    /// The names of the neuron itself.
    model: BTreeSet<String>,
    /// The last number of a name `k1`, `k2`, ... and of each name that had to be numbered.
    numbers: BTreeMap<String, usize>,
    propagators: Vec<Propagator>,
}

impl<'a> Hoisted<'a> {
    pub(super) fn new(neuron: &'a Neuron) -> Self {
        Self {
            neuron,
            coefficients: Vec::new(),
            places: Table::default(),
            taken: BTreeSet::new(),
            model: neuron.names().map(str::to_string).collect(),
            numbers: BTreeMap::new(),
            propagators: Vec::new(),
        }
    }

    /// The index of the coefficient with that value.
    fn coefficient(&mut self, arena: &Arena, value: ExprId, hint: Option<String>) -> usize {
        if let Some(&i) = self.places.get(&value) {
            return i;
        }
        // A parameter that is read as it is keeps its name; no other coefficient is called like something of the model.
        let (name, own) = match arena.node(value) {
            Node::Leaf(Leaf::Parameter(p)) => {
                (self.neuron.parameters.get(usize::from(p)).map(|p| p.quantity.name.clone()), true)
            }
            Node::Leaf(Leaf::Dt) => (Some("dt".into()), true),
            _ => (hint, false),
        };
        let name = match name {
            Some(name) if self.is_free(&name) || own && !self.taken.contains(&name) => name,
            Some(name) => self.numbered(&format!("{name}_"), 2),
            None => self.numbered("k", 1),
        };
        self.taken.insert(name.clone());
        self.places.insert(value, self.coefficients.len());
        self.coefficients.push((value, name));
        self.coefficients.len() - 1
    }

    fn is_free(&self, name: &str) -> bool {
        !self.taken.contains(name) && !self.model.contains(name)
    }

    /// The next free name of those that differ by a number.
    fn numbered(&mut self, stem: &str, first: usize) -> String {
        let next = self.numbers.entry(stem.to_string()).or_insert(first);
        loop {
            let name = format!("{stem}{next}");
            *next += 1;
            if !self.taken.contains(&name) && !self.model.contains(&name) {
                return name;
            }
        }
    }

    /// A decay or gain that depends on parameters and dt alone, as a coefficient.
    pub(super) fn factor(&mut self, arena: &mut Arena, value: ExprId, name: String) -> ExprId {
        if arena.constant_value(value).is_some() || !is_pure(arena, value, is_parameter) {
            return value;
        }
        let index = self.coefficient(arena, value, Some(name));
        arena.leaf(Leaf::Coefficient(index as u32))
    }

    /// The entries of the function of the matrix with so many rows; the same matrix is taken once.
    pub(super) fn matrix(
        &mut self,
        arena: &mut Arena,
        function: MatrixFunction,
        states: usize,
        entries: Vec<ExprId>,
    ) -> Vec<ExprId> {
        let count = entries.len() as u32;
        let same = |p: &&Propagator| p.function == function && p.states == states && p.entries == entries;
        let known = self.propagators.iter().find(same).map(|p| p.first);
        let first = known.unwrap_or_else(|| {
            let first = self.propagators.iter().map(|p| p.entries.len() as u32).sum();
            self.propagators.push(Propagator { function, states, entries, first });
            first
        });
        (first..first + count).map(|k| arena.leaf(Leaf::Propagator(k))).collect()
    }

    /// Whether each coefficient, matrix exponentials seen through, reads one of these parameters.
    fn reading(&self, arena: &Arena, parameters: &BTreeSet<usize>) -> Vec<bool> {
        let parameter = |leaf| matches!(leaf, Leaf::Parameter(i) if parameters.contains(&usize::from(i)));
        let entries = self.propagators.iter().flat_map(|p| p.entries.iter().copied());
        let of_entries = reading(arena, entries, parameter);
        let any = |p: &Propagator| p.entries.iter().any(|e| of_entries.contains(*e));
        let propagators: Vec<bool> = self.propagators.iter().map(any).collect();
        let leaf = |leaf| match leaf {
            Leaf::Propagator(k) => {
                let place = self.propagators.partition_point(|p| p.first <= k);
                place.checked_sub(1).and_then(|p| propagators.get(p)) == Some(&true)
            }
            leaf => parameter(leaf),
        };
        let of_values = reading(arena, self.coefficients.iter().map(|c| c.0), leaf);
        self.coefficients.iter().map(|c| of_values.contains(c.0)).collect()
    }

    /// Replaces what depends on parameters, dt and coefficients alone.
    pub(super) fn step(&mut self, arena: &mut Arena, step: &mut Step) {
        let mut rewriting = Rewriting::of(is_known);
        step.rewrite(|id| self.rewrite(arena, &mut rewriting, id));
    }

    /// The coefficient of a starting value.
    pub(super) fn initial(&mut self, arena: &mut Arena, state: &State) -> usize {
        self.coefficient(arena, state.initial, Some(format!("{}_start", state.quantity.name)))
    }

    /// Replaces what depends on coefficients alone.
    pub(super) fn reverse(&mut self, arena: &mut Arena, reverse: &mut Reverse) {
        let mut rewriting = Rewriting::of(is_coefficient);
        reverse.rewrite(|id| self.rewrite(arena, &mut rewriting, id));
    }

    fn rewrite(&mut self, arena: &mut Arena, rewriting: &mut Rewriting, root: ExprId) -> ExprId {
        rewriting.classify(arena, root);
        for id in rewriting.needed(arena, root) {
            let new = if rewriting.is_hoistable(arena, id) {
                self.hoist(arena, id)
            } else if let Some((a, b)) = rewriting.quotient(arena, id) {
                let one = arena.constant(1.0);
                let inverse = arena.divide(one, b);
                let inverse = self.hoist(arena, inverse);
                arena.multiply(rewriting.result(a), inverse)
            } else {
                arena.rebuild(id, |child| rewriting.result(child))
            };
            rewriting.results.insert(id, new);
        }
        rewriting.result(root)
    }

    fn hoist(&mut self, arena: &mut Arena, expression: ExprId) -> ExprId {
        let mut values = BTreeMap::new();
        for leaf in arena.leaves(expression) {
            if let Leaf::Coefficient(i) = leaf
                && let Some(&(value, _)) = self.coefficients.get(i as usize)
            {
                values.insert(arena.leaf(leaf), value);
            }
        }
        let value = arena.substitute(expression, &values);
        if arena.constant_value(value).is_some() {
            return value;
        }
        let index = self.coefficient(arena, value, None);
        arena.leaf(Leaf::Coefficient(index as u32))
    }

    /// A constant of a filter, as a number or coefficient; 0 if there is none.
    pub(super) fn entry(&mut self, arena: &mut Arena, constant: Option<ExprId>) -> FilterEntry {
        let Some(constant) = constant else { return FilterEntry::Number(0.0) };
        let hoisted = match arena.node(constant) {
            Node::Leaf(Leaf::Coefficient(_)) => constant,
            _ => self.hoist(arena, constant),
        };
        match arena.node(hoisted) {
            Node::Leaf(Leaf::Coefficient(k)) => FilterEntry::Coefficient(k as usize),
            _ => FilterEntry::Number(arena.constant_value(hoisted).unwrap_or(f64::NAN)),
        }
    }

    /// The coefficients so far that depend on a trainable parameter.
    pub(super) fn differentiated(&self, arena: &Arena, stored: &[StoredParameter]) -> Vec<usize> {
        let trainable = stored.iter().filter(|s| s.trainable).map(|s| s.parameter).collect();
        let reading = self.reading(arena, &trainable);
        (0..reading.len()).filter(|&i| reading[i]).collect()
    }

    pub(super) fn finish(self, arena: &Arena, stored: &[StoredParameter]) -> (Vec<Coefficient>, Vec<Propagator>) {
        let differing = stored.iter().filter(|s| s.per_neuron).map(|s| s.parameter).collect();
        let reading = self.reading(arena, &differing);
        let coefficient = |((value, name), per_neuron)| Coefficient { name, value, per_neuron };
        let coefficients = self.coefficients.into_iter().zip(reading).map(coefficient).collect();
        (coefficients, self.propagators)
    }
}

/// What is known while the roots of one graph are rewritten one after the other: what they share is looked at once.
pub(super) struct Rewriting {
    is_pure_leaf: fn(Leaf) -> bool,
    /// Whether each expression seen so far depends on such leaves alone.
    pure: IdMap<bool>,
    /// What became of an expression.
    results: IdMap<ExprId>,
}

impl Rewriting {
    /// What depends on such leaves alone is hoisted.
    pub(super) fn of(is_pure_leaf: fn(Leaf) -> bool) -> Self {
        Self { is_pure_leaf, pure: IdMap::default(), results: IdMap::default() }
    }

    /// Looks at what is below a root.
    pub(super) fn classify(&mut self, arena: &Arena, root: ExprId) {
        for id in arena.reachable_where([root], |id| !self.pure.contains(id)) {
            let pure = match arena.node(id) {
                Node::Leaf(leaf) => (self.is_pure_leaf)(leaf),
                // A detached parameter stays in the step, where smooth mode can replay it.
                Node::Spike(_) | Node::Detach(_) => false,
                _ => arena.children(id).all(|c| self.is_pure(c)),
            };
            self.pure.insert(id, pure);
        }
    }

    /// Whether an expression that was looked at depends on such leaves alone.
    pub(super) fn is_pure(&self, id: ExprId) -> bool {
        self.pure.get(id).copied().unwrap_or(false)
    }

    fn is_hoistable(&self, arena: &Arena, id: ExprId) -> bool {
        self.is_pure(id)
            && !arena.is_truth(id)
            && arena.constant_value(id).is_none()
            && !matches!(arena.node(id), Node::Leaf(Leaf::Coefficient(_)))
    }

    /// The operands of a quotient by something to be hoisted: a product with its inverse is cheaper in every step.
    fn quotient(&self, arena: &Arena, id: ExprId) -> Option<(ExprId, ExprId)> {
        match arena.node(id) {
            Node::Binary(Operation::Divide, a, b) if self.is_pure(b) && arena.constant_value(b).is_none() => {
                Some((a, b))
            }
            _ => None,
        }
    }

    /// What is still to be rewritten for a root, children first.
    fn needed(&self, arena: &Arena, root: ExprId) -> Vec<ExprId> {
        let mut needed = IdSet::default();
        let mut stack = vec![root];
        while let Some(id) = stack.pop() {
            if self.results.contains(id) || !needed.insert(id) || self.is_hoistable(arena, id) {
                continue;
            }
            match self.quotient(arena, id) {
                Some((a, _)) => stack.push(a),
                None => stack.extend(arena.children(id)),
            }
        }
        needed.in_order()
    }

    fn result(&self, id: ExprId) -> ExprId {
        self.results.get(id).copied().unwrap_or(id)
    }
}

/// All expressions below the roots that read a leaf of that kind.
fn reading(arena: &Arena, roots: impl Iterator<Item = ExprId>, leaf: impl Fn(Leaf) -> bool) -> IdSet {
    let mut reading: IdSet = IdSet::default();
    for id in arena.reachable(roots) {
        let reads = match arena.node(id) {
            Node::Leaf(l) => leaf(l),
            _ => arena.children(id).any(|child| reading.contains(child)),
        };
        if reads {
            reading.insert(id);
        }
    }
    reading
}

fn is_parameter(leaf: Leaf) -> bool {
    matches!(leaf, Leaf::Parameter(_) | Leaf::Dt | Leaf::Propagator(_))
}

/// True if the expression reads states or inputs.
pub(super) fn changes_in_step(arena: &Arena, expression: ExprId) -> bool {
    !is_pure(arena, expression, is_parameter)
}

/// Known before the first step.
pub(super) fn is_known(leaf: Leaf) -> bool {
    is_parameter(leaf) || is_coefficient(leaf)
}

fn is_coefficient(leaf: Leaf) -> bool {
    matches!(leaf, Leaf::Coefficient(_))
}

fn is_pure(arena: &Arena, expression: ExprId, pure_leaf: fn(Leaf) -> bool) -> bool {
    arena.reachable([expression]).into_iter().all(|id| match arena.node(id) {
        Node::Leaf(leaf) => pure_leaf(leaf),
        Node::Detach(_) => false,
        _ => true,
    })
}

pub(super) fn chain(
    arena: &mut Arena,
    coefficients: &[Coefficient],
    propagators: &[Propagator],
    stored: &[StoredParameter],
    differentiated: &[usize],
) -> Chain {
    let mut seeds = Vec::new();
    for (j, &c) in differentiated.iter().enumerate() {
        if let Some(coefficient) = coefficients.get(c) {
            seeds.push((coefficient.value, arena.leaf(Leaf::OutputAdjoint(j as u32))));
        }
    }
    let entries = propagators.iter().flat_map(|p| (p.first..).zip(&p.entries));
    seeds.extend(entries.map(|(k, &entry)| (entry, arena.leaf(Leaf::PropagatorAdjoint(k)))));
    let adjoint = adjoints(arena, &seeds, None);
    let zero = arena.constant(0.0);
    let count: usize = propagators.iter().map(|p| p.entries.len()).sum();
    let of_entries = (0..count).map(|k| {
        let leaf = arena.leaf(Leaf::Propagator(k as u32));
        adjoint.get(leaf).copied().unwrap_or(zero)
    });
    let of_entries = of_entries.collect();
    let mut gradients = Vec::new();
    for (k, parameter) in stored.iter().enumerate().filter(|(_, s)| s.trainable) {
        let leaf = arena.leaf(Leaf::Parameter(parameter.parameter as u16));
        let of_value = adjoint.get(leaf).copied().unwrap_or(zero);
        let slope = arena.differentiate(parameter.value, Leaf::Stored(k as u16));
        gradients.push((k, arena.scale_partial(slope, of_value)));
    }
    Chain { propagators: of_entries, gradients }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::compile;
    use crate::derive::reverse::reverse;

    /// More coefficients than 16 bits can count: a linear system has one for every pair of its states.
    const MANY: u32 = 70_000;

    fn neuron() -> Neuron {
        let text = "neuron Cell { param tau = 10 ms\n state V = 1\n tau dV/dt = -V }";
        compile("", text).model.unwrap().neurons.remove(0)
    }

    #[test]
    fn every_coefficient_has_a_number_of_its_own() {
        let neuron = neuron();
        let mut arena = neuron.arena.clone();
        let mut hoisted = Hoisted::new(&neuron);
        let tau = arena.leaf(Leaf::Parameter(0));
        for k in 0..MANY {
            let shift = arena.constant(1.0 + f64::from(k));
            let value = arena.add(tau, shift);
            let leaf = hoisted.factor(&mut arena, value, format!("k_{k}"));
            assert_eq!(arena.node(leaf), Node::Leaf(Leaf::Coefficient(k)));
        }
        // The same for what is hoisted out of a step.
        let (shift, state) = (arena.constant(0.5), arena.leaf(Leaf::State(0)));
        let value = arena.add(tau, shift);
        let product = arena.multiply(value, state);
        let rewritten = hoisted.rewrite(&mut arena, &mut Rewriting::of(is_parameter), product);
        assert_eq!(arena.leaves(rewritten), BTreeSet::from([Leaf::Coefficient(MANY), Leaf::State(0)]));
    }

    #[test]
    fn every_coefficient_has_a_gradient_of_its_own() {
        let neuron = neuron();
        let mut arena = neuron.arena.clone();
        let mut step = crate::derive::derive(&neuron).step;
        let (last, state) = (arena.leaf(Leaf::Coefficient(MANY)), arena.leaf(Leaf::State(0)));
        step.end = vec![arena.multiply(last, state)];
        step.threshold = None;
        let candidates = [MANY as usize & 0xffff, MANY as usize];
        let all = (0..step.end.len()).collect();
        let found = reverse(&mut arena, &step, (0, 0), &candidates, &all).coefficients;
        assert_eq!(found.iter().map(|&id| arena.constant_value(id)).collect::<Vec<_>>(), [Some(0.0), None]);
        // And on the way back to the parameters.
        let tau = arena.leaf(Leaf::Parameter(0));
        let coefficient = |k: u32| {
            let shift = arena.constant(f64::from(k));
            Coefficient { name: format!("k_{k}"), value: arena.add(tau, shift), per_neuron: false }
        };
        let coefficients: Vec<Coefficient> = (0..MANY).map(coefficient).collect();
        let value = arena.leaf(Leaf::Stored(0));
        let stored = [StoredParameter { parameter: 0, per_neuron: false, trainable: true, value }];
        let differentiated: Vec<usize> = (0..coefficients.len()).collect();
        let chain = chain(&mut arena, &coefficients, &[], &stored, &differentiated);
        assert_eq!(arena.leaves(chain.gradients[0].1).len(), MANY as usize);
    }
}
