//! A network that drives every port of a random neuron and has a loss for every state.

use super::choices::Choices;
use super::make::{NOWHERE, Unit, add, call, call_of, divide, field, ident, multiply, number, power};
use super::neuron::Cell;
use snn_dsl::syntax::tree::{
    Expr, Input, Layer, Loss, Network, NetworkStatement, Projection, ProjectionOption, ProjectionOptionKind, Simulate,
};

/// Steps of a sample.
const STEPS: f64 = 20.0;

pub(super) fn network(choices: &mut Choices, cell: &Cell) -> Network {
    let dt = *choices.pick(&[1.0, 0.5]);
    let mut statements = vec![NetworkStatement::Simulate(Simulate {
        keyword: NOWHERE,
        dt: number(dt, Unit::Time),
        duration: number(STEPS * dt, Unit::Time),
    })];
    let size = |n: usize| number(n as f64, Unit::One);
    statements.push(NetworkStatement::Input(Input { name: ident("x"), shape: vec![size(3)], kind: ident("spikes") }));
    let set: Vec<(Option<&str>, Expr)> = match cell.parameters.first() {
        Some((name, unit, value)) if choices.chance(40) => vec![(Some(name.as_str()), number(1.25 * value, *unit))],
        _ => Vec::new(),
    };
    let cells = 1 + choices.below(3);
    let layer = Layer { name: ident("cells"), shape: vec![size(cells)], model: call_of("Cell", set), dropout: None };
    statements.push(NetworkStatement::Layer(layer));
    for (port, unit) in &cell.events {
        statements.push(projection(choices, "x", port, *unit, 0));
    }
    if cell.spikes {
        let (port, unit) = choices.pick(&cell.events).clone();
        let delay = 1 + choices.below(3);
        statements.push(projection(choices, "cells", &port, unit, delay));
    }
    for (state, unit) in &cell.states {
        let y = field("cells", state);
        let y = if cell.spikes && choices.chance(25) { call("before_reset", vec![y]) } else { y };
        let y = if *unit == Unit::One { y } else { divide(y, number(unit.size(), *unit)) };
        let by_neuron = match choices.below(4) {
            0 => call("mean_t", vec![call("sin", vec![y])]),
            1 => call("last_t", vec![power(y, number(2.0, Unit::One))]),
            2 => call("max_t", vec![call("tanh", vec![y])]),
            _ => call("sum_t", vec![divide(y.clone(), add(number(1.0, Unit::One), power(y, number(2.0, Unit::One))))]),
        };
        let by_neuron =
            if choices.chance(15) { power(call("mean_b", vec![by_neuron]), number(2.0, Unit::One)) } else { by_neuron };
        statements.push(loss(call(choices.pick::<&str>(&["mean_n", "sum_n"]), vec![by_neuron])));
    }
    if cell.spikes {
        let rate = call("mean_n", vec![call("mean_t", vec![field("cells", "spike")])]);
        statements.push(loss(multiply(number(choices.number(0.5, 2.0), Unit::One), rate)));
    }
    Network { docs: Vec::new(), name: ident("Net"), statements }
}

fn loss(value: Expr) -> NetworkStatement {
    NetworkStatement::Loss(Loss { keyword: NOWHERE, value })
}

fn projection(choices: &mut Choices, source: &str, port: &str, unit: Unit, delay: usize) -> NetworkStatement {
    let mut options = vec![ProjectionOptionKind::Connectivity(call_of("dense", Vec::new()))];
    let strength = unit.size() * choices.number(0.3, 1.0);
    let (mean, sd) = (number(strength, unit), number(strength, unit));
    options.push(ProjectionOptionKind::Init(call_of("normal", vec![(None, mean), (None, sd)])));
    if choices.chance(30) {
        options.push(ProjectionOptionKind::Bias);
    }
    if choices.chance(20) {
        options.push(ProjectionOptionKind::Sign(choices.chance(50)));
    }
    if delay > 0 {
        let one = snn_dsl::syntax::tree::ExprKind::Number { value: delay as f64, unit: Some((ident("step"), 1)) };
        options.push(ProjectionOptionKind::Delay(super::make::expr(one)));
        if choices.chance(30) {
            options.push(ProjectionOptionKind::NoSelf);
        }
    }
    if choices.chance(10) {
        options.push(ProjectionOptionKind::Frozen);
    }
    let options = options.into_iter().map(|kind| ProjectionOption { kind, span: NOWHERE }).collect();
    NetworkStatement::Projection(Projection {
        source: ident(source),
        sources: None,
        signal: None,
        target: ident("cells"),
        targets: None,
        port: ident(port),
        options,
        span: NOWHERE,
    })
}
