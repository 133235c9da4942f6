//! Smooth mode: every analytic gradient equals finite differences.

use snn_dsl::expr::Leaf;
use snn_dsl::interpret::Interpreted;
use snn_dsl::model::{Integration, Neuron, Parameter, Value};
use snn_tests::probe::prove;
use snn_tests::{library_neuron, model};

use snn_runtime::Neuron as RuntimeNeuron;

/// A unit expression of the language for a base unit as it is printed.
fn unit(text: &str) -> String {
    if text.is_empty() { "1".into() } else { format!("({text})") }
}

/// How a model is driven: the step and the length of a sample, and the weights of its ports.
///
/// A gradient can be compared with differences where the loss is smooth on the scale of the differences, so weights are of the
/// size of the model's typical input, and fast models take short steps. A conductance must not become negative: the membrane
/// would be unstable.
fn driven(name: &str) -> (&'static str, &'static str, &'static str) {
    match name {
        "LIF_conductance" | "LIF_conductance_alpha" => ("1 ms", "20 ms", "uniform(0 uS, 0.05 uS)"),
        "AdEx" | "EIF" => ("0.02 ms", "0.4 ms", "uniform(-0.05 nA, 0.1 nA)"),
        "Izhikevich" => ("0.1 ms", "4 ms", "uniform(-5 mV, 5 mV)"),
        "QIF" => ("0.5 ms", "10 ms", "uniform(-10 mV, 10 mV)"),
        "HodgkinHuxley" => ("0.05 ms", "1 ms", "uniform(-10 pA, 20 pA)"),
        "TraubMiles" => ("0.05 ms", "1 ms", "uniform(0 nS, 5 nS)"),
        "WangBuzsaki" => ("0.05 ms", "1 ms", "uniform(-20 pA, 40 pA)"),
        "ConnorStevens" | "PinskyRinzel" => ("0.05 ms", "1 ms", "uniform(-0.1 nA, 0.2 nA)"),
        "MorrisLecar" => ("0.1 ms", "6 ms", "uniform(-1 nA, 2 nA)"),
        "FitzHughNagumo" | "HindmarshRose" => ("0.1 ms", "5 ms", "uniform(-0.5, 0.5)"),
        _ => ("1 ms", "20 ms", ""),
    }
}

/// A network of two such neurons that drives every event port and looks at every state and the spikes.
fn surround(neuron: &Neuron) -> String {
    let (dt, duration, weights) = driven(&neuron.name);
    let init = if weights.is_empty() { String::new() } else { format!(", init {weights}") };
    let mut text = format!("network Probe {{\n    simulate dt = {dt}, for {duration}\n    input x[3] spikes\n");
    text.push_str(&format!("    layer cells[2] = {}\n", neuron.name));
    for event in &neuron.events {
        text.push_str(&format!("    x -> cells.{} : dense{init}\n", event.name));
    }
    for state in &neuron.states {
        let q = &state.quantity;
        let unit = unit(&q.dimension.base_unit());
        text.push_str(&format!("    loss mean_n(mean_t(sin(cells.{} / {unit})))\n", q.name));
    }
    if neuron.spike.is_some() {
        text.push_str("    loss mean_n(mean_t(cells.spike))\n");
        if let Some(event) = neuron.events.first() {
            text.push_str(&format!("    cells -> cells.{} : dense, delay 1 step{init}\n", event.name));
        }
    }
    text.push_str("}\n");
    text
}

/// Makes every parameter trainable without a range, except those of the refractory time, and gives every state a trainable
/// starting value of its own.
fn free_everything(neuron: &mut Neuron) {
    // Near the model's own starting values: far above a threshold, the difference quotient would drown in rounding.
    let interpreted = Interpreted::new(neuron, &[]);
    let layout = RuntimeNeuron::<f64>::layout(&interpreted);
    let mut coefficients = vec![0.0; layout.coefficients];
    RuntimeNeuron::<f64>::coefficients(&interpreted, 1.0, &vec![1.0; layout.parameters.len()], &mut coefficients);
    let starts: Vec<f64> = layout.initial.iter().map(|&c| coefficients[c]).collect();
    let fixed = neuron.refractory.as_ref().map(|r| neuron.arena.leaves(r.duration)).unwrap_or_default();
    for (i, parameter) in neuron.parameters.iter_mut().enumerate() {
        if !fixed.contains(&Leaf::Parameter(i as u16)) {
            (parameter.trainable, parameter.low, parameter.high) = (true, None, None);
        }
    }
    for (k, state) in neuron.states.iter_mut().enumerate() {
        let mut quantity = state.quantity.clone();
        quantity.name = format!("{}_at_0", quantity.name);
        let start = Value::Constant(starts[k] + 0.1 + 0.05 * k as f64);
        state.initial = neuron.arena.leaf(Leaf::Parameter(neuron.parameters.len() as u16));
        neuron.parameters.push(Parameter {
            quantity,
            value: start,
            low: None,
            high: None,
            trainable: true,
            per_neuron: true,
        });
    }
}

