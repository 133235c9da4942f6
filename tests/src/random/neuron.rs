//! A random neuron.

use super::choices::Choices;
use super::expression::Scope;
use super::make::{
    NOWHERE, Unit, add, binary, call, call_of, choice, divide, ident, multiply, name, negate, number, power, subtract,
};
use snn_dsl::syntax::tree::{
    Assign, AssignOp, BinaryOp, Equation, Expr, Neuron, NeuronStatement, On, Param, Port, Refractory, Spike, State,
    ValueRange,
};

/// A neuron and what its network needs to know.
pub(super) struct Cell {
    pub(super) tree: Neuron,
    pub(super) states: Vec<(String, Unit)>,
    pub(super) events: Vec<(String, Unit)>,
    pub(super) drives: Vec<(String, Unit)>,
    /// Parameters that a layer may set, with a value.
    pub(super) parameters: Vec<(String, Unit, f64)>,
    pub(super) spikes: bool,
}

/// Library surrogates whose primitives are bounded, with an argument that has some effect. With the others a reset
/// `(1 - z) x + z e` can square a state in every smooth step, until its adjoint counts as 0.
const SURROGATES: &[(&str, Option<(&str, f64)>)] = &[
    ("sigmoid", None),
    ("sigmoid", Some(("alpha", 2.0))),
    ("arctan", Some(("alpha", 1.5))),
    ("piecewise_quadratic", Some(("alpha", 0.8))),
    ("piecewise_exp", None),
    ("soft_sign", None),
    ("erf", None),
    ("gaussian_grad", None),
    ("inv_square_grad", Some(("alpha", 10.0))),
    ("multi_gaussian_grad", None),
    ("q_pseudo_spike", None),
    ("relu_grad", Some(("width", 1.5))),
    ("slayer_grad", None),
];

/// The methods of integration, some of them more often.
const METHODS: &[&str] = &[
    "exponential_euler",
    "auto",
    "auto",
    "exponential_euler",
    "auto",
    "exponential_midpoint",
    "rk2",
    "rk4",
    "euler",
    "exponential_euler",
    "auto",
];

pub(super) fn neuron(choices: &mut Choices, mut scope: Scope) -> Cell {
    let mut statements = Vec::new();
    let mut parameters = Vec::new();
    for (k, unit) in [Unit::Time, Unit::Voltage].into_iter().enumerate() {
        statements.push(parameter(choices, &mut scope, &mut parameters, &format!("p{k}"), unit));
    }
    for k in 0..choices.below(4) {
        let unit = *choices.pick(&[Unit::One, Unit::Voltage, Unit::Current, Unit::Resistance, Unit::Time]);
        statements.push(parameter(choices, &mut scope, &mut parameters, &format!("p{}", k + 2), unit));
    }
    let events: Vec<(String, Unit)> =
        (0..1 + choices.below(3)).map(|k| (format!("e{k}"), *choices.pick(&Unit::OF_STATES))).collect();
    for (name, unit) in &events {
        let port = Port { docs: Vec::new(), name: ident(name), unit: unit.annotation() };
        statements.push(NeuronStatement::Event(port));
    }
    let drives: Vec<(String, Unit)> =
        (0..choices.below(3)).map(|k| (format!("u{k}"), *choices.pick(&Unit::OF_STATES))).collect();
    for (name, unit) in &drives {
        let port = Port { docs: vec!["Not connected".into()], name: ident(name), unit: unit.annotation() };
        scope.declare(name, *unit);
        statements.push(NeuronStatement::Drive(port));
    }

    // Starting values read parameters alone.
    let outside = scope.clone();
    let states: Vec<(String, Unit)> =
        (0..1 + choices.below(4)).map(|k| (format!("x{k}"), *choices.pick(&Unit::OF_STATES))).collect();
    let starts = Starts { parameters: &parameters };
    for (name, unit) in &states {
        let initial = starts.value(choices, *unit);
        let state = State { docs: Vec::new(), name: ident(name), unit: unit.annotation(), initial };
        statements.push(NeuronStatement::State(state));
        scope.declare(name, *unit);
    }
    // A `let` of an equation must not read the equation's own state: `l0` reads parameters and drives, `l1` anything.
    if choices.chance(50) {
        let line = outside.clone().name_something(choices, "l0");
        scope.declare("l0", line.1);
        statements.push(NeuronStatement::Let(line.0));
    }
    let mut everything = scope.clone();
    if choices.chance(50) {
        statements.push(NeuronStatement::Let(everything.name_something(choices, "l1").0));
    }
    let method = *choices.pick(METHODS);
    let takes_noise = ["auto", "exponential_euler", "euler"].contains(&method);
    for (name, unit) in &states {
        let mut equation = equation(choices, &scope.without(name), &states, (name, *unit));
        if takes_noise && choices.chance(15) {
            add_noise(choices, &scope, &mut equation, *unit);
        }
        statements.push(NeuronStatement::Equation(equation));
    }
    for (port, unit) in &events {
        statements.push(on(choices, &scope, &states, port, *unit));
    }
    let spikes = choices.chance(85);
    if spikes {
        statements.push(NeuronStatement::Spike(spike(choices, &everything, &states)));
        if choices.chance(35) {
            statements.push(refractory(choices, &states));
        }
    }
    statements.push(NeuronStatement::Integrate(ident(method)));
    let tree = Neuron { docs: vec!["A random neuron".into()], name: ident("Cell"), statements };
    let parameters = parameters.into_iter().filter(|p| p.settable).map(|p| (p.name, p.unit, p.value)).collect();
    Cell { tree, states, events, drives, parameters, spikes }
}

