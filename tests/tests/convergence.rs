//! The order of each method of integration, measured on every neuron of the library: the slope of the error over the time
//! step, against the Runge–Kutta method of fourth order with steps 64 times smaller than the smallest.

use snn_dsl::compile::compile;
use snn_dsl::expr::Leaf;
use snn_dsl::interpret::Interpreted;
use snn_dsl::library::{neuron, neuron_names};
use snn_dsl::model::{Integration, Neuron, Value};
use snn_runtime::Cells;
use snn_tests::library_neuron;
use std::sync::Arc;

/// How long, in ms: the first length at which all slopes are right counts. Channels are too fast for long ones, and slow
/// membranes leave nothing but rounding in short ones.
const LENGTHS: [f64; 5] = [8.0, 32.0, 2.0, 0.5, 0.125];
/// The time steps are the length over 2^k for k in this range.
const LEVELS: std::ops::RangeInclusive<u32> = 2..=10;
const REFERENCE: u32 = 16;
/// Relative errors below this are rounding, or have much of it.
const ROUNDING: f64 = 1e-11;
const MARGIN: f64 = 0.15;

/// The equations alone, by one method: no threshold, no noise, and `on` blocks without events may set a state.
fn equations(name: &str, method: Integration) -> Neuron {
    let mut neuron = library_neuron(name);
    neuron.integration = method;
    neuron.spike = None;
    neuron.refractory = None;
    neuron.on.clear();
    neuron.states.iter_mut().for_each(|state| state.noise = None);
    neuron
}

/// A number that means something in a unit: how far a state starts from where it would begin, and what is injected.
fn typical(unit: &str) -> f64 {
    match unit {
        "mV" => 4.0,
        "nA" => 0.2,
        "uS" => 0.01,
        _ => 0.15,
    }
}

/// The states after a length in 2^level steps of constant input, and those at the start.
fn run(neuron: &Neuron, length: f64, level: u32) -> (Vec<f64>, Vec<f64>) {
    let interpreted = Interpreted::new(neuron, &[]);
    let layout = snn_runtime::Neuron::<f64>::layout(&interpreted).clone();
    let value = |name: &str| match neuron.parameters.iter().find(|p| p.quantity.name == name).map(|p| p.value) {
        Some(Value::Constant(x)) => x,
        Some(Value::Uniform { low, high }) => 0.5 * (low + high),
        Some(Value::Normal { mean, .. }) => mean,
        Some(Value::LogUniform { low, .. }) => low,
        None => f64::NAN,
    };
    let theta: Vec<f64> = layout.parameters.iter().map(|p| p.transform.store(value(&p.name))).collect();
    let columns: Vec<&[f64]> = theta.iter().map(std::slice::from_ref).collect();
    let steps = 1u32 << level;
    let mut cells = Cells::<f64>::new(Arc::new(interpreted), 1, length / f64::from(steps), &columns).unwrap();
    for (i, state) in layout.states.iter().enumerate() {
        cells.state_mut(&state.name).unwrap()[0] += typical(&state.unit) * (1.0 - 0.3 * i as f64);
    }
    let states = |cells: &Cells<f64>| -> Vec<f64> {
        layout.states.iter().map(|state| cells.state(&state.name).unwrap()[0]).collect()
    };
    let start = states(&cells);
    let events = vec![0.0; layout.events.len()];
    let drives: Vec<f64> = layout.drives.iter().map(|d| typical(&d.unit)).collect();
    for _ in 0..steps {
        cells.step(&events, &drives).unwrap();
    }
    (states(&cells), start)
}

/// What the errors of a method look like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Measured {
    /// Never above rounding.
    Exact,
    /// The slope between the two smallest time steps with errors above rounding.
    Order(f64),
    /// Too few of them.
    Unknown,
}