#[test]
fn every_library_neuron() {
    let mut wrong = Vec::new();
    for &name in snn_dsl::library::neuron_names() {
        let neuron = library_neuron(name);
        let text = surround(&neuron);
        let mut model = model(&text);
        free_everything(&mut model.neurons[0]);
        // Inputs of the size of the threshold: the surrogate is probed on both sides.
        for scale in [1.0, 8.0] {
            match prove(&model, scale) {
                Ok(report) if report.failures.is_empty() && report.other_steps == 0 && report.nonzero > 0 => {}
                other => wrong.push((name, scale, other)),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_library_surrogate() {
    for &name in snn_dsl::library::surrogate_names() {
        let text = format!(
            "neuron Cell {{
                param tau = 10 ms
                param V_th = 1
                event exc
                state V = 0
                on exc {{ V += exc }}
                tau dV/dt = -V
                spike when V >= V_th surrogate {name} {{ V -= V_th }}
                integrate exponential_euler
            }}
            network Probe {{
                simulate dt = 1 ms, for 20 ms
                input x[3] spikes
                layer cells[2] = Cell
                x -> cells.exc : dense
                cells -> cells.exc : dense, delay 1 step
                loss mean_n(mean_t(cells.V^2)) + mean_n(mean_t(cells.spike))
            }}"
        );
        let mut model = model(&text);
        free_everything(&mut model.neurons[0]);
        for scale in [0.5, 3.0] {
            let report = prove(&model, scale).unwrap();
            assert!(report.failures.is_empty() && report.other_steps == 0, "{name}, weights x {scale}: {report:#?}");
            assert!(report.nonzero > 0, "{name}: no gradient at all");
        }
    }
}

#[test]
fn a_recurrent_network_of_two_layers() {
    let text = include_str!("../models/two_layers.snn");
    let report = prove(&model(text), 4.0).unwrap();
    assert!(report.failures.is_empty() && report.other_steps == 0, "{report:#?}");
    assert!(report.nonzero * 10 > report.compared * 9, "{report:?}");
}

#[test]
fn every_loss_reduction_and_option() {
    let report = prove(&model(include_str!("../models/losses.snn")), 1.0).unwrap();
    assert!(report.failures.is_empty() && report.other_steps == 0, "{report:#?}");
    assert!(report.nonzero * 10 > report.compared * 8, "{report:?}");
}

/// Outputs of every stage of a step, of expressions that read events, drives and parameters.
#[test]
fn outputs_of_every_stage() {
    use snn_dsl::expr::Function;
    use snn_dsl::model::{Observable, Output, ProgramNode, Stage};
    let mut model = model(
        "neuron Cell {
            param tau = 10 ms trainable
            param b = 0.3 trainable
            event e
            state V
            state W
            tau dV/dt = -V*(1 + W^2)
            5 ms dW/dt = -W + V
            on e { V += e; W += 0.1*e }
            spike when V >= b surrogate sigmoid(alpha = 3) scale 1 { V -= b; W += 0.5 }
            refractory 1 ms holding V
        }
        network Probe {
            simulate dt = 1 ms, for 20 ms
            input x[3] spikes
            layer cells[2] = Cell
            x -> cells.e : dense, init uniform(-0.5, 1)
            cells -> cells.e : dense, delay 1 step, init uniform(-0.5, 1)
            loss mean_n(mean_t(cells.V))
            loss mean_n(mean_t(cells.W))
            loss mean_n(mean_t(cells.spike))
        }",
    );
    let neuron = &mut model.neurons[0];
    let quantity = neuron.states[0].quantity.clone();
    let arena = &mut neuron.arena;
    let [v, w, e, b] =
        [Leaf::State(0), Leaf::State(1), Leaf::Event(0), Leaf::Parameter(1)].map(|leaf| arena.leaf(leaf));
    let (wave, pull) = (arena.apply(Function::Sin, v), arena.multiply(w, e));
    let sum = arena.add(wave, pull);
    let value = arena.multiply(sum, b);
    for stage in [Stage::AfterEvents, Stage::BeforeReset, Stage::End] {
        neuron.outputs.push(Output { quantity: quantity.clone(), value, stage });
    }
    // Each loss reads an output in place of what it read.
    let observed = model.networks[0].program.nodes.iter_mut().filter_map(|node| match node {
        ProgramNode::Observe { observable, .. } => Some(observable),
        _ => None,
    });
    assert_eq!(observed.enumerate().map(|(k, of)| *of = Observable::Output(k)).count(), 3);
    for scale in [1.0, 3.0] {
        let report = prove(&model, scale).unwrap();
        assert!(report.failures.is_empty() && report.other_steps == 0, "{report:#?}");
        assert_eq!(report.nonzero, report.compared, "{report:?}");
    }
}

/// What the threshold saw: the potential before the reset is at the threshold or above exactly where there is a spike.
#[test]
fn before_the_reset() {
    let model = model(
        "network Probe {
            simulate dt = 1 ms, for 50 ms
            input x[3] spikes
            layer cells[4] = LIF
            layer out[2] = LI
            x -> cells.exc : dense, init constant(8 nA)
            cells -> out.exc : dense
            readout seen = before_reset(cells.V)
            readout same = before_reset(out.V)
            readout plain = out.V
        }",
    );
    let network = snn_tests::smooth::network(&model);
    let inputs = snn_tests::probe::inputs(&network, 2, 0.3, 11);
    let inputs = inputs.iter().map(|t| snn_runtime::InputData::Spikes(t)).collect();
    let batch = snn_runtime::Batch { size: 2, inputs, targets: Vec::new() };
    let (parameters, mut workspace) = (network.initial_parameters(7), snn_runtime::Workspace::with_lanes(1));
    let recording = snn_runtime::Recording::none().trace("cells", "V").trace("cells", "spike");
    let recording = recording.trace("cells", "before_reset(V)");
    let readouts = network.forward(&parameters, &batch, &mut workspace, &recording).unwrap();
    let (seen, v) = (readouts.get("seen").unwrap(), readouts.trace("cells", "V").unwrap());
    assert_eq!(readouts.trace("cells", "before_reset(V)"), Some(seen));
    let spikes = readouts.trace("cells", "spike").unwrap();
    assert!(spikes.sum() > 10.0);
    for ((&seen, &v), &spike) in seen.iter().zip(v).zip(spikes) {
        assert_eq!(seen >= 20.0, spike == 1.0, "{seen}");
        assert_eq!(seen - 20.0 * spike, v);
    }
    // A state that no reset changes is itself; a model without need of an output has none.
    assert_eq!(readouts.get("same"), readouts.get("plain"));
    assert_eq!(model.neurons.iter().map(|n| n.outputs.len()).collect::<Vec<_>>(), [1, 0]);
}