struct Parameter {
    name: String,
    unit: Unit,
    value: f64,
    settable: bool,
}

fn parameter(
    choices: &mut Choices,
    scope: &mut Scope,
    list: &mut Vec<Parameter>,
    name: &str,
    unit: Unit,
) -> NeuronStatement {
    let value = (choices.number(0.6, 2.0) * unit.size() * 100.0).round() / 100.0;
    let per_neuron = choices.chance(30);
    let range = choices.chance(50).then(|| {
        let (low, high) = (number(0.1 * value, unit), number(10.0 * value, unit));
        let (low, high) = match choices.below(3) {
            0 => (Some(low), Some(high)),
            1 => (Some(low), None),
            _ => (None, Some(high)),
        };
        ValueRange { low, high, span: NOWHERE }
    });
    let drawn = per_neuron && choices.chance(50);
    let default = match drawn.then(|| choices.below(3)) {
        None => number(value, unit),
        Some(0) => call("uniform", vec![number(0.8 * value, unit), number(1.2 * value, unit)]),
        Some(1) => call("loguniform", vec![number(0.8 * value, unit), number(1.2 * value, unit)]),
        Some(_) => call("normal", vec![number(value, unit), number(0.02 * value, unit)]),
    };
    scope.declare(name, unit);
    list.push(Parameter { name: name.into(), unit, value, settable: !drawn });
    NeuronStatement::Param(Param {
        docs: Vec::new(),
        name: ident(name),
        default,
        range,
        trainable: choices.chance(60).then_some(NOWHERE),
        per_neuron: per_neuron.then_some(NOWHERE),
    })
}

struct Starts<'a> {
    parameters: &'a [Parameter],
}

impl Starts<'_> {
    /// Nothing, a number, or something of parameters.
    fn value(&self, choices: &mut Choices, unit: Unit) -> Option<Expr> {
        let literal = number(choices.number(-0.5, 0.5) * unit.size(), unit);
        match choices.below(3) {
            0 => None,
            1 => Some(literal),
            _ => {
                let known: Vec<&Parameter> = self.parameters.iter().filter(|p| p.unit == unit).collect();
                match known.is_empty() {
                    true => Some(literal),
                    false => Some(multiply(
                        number(choices.number(-0.5, 0.8), Unit::One),
                        name(choices.pick(&known).name.as_str()),
                    )),
                }
            }
        }
    }
}