fn measure(name: &str, method: Integration, length: f64, exact: &[f64]) -> Measured {
    let neuron = equations(name, method);
    let errors: Vec<f64> = LEVELS
        .map(|level| {
            let (found, start) = run(&neuron, length, level);
            let relative = |i: usize| (found[i] - exact[i]).abs() / exact[i].abs().max(start[i].abs());
            (0..exact.len()).map(relative).fold(0.0, |worst: f64, e| if e <= worst { worst } else { e })
        })
        .collect();
    if errors.iter().all(|&e| e < ROUNDING) {
        return Measured::Exact;
    }
    let usable: Vec<f64> = errors.into_iter().filter(|e| e.is_finite()).take_while(|&e| e > 5.0 * ROUNDING).collect();
    match usable[..] {
        [.., coarse, fine] => Measured::Order(snn_runtime::math::ln(coarse / fine) / std::f64::consts::LN_2),
        _ => Measured::Unknown,
    }
}

/// Whether all equations have an exact propagator: whether the text compiles with `integrate exact`.
fn is_linear(name: &str) -> bool {
    let (file, text) = neuron(name).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("integrate ")).collect();
    let text = lines.join("\n");
    let end = text.rfind('}').unwrap();
    compile(file, &format!("{}    integrate exact\n{}", &text[..end], &text[end..])).model.is_some()
}

/// An equation that reads the time step is none between points of time.
fn reads_the_time_step(name: &str) -> bool {
    let neuron = library_neuron(name);
    neuron.states.iter().any(|s| [s.coefficient, s.rhs].iter().any(|&e| neuron.arena.depends_on(e, Leaf::Dt)))
}

/// What is wrong with the methods on one neuron, whatever the length.
fn mistakes(name: &str) -> Vec<String> {
    let mut all = Vec::new();
    for length in LENGTHS {
        let found = mistakes_at(name, length);
        if found.is_empty() {
            return Vec::new();
        }
        all.extend(found);
    }
    all
}

fn mistakes_at(name: &str, length: f64) -> Vec<String> {
    let (exact, start) = run(&equations(name, Integration::RungeKutta4), length, REFERENCE);
    if !exact.iter().all(|x| x.is_finite()) {
        return vec![format!("{name}, {length} ms: {exact:?}")];
    }
    assert_ne!(exact, start, "{name} does not move");
    let measured = |method| measure(name, method, length, &exact);
    let alone = library_neuron(name).states.len() == 1;
    let of_euler = measured(Integration::Euler);
    let of_exponential_euler = measured(Integration::ExponentialEuler);
    let mut mistakes = Vec::new();
    for (text, method) in Integration::ALL {
        let found = match method {
            Integration::Exact => continue,
            Integration::Euler => of_euler,
            Integration::ExponentialEuler => of_exponential_euler,
            _ => measured(method),
        };
        let near = |order: f64| matches!(found, Measured::Order(slope) if (slope - order).abs() <= MARGIN);
        let exact = found == Measured::Exact;
        // A solution that is linear in time is exact by all methods, one that relaxes by all exponential ones.
        let right = match method {
            Integration::Auto if is_linear(name) => exact,
            Integration::Auto => exact || matches!(found, Measured::Order(slope) if slope >= 1.0 - MARGIN),
            // The slope of one state alone is the whole Jacobian: second order.
            Integration::ExponentialEuler => exact || near(if alone { 2.0 } else { 1.0 }),
            Integration::ExponentialMidpoint => near(2.0) || exact && of_exponential_euler == Measured::Exact,
            Integration::Euler => near(1.0) || exact && of_exponential_euler == Measured::Exact,
            Integration::RungeKutta2 => near(2.0) || exact && of_euler == Measured::Exact,
            Integration::RungeKutta4 => near(4.0) || exact && of_euler == Measured::Exact,
            Integration::Exact => true,
        };
        if !right {
            mistakes.push(format!("{name}, {length} ms, integrate {text}: {found:?}"));
        }
    }
    mistakes
}

#[test]
fn methods_have_their_order() {
    let (without, names): (Vec<&str>, Vec<&str>) = neuron_names().iter().partition(|name| reads_the_time_step(name));
    assert!(names.len() >= 36);
    assert_eq!(without, ["PoissonSource"]);
    let halves = names.split_at(names.len() / 2);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let all = |names: &[&'static str]| {
            let names = names.to_vec();
            move || names.iter().flat_map(|n| mistakes(n)).collect::<Vec<_>>()
        };
        let threads = [scope.spawn(all(halves.0)), scope.spawn(all(halves.1))];
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