/// Every neuron of the library under every method of integration that takes it.
#[test]
fn every_library_neuron_with_every_method() {
    let mut wrong = Vec::new();
    for &name in snn_dsl::library::neuron_names() {
        let neuron = library_neuron(name);
        let all = model(&surround(&neuron));
        let is_noisy = neuron.states.iter().any(|s| s.noise.is_some());
        for (method, integration) in Integration::ALL {
            use Integration::{Euler, ExponentialMidpoint, RungeKutta2, RungeKutta4};
            if is_noisy && matches!(integration, ExponentialMidpoint | RungeKutta2 | RungeKutta4) {
                continue;
            }
            // Channels of these are too fast for explicit methods at this step: the states leave the finite numbers.
            let is_stiff = ["ConnorStevens", "HindmarshRose", "PoissonSource", "TraubMiles"].contains(&name);
            if is_stiff && matches!(integration, Euler | RungeKutta2 | RungeKutta4) {
                continue;
            }
            let mut model = all.clone();
            model.neurons[0].integration = integration;
            free_everything(&mut model.neurons[0]);
            match prove(&model, 1.0) {
                Ok(report) if report.failures.is_empty() && report.other_steps == 0 && report.nonzero > 0 => {}
                other => wrong.push((name, method, other)),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every network of the model alone, with everything trainable, under every method of integration.
#[test]
fn every_method_of_integration() {
    let all = model(include_str!("../models/integration.snn"));
    for network in &all.networks {
        for (name, integration) in Integration::ALL {
            let mut model = all.clone();
            model.networks = vec![network.clone()];
            (model.networks[0].layers[0].size, model.networks[0].inputs[0].size) = (2, 3);
            for p in &mut model.networks[0].projections {
                let from = if matches!(p.source, snn_dsl::model::Source::Input(_)) { 3 } else { 2 };
                (p.sources, p.targets) = (0..from, 0..2);
            }
            let neuron = &mut model.neurons[network.layers[0].neuron];
            let is_noisy = neuron.states.iter().any(|s| s.noise.is_some());
            use Integration::{ExponentialMidpoint, RungeKutta2, RungeKutta4};
            if is_noisy && matches!(integration, ExponentialMidpoint | RungeKutta2 | RungeKutta4) {
                continue;
            }
            neuron.integration = integration;
            free_everything(neuron);
            let report = prove(&model, 1.0).unwrap();
            let what = format!("{} with {name}", network.name);
            assert!(report.failures.is_empty() && report.other_steps == 0, "{what}: {report:#?}");
            assert!(report.nonzero * 10 > report.compared * 6, "{what}: {report:?}");
        }
    }
}

/// White noise in linear systems: two states that read one another, a chain behind them, and a factor that changes from step
/// to step before a single source.
#[test]
fn noise_that_is_passed_on() {
    for [of_x, of_y, of_v] in [["1", "0.3", "0"], ["(1 + 0.5*tanh(w))", "0", "0"], ["0", "1", "0"], ["w", "0.5", "0.2"]]
    {
        let text = format!(
            "neuron Cell {{
                param tau   = 10 ms trainable
                param k     = 1.5   trainable
                param sigma = 0.4   trainable
                event e
                state w = 0.3
                state x
                state y
                state V
                (3*tau) dw/dt = w - w^3
                tau dx/dt = -x - k*y + {of_x}*sigma*sqrt(tau)*xi
                tau dy/dt = k*x - y + {of_y}*sigma*sqrt(tau)*xi
                (2*tau) dV/dt = x - V + {of_v}*sigma*sqrt(tau)*xi
                on e {{ V += e }}
                spike when V >= 1 surrogate sigmoid(alpha = 4) scale 1 {{ V -= 1 }}
                refractory 2 ms holding V
            }}
            network Probe {{
                simulate dt = 2 ms, for 40 ms
                input x[3] spikes
                layer cells[2] = Cell
                x -> cells.e : dense, init uniform(-0.5, 1)
                loss mean_n(mean_t(sin(cells.V) + cells.y^2 + cells.spike))
            }}"
        );
        let report = prove(&model(&text), 1.0).unwrap();
        assert!(report.failures.is_empty() && report.other_steps == 0, "{of_x} {of_y} {of_v}: {report:#?}");
        assert!(report.nonzero * 10 > report.compared * 6, "{of_x} {of_y} {of_v}: {report:?}");
    }
}

/// A network of one neuron with these statements beside its parameter `tau`, event `e` and state `V`.
fn single(statements: &str, loss: &str) -> snn_dsl::model::Model {
    model(&format!(
        "neuron Cell {{
            param tau = 10 ms trainable
            event e
            state V
            tau dV/dt = -V
            {statements}
            integrate exponential_euler
        }}
        network Probe {{
            simulate dt = 1 ms, for 20 ms
            input x[3] spikes
            layer cells[2] = Cell
            x -> cells.e : dense, init uniform(-0.5, 1)
            {loss}
        }}"
    ))
}