/// The equation of a state; `visible` does not hold the state.
fn equation(
    choices: &mut Choices,
    visible: &Scope,
    states: &[(String, Unit)],
    (state, unit): (&str, Unit),
) -> Equation {
    let x = || name(state);
    let tau = || name("p0");
    let input = match choices.below(4) {
        0 => visible.value(choices, unit, 1),
        1 | 2 => multiply(number(choices.number(0.5, 2.5) * unit.size(), unit), visible.bounded(choices, 2)),
        _ => visible.value(choices, unit, 2),
    };
    let one = Unit::One;
    let (coefficient, rhs) = match choices.below(14) {
        0 => (Some(tau()), add(negate(x()), input)),
        1 => (None, divide(add(negate(x()), input), tau())),
        2 => {
            let coefficient = multiply(number(choices.number(0.5, 2.0), one), tau());
            (Some(coefficient), subtract(input, multiply(number(choices.number(0.5, 2.0), one), x())))
        }
        3 => {
            let leak = add(number(1.5, one), visible.bounded(choices, 1));
            (Some(tau()), add(multiply(negate(leak), x()), input))
        }
        4 => {
            let slowed = multiply(tau(), add(number(1.5, one), visible.bounded(choices, 1)));
            (Some(slowed), subtract(input, x()))
        }
        5 => (Some(number(choices.number(4.0, 30.0), Unit::Time)), negate(subtract(x(), input))),
        6 => (Some(tau()), multiply(number(choices.number(0.05, 0.3), one), input)),
        7 => (Some(tau()), multiply(x(), subtract(visible.bounded(choices, 1), number(1.2, one)))),
        8..=10 => {
            // Linear in another state, or in itself.
            let (other, from) = choices.pick(states).clone();
            let slope = divide(number(choices.number(-0.8, 0.8) * unit.size(), unit), number(from.size(), from));
            let coupled = add(negate(x()), multiply(slope, name(other.as_str())));
            let forced = choices.chance(50);
            (Some(tau()), if forced { add(coupled, input) } else { coupled })
        }
        11 => {
            // Nonlinear in itself.
            let y = divide(x(), number(unit.size(), unit));
            let bent = multiply(number(choices.number(0.3, 1.5) * unit.size(), unit), call("tanh", vec![y]));
            (Some(tau()), add(subtract(bent, x()), multiply(number(0.5, one), input)))
        }
        12 => {
            let square = power(divide(x(), number(unit.size(), unit)), number(2.0, one));
            let leak = add(number(1.0, one), multiply(number(choices.number(0.1, 0.5), one), square));
            (Some(tau()), add(multiply(negate(leak), x()), input))
        }
        _ => {
            // What multiplies the derivative depends on the state itself.
            let y = divide(x(), number(unit.size(), unit));
            (Some(multiply(tau(), add(number(1.5, one), call("sigmoid", vec![y])))), subtract(input, x()))
        }
    };
    Equation { coefficient, state: ident(state), rhs, span: NOWHERE }
}

/// White noise, which may be multiplicative.
fn add_noise(choices: &mut Choices, scope: &Scope, equation: &mut Equation, unit: Unit) {
    let Some(coefficient) = equation.coefficient.clone() else { return };
    let amplitude = number(choices.number(0.05, 0.5) * unit.size(), unit);
    let amplitude = if choices.chance(40) { multiply(amplitude, scope.bounded(choices, 1)) } else { amplitude };
    let noise = multiply(multiply(amplitude, call("sqrt", vec![coefficient])), name("xi"));
    equation.rhs = add(equation.rhs.clone(), noise);
}

fn assign(target: &str, op: AssignOp, value: Expr) -> Assign {
    Assign { target: ident(target), op, value, span: NOWHERE }
}

/// What a state takes of a port.
fn on(choices: &mut Choices, scope: &Scope, states: &[(String, Unit)], port: &str, from: Unit) -> NeuronStatement {
    let mut body = Vec::new();
    // What has taken the events already must not be multiplied by them.
    let mut unchanged = scope.clone();
    for _ in 0..1 + choices.below(2) {
        let (state, unit) = choices.pick(states).clone();
        let is_unchanged = unchanged.has(&state);
        let event = match from == unit {
            true => name(port),
            false => multiply(divide(name(port), number(from.size(), from)), number(unit.size(), unit)),
        };
        let assignment = match choices.below(6) {
            0 => assign(&state, AssignOp::Add, event),
            1 => assign(&state, AssignOp::Subtract, multiply(number(choices.number(0.3, 1.0), Unit::One), event)),
            2 => assign(&state, AssignOp::Add, multiply(event, unchanged.bounded(choices, 1))),
            3 => assign(&state, AssignOp::Set, add(multiply(number(0.9, Unit::One), name(state.as_str())), event)),
            4 if is_unchanged => {
                let low = number(0.2 * unit.size(), unit);
                let is_low = binary(BinaryOp::Less, name(state.as_str()), low);
                assign(&state, AssignOp::Add, choice(is_low, event, number(0.0, unit)))
            }
            _ => {
                let factor = number(choices.number(0.7, 1.1), Unit::One);
                body.push(assign(&state, AssignOp::Multiply, factor));
                assign(&state, AssignOp::Add, event)
            }
        };
        body.push(assignment);
        unchanged = unchanged.without(&state).without("l1");
    }
    NeuronStatement::On(On { port: ident(port), body })
}

