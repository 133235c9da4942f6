//! Expressions as a hash-consed directed graph: equal expressions have equal ids, children have smaller ids.
//!
//! The builders of [`Arena`] simplify while they build (constants, 0, 1, signs), so everything derived from an
//! expression is simplified together with it. Operands keep the order in which they were first written.

mod bounds;
mod build;
mod calculus;
mod dense;
mod ids;
mod leaves;
mod moments;
mod polynomial;
mod removable;
mod show;
mod sign;
mod sums;
mod value;

pub(crate) use bounds::{Interval, bounds};
pub use calculus::{Affine, AffineInAll};
pub use dense::{IdMap, IdSet};
pub use ids::Table;
pub(crate) use removable::Removable;
pub use show::{Abbreviations, number};
pub(crate) use sign::Signs;
pub(crate) use value::{Values, evaluate};

/// An expression of an [`Arena`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(u32);

impl ExprId {
    /// The place in the arena; children come before their parents.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What an expression reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Leaf {
    /// A parameter of the neuron, by index.
    Parameter(u16),
    /// The unconstrained number that a trainable parameter is computed from.
    Stored(u16),
    /// A state.
    State(u16),
    /// The summed events of a port.
    Event(u16),
    /// A continuous input.
    Drive(u16),
    /// The normal number of a state with white noise, by the state's index; new in every step.
    Noise(u16),
    /// The time step.
    Dt,
    /// Whether the neuron is refractory (yes or no).
    Refractory,
    /// A hoisted expression of parameters and dt.
    Coefficient(u32),
    /// An entry of a matrix exponential of parameters and dt.
    Propagator(u32),
    /// An argument of a function of its own: the x of a surrogate, the inputs of a loss's elementwise function.
    Argument(u16),
    /// dL/d(state at the end of the step).
    StateAdjoint(u16),
    /// dL/d(spike) from outside the neuron.
    SpikeAdjoint,
    /// dL/d(extra result of the step), by index.
    SignalAdjoint(u16),
    /// dL/d(coefficient), or dL/d(output) of an elementwise function.
    OutputAdjoint(u32),
    /// dL/d(entry of the matrix whose exponential has that entry).
    PropagatorAdjoint(u32),
}

/// A function of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the functions are named as in mathematics")]
pub enum Function {
    Exp,
    Expm1,
    /// expm1(x)/x, 1 at 0.
    Exprel,
    /// The derivative of `Exprel`: the integral of s exp(s x) over s from 0 to 1.
    Exprel1,
    /// The derivative of `Exprel1`: the integral of s^2 exp(s x).
    Exprel2,
    Ln,
    Sqrt,
    Sin,
    Cos,
    Tanh,
    Atan,
    /// 1/(1 + exp(-x))
    Sigmoid,
    Erf,
    Erfc,
    Abs,
}

/// An operation on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the operations are named as in arithmetic")]
pub enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

/// A comparison of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the comparisons are named as in arithmetic")]
pub enum Comparison {
    GreaterEqual,
    Greater,
    LessEqual,
    Less,
    Equal,
    NotEqual,
}

/// One node of the graph. Numbers and yes/no values share the graph; `Truth`, `Compare`, `And`, `Or`, `Not` and the leaf
/// `Refractory` are yes/no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// A number, by its bits.
    Constant(u64),
    /// Yes or no.
    Truth(bool),
    /// Something read.
    Leaf(Leaf),
    /// -x
    Negate(ExprId),
    /// f(x)
    Apply(Function, ExprId),
    /// a op b
    Binary(Operation, ExprId, ExprId),
    /// a op b, yes or no
    Compare(Comparison, ExprId, ExprId),
    /// a and b
    And(ExprId, ExprId),
    /// a or b
    Or(ExprId, ExprId),
    /// not a
    Not(ExprId),
    /// if c { a } else { b }
    Select(ExprId, ExprId, ExprId),
    /// The value x, through which no gradient flows.
    Detach(ExprId),
    /// The spike variable z of the threshold whose distance is x: 0 or 1 (in smooth mode the surrogate's primitive).
    Spike(ExprId),
}

/// The expressions of one model.
#[derive(Clone, Debug, Default)]
pub struct Arena {
    entries: Vec<Entry>,
    ids: Table<Node, ExprId>,
    /// The condition under which no choice makes an expression 0, where it was asked for.
    chosen: Table<ExprId, ExprId>,
}

/// A node, and what is known of it without looking through it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    node: Node,
    /// It is finite for all finite leaves; see [`Arena::is_total`].
    total: bool,
    /// A choice makes it 0 in some cases.
    conditional: bool,
    /// A bit for every leaf below it, see [`Arena::may_read`].
    reads: u64,
    /// How many nodes there are below it at most, see [`Arena::bound`].
    bound: u32,
}

impl Arena {
    /// The node of an expression.
    ///
    /// # Panics
    /// If the id comes from another, larger arena.
    pub fn node(&self, id: ExprId) -> Node {
        self.entries[id.index()].node
    }