/// The branch that is not taken has an infinite derivative, or none.
#[test]
fn a_branch_that_is_not_taken_has_no_gradient() {
    for branch in ["sqrt(V)", "ln(V)", "1/V", "V^1.5", "exp(1000 - V)*0.001", "pow(V, 0.3)", "1/sqrt(V)"] {
        for choice in [
            format!("if V > 0 {{ {branch} }} else {{ 0 }}"),
            format!("0.5*(if V > 0 {{ {branch} }} else {{ 0 }}) - V"),
            format!("-(if V > 0 and V < 2 {{ if V > 0.1 {{ {branch} }} else {{ 1 }} }} else {{ 1 }})"),
        ] {
            if branch.starts_with("exp") && !choice.contains("V < 2") {
                continue;
            }
            let condition = if branch.starts_with("exp") { choice.replace("V > 0 ", "V > 1000 ") } else { choice };
            let text = format!("state W\n 5 ms dW/dt = -W + {condition}\n on e {{ V += e }}");
            let model = single(&text, "loss mean_n(mean_t(cells.W))");
            let report = prove(&model, 1.0).unwrap();
            assert!(report.failures.is_empty() && report.largest.is_finite(), "{condition}: {report:#?}");
            // The branch with `exp` is never taken, and the other one is a number.
            assert!(report.nonzero > 0 || branch.starts_with("exp"), "{condition}: no gradient at all");
        }
    }
}