fn spike(choices: &mut Choices, scope: &Scope, states: &[(String, Unit)]) -> Spike {
    let (state, unit) = choices.pick(states).clone();
    let threshold = number(choices.number(0.2, 0.9) * unit.size(), unit);
    let rhs = match choices.below(3) {
        0 => threshold,
        1 => add(threshold, multiply(number(0.2 * unit.size(), unit), scope.bounded(choices, 1))),
        _ => subtract(threshold, multiply(number(0.1, Unit::One), scope.value(choices, unit, 1))),
    };
    let lhs = match choices.below(3) {
        0 | 1 => name(state.as_str()),
        _ => add(name(state.as_str()), multiply(number(0.2, Unit::One), scope.value(choices, unit, 1))),
    };
    let op = *choices.pick(&[BinaryOp::GreaterEqual, BinaryOp::Greater]);
    let &(surrogate, argument) = choices.pick(SURROGATES);
    let arguments = argument.map(|(name, value)| (Some(name), number(value, Unit::One)));
    let scale = match (unit, choices.below(3)) {
        (Unit::One, 0) => None,
        // Parameters of this unit are positive only if they have a range or are fixed; a number always is.
        (_, 0 | 1) => Some(number(choices.number(0.5, 1.5) * unit.size(), unit)),
        _ => {
            let y = call("abs", vec![multiply(number(0.3, Unit::One), scope.value(choices, unit, 0))]);
            Some(add(number(0.5 * unit.size(), unit), y))
        }
    };
    let mut reset = Vec::new();
    for _ in 0..choices.below(4) {
        let (state, unit) = choices.pick(states).clone();
        let amount = number(choices.number(0.2, 1.0) * unit.size(), unit);
        reset.push(match choices.below(6) {
            0 => assign(&state, AssignOp::Subtract, amount),
            1 => assign(&state, AssignOp::Set, multiply(number(0.1, Unit::One), amount)),
            2 => assign(&state, AssignOp::Set, scope.value(choices, unit, 1)),
            3 => assign(&state, AssignOp::Add, multiply(amount, scope.bounded(choices, 1))),
            4 => assign(&state, AssignOp::Multiply, number(choices.number(0.1, 0.9), Unit::One)),
            _ => assign(&state, AssignOp::Set, call("min", vec![name(state.as_str()), amount])),
        });
    }
    Spike {
        keyword: NOWHERE,
        name: None,
        condition: binary(op, lhs, rhs),
        surrogate: Some(call_of(surrogate, arguments.into_iter().collect())),
        scale_detached: (scale.is_some() && choices.chance(25)).then_some(NOWHERE),
        scale,
        reset_detached: choices.chance(25).then_some(NOWHERE),
        reset_next_step: None,
        reset,
    }
}

fn refractory(choices: &mut Choices, states: &[(String, Unit)]) -> NeuronStatement {
    let duration = match choices.below(3) {
        0 => number(2.0, Unit::Time),
        1 => multiply(number(3.0, Unit::One), name("dt")),
        _ => number(choices.number(1.0, 5.0), Unit::Time),
    };
    let mut holding: Vec<_> = states.iter().filter(|_| choices.chance(60)).map(|(name, _)| ident(name)).collect();
    if holding.is_empty() {
        holding.push(ident(&states[0].0));
    }
    let events_kept = choices.chance(40).then_some(NOWHERE);
    NeuronStatement::Refractory(Refractory { keyword: NOWHERE, duration, holding, events_kept })
}
