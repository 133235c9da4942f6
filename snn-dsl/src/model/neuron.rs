//! A checked neuron model.

use crate::check::Dimension;
use crate::expr::{Arena, ExprId};
use crate::source::Span;

/// A neuron model.
#[derive(Clone, Debug)]
pub struct Neuron {
    /// Its name.
    pub name: String,
    /// Its `///` lines.
    pub docs: Vec<String>,
    /// Comes from the library.
    pub is_library: bool,
    /// Where its name stands.
    pub span: Span,
    /// The expressions of everything below. Leaves: parameters, states, events, drives, dt; in surrogates also
    /// `Argument(0)`, the distance x.
    pub arena: Arena,
    /// The parameters.
    pub parameters: Vec<Parameter>,
    /// The states.
    pub states: Vec<State>,
    /// The event ports.
    pub events: Vec<Quantity>,
    /// The continuous inputs.
    pub drives: Vec<Quantity>,
    /// `let` names, for printing.
    pub lets: Vec<(String, ExprId)>,
    /// What events do, in the order of the text; at most one block a port.
    pub on: Vec<On>,
    /// The threshold.
    pub spike: Option<Spike>,
    /// The refractory period.
    pub refractory: Option<Refractory>,
    /// The method of integration.
    pub integration: Integration,
    /// Extra results of a step: only those that a loss or readout of some network of the text reads.
    pub outputs: Vec<Output>,
}

/// An extra result of a step.
#[derive(Clone, Debug)]
pub struct Output {
    /// What it is called, e.g. `before_reset(V)`, and what it measures.
    pub quantity: Quantity,
    /// Any expression of states, events, drives and parameters; which values of the states is said by `stage`. Events are
    /// the sums that arrive in the step, whether or not a refractory neuron drops them.
    pub value: ExprId,
    /// The stage of the step whose states it reads.
    pub stage: Stage,
}

/// A stage of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// At the beginning, before events.
    Start,
    /// After the `on` blocks, before integration.
    AfterEvents,
    /// After integration: what the threshold sees.
    BeforeReset,
    /// After the reset: what is recorded.
    End,
}

/// `integrate METHOD`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Integration {
    /// Exact propagators for linear systems, exponential Euler for the rest.
    #[default]
    Auto,
    /// The same; the check has made sure that there is no rest.
    Exact,
    /// Exponential Euler for every state.
    ExponentialEuler,
    /// Exponential Euler twice: half a step, then a step with what was found there. Second order.
    ExponentialMidpoint,
    /// x + dt f
    Euler,
    /// The midpoint rule.
    RungeKutta2,
    /// The classical method of fourth order.
    RungeKutta4,
}

impl Integration {
    /// All methods with their names.
    pub const ALL: [(&'static str, Self); 7] = [
        ("auto", Self::Auto),
        ("exact", Self::Exact),
        ("exponential_euler", Self::ExponentialEuler),
        ("exponential_midpoint", Self::ExponentialMidpoint),
        ("euler", Self::Euler),
        ("rk2", Self::RungeKutta2),
        ("rk4", Self::RungeKutta4),
    ];
}

impl Neuron {
    /// A port: the event ports are counted first, then the drives.
    pub fn port(&self, index: usize) -> Option<&Quantity> {
        self.events.iter().chain(&self.drives).nth(index)
    }

    /// The value of a parameter, by index, in a layer that sets `values`: the layer's, or else the model's.
    pub fn value(&self, i: usize, values: &[(usize, Value)]) -> Option<Value> {
        let set = values.iter().find(|v| v.0 == i).map(|v| v.1);
        set.or_else(|| self.parameters.get(i).map(|p| p.value))
    }

    /// The names of its parameters, states, ports and `let`s.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let quantities = self.parameters.iter().map(|p| &p.quantity).chain(self.states.iter().map(|s| &s.quantity));
        let ports = self.events.iter().chain(&self.drives);
        quantities.chain(ports).map(|q| q.name.as_str()).chain(self.lets.iter().map(|l| l.0.as_str()))
    }
}

/// What a neuron computes by one part of its text.
#[derive(Clone, Debug)]
pub(crate) struct Formula {
    /// Which part that is, as a sentence has it.
    pub what: String,
    /// Where it stands.
    pub span: Span,
    /// Its expressions.
    pub roots: Vec<ExprId>,
    /// What the step divides by, besides.
    pub divisor: Option<ExprId>,
}