/// `detach` stops the gradient in a loss, too: d(c y)/dy with c = y is half of d(y y)/dy.
#[test]
fn detach_in_a_loss() {
    let gradient = |loss: &str| {
        let model = single("on e { V += e }", loss);
        let network = snn_tests::smooth::network(&model);
        let inputs = snn_tests::probe::inputs(&network, 5, 0.3, 11);
        let mode = snn_runtime::neuron::Mode::Spiking;
        let bits = snn_tests::probe::bits(&network, &network.initial_parameters(7), &inputs, mode).unwrap();
        bits[1..=network.layout().len()].iter().map(|&b| f64::from_bits(b)).collect::<Vec<_>>()
    };
    let half = gradient("loss mean_n(mean_t(detach(cells.V)*cells.V))");
    let whole = gradient("loss mean_n(mean_t(cells.V*cells.V))");
    assert!(half.iter().any(|g| *g != 0.0));
    for (half, whole) in half.into_iter().zip(whole) {
        assert!((half - 0.5 * whole).abs() <= 1e-14 * whole.abs(), "{half} {whole}");
    }
}

/// `0*cells.spike` is 0 at every step for every neuron, and `x^0` is 1.
#[test]
fn what_is_simplified_keeps_its_axes() {
    let model = model(include_str!("../models/losses.snn"));
    let network = snn_tests::smooth::network(&model);
    let inputs = snn_tests::probe::inputs(&network, 2, 0.3, 11);
    let (labels, numbers) = ([1, 0], snn_runtime::ndarray::Array2::zeros((2, 4)));
    let targets = vec![snn_runtime::TargetData::Class(&labels), snn_runtime::TargetData::Values(numbers.view())];
    let inputs = inputs.iter().map(|t| snn_runtime::InputData::Spikes(t)).collect();
    let batch = snn_runtime::Batch { size: 2, inputs, targets };
    let (parameters, mut workspace) = (network.initial_parameters(7), snn_runtime::Workspace::with_lanes(1));
    let readouts = network.forward(&parameters, &batch, &mut workspace, &snn_runtime::Recording::none()).unwrap();
    assert_eq!(readouts.get("nothing").unwrap().shape(), [2, 24, 3]);
    assert_eq!(readouts.get("steps").unwrap().shape(), [2, 4]);
    assert!(readouts.get("steps").unwrap().iter().all(|&n| n == 24.0));
}

/// More choices than the flags of a step: the rest is kept as numbers.
#[test]
fn more_choices_than_flags() {
    let choices = (0..12).map(|k| format!("abs(V - 0.05*{k})")).collect::<Vec<_>>().join(" + ");
    let text = format!("state W\n 5 ms dW/dt = -W + {choices}\n on e {{ V += e }}");
    let mut model = single(&text, "loss mean_n(mean_t(cells.W^2))");
    // A trainable time constant would keep V itself, from which all choices follow.
    model.neurons[0].parameters.iter_mut().for_each(|p| p.trainable = false);
    let tape = snn_dsl::derive::derive(&model.neurons[0]).tape;
    assert_eq!((tape.flags.len(), tape.reals.len()), (8, 4));
    let report = prove(&model, 1.0).unwrap();
    assert!(report.failures.is_empty() && report.nonzero > 0, "{report:#?}");
}

/// The exponent of a power, and conditions joined by `or`, have gradients like everything else.
#[test]
fn powers_of_trainable_exponents() {
    let text = "param p = 1.7 trainable\n state W\n 5 ms dW/dt = -W + (if V > 0.3 or V < -0.3 { pow(1 + V*V, p) } else { p*V })
        on e { V += e }";
    let report = prove(&single(text, "loss mean_n(mean_t(cells.W^2))"), 1.0).unwrap();
    assert!(report.failures.is_empty() && report.nonzero > 0, "{report:#?}");
}