    /// The number of distinct expressions.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if nothing was built.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a constant expression.
    pub fn constant_value(&self, id: ExprId) -> Option<f64> {
        match self.node(id) {
            Node::Constant(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// The operands of a node, at most three.
    pub fn children(&self, id: ExprId) -> impl Iterator<Item = ExprId> + use<> {
        children(self.node(id))
    }

    /// True if the expression is yes or no rather than a number.
    pub fn is_truth(&self, id: ExprId) -> bool {
        matches!(
            self.node(id),
            Node::Truth(_)
                | Node::Compare(..)
                | Node::And(..)
                | Node::Or(..)
                | Node::Not(_)
                | Node::Leaf(Leaf::Refractory)
        )
    }

    /// True if the expression is known to be finite where its leaves are, products and sums beyond the largest number
    /// aside: it has no quotient by something that could be 0, no exponential, logarithm, root or power.
    pub fn is_total(&self, id: ExprId) -> bool {
        self.entries[id.index()].total
    }

    fn total(&self, node: Node) -> bool {
        let whole = match node {
            Node::Constant(bits) => return f64::from_bits(bits).is_finite(),
            Node::Apply(f, _) => matches!(
                f,
                Function::Sin
                    | Function::Cos
                    | Function::Tanh
                    | Function::Atan
                    | Function::Sigmoid
                    | Function::Erf
                    | Function::Erfc
                    | Function::Abs
            ),
            Node::Binary(Operation::Divide, _, b) => self.constant_value(b).is_some_and(|x| x != 0.0),
            Node::Binary(Operation::Power, ..) => false,
            _ => true,
        };
        whole && children(node).all(|child| self.is_total(child))
    }

    fn intern(&mut self, node: Node) -> ExprId {
        if let Some(&id) = self.ids.get(&node) {
            return id;
        }
        let id = ExprId(self.entries.len() as u32);
        let own = if let Node::Leaf(leaf) = node { mark(leaf) } else { 0 };
        let reads = children(node).fold(own, |all, child| all | self.entries[child.index()].reads);
        let below = children(node).fold(1u32, |sum, child| sum.saturating_add(self.entries[child.index()].bound));
        let (total, conditional) = (self.total(node), self.conditional(node));
        self.entries.push(Entry { node, total, conditional, reads, bound: below.min(id.0 + 1) });
        self.ids.insert(node, id);
        id
    }

    /// At least the number of nodes below an expression, without looking through it.
    pub fn bound(&self, id: ExprId) -> usize {
        self.entries[id.index()].bound as usize
    }

    /// Forgets what was built since there were `len` expressions, only to be looked at.
    pub(crate) fn forget(&mut self, len: usize) {
        for entry in self.entries.drain(len.min(self.entries.len())..) {
            self.ids.remove(&entry.node);
        }
        self.chosen.retain(|id, condition| id.index().max(condition.index()) < len);
    }

    /// False if the expression certainly does not read the leaf, without looking through it: leaves share 64 marks.
    pub fn may_read(&self, id: ExprId, leaf: Leaf) -> bool {
        self.entries[id.index()].reads & mark(leaf) != 0
    }

    /// True if the expression reads any leaf at all.
    pub fn reads_anything(&self, id: ExprId) -> bool {
        self.entries[id.index()].reads != 0
    }

    /// True if the expression reads nothing but parameters.
    pub fn reads_parameters_only(&self, id: ExprId) -> bool {
        self.entries[id.index()].reads & !PARAMETERS == 0
    }

    /// True if the expression reads something that changes from step to step: anything but parameters and dt.
    pub fn changes(&self, id: ExprId) -> bool {
        self.entries[id.index()].reads & !(PARAMETERS | mark(Leaf::Dt)) != 0
    }

    /// The id of a node that exists already.
    fn existing(&self, node: Node) -> Option<ExprId> {
        self.ids.get(&node).copied()
    }
}

fn children(node: Node) -> impl Iterator<Item = ExprId> {
    let list = match node {
        Node::Constant(_) | Node::Truth(_) | Node::Leaf(_) => [None, None, None],
        Node::Negate(a) | Node::Apply(_, a) | Node::Not(a) | Node::Detach(a) | Node::Spike(a) => [Some(a), None, None],
        Node::Binary(_, a, b) | Node::Compare(_, a, b) | Node::And(a, b) | Node::Or(a, b) => [Some(a), Some(b), None],
        Node::Select(c, a, b) => [Some(c), Some(a), Some(b)],
    };
    list.into_iter().flatten()
}

/// The marks of parameters; other leaves have the rest.
const PARAMETERS: u64 = 0xffff_ffff;

fn mark(leaf: Leaf) -> u64 {
    let place = match leaf {
        Leaf::Parameter(i) => u32::from(i) % 32,
        Leaf::State(i) => 32 + u32::from(i) % 16,
        Leaf::Event(i) => 48 + u32::from(i) % 8,
        Leaf::Drive(i) => 56 + u32::from(i) % 2,
        Leaf::Noise(_) => 59,
        Leaf::Argument(_) => 58,
        Leaf::Dt => 60,
        Leaf::Refractory => 61,
        Leaf::Stored(_) | Leaf::Coefficient(_) | Leaf::Propagator(_) => 62,
        Leaf::StateAdjoint(_)
        | Leaf::SpikeAdjoint
        | Leaf::SignalAdjoint(_)
        | Leaf::OutputAdjoint(_)
        | Leaf::PropagatorAdjoint(_) => 63,
    };
    1 << place
}

#[cfg(test)]
mod tests;