impl Neuron {
    /// Everything that is computed in a run, but for surrogates.
    pub(crate) fn formulas(&self) -> Vec<Formula> {
        let name = |i: usize| self.states.get(i).map_or("", |s| s.quantity.name.as_str());
        let mut formulas = Vec::new();
        let mut add = |what: String, span: Span, roots: Vec<ExprId>, divisor: Option<ExprId>| {
            formulas.push(Formula { what, span, roots, divisor });
        };
        for (i, state) in self.states.iter().enumerate() {
            let roots = [state.rhs, state.coefficient].into_iter().chain(state.noise).collect();
            add(format!("the equation of `{}`", name(i)), state.equation_span, roots, Some(state.coefficient));
            add(format!("the starting value of `{}`", name(i)), state.quantity.span, vec![state.initial], None);
        }
        for assign in self.on.iter().flat_map(|on| &on.body) {
            add(format!("what events do to `{}`", name(assign.state)), assign.span, vec![assign.value], None);
        }
        if let Some(spike) = &self.spike {
            add("the threshold".into(), spike.span, vec![spike.lhs, spike.rhs], None);
            add("the scale of the threshold".into(), spike.span, vec![spike.scale], None);
            for assign in &spike.reset {
                add(format!("the reset of `{}`", name(assign.state)), assign.span, vec![assign.value], None);
            }
        }
        if let Some(refractory) = &self.refractory {
            add("the refractory period".into(), self.span, vec![refractory.duration], None);
        }
        formulas
    }
}

/// A name with its unit.
#[derive(Clone, Debug)]
pub struct Quantity {
    /// Its name.
    pub name: String,
    /// Its `///` lines.
    pub docs: Vec<String>,
    /// What it measures.
    pub dimension: Dimension,
    /// Where its name stands.
    pub span: Span,
}

/// A value that may differ between neurons.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// The same for all.
    Constant(f64),
    /// Uniform in low .. high.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        sd: f64,
    },
    /// Its logarithm is uniform in ln low .. ln high.
    LogUniform {
        /// Lower end, positive.
        low: f64,
        /// Upper end.
        high: f64,
    },
}

/// A parameter of a neuron.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Name, docs, dimension, place.
    pub quantity: Quantity,
    /// Its value, in base units.
    pub value: Value,
    /// The lower end of its range.
    pub low: Option<f64>,
    /// The upper end of its range.
    pub high: Option<f64>,
    /// Changed by training.
    pub trainable: bool,
    /// One value for every neuron.
    pub per_neuron: bool,
}

/// A state of a neuron with its equation `coefficient dx/dt = rhs`.
#[derive(Clone, Debug)]
pub struct State {
    /// Name, docs, dimension, place.
    pub quantity: Quantity,
    /// Its value at the start, an expression of parameters.
    pub initial: ExprId,
    /// What multiplies the derivative; the constant 1 if nothing was written.
    pub coefficient: ExprId,
    /// The right-hand side, without noise.
    pub rhs: ExprId,
    /// What multiplies white noise on the right-hand side.
    pub noise: Option<ExprId>,
    /// The equation as written, on one line.
    pub text: String,
    /// Where it stands.
    pub equation_span: Span,
}

/// An assignment to a state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assign {
    /// The state's index.
    pub state: usize,
    /// How it changes.
    pub kind: AssignKind,
    /// The operand; states in it are those at the time of the assignment.
    pub value: ExprId,
    /// Where it stands.
    pub span: Span,
}

/// How an assignment changes a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssignKind {
    /// x = e
    Set,
    /// x += e
    Add,
    /// x -= e
    Subtract,
}

/// `on PORT { ... }`
#[derive(Clone, Debug)]
pub struct On {
    /// The index of the event port.
    pub event: usize,
    /// In order.
    pub body: Vec<Assign>,
}

/// The threshold.
#[derive(Clone, Debug)]
pub struct Spike {
    /// Where its condition stands.
    pub span: Span,
    /// The left-hand side of the condition.
    pub lhs: ExprId,
    /// The right-hand side of the condition.
    pub rhs: ExprId,
    /// `>` instead of `>=`.
    pub strict: bool,
    /// The unit of the distance x = (lhs - rhs)/scale; the constant 1 if nothing was written.
    pub scale: ExprId,
    /// Its dimension.
    pub scale_dimension: Dimension,
    /// No gradient flows through the scale.
    pub scale_detached: bool,
    /// No gradient flows from the reset to the spike.
    pub reset_detached: bool,
    /// In order.
    pub reset: Vec<Assign>,
    /// The surrogate.
    pub surrogate: Surrogate,
    /// The condition as written.
    pub text: String,
}

/// A surrogate with its arguments filled in.
#[derive(Clone, Debug)]
pub struct Surrogate {
    /// As written, defaults included: `sigmoid(alpha = 4)`.
    pub text: String,
    /// g(x), in the neuron's arena; x is `Argument(0)`.
    pub derivative: ExprId,
    /// G(x), likewise.
    pub primitive: ExprId,
    /// g is zero for |x| beyond this.
    pub support: Option<f64>,
}

/// `refractory T holding S`
#[derive(Clone, Debug)]
pub struct Refractory {
    /// How long, in ms: an expression of parameters that are not trainable.
    pub duration: ExprId,
    /// The states that are constants meanwhile.
    pub holding: Vec<usize>,
    /// Events on held states still arrive.
    pub events_kept: bool,
}
